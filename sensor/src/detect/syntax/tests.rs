//! Texts against trees: the grammar, its mistakes, and print then parse.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// The canonical text of a condition, or the complaint about it with the text
/// it underlines.
fn read(text: &str) -> String {
    match parse(text) {
        Ok(expr) => expr.to_string(),
        Err(error) => {
            let under = &text[error.span.range()];
            format!("{under:?}: {error}")
        }
    }
}

#[test]
fn conditions_read_as_the_grammar_says() {
    let cases = [
        ("a.b=c", "a.b = c"),
        (" a.b == c ", "a.b = c"),
        ("a.b=c or a.b=d and m", "a.b = c or a.b = d and m"),
        ("(a.b=c or a.b=d) and m", "(a.b = c or a.b = d) and m"),
        ("(m)and(n)", "m and n"),
        ("m and(n)or o", "m and n or o"),
        ("m or(n)or o", "m or n or o"),
        ("m or (n) and o", "m or n and o"),
        ("x.y = \"v\"or z.w exists", "x.y = \"v\" or z.w exists"),
        ("a.b in (c)or m", "a.b in (c) or m"),
        ("a.b existsand m", "a.b exists and m"),
        ("a.b >= 2and m", "a.b >= 2 and m"),
        ("not not m", "m"),
        ("not not not m", "not m"),
        ("not(m)", "not m"),
        ("not not(m)", "m"),
        ("not (not m)", "not (not m)"),
        ("notm", "notm"),
        ("not m and n", "not m and n"),
        ("not (m and n)", "not (m and n)"),
        ("a.b inlist", "a.b in (list)"),
        ("a.b in list", "a.b in (list)"),
        ("a.b in ( )", "a.b in ()"),
        ("a.b in(c,d)", "a.b in (c, d)"),
        ("a.b intersects (c)", "a.b intersects (c)"),
        ("a.b pmatch(/x)", "a.b pmatch (/x)"),
        ("a.b = oneof (c, d)", "a.b = oneof (c, d)"),
        ("a.b startswith anyof list", "a.b startswith anyof (list)"),
        ("a.b = anyof", "a.b = anyof"),
        ("a.b = anyof and m", "a.b = anyof and m"),
        ("(a.b = anyof)", "a.b = anyof"),
        ("a.b glob in", "a.b glob in"),
        ("a.b = runc:[1:CHILD]", "a.b = runc:[1:CHILD]"),
        ("a.b = C:\\x", "a.b = C:\\x"),
        ("a.b.c[1] = x", "a.b.c[1] = x"),
        ("a.b[\"k l\"] = x", "a.b[\"k l\"] = x"),
        ("a.b < -1.5e+3", "a.b < -1.5e+3"),
        ("a.b < 0x1F", "a.b < 0x1F"),
        ("a.b = val( c.d )", "a.b = val(c.d)"),
        ("tolower(a.b) = x", "tolower(a.b) = x"),
        ("concat( a.b,\"x\" , 3) = x", "concat(a.b, \"x\", 3) = x"),
        ("join(\",\", (a.b, 1)) = x", "join(\",\", (a.b, 1)) = x"),
        (
            "getopt((\"-a\"), \"a\")[a] exists",
            "getopt((\"-a\"), \"a\")[a] exists",
        ),
        ("a.b = 'it\\'s'", "a.b = \"it's\""),
        ("a.b = \"a\\\"b\"", "a.b = \"a\\\"b\""),
        ("a.b = \"a\nb\"", "a.b = \"a\\nb\""),
        ("a.b = \"C:\\ \"", "a.b = \"C:\\x5c\""),
        ("a.b = \"\\xff\"", "a.b = \"\\xff\""),
        ("a.b\x08=\tc", "a.b = c"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let cases = [
        ("", "\"\": the condition is empty"),
        (
            "m or(n) and o",
            "\"and\": expected `and`, `or` or the end of the condition, found `and`",
        ),
        ("m orn", "\"n\": a blank or `(` must follow `or`"),
        (
            "m n",
            "\"n\": expected `and`, `or` or the end of the condition, found `n`",
        ),
        ("(m", "\"\": expected `and`, `or` or `)`, found the end"),
        ("m and", "\"\": a blank or `(` must follow `and`"),
        (
            "m and ",
            "\"\": expected a field, a transformer, a macro or `(`, found the end",
        ),
        (
            "or m",
            "\"or\": expected a field, a transformer, a macro or `(`, found the word `or`",
        ),
        (
            "a.b",
            "\"\": expected an operator behind `a.b`, found the end",
        ),
        ("a.b =", "\"\": expected a value behind `=`, found the end"),
        (
            "a.b > \"1\"",
            "\"\\\"1\\\"\": expected a number behind `>`, found `\"1\"`",
        ),
        (
            "a.b in (,c)",
            "\",\": expected a value of the list, found `,`",
        ),
        ("a.b in (c d)", "\"d\": expected `,` or `)`, found `d`"),
        ("a.b[", "\"\": nothing usable between the brackets"),
        ("a.b[x = y", "\"[x\": the bracket is not closed"),
        (
            "a.b = 'x\\\"'",
            "\"\\\\\\\"\": `\\\"` is no escape of a text in ' quotes",
        ),
        (
            "a.b = \"\\d\"",
            "\"\\\\d\": `\\d` is no escape of a text in \" quotes",
        ),
        (
            "a.b = \"\\x1\"",
            "\"\\\\x\": `\\x` needs exactly two hexadecimal digits",
        ),
        ("a.b = \"x", "\"\\\"x\": this quoted text is not closed"),
        (
            "a.b = val(x)",
            "\"x\": expected a field inside `val()`, found `x`",
        ),
        (
            "tolower() = x",
            "\")\": expected a field, a transformer, a number or a quoted text, found `)`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn help_says_what_to_write_instead() {
    let cases = [
        ("a.b startwith x", "did you mean `startswith`?"),
        ("a.b glob", "a blank must follow `glob`, then a value"),
        ("m AND n", "keywords are lower case: `and`"),
        ("m && n", "write `and` and `or`"),
        ("m or(n) and o", "write `or (…)` with a blank"),
        ("name = x", "`name` is read as a macro"),
        ("val(a.b) = x", "only on the right of an operator"),
        ("a.b = f(x)", "needs quotes around it"),
        ("a.b = \"C:\\\\\"", "cannot end in a backslash"),
        ("a.b = 'it\\\"s'", "without a backslash"),
        ("a.b = c d.e = f", "joined by `and` or `or`"),
    ];
    for (text, expected) in cases {
        let help = parse(text).unwrap_err().help.unwrap_or_default();
        assert!(help.contains(expected), "{text}: {help}");
    }
}

#[test]
fn every_node_knows_its_text() {
    let text = " (a.b = c or m) and not d.e in (f)";
    let ExprKind::And(parts) = parse(text).unwrap().kind else {
        panic!("an and");
    };
    let texts: Vec<_> = parts.iter().map(|part| &text[part.span.range()]).collect();
    assert_eq!(texts, ["a.b = c or m", "not d.e in (f)"]);
    let ExprKind::Not(inner) = &parts[1].kind else {
        panic!("a not");
    };
    let ExprKind::Check(check) = &inner.kind else {
        panic!("a check");
    };
    assert_eq!(&text[check.left.span().range()], "d.e");
    assert_eq!(&text[check.op_span.range()], "in");
}

#[test]
fn nesting_ends_in_an_error_not_in_a_crash() {
    let nested = |depth: usize| format!("{}m{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(199)).is_ok());
    for depth in [201, 100_000] {
        let error = parse(&nested(depth)).unwrap_err();
        assert_eq!(error.message, "the condition is nested too deeply");
    }
    assert!(parse(&"tolower(".repeat(100_000)).is_err());
}

#[test]
fn macros_become_their_trees_and_unknown_ones_are_all_told() {
    let body = Arc::new(parse("a.b = c or d.e exists").unwrap());
    let mut find = |name: &str| (name == "known").then(|| Arc::clone(&body));
    let resolved = resolve_macros(&parse("known and not known").unwrap(), &mut find);
    let text = resolved.unwrap().to_string();
    assert_eq!(
        text,
        "(a.b = c or d.e exists) and not (a.b = c or d.e exists)"
    );

    let errors = resolve_macros(&parse("x or (known and y)").unwrap(), &mut find).unwrap_err();
    let names: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["undefined macro `x`", "undefined macro `y`"]);
}

#[test]
fn macros_that_double_each_other_end_in_an_error() {
    let mut known = Arc::new(parse("a.b = c").unwrap());
    let twice = parse("m or m").unwrap();
    let mut levels = 0;
    let error = loop {
        match resolve_macros(&twice, &mut |_| Some(Arc::clone(&known))) {
            Ok(expr) => known = Arc::new(expr),
            Err(errors) => break errors,
        }
        levels += 1;
        assert!(levels < 100, "the limit is never reached");
    };
    assert!(matches!(error.as_slice(), [MacroError::TooLarge { .. }]));
    assert_eq!(levels, 16);
}

/// Any tree that a text can mean.
fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        "m_[a-z0-9]{0,4}".prop_map(ExprKind::Macro),
        check().prop_map(|check| ExprKind::Check(Box::new(check))),
    ];
    let node = |kind| Expr {
        kind,
        span: Span::default(),
    };
    leaf.prop_map(node).prop_recursive(5, 40, 4, move |inner| {
        let many = prop::collection::vec(inner.clone(), 2..4);
        let not = inner.prop_map(|child| ExprKind::Not(Box::new(child)));
        prop_oneof![
            many.clone().prop_map(ExprKind::Or),
            many.prop_map(ExprKind::And),
            not,
        ]
        .prop_map(node)
    })
}

fn literal() -> impl Strategy<Value = Literal> {
    let quoted = prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| (bytes, true));
    let bare = "[!-&*-+./-<>-~é]{1,8}"
        .prop_filter("no modifier", |t| {
            !["oneof", "anyof", "allof"].contains(&t.as_str())
        })
        .prop_filter("no quote", |t| !t.contains(['"', '\'']))
        .prop_map(|text| (text.into_bytes(), false));
    prop_oneof![quoted, bare].prop_map(|(bytes, quoted)| Literal {
        bytes: bytes.into(),
        quoted,
        span: Span::default(),
    })
}

fn number() -> impl Strategy<Value = Literal> {
    let text = prop_oneof![
        "[+-]?[0-9]{1,5}",
        "0x[0-9a-f]{1,4}",
        "[0-9]\\.[0-9]?(e-[0-9])?"
    ];
    text.prop_map(|text| Literal {
        bytes: text.into_bytes().into(),
        quoted: false,
        span: Span::default(),
    })
}

fn bracket() -> impl Strategy<Value = Option<BracketArg>> {
    let quoted = "[ -~]{0,5}".prop_map(|text| (text, true));
    let bare = "[a-z0-9/.]{1,5}".prop_map(|text| (text, false));
    prop::option::of(prop_oneof![quoted, bare])
        .prop_map(|arg| arg.map(|(text, quoted)| BracketArg { text, quoted }))
}

fn field() -> impl Strategy<Value = FieldName> {
    ("[a-z]{1,4}(\\.[a-z][a-z0-9_]{0,4}){1,2}", bracket()).prop_map(|(name, bracket)| FieldName {
        name,
        bracket,
        span: Span::default(),
    })
}

fn call() -> impl Strategy<Value = Call> {
    let transformer = || prop::sample::select(Transformer::ALL);
    let quoted = literal().prop_map(|literal| Literal {
        quoted: true,
        ..literal
    });
    let element = prop_oneof![
        field().prop_map(|field| Argument::Operand(Operand::Field(field))),
        number().prop_map(Argument::Literal),
        quoted.prop_map(Argument::Literal),
    ];
    let list = prop::collection::vec(element.clone(), 0..3);
    let list = list.prop_map(|items| Argument::List(items, Span::default()));
    let inner = (
        transformer(),
        prop::collection::vec(element.clone(), 1..3),
        bracket(),
    );
    let make = |(transformer, args, bracket)| Call {
        transformer,
        args,
        bracket,
        span: Span::default(),
    };
    let nested = inner.prop_map(move |parts| Argument::Operand(Operand::Call(make(parts))));
    let args = prop::collection::vec(prop_oneof![element, list, nested], 1..4);
    (transformer(), args, bracket()).prop_map(make)
}

fn check() -> impl Strategy<Value = Check> {
    let ops = |wanted: fn(Op) -> bool| {
        let ops: Vec<_> = Op::ALL.iter().copied().filter(|op| wanted(*op)).collect();
        prop::sample::select(ops)
    };
    let other = || prop_oneof![field().prop_map(Right::Val), call().prop_map(Right::Call)];
    let value = prop_oneof![literal().prop_map(Right::Literal), other()];
    let limit = prop_oneof![number().prop_map(Right::Literal), other()];
    let items = || prop::collection::vec(literal(), 0..4);
    let comparison = prop_oneof![
        Just(Comparison::Exists),
        (ops(|op| !op.is_ordering() && !op.takes_list()), value)
            .prop_map(|(op, right)| Comparison::One(op, right)),
        (ops(Op::is_ordering), limit).prop_map(|(op, right)| Comparison::One(op, right)),
        (ops(Op::takes_list), other()).prop_map(|(op, right)| Comparison::One(op, right)),
        (ops(Op::takes_list), items()).prop_map(|(op, items)| Comparison::Many(op, None, items)),
        (
            ops(|op| !op.is_ordering() && !op.takes_list()),
            prop::sample::select(Modifier::ALL),
            items()
        )
            .prop_map(|(op, modifier, items)| Comparison::Many(op, Some(modifier), items)),
    ];
    let left = prop_oneof![
        field().prop_map(Operand::Field),
        call().prop_map(Operand::Call)
    ];
    (left, comparison).prop_map(|(left, comparison)| Check {
        left,
        op_span: Span::default(),
        comparison,
    })
}

/// A tree without its places, for comparing.
fn shape(expr: &Expr) -> String {
    let spans = regex::Regex::new(r"\d+\.\.\d+").unwrap();
    let shown = format!("{expr:?}");
    spans.replace_all(&shown, "").into_owned()
}

proptest! {
    #[test]
    fn printing_and_parsing_gives_the_tree_again(expr in expr()) {
        let text = expr.to_string();
        let parsed = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(shape(&parsed), shape(&expr), "{}", text);
    }

    #[test]
    fn any_text_gives_a_tree_or_an_error_within_the_text(text in "[ab.=()'\"\\[\\], \\\\nortxi1é]{0,40}|\\PC{0,20}") {
        match parse(&text) {
            Ok(expr) => prop_assert!(text.get(expr.span.range()).is_some()),
            Err(error) => prop_assert!(text.get(error.span.range()).is_some(), "{error:?}"),
        }
    }
}
