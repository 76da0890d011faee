//! The stories of `tests/stories/*.md`, told to the real engine with the shipped rules,
//! as `sensor test` tells them.
//!
//! How a page is read is said, and tested, where it is read: in `lab::test::page`.
//! Every shipped rule needs an attack and a near miss.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sensor::detect::rules::{LoadOptions, RuleSet, load};
use sensor::diagnostic::render;
use sensor::events;
use sensor::lab::test::run::Done;
use sensor::lab::test::suite::{self, Suite};
use sensor::lab::test::{find, report};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shipped rules, loaded as `sensor run` loads them.
fn shipped() -> RuleSet {
    let options = LoadOptions {
        paths: vec![root().join("rules")],
        ..LoadOptions::default()
    };
    let loaded = load(&options).expect("the shipped rules load");
    assert!(
        loaded.diagnostics.is_empty(),
        "the shipped rules load without warnings: {:#?}",
        loaded.diagnostics
    );
    loaded.rules
}

/// All stories, with the shipped rules.
fn stories() -> Suite {
    let mut found = Vec::new();
    let pages = [root().join("tests/stories")];
    let groups = find::find(&pages, &[root().join("rules")], &mut found);
    let mut suites = groups
        .into_iter()
        .filter_map(|group| suite::load(group, &LoadOptions::default(), &mut found));
    let suite = suites.next().expect("one set of rules");
    assert!(suites.next().is_none(), "one set of rules");
    drop(suites);
    assert!(found.is_empty(), "{}", render(&found, false));
    suite
}

#[test]
fn every_attack_fires_its_rule_alone_and_every_near_miss_none() {
    let suite = stories();
    for test in &suite.tests {
        let expected = test.expect.rules.iter().map(|expected| &expected.rule.text);
        let near = test.near.iter().map(|near| &near.text);
        assert_eq!(expected.chain(near).count(), 1, "{}", test.name);
    }
    let done = [Done::run(suite, false)];
    let failed = done[0].outcomes.iter().filter(|outcome| !outcome.passed());
    assert_eq!(failed.count(), 0, "{}", report::text(&done));
}

#[test]
fn no_shipped_rule_hides_a_more_serious_one() {
    // The first rule that is true alerts; so the order is the proof, for all events.
    let rules = shipped().rules;
    let ascends = rules
        .windows(2)
        .find(|pair| pair[0].priority > pair[1].priority);
    assert!(
        ascends.is_none(),
        "asked before a more serious one: {ascends:?}"
    );
}

#[test]
fn every_shipped_rule_says_what_why_and_what_to_do() {
    for rule in shipped().rules {
        let sentences = rule.desc.matches(". ").count() + 1;
        assert!(
            sentences >= 2,
            "{:?} says too little: {}",
            rule.name,
            rule.desc
        );
        assert!(rule.desc.ends_with(['.', '?']), "{:?}", rule.name);
        let pack = |tag: &&std::sync::Arc<str>| tag.starts_with("pack_");
        assert!(
            rule.tags.iter().any(|tag| pack(&tag)),
            "{:?} is in no pack",
            rule.name
        );
    }
}

#[test]
fn every_shipped_rule_has_an_attack_and_a_near_miss_and_every_story_a_rule() {
    let done = Done::run(stories(), false);
    // Stories of rules that are not there are refused when they are loaded.
    let lacking = done.coverage.rules.iter().filter_map(|rule| {
        let lack = report::lack(rule)?;
        Some(format!("{}: {lack}", rule.rule.name))
    });
    assert_eq!(lacking.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(done.coverage.rules.len(), shipped().rules.len());
}

#[test]
fn every_shipped_rule_says_what_it_is_who_did_it_and_where() {
    for rule in shipped().rules {
        let tagged = |test: fn(&str) -> bool| rule.tags.iter().any(|tag| test(tag));
        assert!(
            tagged(|tag| tag == "host" || tag == "container"),
            "{rule:?}"
        );
        assert!(tagged(|tag| tag.starts_with("mitre_")), "{rule:?}");
        assert!(tagged(is_technique), "{rule:?}");
        let shown: BTreeSet<&str> = rule.output.fields().map(|field| &*field.written).collect();
        for field in [
            "proc.cmdline",
            "proc.pid",
            "proc.pcmdline",
            "user.name",
            "container.id",
        ] {
            assert!(shown.contains(field), "{rule:?} does not show {field}");
        }
    }
}

/// `T1003` or `T1003.008`.
fn is_technique(tag: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    tag.strip_prefix('T')
        .is_some_and(|id| match id.split_once('.') {
            Some((technique, part)) => digits(technique, 4) && digits(part, 3),
            None => digits(id, 4),
        })
}

#[test]
fn the_readme_counts_the_rules_of_every_group() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let all = shipped().rules.len();
    assert!(
        readme.contains(&format!("\n{all} rules in ")),
        "{all} in all"
    );
    let files = std::fs::read_dir(root().join("rules")).expect("there are rules");
    for file in files.map(|file| file.expect("readable").path()) {
        let text = std::fs::read_to_string(&file).expect("readable");
        let count = text
            .lines()
            .filter(|line| line.starts_with("- rule: "))
            .count();
        let group = file.file_stem().expect("a name").display();
        let row = format!("| [{group}](tests/stories/{group}.md) | {count} |");
        assert!(count == 0 || readme.contains(&row), "{row}");
    }
}

#[test]
fn shipped_rules_ask_only_for_events_that_are_captured() {
    for rule in shipped().rules {
        let missing: Vec<&str> = (0..)
            .zip(events::rows())
            .filter(|(code, row)| rule.events.contains(events::EventCode(*code)) && !row.captured())
            .map(|(_, row)| row.name)
            .collect();
        assert!(missing.is_empty(), "{rule:?} waits for {missing:?}");
    }
}
