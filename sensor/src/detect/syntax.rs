//! The condition's text in, its tree out: lexer, parser, printer.
