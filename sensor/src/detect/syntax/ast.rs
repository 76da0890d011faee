//! The tree of a condition: what the parser builds, the printer shows and the
//! compiler checks.
//!
//! Names are as written; whether a field or macro of that name exists is not
//! decided here.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of a text, in bytes, always on character boundaries.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// As a range, for slicing and for diagnostics.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A condition, or a part of one that is true or false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The text it was read from; inside an [`Expansion`] that is the macro's text.
    pub span: Span,
}

/// The kinds of [`Expr`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprKind {
    /// True when one is true, asked from left to right; at least two.
    Or(Vec<Expr>),
    /// True when all are true, asked from left to right; at least two.
    And(Vec<Expr>),
    /// True when the other is not.
    Not(Box<Expr>),
    /// One comparison. Boxed, so that the many other nodes stay small.
    Check(Box<Check>),
    /// A macro's name, not yet resolved.
    Macro(String),
    /// A macro's name with the tree it stands for.
    Expanded(Expansion),
}

/// A resolved macro reference. The body is shared among all its uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The macro's name.
    pub name: String,
    /// The macro's condition, its own macros resolved.
    pub body: Arc<Expr>,
    /// Number of comparisons in the body, macros within macros counted in full.
    pub(super) checks: usize,
    /// Levels of nesting in the body, counted the same way.
    pub(super) depth: usize,
}

/// `LEFT OPERATOR RIGHT`, or `LEFT exists`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The side that is asked for.
    pub left: Operand,
    /// The operator's text.
    pub op_span: Span,
    /// What it is compared with, and how.
    pub comparison: Comparison,
}

/// The operator and the right side of a [`Check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Whether there is a value at all.
    Exists,
    /// A comparison with one value.
    One(Op, Right),
    /// A comparison with a list: the list operators, or a text operator with
    /// a modifier.
    Many(Op, Option<Modifier>, Vec<Literal>),
}

/// A single value on the right side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// A constant.
    Literal(Literal),
    /// `val(FIELD)`.
    Val(FieldName),
    /// A transformer.
    Call(Call),
}

/// What a check asks for: a field or something made from fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A field.
    Field(FieldName),
    /// A transformer.
    Call(Call),
}

impl Operand {
    /// The text it was read from.
    pub fn span(&self) -> Span {
        match self {
            Self::Field(field) => field.span,
            Self::Call(call) => call.span,
        }
    }
}

/// A field as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    /// The dotted name.
    pub name: String,
    /// What stands in brackets behind it.
    pub bracket: Option<BracketArg>,
    /// Name and brackets.
    pub span: Span,
}

/// What stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BracketArg {
    /// The text, escapes resolved.
    pub text: String,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// A transformer with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which one.
    pub transformer: Transformer,
    /// What it is given; at least one.
    pub args: Vec<Argument>,
    /// What stands in brackets behind it.
    pub bracket: Option<BracketArg>,
    /// Name, arguments and brackets.
    pub span: Span,
}

/// An argument of a transformer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A field or another transformer.
    Operand(Operand),
    /// A number or a quoted text.
    Literal(Literal),
    /// A list in parentheses; its elements are no lists.
    List(Vec<Argument>, Span),
}

impl Argument {
    /// The text it was read from.
    pub fn span(&self) -> Span {
        match self {
            Self::Operand(operand) => operand.span(),
            Self::Literal(literal) => literal.span,
            Self::List(_, span) => *span,
        }
    }
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Its bytes, escapes resolved.
    pub bytes: Box<[u8]>,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// The text it was read from, quotes included.
    pub span: Span,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order the parser tries them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written in a condition.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// The operators, `exists` aside. `==` is read as `=`.
    Op {
        /// Not greater.
        Le = "<=",
        /// Smaller.
        Lt = "<",
        /// Not smaller.
        Ge = ">=",
        /// Greater.
        Gt = ">",
        /// Equal.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// Shell pattern over the whole text.
        Glob = "glob",
        /// The same, case ignored.
        IGlob = "iglob",
        /// Has this text in it.
        Contains = "contains",
        /// The same, case ignored.
        IContains = "icontains",
        /// Has these bytes in it.
        BContains = "bcontains",
        /// Begins with this text.
        StartsWith = "startswith",
        /// Begins with these bytes.
        BStartsWith = "bstartswith",
        /// Ends with this text.
        EndsWith = "endswith",
        /// Regular expression over the whole text.
        Regex = "regex",
        /// Have an element in common.
        Intersects = "intersects",
        /// Is one of them.
        In = "in",
        /// Lies under one of these paths.
        PMatch = "pmatch",
    }
}

impl Op {
    /// `<`, `<=`, `>` and `>=`.
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Le | Self::Lt | Self::Ge | Self::Gt)
    }

    /// `in`, `intersects` and `pmatch`, whose right side is a list.
    pub fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::PMatch)
    }

    /// Whether it is spelled with letters, so that a blank must follow.
    pub(super) fn is_word(self) -> bool {
        self.word().starts_with(|c: char| c.is_ascii_lowercase())
    }
}

words! {
    /// How many elements of the list a text operator must hold for.
    Modifier {
        /// Exactly one.
        OneOf = "oneof",
        /// At least one.
        AnyOf = "anyof",
        /// Every one, of at least one.
        AllOf = "allof",
    }
}

words! {
    /// The functions over fields.
    Transformer {
        /// ASCII lower case.
        ToLower = "tolower",
        /// ASCII upper case.
        ToUpper = "toupper",
        /// Base64 decoded.
        B64 = "b64",
        /// The text after the last slash.
        Basename = "basename",
        /// Bytes, or elements.
        Len = "len",
        /// A list made one text.
        Join = "join",
        /// Texts behind each other.
        Concat = "concat",
        /// Short options of a command line.
        GetOpt = "getopt",
    }
}
