//! The stories of `tests/stories/*.md`, told to the real engine with the shipped rules.
//!
//! A page is Markdown for people. What this test reads of it:
//!
//! - `## NAME`: what follows is about the rule of that name.
//! - a block fenced with ```` ```yaml given ````, before the first rule: field values that hold for every
//!   event of the page.
//! - a block fenced with ```` ```yaml fires ````: an event, field by field. Exactly the rule of the heading
//!   must be true for it, among all shipped rules.
//! - a block fenced with ```` ```yaml silent ````: a near miss. It is told as what differs from the last
//!   `fires` event (`null` takes a field away), and no rule may be true for it.
//!
//! A field that is not given has no value, as the language defines missing
//! values. Every shipped rule needs an attack and a near miss.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, RuleSet, load};
use sensor::events;
use sensor::fields::given::Given;
use serde_json::{Map, Value};

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

/// What a block of a page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Given,
    Fires,
    Silent,
}

/// One event of a page.
#[derive(Debug)]
struct Scene {
    /// `PAGE:LINE` of the block.
    at: String,
    /// The rule the story is about.
    rule: String,
    /// Whether that rule must be true, or none.
    fires: bool,
    /// The event.
    event: Map<String, Value>,
}

/// All scenes of all pages, or what is wrong with a page.
fn scenes() -> Result<Vec<Scene>, String> {
    let folder = root().join("tests/stories");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    let mut all = Vec::new();
    for path in pages {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        all.extend(Page::read(&name, &text)?);
    }
    Ok(all)
}

/// A page while it is read, from top to bottom.
#[derive(Default)]
struct Page {
    rule: Option<String>,
    given: Map<String, Value>,
    attack: Option<Map<String, Value>>,
    scenes: Vec<Scene>,
}

impl Page {
    fn read(name: &str, text: &str) -> Result<Vec<Scene>, String> {
        let mut page = Self::default();
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let at = format!("{name}:{number}");
            if let Some(rule) = line.strip_prefix("## ") {
                page.rule = Some(rule.trim().to_owned());
                page.attack = None;
            } else if let Some(info) = line.strip_prefix("```") {
                let word = word(info).map_err(|why| format!("{at}: {why}"))?;
                let body: Vec<&str> = lines
                    .by_ref()
                    .map(|(line, _)| line)
                    .take_while(|line| !line.starts_with("```"))
                    .collect();
                page.block(at.clone(), word, &body.join("\n"))
                    .map_err(|why| format!("{at}: {why}"))?;
            }
        }
        Ok(page.scenes)
    }

    fn block(&mut self, at: String, word: Word, yaml: &str) -> Result<(), String> {
        let fields: Map<String, Value> =
            serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
        let event = match (word, &self.rule, &self.attack) {
            (Word::Given, None, _) => {
                self.given = fields;
                return Ok(());
            }
            (Word::Given, Some(_), _) => {
                return Err("what is given stands before the first rule".into());
            }
            (_, None, _) => return Err("an event needs the heading of its rule".into()),
            (Word::Silent, _, None) => return Err("a near miss needs an attack before it".into()),
            (Word::Fires, ..) => changed(&self.given, &fields),
            (Word::Silent, _, Some(attack)) => {
                let event = changed(attack, &fields);
                if event == *attack {
                    return Err("the near miss is the attack itself".into());
                }
                event
            }
        };
        if word == Word::Fires {
            self.attack = Some(event.clone());
        }
        self.scenes.push(Scene {
            at,
            rule: self.rule.clone().unwrap_or_default(),
            fires: word == Word::Fires,
            event,
        });
        Ok(())
    }
}

/// The word behind the opening fence.
fn word(info: &str) -> Result<Word, String> {
    match info.trim() {
        "yaml given" => Ok(Word::Given),
        "yaml fires" => Ok(Word::Fires),
        "yaml silent" => Ok(Word::Silent),
        other => Err(format!(
            "a block is `yaml given`, `yaml fires` or `yaml silent`, not `{other}`"
        )),
    }
}

/// `base` with the changes made; `null` takes a field away.
fn changed(base: &Map<String, Value>, changes: &Map<String, Value>) -> Map<String, Value> {
    let mut event = base.clone();
    for (field, value) in changes {
        if value.is_null() {
            event.remove(field);
        } else {
            event.insert(field.clone(), value.clone());
        }
    }
    event
}

/// The names of all rules that are true for the scene's event.
fn hits(engine: &Engine, scene: &Scene) -> Result<BTreeSet<String>, String> {
    let name = scene.event.get("evt.type").and_then(Value::as_str);
    let code = name
        .and_then(events::by_name)
        .ok_or("the event needs an evt.type that exists")?;
    let subject = Given::from_json(&Value::Object(scene.event.clone()))?;
    let mut hits = BTreeSet::new();
    engine.evaluate(code, &subject, |rule| {
        hits.insert(rule.name.to_string());
    });
    Ok(hits)
}

#[test]
fn every_attack_fires_its_rule_alone_and_every_near_miss_none() {
    let engine = Engine::new(&shipped(), Matching::All);
    let mut wrong = Vec::new();
    for scene in scenes().expect("the pages are well formed") {
        let expected: BTreeSet<String> = scene
            .fires
            .then(|| scene.rule.clone())
            .into_iter()
            .collect();
        match hits(&engine, &scene) {
            Ok(hits) if hits == expected => {}
            Ok(hits) => wrong.push(format!(
                "{} ({}): {expected:?} should be true, {hits:?} are",
                scene.at, scene.rule
            )),
            Err(why) => wrong.push(format!("{}: {why}", scene.at)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shipped_rule_has_an_attack_and_a_near_miss_and_every_story_a_rule() {
    let scenes = scenes().expect("the pages are well formed");
    let told = |fires| -> BTreeSet<&str> {
        let scenes = scenes.iter().filter(|scene| scene.fires == fires);
        scenes.map(|scene| scene.rule.as_str()).collect()
    };
    let rules = shipped().rules;
    let names: BTreeSet<&str> = rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, told(true), "rules, and rules with an attack");
    assert_eq!(names, told(false), "rules, and rules with a near miss");
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
fn the_readme_names_every_shipped_rule() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let rules = shipped().rules;
    assert!(
        readme.contains(&format!("\n{} rules in ", rules.len())),
        "their number"
    );
    for rule in rules {
        let named = |before, after| readme.contains(&format!("{before} {} {after}", rule.name));
        assert!(
            named('|', '|') || named('|', '·') || named('·', '·') || named('·', '|'),
            "{rule:?}"
        );
    }
}

#[test]
fn shipped_rules_ask_only_for_events_that_are_captured() {
    for rule in shipped().rules {
        let missing: Vec<&str> = (0..)
            .zip(events::rows())
            .filter(|(code, row)| rule.events.contains(events::EventCode(*code)) && !row.captured)
            .map(|(_, row)| row.name)
            .collect();
        assert!(missing.is_empty(), "{rule:?} waits for {missing:?}");
    }
}

#[test]
fn a_page_with_a_mistake_is_refused_with_its_line() {
    let cases = [
        (
            "## R\n```yaml silent\na: 1\n```",
            "p:2: a near miss needs an attack before it",
        ),
        (
            "```yaml fires\na: 1\n```",
            "p:1: an event needs the heading of its rule",
        ),
        (
            "## R\n```yaml given\na: 1\n```",
            "p:2: what is given stands before the first rule",
        ),
        (
            "## R\n```yaml fires\na: 1\n```\n```yaml silent\na: 1\n```",
            "p:5: the near miss is the attack itself",
        ),
        (
            "## R\n\n```yaml fire\n```",
            "p:3: a block is `yaml given`, `yaml fires` or `yaml silent`, not `yaml fire`",
        ),
    ];
    for (page, expected) in cases {
        assert_eq!(Page::read("p", page).unwrap_err(), expected);
    }
}

#[test]
fn a_near_miss_is_the_attack_with_its_changes() {
    let page = "```yaml given\na: 1\nb: 2\n```\n## R\n```yaml fires\nc: 3\n```\n```yaml silent\nb: null\nc: 4\n```";
    let scenes = Page::read("p", page).expect("the page is well formed");
    let events: Vec<_> = scenes
        .into_iter()
        .map(|scene| Value::Object(scene.event))
        .collect();
    assert_eq!(
        events,
        [
            serde_json::json!({"a": 1, "b": 2, "c": 3}),
            serde_json::json!({"a": 1, "c": 4})
        ]
    );
}
