//! What a rules file may ask for beyond Falco's language, and that nothing of
//! it holds in a file that does not ask.

use jiff::civil::Date;
use sensor::detect::rules::{LoadOptions, Loaded, load_texts};
use sensor::diagnostic::{Diagnostic, render};

const RULE: &str = "\
- rule: r
  desc: d
  condition: evt.type = execve
  output: o
  priority: INFO
";

fn load_on(day: Option<&str>, text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let options = LoadOptions {
        today: day.map(|day| day.parse::<Date>().unwrap()),
        ..LoadOptions::default()
    };
    load_texts(&[("1.yaml", text.as_bytes())], &options)
}

/// The codes and places of what loading says.
fn said(text: &str) -> Vec<String> {
    let found = match load_on(None, text) {
        Ok(loaded) => loaded.diagnostics,
        Err(found) => found,
    };
    let line = |found: &Diagnostic| {
        let place = found.place.as_ref().map(ToString::to_string);
        format!("{} {}", place.unwrap_or_default(), found.code)
    };
    found.iter().map(line).collect()
}

fn condition(loaded: &Loaded) -> String {
    loaded.rules.rules[0].tree.to_string()
}

/// A rules file whose rules have these priorities, and are named after them.
fn rules_of(head: &str, priorities: &[&str]) -> String {
    let rule = |priority: &&str| {
        let text = RULE.replace("rule: r", &format!("rule: {head}{priority}"));
        text.replace("INFO", priority.trim_end_matches(char::is_numeric))
    };
    priorities.iter().map(rule).collect()
}

#[test]
fn a_file_may_have_its_rules_asked_by_how_serious_they_are() {
    let asks = "- sensor_features: [severest_first]\n";
    let plain = rules_of("p", &["NOTICE", "ERROR"]);
    let (one, two) = (
        format!("{asks}{}", rules_of("a", &["INFO", "ERROR1", "ERROR2"])),
        format!("{asks}{}", rules_of("b", &["CRITICAL", "ERROR", "DEBUG"])),
    );
    let options = LoadOptions::default();
    let texts: [(&str, &[u8]); 3] = [
        ("1.yaml", one.as_bytes()),
        ("2.yaml", plain.as_bytes()),
        ("3.yaml", two.as_bytes()),
    ];
    let loaded = load_texts(&texts, &options).unwrap();
    let names: Vec<&str> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
    // Those of the file between them, which does not ask, are where they were written.
    assert_eq!(
        names,
        [
            "bCRITICAL",
            "aERROR1",
            "aERROR2",
            "pNOTICE",
            "pERROR",
            "bERROR",
            "aINFO",
            "bDEBUG"
        ]
    );
}

#[test]
fn a_priority_that_is_overridden_counts_and_defining_anew_elsewhere_leaves_the_order() {
    let text = format!(
        "- sensor_features: [severest_first]\n{}\
         - {{rule: INFO, priority: ALERT, override: {{priority: replace}}}}\n",
        rules_of("", &["ERROR", "INFO", "CRITICAL"])
    );
    let later = rules_of("", &["CRITICAL"]);
    let texts: [(&str, &[u8]); 2] = [("1.yaml", text.as_bytes()), ("2.yaml", later.as_bytes())];
    let loaded = load_texts(&texts, &LoadOptions::default()).unwrap();
    let names: Vec<&str> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["INFO", "ERROR", "CRITICAL"]);
}

#[test]
fn without_asking_the_keys_are_unknown_as_in_falco() {
    let text = format!(
        "{RULE}  story: [x]\n  exceptions:\n  - {{name: e, fields: proc.name, values: [a], \
         reason: x, owner: y, expires: 2000-01-01}}\n"
    );
    let want = [
        "1.yaml:6:3 LOAD_UNKNOWN_KEY",
        "1.yaml:8:47 LOAD_UNKNOWN_KEY",
        "1.yaml:8:58 LOAD_UNKNOWN_KEY",
        "1.yaml:8:68 LOAD_UNKNOWN_KEY",
    ];
    assert_eq!(said(&text), want);
    let loaded = load_on(Some("2026-01-01"), &text).unwrap();
    assert!(condition(&loaded).contains("not proc.name in (a)"));
    assert!(loaded.rules.rules[0].stories.is_empty());
    let help = loaded.diagnostics[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("sensor_features: [stories]"), "{help}");
}

#[test]
fn an_exception_ends_with_its_last_day() {
    let text = format!(
        "{RULE}  exceptions:\n  - name: e\n    fields: proc.name\n    values: [a]\n    \
         reason: we know\n    owner: ops@example.com\n    expires: 2026-06-30\n\
         - sensor_features: [exception_terms]\n"
    );
    for (day, holds) in [
        (None, true),
        (Some("2026-06-29"), true),
        (Some("2026-06-30"), true),
        (Some("2026-07-01"), false),
    ] {
        let loaded = load_on(day, &text).unwrap();
        assert_eq!(condition(&loaded).contains("not"), holds, "{day:?}");
        let codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code).collect();
        let want: &[&str] = if holds {
            &[]
        } else {
            &["LOAD_EXCEPTION_EXPIRED"]
        };
        assert_eq!(codes, want, "{day:?}");
    }
    let shown = render(
        &load_on(Some("2026-07-01"), &text).unwrap().diagnostics,
        false,
    );
    for expect in ["exception `e` of rule `r`", "1.yaml:12:14", "2026-06-30"] {
        assert!(shown.contains(expect), "{shown}");
    }
}

#[test]
fn what_is_appended_on_terms_of_its_own_ends_on_its_own() {
    let text = format!(
        "- sensor_features: [exception_terms]\n{RULE}  exceptions:\n  \
         - {{name: e, fields: proc.name, values: [a]}}\n\
         - rule: r\n  exceptions:\n  - {{name: e, values: [b], expires: 2026-01-31}}\n  \
         override: {{exceptions: append}}\n"
    );
    let before = load_on(Some("2026-01-31"), &text).unwrap();
    let after = load_on(Some("2026-02-01"), &text).unwrap();
    for (loaded, value, holds) in [
        (&before, "a", true),
        (&before, "b", true),
        (&after, "a", true),
        (&after, "b", false),
    ] {
        let part = format!("not proc.name in ({value})");
        assert_eq!(
            condition(loaded).contains(&part),
            holds,
            "{}",
            condition(loaded)
        );
    }
}

#[test]
fn stories_stay_beside_their_rule() {
    let more = "- rule: r\n  story: [second]\n  tags: [x]\n  override: {tags: append}\n";
    let text = format!("- sensor_features: [stories]\n{RULE}  story: [first]\n{more}");
    let loaded = load_on(None, &text).unwrap();
    assert_eq!(loaded.rules.rules[0].stories.len(), 2);
    assert_eq!(render(&loaded.diagnostics, false), "");
    let again = format!("{text}{RULE}");
    assert!(
        load_on(None, &again).unwrap().rules.rules[0]
            .stories
            .is_empty()
    );
}

#[test]
fn a_feature_nobody_knows_is_a_mistake_at_its_place() {
    for (text, want) in [
        (
            "- sensor_features: [story]\n",
            "1.yaml:1:21 LOAD_ERR_VALIDATE",
        ),
        (
            "- sensor_features: stories\n",
            "1.yaml:1:20 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            "- sensor_features: [stories]\n  more: x\n",
            "1.yaml:2:3 LOAD_UNKNOWN_KEY",
        ),
    ] {
        assert_eq!(said(text), [want], "{text}");
    }
    let expires = |day: &str| {
        format!(
            "- sensor_features: [exception_terms]\n{RULE}  exceptions:\n  \
             - {{name: e, fields: proc.name, values: [a], expires: {day}}}\n"
        )
    };
    for day in ["tomorrow", "2026-02-30", "2026-1-1", "2026-01-01T00:00:00"] {
        assert_eq!(
            said(&expires(day)),
            ["1.yaml:8:56 LOAD_ERR_YAML_VALIDATE"],
            "{day}"
        );
    }
}
