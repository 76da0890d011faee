//! The story that stands under a rule in, its tests out.
//!
//! ```yaml
//! - rule: Password hashes read
//!   …
//!   story:
//!     - given: {user.name: root}       # holds for every event after it
//!     - fires: somebody prints them    # exactly this rule is true
//!       event: {evt.type: openat, fd.num: 3, fd.name: /etc/shadow}
//!       output_contains: /etc/shadow
//!     - silent: an attempt that failed # the attack above, with these changes
//!       event: {fd.num: -1}
//! ```
//!
//! `also` names other rules that are true for the same event.

use super::{Expect, ExpectedRule, Happens, Test};
use crate::detect::rules;
use crate::diagnostic::{Diagnostic, Place};
use crate::lab::event::{Budget, Exceeded, Fields, changed};
use crate::lab::reader::{INVALID, Keys, Reader, Said};
use crate::yaml::{Node, Value};

const FIRES: [&str; 6] = [
    "fires",
    "event",
    "also",
    "priority",
    "output",
    "output_contains",
];
const SILENT: [&str; 3] = ["silent", "event", "also"];

/// Reads the story of a rule; what is wrong is left out and reported.
pub fn read(rule: &str, written: &rules::Story, found: &mut Vec<Diagnostic>) -> Vec<Test> {
    let node = &written.node;
    let mut story = Story {
        reader: Reader {
            file: &written.file,
            found,
        },
        rule: Said {
            text: rule.to_owned(),
            place: Place::new(&written.file, node.range.clone()),
        },
        budget: Budget::default(),
        given: Fields::new(),
        attack: None,
        tests: Vec::new(),
    };
    match &node.value {
        Value::Null => {}
        Value::Sequence(items) => items.iter().for_each(|item| story.item(item)),
        _ => {
            let message = format!("a story is a sequence, not {}", node.kind());
            story
                .reader
                .report(INVALID, message, node)
                .set_help("start every part with `- `, as in `- fires: what happens`");
        }
    }
    story.tests
}

struct Story<'a> {
    reader: Reader<'a>,
    rule: Said,
    budget: Budget,
    given: Fields,
    attack: Option<Fields>,
    tests: Vec<Test>,
}

impl Story<'_> {
    fn item(&mut self, node: &Node) {
        let Some(keys) = self.reader.keys(node, "a part of a story") else {
            return;
        };
        if let Some(given) = keys.get("given") {
            self.reader.known_keys(&keys, &["given"], "`given`");
            let given = self.reader.event(given);
            self.given = changed(&self.given, &given);
        } else if let Some(name) = keys.get("fires") {
            self.reader.known_keys(&keys, &FIRES, "an attack");
            self.attack(name, &keys);
        } else if let Some(name) = keys.get("silent") {
            self.reader.known_keys(&keys, &SILENT, "a near miss");
            self.near_miss(name, &keys);
        } else {
            let message = "this part of a story is of no known kind";
            self.reader
                .report(INVALID, message, node)
                .set_help("a part is `given`, `fires` or `silent`");
        }
    }

    fn attack(&mut self, name: &Node, keys: &Keys<'_>) {
        let Some((name, event)) = self.name_and_event(name, keys) else {
            return;
        };
        let event = changed(&self.given, &event);
        let mut expected = ExpectedRule::named(self.rule.clone());
        self.reader.alert(keys, &mut expected);
        let mut rules = vec![expected];
        rules.extend(self.also(keys));
        if !self.affordable(&event, keys.node) {
            return;
        }
        self.attack = Some(event.clone());
        self.push(name, event, rules, Vec::new());
    }

    fn near_miss(&mut self, name: &Node, keys: &Keys<'_>) {
        let Some((said, event)) = self.name_and_event(name, keys) else {
            return;
        };
        let Some(attack) = &self.attack else {
            let message = "a near miss needs an attack before it";
            self.reader.report(INVALID, message, name);
            return;
        };
        let event = changed(attack, &event);
        if event == *attack {
            let message = "the near miss is the attack itself";
            self.reader.report(INVALID, message, name);
            return;
        }
        if !self.affordable(&event, keys.node) {
            return;
        }
        let rules = self.also(keys);
        let near = vec![self.rule.clone()];
        self.push(said, event, rules, near);
    }

    /// Whether there is room for one more event.
    fn affordable(&mut self, event: &Fields, node: &Node) -> bool {
        match self.budget.take(event) {
            Ok(()) => true,
            Err(Exceeded(message)) => {
                if let Some(message) = message {
                    self.reader.report(INVALID, message, node);
                }
                false
            }
        }
    }

    fn name_and_event(&mut self, name: &Node, keys: &Keys<'_>) -> Option<(Said, Fields)> {
        let said = self.reader.text(name, "the name of a part")?;
        let Some(event) = keys.get("event") else {
            self.reader
                .report(INVALID, "this part of a story has no `event`", name)
                .set_help("`event` says what happens, field by field");
            return None;
        };
        Some((said, self.reader.event(event)))
    }

    fn also(&mut self, keys: &Keys<'_>) -> Vec<ExpectedRule> {
        let Some(node) = keys.get("also") else {
            return Vec::new();
        };
        let names = self.reader.texts(node, "also");
        names.into_iter().map(ExpectedRule::named).collect()
    }

    fn push(&mut self, said: Said, event: Fields, rules: Vec<ExpectedRule>, near: Vec<Said>) {
        self.tests.push(Test {
            name: format!("{}: {}", self.rule.text, said.text),
            place: said.place,
            happens: Happens::Event(event),
            expect: Expect {
                rules,
                written: None,
            },
            near,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::yaml;

    fn read_text(text: &str) -> (Vec<Test>, Vec<String>) {
        let file = SourceFile::new("r.yaml", text);
        let node = yaml::parse(&file).unwrap().remove(0);
        let mut found = Vec::new();
        let tests = read("R", &rules::Story { file, node }, &mut found);
        let shown = found.iter();
        let shown = shown.map(|m| format!("{} {}", m.place.as_ref().unwrap(), m.message));
        (tests, shown.collect())
    }

    #[test]
    fn a_story_has_attacks_and_near_misses() {
        let (tests, mistakes) = read_text(
            "
- given: {user.name: root}
- fires: a
  event: {fd.num: 3}
  also: [S]
  output_contains: x
- silent: b
  event: {fd.num: -1}
",
        );
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(tests[0].name, "R: a");
        let names = tests[0]
            .expect
            .rules
            .iter()
            .map(|rule| rule.rule.text.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["R", "S"]);
        assert_eq!(tests[1].near[0].text, "R");
        let event = json!({"user.name": "root", "fd.num": -1});
        let event = Happens::Event(event.as_object().unwrap().clone());
        assert_eq!(tests[1].happens, event);
    }

    #[test]
    fn mistakes_of_a_story_have_their_place() {
        for (text, want) in [
            (
                "fires: x\n",
                "r.yaml:1:1 a story is a sequence, not a mapping",
            ),
            (
                "- fire: x\n",
                "r.yaml:1:3 this part of a story is of no known kind",
            ),
            (
                "- fires: x\n",
                "r.yaml:1:10 this part of a story has no `event`",
            ),
            (
                "- silent: x\n  event: {}\n",
                "r.yaml:1:11 a near miss needs an attack before it",
            ),
            (
                "- fires: x\n  event: {}\n- silent: y\n  event: {}\n",
                "r.yaml:3:11 the near miss is the attack itself",
            ),
            (
                "- silent: x\n  event: {}\n  output: y\n- fires: z\n  event: {}\n",
                "r.yaml:3:3 a near miss has no key `output`",
            ),
        ] {
            let (_, mistakes) = read_text(text);
            assert_eq!(mistakes.first().map(String::as_str), Some(want), "{text}");
        }
    }
}
