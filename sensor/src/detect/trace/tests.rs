//! Traces of conditions: the marks one by one, and what they promise for all of them.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::detect::syntax::{parse, resolve_macros};
use crate::fields::given::Given;

/// The condition with the macro `m` standing for `macro_text`.
fn tree(condition: &str, macro_text: &str) -> Expr {
    let body = Arc::new(parse(macro_text).unwrap());
    let find = &mut |name: &str| (name == "m").then(|| Arc::clone(&body));
    resolve_macros(&parse(condition).unwrap(), find).unwrap()
}

fn trace(condition: &str, event: &Json) -> (Anatomy, Trace) {
    let anatomy = Anatomy::new(&tree(condition, "proc.name = sh or proc.pid = 7")).unwrap();
    let trace = anatomy.trace(&Given::from_json(event).unwrap());
    (anatomy, trace)
}

/// One letter for each leaf: upper case when true, with `!` when it decides,
/// `*` when it does so alone, in brackets when it is not asked.
fn marks(condition: &str, event: &Json) -> String {
    let (anatomy, trace) = trace(condition, event);
    let leaves = anatomy.leaves().map(|(at, _)| {
        let seen = &trace.parts[at];
        let letter = if seen.holds { "T" } else { "f" };
        let reason = match (seen.pivotal, seen.deciding) {
            (true, true) => "*",
            (true, false) => "?",
            (false, true) => "!",
            (false, false) => "",
        };
        let leaf = format!("{letter}{reason}");
        if seen.asked {
            leaf
        } else {
            format!("({leaf})")
        }
    });
    leaves.collect::<Vec<_>>().join(" ")
}

#[test]
fn leaves_know_their_truth_whether_they_are_asked_and_whether_they_decide() {
    let event = json!({"proc.name": "sh", "proc.pid": 7});
    for (condition, expected) in [
        ("proc.name = sh and proc.pid = 7", "T* T*"),
        ("proc.name = sh and proc.pid = 8", "T f*"),
        ("proc.name = x and proc.pid = 8", "f! (f!)"),
        ("proc.name = x and proc.pid = 7", "f* (T)"),
        ("proc.name = sh or proc.pid = 7", "T! (T)"),
        ("proc.name = sh or proc.pid = 8", "T* (f)"),
        ("proc.name = x or proc.pid = 7", "f T*"),
        ("proc.name = x or proc.pid = 8", "f* f*"),
        ("not proc.name = sh", "T*"),
        ("not (proc.name = x and proc.pid = 8)", "f! (f!)"),
        ("m and proc.pid = 8", "T (T) f*"),
        ("not m", "T! (T)"),
        ("proc.pid = 8 and m", "f* (T) (T)"),
        ("proc.exe = a and not proc.exe = a", "f* (f)"),
    ] {
        assert_eq!(marks(condition, &event), expected, "{condition}");
    }
}

#[test]
fn every_value_that_was_compared_is_kept() {
    let event = json!({"proc.name": "Sh", "proc.pid": 7, "fd.port": [1, 2], "fd.dev": 255});
    for (condition, expected) in [
        ("proc.pid = 8", r#"[["proc.pid",7]]"#),
        ("proc.exe != a", r#"[["proc.exe",null]]"#),
        ("fd.port in (1, 3)", r#"[["fd.port",[1,2]]]"#),
        ("proc.pid exists", r#"[["proc.pid",7]]"#),
        (
            "tolower(proc.name) = val(proc.exe)",
            r#"[["tolower(proc.name)","sh"],["proc.name","Sh"],["proc.exe",null]]"#,
        ),
        (
            "proc.name = concat(proc.name, \"x\")",
            r#"[["proc.name","Sh"],["concat(proc.name, \"x\")","Shx"]]"#,
        ),
        ("fd.dev = 255", r#"[["fd.dev","FF"]]"#),
    ] {
        let (_, trace) = trace(condition, &event);
        let values = trace.parts[0].values.iter();
        let values: Json = values
            .map(|asked| json!([asked.name, asked.value]))
            .collect();
        assert_eq!(values.to_string(), expected, "{condition}");
    }
}

#[test]
fn parts_know_where_they_stand() {
    let broken = tree("not (proc.pid = 1 or m)", "proc.nam exists");
    let wrong = Anatomy::new(&broken).unwrap_err();
    assert_eq!(wrong[0].within[0].name, "m");
    let (anatomy, _) = trace("not (proc.pid = 1 or m)", &json!({}));
    let shown: Vec<_> = anatomy
        .parts()
        .iter()
        .map(|part| (part.kind, part.depth, part.within.len(), part.span.range()))
        .collect();
    assert_eq!(
        shown,
        [
            (Kind::Not, 0, 0, 0..22),
            (Kind::Or, 1, 0, 5..22),
            (Kind::Check, 2, 0, 5..17),
            (Kind::Macro, 2, 0, 21..22),
            (Kind::Or, 3, 1, 0..30),
            (Kind::Check, 4, 1, 0..14),
            (Kind::Check, 4, 1, 18..30),
        ]
    );
}

/// Conditions of leaves that are true or false by themselves.
fn condition() -> impl Strategy<Value = String> {
    let leaf = (0..4_usize, 0..3).prop_map(|(field, value)| {
        let fields = ["proc.pid", "proc.ppid", "evt.rawres", "fd.num"];
        format!("{} = {value}", fields[field])
    });
    leaf.prop_recursive(5, 24, 4, |inner| {
        let many = || prop::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            many().prop_map(|parts| format!("({})", parts.join(" or "))),
            many().prop_map(|parts| format!("({})", parts.join(" and "))),
            inner.clone().prop_map(|part| format!("not ({part})")),
            Just("m".to_owned()),
        ]
    })
}

fn event() -> impl Strategy<Value = Json> {
    let number = || prop::option::of(0..3);
    (number(), number(), number(), number()).prop_map(|(pid, ppid, result, fd)| {
        json!({"proc.pid": pid, "proc.ppid": ppid, "evt.rawres": result, "fd.num": fd})
    })
}

/// The verdict if the leaves had these truths.
fn verdict(anatomy: &Anatomy, at: usize, truth: &dyn Fn(usize) -> bool) -> bool {
    let part = &anatomy.parts()[at];
    let mut children = part
        .children
        .iter()
        .map(|child| verdict(anatomy, *child, truth));
    match part.kind {
        Kind::Check => truth(at),
        Kind::Or => children.any(|holds| holds),
        Kind::And => children.all(|holds| holds),
        Kind::Not => !children.any(|holds| holds),
        Kind::Macro => children.any(|holds| holds),
    }
}

/// The leaves that are reached when asking stops as early as it can.
fn asked(anatomy: &Anatomy, at: usize, trace: &Trace, out: &mut Vec<usize>) -> bool {
    let part = &anatomy.parts()[at];
    let mut children = part.children.iter();
    match part.kind {
        Kind::Check => {
            out.push(at);
            trace.parts[at].holds
        }
        Kind::Or => children.any(|child| asked(anatomy, *child, trace, out)),
        Kind::And => children.all(|child| asked(anatomy, *child, trace, out)),
        Kind::Not => !children.any(|child| asked(anatomy, *child, trace, out)),
        Kind::Macro => children.any(|child| asked(anatomy, *child, trace, out)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_trace_keeps_its_promises(condition in condition(), event in event(), noise in any::<u64>()) {
        let tree = tree(&condition, "proc.pid = 1 or not proc.ppid = 2");
        let given = Given::from_json(&event).unwrap();
        let anatomy = Anatomy::new(&tree).unwrap();
        let trace = anatomy.trace(&given);
        let matches = Program::compile(&tree).unwrap().matches(&given);
        prop_assert_eq!(trace.holds(), matches, "the verdict is the program's");

        let mut reached = Vec::new();
        asked(&anatomy, 0, &trace, &mut reached);
        let marked: Vec<usize> = anatomy.leaves().map(|(at, _)| at)
            .filter(|at| trace.parts[*at].asked).collect();
        prop_assert_eq!(reached, marked, "what is asked");

        let random = |at: usize| noise.rotate_left(u32::try_from(at).unwrap()) & 1 == 1;
        let only_deciding = |at: usize| match &trace.parts[at] {
            seen if seen.deciding => seen.holds,
            _ => random(at),
        };
        prop_assert_eq!(verdict(&anatomy, 0, &only_deciding), matches, "deciding leaves suffice");

        for (leaf, _) in anatomy.leaves() {
            let flipped = |at: usize| trace.parts[at].holds != (at == leaf);
            let changes = verdict(&anatomy, 0, &flipped) != matches;
            prop_assert_eq!(changes, trace.parts[leaf].pivotal, "leaf {}", leaf);
        }
    }
}
