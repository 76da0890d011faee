//! Every lint with what it finds and what it leaves alone.

use super::*;
use crate::detect::rules::{LoadOptions, study_texts};

fn codes(rules: &str, options: &Options) -> Vec<String> {
    let study = study_texts(&[("r.yaml", rules.as_bytes())], &LoadOptions::default());
    let study = study.unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{rules}"));
    lint(&study, options)
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().unwrap();
            let word = &place.file.text[place.range.clone()];
            format!("{} {word}", finding.code.replace("LINT_", ""))
        })
        .collect()
}

/// A rule of that condition, with what may come before it.
fn with_rule(before: &str, condition: &str) -> String {
    format!(
        "{before}\n- rule: r\n  desc: d\n  condition: >\n    {condition}\n  output: o\n  priority: NOTICE\n"
    )
}

fn check(before: &str, condition: &str, want: &[&str]) {
    let rules = with_rule(before, condition);
    assert_eq!(codes(&rules, &Options::default()), want, "{rules}");
}

#[test]
fn conditions_that_are_constant_are_found_where_they_contradict() {
    check(
        "",
        "evt.type = open and proc.name = a and proc.name = b",
        &["NEVER_TRUE proc.name = b"],
    );
    check(
        "",
        "evt.type = open and (proc.name = a or evt.type = connect)",
        &["NEVER_TRUE evt.type = connect"],
    );
    check(
        "",
        "evt.type = open and (proc.name = a or not proc.name = a)",
        &["ALWAYS_TRUE proc.name = a or not proc.name = a"],
    );
    check(
        "",
        "evt.type = open and not (proc.name = a and proc.name = b)",
        &["NEVER_TRUE proc.name = b"],
    );
    check(
        "- macro: m\n  condition: proc.name = a",
        "evt.type = open and m and proc.name = b",
        &["NEVER_TRUE proc.name = b"],
    );
    check("", "evt.type = open and proc.name = a", &[]);
}

#[test]
fn what_is_left_for_a_site_to_fill_in_is_no_finding() {
    check(
        "- macro: never_true\n  condition: (evt.num = 0)\n- macro: user_known\n  condition: never_true\n- list: known\n  items: []",
        "evt.type = open and not user_known and not proc.name in (known)",
        &[],
    );
}

#[test]
fn parts_that_change_nothing_are_found() {
    check(
        "",
        "evt.type = open and fd.num = 3 and fd.num >= 0",
        &["REDUNDANT_CONDITION fd.num >= 0"],
    );
    check(
        "",
        "evt.type = open and (fd.name startswith /etc/ssh or fd.name startswith /etc)",
        &["REDUNDANT_CONDITION fd.name startswith /etc/ssh"],
    );
    check(
        "",
        "evt.type = open and proc.name in (a, b) and not proc.name = c",
        &["REDUNDANT_CONDITION not proc.name = c"],
    );
    check(
        "",
        "evt.type = open and proc.name = a and fd.num = 1 and proc.name = a",
        &["DUPLICATE_CONDITION proc.name = a"],
    );
    check(
        "- macro: m\n  condition: fd.num >= 0",
        "evt.type = open and m and fd.num = 3",
        &[],
    );
}

#[test]
fn rules_that_hide_each_other_are_found() {
    let two = |first: &str, second: &str| {
        let other = with_rule("", second).replace("- rule: r", "- rule: second");
        format!("{}{other}", with_rule("", first))
    };
    let shadowed = two(
        "evt.type = open and proc.name in (a, b)",
        "evt.type = open and proc.name = a and fd.num = 1",
    );
    assert_eq!(
        codes(&shadowed, &Options::default()),
        ["SHADOWED_RULE second"]
    );
    let all = Options {
        all_match: true,
        ..Options::default()
    };
    assert!(codes(&shadowed, &all).is_empty());
    let same = two(
        "evt.type = open and proc.name in (a, b)",
        "(proc.name = b or proc.name = a) and evt.type = open",
    );
    assert_eq!(codes(&same, &all), ["DUPLICATE_RULE second"]);
    let apart = two(
        "evt.type = open and proc.name = a",
        "evt.type = open and proc.name in (a, b)",
    );
    assert!(codes(&apart, &Options::default()).is_empty());
    let off = shadowed.replacen("priority: NOTICE", "priority: NOTICE\n  enabled: false", 1);
    assert!(codes(&off, &Options::default()).is_empty());
}

#[test]
fn lists_that_do_not_hold_what_they_seem_to_are_found() {
    let list = |name: &str, items: &str| format!("- list: {name}\n  items: [{items}]\n");
    let used = "evt.type = open and proc.name in (l)";
    check(
        &list("l", "proc.pname"),
        used,
        &["LIST_ITEM_NAME proc.pname"],
    );
    check(
        &format!("- macro: m\n  condition: fd.num = 1\n{}", list("l", "m")),
        "m and evt.type = open and proc.name in (l)",
        &["LIST_ITEM_NAME m"],
    );
    check(
        &format!("{}{}", list("l", "later"), list("later", "x")),
        used,
        &["LIST_FORWARD later"],
    );
    check(
        &format!("{}{}{}", list("a", "x"), list("b", "a"), list("l", "b")),
        used,
        &["LIST_TOO_DEEP b"],
    );
    check(&format!("{}{}", list("a", "x"), list("l", "a")), used, &[]);
    check(
        &list("l", "x"),
        "evt.type = open and proc.cmdline = \"run l now\"",
        &["LIST_IN_TEXT l"],
    );
    check(
        &list("l", "x"),
        "evt.type = open and proc.name = l",
        &["LIST_IN_TEXT l"],
    );
}

#[test]
fn comparisons_that_surprise_are_found() {
    for (condition, want) in [
        (
            "evt.type = open and fd.name regex '/etc/.*'",
            "NEEDLESS_REGEX '/etc/.*'",
        ),
        (
            "evt.type = open and tolower(proc.name) = ABC",
            "LETTER_CASE ABC",
        ),
        (
            "evt.type = open and toupper(proc.name) in (ABC, d)",
            "LETTER_CASE d",
        ),
        (
            "evt.type = connect and fd.sport = 70000",
            "NUMBER_WRAPS 70000",
        ),
        ("evt.type = open and user.uid = -2", "NUMBER_WRAPS -2"),
        (
            "evt.type = open and proc.aname != sshd",
            "ANY_ANCESTOR_NOT proc.aname != sshd",
        ),
        (
            "evt.type in (execve, connect) and fd.sport != 53",
            "NOT_EQUAL_MISSING fd.sport != 53",
        ),
        (
            "evt.type = open and proc.name != anyof (a, b)",
            "NOT_EQUAL_EITHER proc.name != anyof (a, b)",
        ),
        (
            "evt.type = open and (proc.name != a or proc.name != b)",
            "NOT_EQUAL_EITHER proc.name != b",
        ),
        ("evt.type = socketcall", "EVENTS_NOT_CAPTURED r"),
        ("evt.type = open and evt.arg.sys_x contains a", ""),
        (
            "evt.type = open and evt.arg.cgroups contains a",
            "PARAMETER_NEVER_THERE evt.arg.cgroups",
        ),
        (
            "evt.type = open and k8s.ns.name = a",
            "FIELD_NEVER_FILLED k8s.ns.name",
        ),
    ] {
        if !want.is_empty() {
            check("", condition, &[want]);
        }
    }
    for condition in [
        "evt.type = open and user.loginuid = -1",
        "evt.type = open and fd.name != /etc/passwd",
        "evt.type in (execve, connect) and fd.sport exists and fd.sport != 53",
        "evt.type = open and fd.name regex '/etc/[a-z]+'",
    ] {
        check("", condition, &[]);
    }
}

#[test]
fn an_output_that_shows_what_no_event_has_is_found() {
    for (condition, output, want) in [
        (
            "evt.type = execve",
            "ran %proc.name on %fd.name",
            vec!["DESCRIPTOR_NEVER_THERE fd.name"],
        ),
        (
            "evt.type in (execve, open)",
            "ran %proc.name on %fd.name",
            vec![],
        ),
        (
            "evt.type = open",
            "%evt.arg.cgroups",
            vec!["PARAMETER_NEVER_THERE evt.arg.cgroups"],
        ),
    ] {
        let rules = with_rule("", condition).replace("output: o", &format!("output: \"{output}\""));
        assert_eq!(codes(&rules, &Options::default()), want, "{rules}");
    }
}

#[test]
fn appended_text_that_joins_only_a_part_is_found() {
    let append = |condition: &str| {
        format!("\n- rule: r\n  condition: {condition}\n  override: {{condition: append}}\n")
    };
    for (first, more, want) in [
        (
            "evt.type = open and proc.name = a",
            "or proc.name = b",
            vec!["APPEND_PRECEDENCE or"],
        ),
        (
            "evt.type = open or evt.type = openat",
            "and proc.name = b",
            vec!["APPEND_PRECEDENCE and"],
        ),
        (
            "evt.type = open and proc.name = a",
            "and fd.num = 1",
            vec![],
        ),
    ] {
        let rules = format!("{}{}", with_rule("", first), append(more));
        let mut found = codes(&rules, &Options::default());
        found.retain(|code| !code.starts_with("LOAD_NO_EVTTYPE"));
        assert_eq!(found, want, "{rules}");
    }
}

#[test]
fn exceptions_that_do_nothing_or_too_much_are_found() {
    let rule = |values: &str| {
        format!(
            "{}  exceptions:\n    - name: known\n      fields: proc.name\n      values: {values}\n",
            with_rule("", "evt.type = open and proc.name in (a, b)")
        )
    };
    let found = |values: &str| codes(&rule(values), &Options::default());
    assert_eq!(found("[c]"), ["EXCEPTION_NEVER_APPLIES known"]);
    assert_eq!(found("['a,c']"), ["EXCEPTION_RAW_VALUE a,c"]);
    assert!(found("[a]").is_empty());
    let rows =
        rule("[[a, x], [c, x]]").replace("fields: proc.name", "fields: [proc.name, proc.pname]");
    assert_eq!(
        codes(&rows, &Options::default()),
        ["EXCEPTION_NEVER_APPLIES known"]
    );
}

#[test]
fn a_finding_can_be_allowed_for_a_run_and_at_its_place() {
    let rules = with_rule("", "evt.type = open and proc.name = a and proc.name = b");
    let run = Options {
        allow: vec![Lint::NeverTrue.code().to_owned()],
        ..Options::default()
    };
    assert!(codes(&rules, &run).is_empty());
    let commented = rules.replace(
        "- rule: r",
        "# sensor-lint: allow LINT_NEVER_TRUE\n- rule: r",
    );
    assert!(codes(&commented, &Options::default()).is_empty());
}

#[test]
fn exceptions_that_a_recording_did_not_need_are_found() {
    let rules = format!(
        "{}  exceptions:\n    - {{name: used, fields: proc.name, values: [a]}}\n    - {{name: idle, fields: proc.pname, values: [x]}}\n",
        with_rule("", "evt.type = open and fd.num >= 0")
    );
    let study = study_texts(&[("r.yaml", rules.as_bytes())], &LoadOptions::default()).unwrap();
    let mut usage = Usage::new(&study);
    let open = crate::events::by_name("open").unwrap();
    for event in [
        serde_json::json!({"evt.type": "open", "fd.num": 3, "proc.name": "a"}),
        serde_json::json!({"evt.type": "open", "fd.num": 3, "proc.name": "b"}),
        // The exception is true, the rule would not have been.
        serde_json::json!({"evt.type": "open", "fd.num": -1, "proc.pname": "x"}),
    ] {
        usage.see(
            open,
            &crate::fields::given::Given::from_json(&event).unwrap(),
        );
    }
    let options = Options {
        usage: Some(usage),
        ..Options::default()
    };
    let found = lint(&study, &options);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, "LINT_EXCEPTION_UNUSED");
    assert!(found[0].message.contains("`idle`"));
    let help = found[0].help.as_ref().unwrap();
    assert!(
        help.starts_with("of 3 events") && help.contains("true for 2"),
        "{help}"
    );
}
