//! Rule files against what loading must make of them: the compatibility
//! checklist, Falco's own rules, and files full of mistakes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sensor::alert::Priority;
use sensor::detect::rules::{
    LoadOptions, Loaded, Pack, Selector, Which, check_texts, falco, load, load_texts,
};
use sensor::detect::syntax;
use sensor::diagnostic::{self, Diagnostic, Severity, render};
use sensor::events;

/// The reference material beside the repository, or a note that it is not there.
fn shared(path: &str) -> Option<String> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let text = fs::read_to_string(shared.join(path)).ok();
    if text.is_none() {
        println!("skipped: no ../shared/{path}");
    }
    text
}

fn load_all(files: &[&str]) -> Result<Loaded, Vec<Diagnostic>> {
    let named: Vec<(String, &[u8])> = files
        .iter()
        .enumerate()
        .map(|(at, text)| (format!("{}.yaml", at + 1), text.as_bytes()))
        .collect();
    let borrowed: Vec<_> = named
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    load_texts(&borrowed, &LoadOptions::default())
}

fn load_one(text: &str) -> Loaded {
    load_all(&[text]).unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, false)))
}

/// The mistakes of a file, one per line: `line:column CODE message`.
fn mistakes(text: &str) -> Vec<String> {
    let found = match load_all(&[text]) {
        Ok(loaded) => loaded.diagnostics,
        Err(found) => found,
    };
    found
        .iter()
        .map(|mistake| {
            let place = mistake.place.as_ref().expect("a place");
            let (line, column) = place.file.line_col(place.range.start);
            format!("{line}:{column} {} {}", mistake.code, mistake.message)
        })
        .collect()
}

/// A rule around a condition, and more keys.
fn rule(condition: &str, more: &str) -> String {
    format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n{more}")
}

/// A condition in canonical form, so that only meaning is compared.
fn canonical(condition: &str) -> String {
    syntax::parse(condition).unwrap().to_string()
}

fn condition_of(loaded: &Loaded, name: &str) -> String {
    let rule = loaded.rules.rules.iter().find(|rule| &*rule.name == name);
    canonical(
        &rule
            .unwrap_or_else(|| panic!("no rule {name}"))
            .tree
            .to_string(),
    )
}

/// Runs one case of the checklist; an error says what differs.
fn run_case(case: &serde_json::Value) -> Result<(), String> {
    let words = |key: &str| -> BTreeSet<String> {
        let list = case[key].as_array().into_iter().flatten();
        list.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let files: Vec<&str> = case["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap())
        .collect();
    let loaded = load_all(&files);
    let found = match &loaded {
        Ok(loaded) => &loaded.diagnostics,
        Err(found) => found,
    };
    let codes = |severity| -> BTreeSet<String> {
        let of = found.iter().filter(|mistake| mistake.severity == severity);
        of.map(|mistake| mistake.code.to_owned()).collect()
    };
    let same = |what: &str, have: &BTreeSet<String>, want: &BTreeSet<String>| {
        (have == want)
            .then_some(())
            .ok_or(format!("{what}: {have:?}, expected {want:?}"))
    };
    same("errors", &codes(Severity::Error), &words("err"))?;
    if case["ok"] == false {
        return Ok(());
    }
    same("warnings", &codes(Severity::Warning), &words("warn"))?;
    let loaded = loaded.map_err(|found| render(&found, false))?;
    let rules = loaded.rules.rules.iter();
    let names = rules.map(|rule| rule.name.to_string()).collect();
    same("rules", &names, &words("rules"))?;
    if let Some(want) = case["cond"].as_str() {
        let have = condition_of(&loaded, "base");
        if have != canonical(want) {
            return Err(format!("condition: {have}, expected {want}"));
        }
    }
    Ok(())
}

#[test]
fn the_compatibility_checklist_holds() {
    let Some(text) = shared("conformance/checklist-loader.jsonl") else {
        return;
    };
    let mut failed = Vec::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Err(why) = run_case(&case) {
            failed.push(format!("{} {}: {why}", case["id"], case["stmt"]));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn falcos_stable_rules_load_without_a_word() {
    let Some(text) = shared("falco-rules/falco_rules.yaml") else {
        return;
    };
    let loaded = load_one(&text);
    assert_eq!(render(&loaded.diagnostics, false), "");
    assert!(loaded.defined >= 25, "{} rules", loaded.defined);
}

#[test]
fn the_shipped_rules_load_without_a_word() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let loaded = load(&LoadOptions {
        paths: vec![directory],
        ..LoadOptions::default()
    });
    let loaded = loaded.unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, false)));
    assert_eq!(render(&loaded.diagnostics, false), "");
    assert!(loaded.defined >= 15, "{} rules", loaded.defined);
}

#[test]
fn ten_mistakes_are_ten_diagnostics_each_at_its_place() {
    let text = "\
- list: shells
  items: sh
- macro: broken
  condition: proc.name =
- rule: one
  desc: d
  condition: >
    evt.type = execve
    and proc.nmae = a
  output: o
  priority: INFO
- rule: two
  desc: d
  condition: evt.type = execve and undefined_macro
  output: o
  priority: INFO
- rule: three
  desc: d
  condition: evt.type = execve
  output: \"%proc.nmae\"
  priority: INFO
- rule: four
  desc: d
  condition: evt.type = execve
  output: o
  priority: SEVERE
- rule: five
  desc: d
  condition: evt.type = execve
  output: o
- rule: six
  tags: [x]
  override: {tags: append}
- rule: seven
  desc: d
  condition: evt.type = exekve
  output: o
  priority: INFO
- rule: eight
  desc: d
  condition: evt.type = execve and fd.num = 3
  output: o
  priority: INFO
  enabled: maybe
";
    let found = mistakes(text);
    let places: Vec<_> = found
        .iter()
        .map(|line| line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        places,
        [
            "2:10 LOAD_ERR_YAML_VALIDATE",
            "4:25 LOAD_ERR_COMPILE_CONDITION",
            "9:9 LOAD_ERR_COMPILE_CONDITION",
            "14:36 LOAD_ERR_VALIDATE",
            "20:13 LOAD_ERR_COMPILE_OUTPUT",
            "26:13 LOAD_ERR_YAML_VALIDATE",
            "27:9 LOAD_ERR_YAML_VALIDATE",
            "31:9 LOAD_ERR_VALIDATE",
            "36:25 LOAD_ERR_COMPILE_CONDITION",
            "44:12 LOAD_ERR_YAML_VALIDATE",
        ],
        "{found:#?}"
    );
}

#[test]
fn a_mistake_is_shown_where_it_was_written_through_list_and_macro() {
    let text = "\
- list: ports
  items: [80, http-alt, nonsense]
- macro: web
  condition: >
    evt.type = connect
    and fd.sport in (ports)
- rule: r
  desc: d
  condition: web and proc.name = curl
  output: o
  priority: INFO
- rule: again
  desc: d
  condition: not web and evt.type = connect
  output: o
  priority: INFO
";
    let found = load_all(&[text]).unwrap_err();
    let shown = render(&found, false);
    assert_eq!(found.len(), 1, "{shown}");
    let lines: Vec<_> = shown
        .lines()
        .filter(|line| line.contains("1.yaml") || line.contains("used here"))
        .map(str::trim)
        .collect();
    assert_eq!(
        lines,
        [
            "--> 1.yaml:2:25",
            "::: 1.yaml:6:22",
            "|                      ----- list `ports` is used here",
            "::: 1.yaml:9:14",
            "|              --- macro `web` is used here",
        ],
        "{shown}"
    );
}

#[test]
fn each_wrong_shape_is_named() {
    for (text, want) in [
        ("a: b\n", "1:1 LOAD_ERR_YAML_VALIDATE"),
        ("- just text\n", "1:3 LOAD_ERR_YAML_VALIDATE"),
        ("- [\n", "2:1 LOAD_ERR_YAML_PARSE"),
        ("- rul: x\n", "1:3 LOAD_UNKNOWN_ITEM"),
        ("- list: l\n", "1:9 LOAD_ERR_YAML_VALIDATE"),
        ("- list: l\n  items: [[a]]\n", "2:11 LOAD_ERR_YAML_VALIDATE"),
        (
            "- list: l\n  items: [a]\n  append: true\n",
            "1:9 LOAD_ERR_VALIDATE",
        ),
        ("- macro: m\n  condition:\n", "2:12 LOAD_ERR_YAML_VALIDATE"),
        (
            "- macro: m\n  macro: n\n  condition: a\n",
            "2:3 LOAD_ERR_YAML_VALIDATE",
        ),
        ("- rule: r\n  tags: [x]\n", "1:9 LOAD_ERR_YAML_VALIDATE"),
        ("- rule: r\n  enabled: true\n", "1:9 LOAD_ERR_VALIDATE"),
        ("- rule: r\n  append: true\n", "1:9 LOAD_ERR_VALIDATE"),
        (
            "- required_engine_version: 1.0.0\n",
            "1:28 LOAD_ERR_VALIDATE",
        ),
        (
            "- required_engine_version: new\n",
            "1:28 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            "- required_plugin_versions: [{name: json, version: 0.1.0}]\n",
            "1:37 LOAD_ERR_VALIDATE",
        ),
        (
            &rule("evt.type = execve", "  tags: x\n"),
            "6:9 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            &rule("evt.type = execve", "  capture_duration: long\n"),
            "6:21 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            &rule(
                "evt.type = execve",
                "- rule: r\n  source: k8s\n  condition: and evt.num > 0\n  override: {condition: append}\n",
            ),
            "7:11 LOAD_ERR_VALIDATE",
        ),
        (
            &rule(
                "evt.type = execve",
                "- rule: r\n  output: x\n  override: {output: apend}\n",
            ),
            "8:22 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            &rule(
                "evt.type = execve",
                "- rule: r\n  override: {output: append}\n",
            ),
            "7:13 LOAD_ERR_YAML_VALIDATE",
        ),
        (
            "- macro: a\n  condition: b\n- macro: b\n  condition: a\n",
            "2:14 LOAD_ERR_VALIDATE",
        ),
    ] {
        let found = mistakes(text);
        assert!(
            found.iter().any(|line| line.starts_with(want)),
            "{text}{found:#?}"
        );
    }
}

#[test]
fn macros_that_use_each_other_are_one_loop() {
    let text = "\
- macro: a
  condition: evt.type = open
- macro: b
  condition: a
- macro: a
  condition: b
";
    let found = mistakes(text);
    assert!(found[0].contains("uses itself"), "{found:#?}");
}

#[test]
fn exceptions_become_conditions() {
    let with = |exceptions: &str| {
        let more = format!("  exceptions:\n  - {{name: e, {exceptions}}}\n");
        let loaded = load_one(&rule("evt.type = execve", &more));
        condition_of(&loaded, "r")
    };
    for (exceptions, want) in [
        ("fields: proc.name", "(evt.type = execve)"),
        ("fields: proc.name, values: []", "(evt.type = execve)"),
        (
            "fields: proc.name, values: [a, b c]",
            "evt.type = execve and not proc.name in (a, \"b c\")",
        ),
        (
            "fields: proc.name, comps: startswith anyof, values: [a]",
            "evt.type = execve and not proc.name startswith anyof (a)",
        ),
        (
            "fields: [proc.name, fd.name], values: [[a, b], [c, d e]]",
            "evt.type = execve and not ((proc.name = a and fd.name = b) \
             or (proc.name = c and fd.name = \"d e\"))",
        ),
        (
            "fields: [proc.name], comps: [in], values: [[[a, b]]]",
            "evt.type = execve and not proc.name in (a, b)",
        ),
        (
            "fields: [tolower(proc.name)], values: [[a]]",
            "evt.type = execve and not tolower(proc.name) = a",
        ),
    ] {
        assert_eq!(with(exceptions), canonical(want), "{exceptions}");
    }
}

#[test]
fn exceptions_of_a_wrong_shape_are_refused_at_their_place() {
    for (exceptions, want) in [
        ("fields: proc.name, comps: startswith", "startswith"),
        ("fields: [proc.name], comps: [is]", "is"),
        ("fields: [proc.name], comps: in", "in"),
        ("fields: [proc.name], values: [a]", "a"),
        ("fields: [proc.name], values: [[a, b]]", "[a, b]"),
        ("fields: proc.name, values: [[a]]", "[a]"),
        ("fields: [proc.name, nofield], values: [[a, b]]", "nofield"),
        ("values: [a]", "e"),
    ] {
        let more = format!("  exceptions:\n  - {{name: e, {exceptions}}}\n");
        let found = load_all(&[&rule("evt.type = execve", &more)]).unwrap_err();
        let place = found[0].place.as_ref().unwrap();
        let shown = &place.file.text[place.range.clone()];
        assert_eq!((found.len(), shown), (1, want), "{exceptions}: {found:#?}");
    }
}

#[test]
fn exceptions_are_appended_to_by_name() {
    let base = rule(
        "evt.type = execve",
        "  exceptions: [{name: e, fields: proc.name, values: [a]}]\n",
    );
    let with = |exception: &str| {
        format!(
            "{base}- rule: r\n  exceptions: [{exception}]\n  override: {{exceptions: append}}\n"
        )
    };
    let loaded = load_one(&with(
        "{name: e, values: [b]}, {name: f, fields: fd.name, values: [c]}",
    ));
    let want = "evt.type = execve and not proc.name in (a, b) and not fd.name in (c)";
    assert_eq!(condition_of(&loaded, "r"), canonical(want));
    for (exception, want) in [
        (
            "{name: e, fields: proc.name, values: [b]}",
            "is defined already",
        ),
        ("{name: g, values: [b]}", "has no `fields`"),
        ("{name: g, fields: proc.name}", "has no `values`"),
    ] {
        let found = mistakes(&with(exception));
        assert!(
            found.iter().any(|line| line.contains(want)),
            "{exception}: {found:#?}"
        );
    }
    let replaced = base.clone()
        + "- rule: r\n  exceptions: [{name: e, fields: [proc.name], values: [[z]]}]\n  override: {exceptions: replace}\n";
    let want = "evt.type = execve and not proc.name = z";
    assert_eq!(condition_of(&load_one(&replaced), "r"), canonical(want));
}

#[test]
fn a_later_file_changes_rules_in_place_and_an_earlier_one_must_stand_alone() {
    let first = "\
- macro: m
  condition: evt.type = open
- rule: a
  desc: d
  condition: m
  output: o
  priority: INFO
- rule: b
  desc: d
  condition: evt.type = execve
  output: o
  priority: INFO
";
    let second = "\
- macro: m
  condition: evt.type = openat
- rule: a
  priority: ERROR
  tags: [y, x]
  override: {priority: replace, tags: append}
";
    let loaded = load_all(&[first, second]).unwrap();
    let rules = &loaded.rules.rules;
    let names: Vec<_> = rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(rules[0].priority, Priority::Error);
    assert_eq!(
        rules[0].tags.iter().map(|tag| &**tag).collect::<Vec<_>>(),
        ["x", "y"]
    );
    assert_eq!(condition_of(&loaded, "a"), "evt.type = openat");
    let early = load_all(&[
        &rule("late", ""),
        "- macro: late\n  condition: evt.type = open\n",
    ]);
    let found = early.unwrap_err();
    assert_eq!(found[0].message, "undefined macro `late`");
}

#[test]
fn one_mistake_in_a_rule_hides_no_other() {
    let text = rule("undefined and fd.num contains x and proc.nmae = a", "")
        .replace("output: o", "output: \"%nofield.x\"")
        .replace("INFO", "SEVERE");
    let codes: Vec<_> = mistakes(&text)
        .iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        codes,
        [
            "3:14 LOAD_ERR_VALIDATE",
            "3:35 LOAD_ERR_COMPILE_CONDITION",
            "3:50 LOAD_ERR_COMPILE_CONDITION",
            "4:13 LOAD_ERR_COMPILE_OUTPUT",
            "5:13 LOAD_ERR_YAML_VALIDATE",
        ]
    );
}

#[test]
fn a_malformed_definition_causes_no_second_mistake() {
    let text = "\
- macro: m
  conditions: evt.type = open
- rule: a
  desc: d
  condition: m
  output: o
- rule: a
  tags: [x]
  override: {tags: append}
";
    let found = mistakes(text);
    let errors: Vec<_> = found.iter().filter(|line| line.contains("_ERR_")).collect();
    assert_eq!(errors.len(), 2, "{found:#?}");
}

#[test]
fn rules_are_switched_from_outside_and_less_serious_ones_left_out() {
    let text = ["one", "two", "three"]
        .map(|name| {
            rule("evt.type = execve", "  tags: [t]\n").replace("rule: r", &format!("rule: {name}"))
        })
        .concat();
    let names = |min_priority, selectors: Vec<Selector>| {
        let options = LoadOptions {
            min_priority,
            selectors,
            ..LoadOptions::default()
        };
        let loaded = load_texts(&[("f", text.as_bytes())], &options).unwrap();
        let rules = loaded.rules.rules.iter();
        rules.map(|rule| rule.name.to_string()).collect::<Vec<_>>()
    };
    let off = Selector {
        enable: false,
        which: Which::Tag("t".to_owned()),
    };
    let on = Selector {
        enable: true,
        which: Which::Rule("t*".to_owned()),
    };
    assert_eq!(names(Priority::Debug, vec![]), ["one", "two", "three"]);
    assert_eq!(names(Priority::Debug, vec![off, on]), ["two", "three"]);
    assert_eq!(names(Priority::Notice, vec![]), [""; 0]);
}

#[test]
fn packs_choose_among_rules_that_are_in_one_and_commands_have_the_last_word() {
    let tagged = |name: &str, tags: &str| {
        let text = rule("evt.type = execve", &format!("  tags: [{tags}]\n"));
        text.replace("rule: r", &format!("rule: {name}"))
    };
    let text = [
        tagged("mine", "host, pack_of_mine"),
        tagged("quiet", "pack_stable"),
        tagged("noisy", "pack_strict, pack_ci"),
    ]
    .concat();
    let enable = Selector {
        enable: true,
        which: Which::Rule("noisy".to_owned()),
    };
    for (packs, selectors, want) in [
        (None, vec![], &["mine", "quiet", "noisy"][..]),
        (Some(vec![]), vec![], &["mine"]),
        (Some(vec![Pack::Stable]), vec![], &["mine", "quiet"]),
        (Some(vec![Pack::Ci]), vec![], &["mine", "noisy"]),
        (
            Some(vec![Pack::Strict, Pack::Stable]),
            vec![],
            &["mine", "quiet", "noisy"],
        ),
        (Some(vec![]), vec![enable], &["mine", "noisy"]),
    ] {
        let options = LoadOptions {
            packs,
            selectors,
            ..LoadOptions::default()
        };
        let loaded = load_texts(&[("f", text.as_bytes())], &options).unwrap();
        let names: Vec<&str> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
        assert_eq!(names, want, "{:?}", options.packs);
    }
}

#[test]
fn every_shipped_rule_is_in_a_pack() {
    let options = LoadOptions {
        packs: Some(Vec::new()),
        ..LoadOptions::default()
    };
    let loaded = load_texts(sensor::shipped::RULES, &options).unwrap();
    let names: Vec<&str> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(
        names, [""; 0],
        "no tag of these says which pack they are in"
    );
}

#[test]
fn directories_are_read_in_byte_order_and_what_cannot_be_read_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let define =
        |name: &str| rule("evt.type = execve", "").replace("rule: r", &format!("rule: {name}"));
    for (file, text) in [
        ("b.yml", define("third")),
        ("B.yaml", define("first")),
        ("a.yaml", define("second")),
        ("notes.txt", "not yaml: [".to_owned()),
    ] {
        fs::write(directory.path().join(file), text).unwrap();
    }
    fs::create_dir(directory.path().join("deeper.yaml")).unwrap();
    let options = |paths: Vec<PathBuf>| LoadOptions {
        paths,
        ..LoadOptions::default()
    };
    let loaded = load(&options(vec![directory.path().to_owned()])).unwrap();
    let names: Vec<_> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["first", "second", "third"]);
    let missing = directory.path().join("missing.yaml");
    let found = load(&options(vec![missing])).unwrap_err();
    assert_eq!(found[0].code, "LOAD_ERR_FILE_READ");
    assert!(found[0].message.contains("missing.yaml"));
}

#[test]
fn macros_that_double_each_other_are_refused_and_not_built() {
    let mut text = String::from("- macro: m0\n  condition: evt.type = open\n");
    for at in 1..60 {
        let before = at - 1;
        writeln!(text, "- macro: m{at}\n  condition: m{before} or m{before}").unwrap();
    }
    text.push_str(&rule("m59", ""));
    let found = load_all(&[&text]).unwrap_err();
    assert!(found[0].message.contains("too large"), "{found:#?}");
}

/// Pieces of rules files, to be glued together in any order.
const PIECES: [&str; 24] = [
    "- ",
    "rule: r\n  ",
    "list: l\n  ",
    "macro: m\n  ",
    "condition: ",
    "items: [a, b]\n",
    "&x ",
    "*x ",
    "evt.type = open and m\n",
    "l\n",
    "in (l)\n",
    "override: {condition: append}\n",
    "append: true\n",
    "exceptions: [{name: e, fields: proc.name, values: [a]}]\n",
    "---\n",
    "desc: d\n  output: o\n  ",
    "priority: INFO\n",
    "  ",
    ">\n",
    "|\n",
    "\"",
    "\\",
    "[",
    "é",
];

proptest! {
    #[test]
    fn any_bytes_give_rules_or_mistakes_with_places(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_total(&bytes);
    }

    #[test]
    fn any_pieces_give_rules_or_mistakes_with_places(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
    ) {
        check_total(pieces.concat().as_bytes());
    }
}

/// Loading ends, and what it complains about lies inside the file.
fn check_total(bytes: &[u8]) {
    let report = check_texts(&[("f", bytes)], &LoadOptions::default());
    // Every form of what is said can be made.
    assert!(falco(&report)["falco_load_results"][0]["name"] == "f");
    let found = report.diagnostics;
    assert_eq!(
        diagnostic::github(&found).lines().count(),
        found.len(),
        "one line each"
    );
    assert_eq!(diagnostic::sarif(&found)["version"], "2.1.0");
    assert_eq!(diagnostic::json(&found)["version"], 1);
    for mistake in &found {
        let place = mistake
            .place
            .as_ref()
            .expect("only unreadable files have none");
        assert!(place.range.end <= place.file.text.len() && place.range.start <= place.range.end);
        assert!(!render(std::slice::from_ref(mistake), true).is_empty());
    }
}

#[test]
fn many_calls_that_report_only_numbers_are_one_kind_of_event() {
    let bare: Vec<_> = events::rows()
        .iter()
        .filter(|row| row.syscall && row.is_bare())
        .map(|row| row.name)
        .collect();
    assert!(bare.len() > 150);
    let text = rule(&format!("evt.type in ({})", bare.join(", ")), "");
    assert_eq!(mistakes(&text), [""; 0]);
    let found = mistakes(&rule("evt.type != open", ""));
    assert!(found[0].contains("LOAD_NO_EVTTYPE"), "{found:#?}");
}

#[test]
fn the_values_of_exceptions_nobody_asks_for_are_not_looked_at() {
    let exceptions = "  exceptions: [{name: e, fields: [ka.a, ka.b], values: [[x], y]}]\n";
    let found = mistakes(&rule(
        "ka.verb = get",
        &format!("  source: k8s_audit\n{exceptions}"),
    ));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("LOAD_UNKNOWN_SOURCE"), "{found:#?}");
    let found = mistakes(&rule("evt.type = open", &exceptions.replace("ka.", "fd.")));
    let errors = found
        .iter()
        .filter(|line| line.contains("LOAD_ERR_VALIDATE"));
    assert!(errors.count() >= 2, "{found:#?}");
}
