//! What is proved, what must not be, and every claim held against evaluation.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::detect::program::Program;
use crate::detect::syntax::parse;
use crate::fields::given::Given;

fn implies(a: &str, b: &str) -> bool {
    let mut prover = Prover::default();
    let a = prover.formula(&parse(a).unwrap());
    let b = prover.formula(&parse(b).unwrap());
    prover.implies(&a, &b)
}

fn never(a: &str) -> bool {
    let mut prover = Prover::default();
    let a = prover.formula(&parse(a).unwrap());
    prover.never(&a)
}

#[test]
fn what_follows_is_proved() {
    for (a, b) in [
        ("proc.name = a", "proc.name in (a, b)"),
        ("proc.name = a and fd.num = 1", "proc.name exists"),
        ("fd.name startswith /etc/ssh", "fd.name startswith /etc"),
        ("fd.name startswith /etc/ssh", "fd.name contains tc"),
        ("fd.name = /etc/shadow", "fd.name pmatch (/etc)"),
        ("fd.name startswith /etc/", "fd.name pmatch (/etc, /usr)"),
        (
            "fd.name pmatch (/etc/ssh, /etc/pam.d)",
            "fd.name pmatch (/etc)",
        ),
        ("fd.name pmatch (/home/a/x)", "fd.name pmatch (/home/*)"),
        ("fd.name = abc", "fd.name regex 'a.*'"),
        ("fd.name glob *.log", "fd.name endswith .log"),
        ("fd.name contains SHADOW", "fd.name icontains shadow"),
        ("fd.num > 5", "fd.num >= 0"),
        ("fd.num in (1, 2)", "fd.num < 3"),
        ("fd.num >= 0 and fd.num < 2", "fd.num in (0, 1)"),
        ("evt.is_open_read != true", "evt.is_open_read = false"),
        (
            "fd.snet = \"10.1.0.0/16\"",
            "fd.snet in (\"10.0.0.0/8\", \"::1/128\")",
        ),
        ("fd.sip = 10.0.0.1", "fd.sip != ::1"),
        ("proc.name != allof (a, b)", "proc.name != a"),
        ("proc.name != a", "not proc.name = a"),
        ("proc.aname = a", "proc.aname in (a, b)"),
        ("not proc.aname in (a, b)", "not proc.aname = a"),
        ("fd.port != 1", "fd.port exists"),
        ("fd.types in (file)", "fd.types in (file, ipv4)"),
        (
            "fd.types intersects (file)",
            "fd.types intersects (file, ipv4)",
        ),
        ("a.b = c", "a.b = c or proc.name = x"),
        (
            "(proc.name = a or proc.name = b) and not proc.name = b",
            "proc.name = a",
        ),
        (
            "proc.name = a and (fd.num = 1 or fd.num = 2)",
            "fd.num > 0 and proc.name startswith a",
        ),
        ("proc.name = val(proc.pname)", "proc.name exists"),
    ] {
        assert!(implies(a, b), "{a} => {b}");
    }
}

#[test]
fn what_does_not_follow_is_not_claimed() {
    for (a, b) in [
        ("proc.name in (a, b)", "proc.name = a"),
        // Missing makes the first true and the second false.
        ("not proc.name = a", "proc.name != a"),
        ("fd.name startswith /etc", "fd.name pmatch (/etc)"),
        ("fd.name pmatch (/etc)", "fd.name startswith /etc"),
        ("fd.name icontains shadow", "fd.name contains shadow"),
        ("proc.aname != a", "not proc.aname = a"),
        ("proc.aname exists", "proc.aname != a or proc.aname[1] = a"),
        ("fd.port exists", "fd.port = 1 or fd.port != 1"),
        ("fd.types in (file)", "fd.types intersects (file)"),
        ("fd.num >= 0", "fd.num > 0"),
        ("fd.sip != ::1", "fd.sip = 10.0.0.1"),
        ("proc.name = a", "fd.num = 1 and proc.name = a"),
        ("proc.name != anyof (a, b)", "proc.name != a"),
    ] {
        assert!(!implies(a, b), "{a} => {b}");
    }
}

#[test]
fn what_can_never_be_is_seen() {
    for (condition, want) in [
        ("proc.name = a and proc.name = b", true),
        ("proc.aname = a and proc.aname = b", false),
        ("evt.num = 0", true),
        ("fd.num > 5 and fd.num < 5", true),
        ("fd.num > 4 and fd.num < 6 and fd.num != 5", true),
        ("not proc.name exists and proc.name = a", true),
        (
            "proc.name in (a, b) and not proc.name startswith a and not proc.name endswith b",
            true,
        ),
        ("fd.name startswith /etc and fd.name startswith /usr", true),
        ("fd.name startswith /etc/ and fd.name pmatch (/usr)", true),
        ("fd.name pmatch (/etc) and fd.name pmatch (/usr)", true),
        ("fd.sip = 10.0.0.1 and fd.sip = ::1", true),
        (
            "fd.snet = \"10.0.0.0/8\" and fd.snet = \"11.0.0.0/8\"",
            true,
        ),
        ("fd.types in (file) and fd.types intersects (ipv4)", true),
        ("fd.port = 1 and fd.port = 2", false),
        ("fd.port = 1 and fd.port != 1", true),
        ("proc.name in ()", true),
        (
            "(proc.name = a or fd.num = 1) and not (proc.name = a or fd.num = 1)",
            true,
        ),
        ("user.uid < 0", true),
        ("proc.name = a and not proc.name in (b, c)", false),
    ] {
        assert_eq!(never(condition), want, "{condition}");
    }
}

#[test]
fn what_is_always_so_is_seen() {
    for (condition, want) in [
        ("proc.name = a or not proc.name = a", true),
        // Not when there is no name.
        ("proc.name = a or proc.name != a", false),
        ("not evt.num = 0", true),
        ("not (fd.num > 1 and fd.num < 1)", true),
    ] {
        let mut prover = Prover::default();
        let formula = prover.formula(&parse(condition).unwrap());
        assert_eq!(prover.always(&formula), want, "{condition}");
    }
}

#[test]
fn a_hard_question_ends() {
    // Pigeons and holes: true, and not to be seen without trying them all.
    let (mut all, mut apart) = (Vec::new(), Vec::new());
    for pigeon in 0..9 {
        let holes = (0..8).map(|hole| format!("proc.env[P{pigeon}H{hole}] = x"));
        all.push(format!("({})", holes.collect::<Vec<_>>().join(" or ")));
        for other in 0..pigeon {
            for hole in 0..8 {
                apart.push(format!(
                    "not (proc.env[P{pigeon}H{hole}] = x and proc.env[P{other}H{hole}] = x)"
                ));
            }
        }
    }
    let condition = format!("{} and {}", all.join(" and "), apart.join(" and "));
    assert!(!never(&condition));
}

const TEXTS: [&str; 7] = ["a", "ab", "b", "/etc/a", "/etc", "/usr/a/b", ""];

fn check() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(&TEXTS[..6]);
    let words = || prop::collection::vec(word(), 1..3).prop_map(|words| words.join(", "));
    let field =
        || prop::sample::select(&["proc.name", "fd.name", "proc.aname", "tolower(proc.name)"][..]);
    let text_op = || {
        prop::sample::select(
            &[
                "=",
                "!=",
                "startswith",
                "endswith",
                "contains",
                "icontains",
                "glob",
                "regex",
            ][..],
        )
    };
    let number_op = || prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]);
    let many = || prop::sample::select(&["in", "pmatch", "intersects"][..]);
    let modifier = || prop::sample::select(&["anyof", "allof", "oneof"][..]);
    let ends_op = || prop::sample::select(&["=", "!=", "= anyof", "!= allof", "in"][..]);
    let net = || prop::sample::select(&["\"10.0.0.0/8\"", "\"10.1.0.0/16\"", "\"::1/128\""][..]);
    prop_oneof![
        4 => (field(), text_op(), word()).prop_map(|(f, op, w)| format!("{f} {op} {w}")),
        2 => (field(), many(), words()).prop_map(|(f, op, w)| format!("{f} {op} ({w})")),
        2 => (field(), text_op(), modifier(), words())
            .prop_map(|(f, op, m, w)| format!("{f} {op} {m} ({w})")),
        1 => field().prop_map(|f| format!("{f} exists")),
        3 => (number_op(), -1..4_i64).prop_map(|(op, n)| format!("fd.num {op} {n}")),
        1 => (prop::sample::select(&["in", "intersects"][..]), prop::sample::select(&["file", "file, ipv4"][..]))
            .prop_map(|(op, w)| format!("fd.types {op} ({w})")),
        1 => (ends_op(), 1..3_u16, 1..3_u16).prop_map(|(op, a, b)| match op {
            "=" | "!=" => format!("fd.port {op} {a}"),
            op => format!("fd.port {op} ({a}, {b})"),
        }),
        1 => (prop::sample::select(&["=", "!=", "in"][..]), net()).prop_map(|(op, net)| match op {
            "in" => format!("fd.snet in ({net})"),
            op => format!("fd.snet {op} {net}"),
        }),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    check().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn event() -> impl Strategy<Value = Json> {
    let text = || prop::option::of(prop::sample::select(&TEXTS[..]));
    let names = prop::collection::vec(prop::sample::select(&TEXTS[..]), 0..3);
    let types = prop::collection::vec(prop::sample::select(&["file", "ipv4"][..]), 0..3);
    let ports = prop::collection::vec(1..4_u16, 0..3);
    let net = prop::sample::select(&["10.1.2.3", "10.9.0.1", "::1", "1.1.1.1"][..]);
    (
        text(),
        text(),
        prop::option::of(names),
        prop::option::of(-2..5_i64),
        prop::option::of(types),
        prop::option::of(ports),
        prop::option::of(net),
    )
        .prop_map(|(name, path, aname, num, types, ports, net)| {
            let mut event = Map::new();
            event.insert("proc.name".into(), json!(name));
            event.insert("fd.name".into(), json!(path));
            event.insert("proc.aname".into(), json!(aname));
            event.insert("fd.num".into(), json!(num));
            event.insert("fd.types".into(), json!(types));
            event.insert("fd.port".into(), json!(ports));
            event.insert("fd.snet".into(), json!(net));
            Json::Object(event)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_event_breaks_a_claim(
        a in condition(), b in condition(), events in prop::collection::vec(event(), 40),
    ) {
        let trees = [&a, &b].map(|text| parse(text).unwrap());
        // Modifiers on some operators do not compile; the prover may be asked all the same.
        let Ok(first) = Program::compile(&trees[0]) else { return Ok(()) };
        let Ok(second) = Program::compile(&trees[1]) else { return Ok(()) };
        let mut prover = Prover::default();
        let formulas = trees.map(|tree| prover.formula(&tree));
        let [x, y] = &formulas;
        let implied = prover.implies(x, y);
        let exclusive = prover.impossible(&[(x, true), (y, true)]);
        let (never, always) = (prover.never(x), prover.always(x));
        for event in &events {
            let given = Given::from_json(event).unwrap();
            let (p, q) = (first.matches(&given), second.matches(&given));
            prop_assert!(!implied || !p || q, "{a} => {b}: {event}");
            prop_assert!(!(exclusive && p && q), "not ({a} and {b}): {event}");
            prop_assert!(!never || !p, "never {a}: {event}");
            prop_assert!(!always || p, "always {a}: {event}");
        }
    }
}
