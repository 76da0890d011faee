//! A file of tests in, its tests out, or every mistake in it.
//!
//! ```yaml
//! - given:                       # holds for every test after it
//!     user.name: root
//! - test: cat prints the hashes
//!   event: {evt.type: openat, fd.num: 3, fd.name: /etc/shadow, proc.name: cat}
//!   expect: Password hashes read
//! - test: sshd reads them at login
//!   like: cat prints the hashes  # its event with these changes: a near miss
//!   event: {proc.name: sshd}
//!   expect: none
//! - test: a whole attack
//!   recording: attack.rec        # every event of it, or `at: 12` for one
//!   expect: [Password hashes read, Reverse shell on the command line]
//! ```
//!
//! The file is a sequence, as a rules file is, and its items are of kinds that
//! rules do not have, so that a Falco which is given it only warns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Happens, Recorded, Test};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::lab::event::{Budget, Exceeded, Fields, changed};
use crate::lab::reader::{INVALID, Keys, Reader, Said};
use crate::yaml::{self, Node, Value};

const KEYS: [&str; 7] = ["test", "like", "near", "event", "recording", "at", "expect"];
const KINDS: &str = "an item is `rules`, `given` or `test`";
/// A test of that name is there already, or is not there.
const WRONG_NAME: &str = "TEST_NAME";

/// What a file says.
#[derive(Debug, Default)]
pub struct File {
    /// The rules it names, relative to its own directory; none for those
    /// beside it.
    pub rules: Vec<PathBuf>,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// Reads the text of a file of tests; what is wrong is left out and reported.
pub fn read(source: &Arc<SourceFile>, found: &mut Vec<Diagnostic>) -> File {
    let documents = match yaml::parse(source) {
        Ok(documents) => documents,
        Err(mistake) => {
            found.push(mistake);
            return File::default();
        }
    };
    let mut reading = Reading {
        reader: Reader {
            file: source,
            found,
        },
        given: Fields::new(),
        by_name: HashMap::new(),
        budget: Budget::default(),
        file: File::default(),
    };
    for document in &documents {
        reading.document(document);
    }
    reading.file
}

/// A file while it is read, from top to bottom.
struct Reading<'a> {
    reader: Reader<'a>,
    given: Fields,
    by_name: HashMap<String, usize>,
    budget: Budget,
    file: File,
}

impl Reading<'_> {
    fn document(&mut self, node: &Node) {
        let items = match &node.value {
            Value::Null => return,
            Value::Sequence(items) => items,
            _ => {
                let message = format!("a file of tests is a sequence, not {}", node.kind());
                self.reader
                    .report(INVALID, message, node)
                    .set_help("start every test with `- `, as in `- test: what happens`");
                return;
            }
        };
        for item in items {
            if let Some(keys) = self.reader.keys(item, "an item") {
                self.item(&keys);
            }
        }
    }

    fn item(&mut self, keys: &Keys<'_>) {
        if let Some(node) = keys.get("test") {
            self.reader.known_keys(keys, &KEYS, "a test");
            if let Some(name) = self.reader.text(node, "test") {
                self.test(name, keys);
            }
        } else if let Some(node) = keys.get("given") {
            self.reader.known_keys(keys, &["given"], "`given`");
            let given = self.reader.event(node);
            self.given = changed(&self.given, &given);
        } else if let Some(node) = keys.get("rules") {
            self.reader.known_keys(keys, &["rules"], "`rules`");
            let paths = self.reader.texts(node, "rules");
            let beside = self.beside();
            let paths = paths.into_iter().map(|path| beside.join(path.text));
            self.file.rules.extend(paths);
        } else {
            self.unknown_item(keys);
        }
    }

    fn unknown_item(&mut self, keys: &Keys<'_>) {
        let near = keys
            .entries()
            .find_map(|(key, ..)| crate::diagnostic::nearest(key, ["rules", "given", "test"]));
        let help = near.map_or(KINDS.to_owned(), |near| format!("did you mean `{near}`?"));
        self.reader
            .report(INVALID, "this item is of no known kind", keys.node)
            .set_help(help);
    }

    fn test(&mut self, name: Said, keys: &Keys<'_>) {
        let like = keys.get("like").and_then(|node| self.like(node));
        let near = match (keys.get("near"), like) {
            (Some(node), _) => self.reader.texts(node, "near"),
            (None, Some(like)) => self.expected(like),
            (None, None) => Vec::new(),
        };
        let Some(happens) = self.happens(like, keys) else {
            return;
        };
        let Some(expect) = keys.get("expect") else {
            self.missing("expect", "`none`, a rule's name, or a list of them", keys);
            return;
        };
        let expect = self.reader.expect(expect);
        // Who must be true cannot have missed.
        let fires = |rule: &Said| {
            expect
                .rules
                .iter()
                .any(|known| known.rule.text == rule.text)
        };
        let near = near.into_iter().filter(|rule| !fires(rule)).collect();
        self.remember(&name);
        self.file.tests.push(Test {
            place: name.place,
            name: name.text,
            happens,
            expect,
            near,
        });
    }

    /// What happens in a test: a recording, or an event that is built on what
    /// is given or on the event of the test it is like.
    fn happens(&mut self, like: Option<usize>, keys: &Keys<'_>) -> Option<Happens> {
        if let Some(node) = keys.get("recording") {
            return self.recorded(node, keys).map(Happens::Recorded);
        }
        if let Some(node) = keys.get("at") {
            let message = "`at` is the number of an event of a `recording`, and there is none";
            self.reader.report(INVALID, message, node);
        }
        let Some(node) = keys.get("event") else {
            self.missing("event", "what happens, field by field", keys);
            return None;
        };
        let base = match like.and_then(|at| self.file.tests.get(at)) {
            None => self.given.clone(),
            Some(test) => match &test.happens {
                Happens::Event(event) => event.clone(),
                Happens::Recorded(_) => {
                    let message = "what was recorded cannot be changed";
                    self.reader
                        .report(INVALID, message, node)
                        .set_help("give the whole event, and drop `like`");
                    return None;
                }
            },
        };
        let event = changed(&base, &self.reader.event(node));
        if let Err(Exceeded(message)) = self.budget.take(&event) {
            let message = message?;
            self.reader.report(INVALID, message, node);
            return None;
        }
        if like.is_some() && event == base {
            let message = "this event is the one it is like";
            self.reader.report(INVALID, message, keys.node);
        }
        Some(Happens::Event(event))
    }

    fn recorded(&mut self, node: &Node, keys: &Keys<'_>) -> Option<Recorded> {
        for (name, key, _) in keys.entries() {
            if name == "event" || name == "like" {
                let message = format!("a recording has its own events, so `{name}` says nothing");
                self.reader.report(INVALID, message, key);
            }
        }
        let at = match keys.get("at") {
            None => None,
            Some(node) => {
                let said = self.reader.text(node, "at")?;
                let number = said.text.parse().ok().filter(|number| *number > 0);
                if number.is_none() {
                    let message = "`at` is the number of an event; the first is 1";
                    self.reader.report(INVALID, message, node);
                }
                number
            }
        };
        let said = self.reader.text(node, "recording")?;
        Some(Recorded {
            path: self.beside().join(said.text),
            place: said.place,
            at,
        })
    }

    /// The directory the file is in.
    fn beside(&self) -> PathBuf {
        let parent = Path::new(&self.reader.file.name).parent();
        parent.unwrap_or(Path::new("")).to_owned()
    }

    fn missing(&mut self, key: &str, what: &str, keys: &Keys<'_>) {
        let message = format!("this test has no `{key}`");
        let node = keys.get("test").unwrap_or(keys.node);
        self.reader
            .report(INVALID, message, node)
            .set_help(format!("`{key}` says {what}"));
    }

    /// Names are what `like` and `--filter` go by.
    fn remember(&mut self, name: &Said) {
        let number = self.file.tests.len();
        let Some(first) = self.by_name.insert(name.text.clone(), number) else {
            return;
        };
        let mistake = Diagnostic::error(WRONG_NAME, "another test of this file has this name")
            .at(name.place.clone());
        let first = self.file.tests.get(first).map(|test| test.place.clone());
        self.reader.found.push(match first {
            Some(first) => mistake.related(first, "the first of that name"),
            None => mistake,
        });
    }

    /// The number of the test that another is like.
    fn like(&mut self, node: &Node) -> Option<usize> {
        let said = self.reader.text(node, "like")?;
        let known = self.by_name.get(&said.text).copied();
        if known.is_none() {
            let names = self.by_name.keys().map(String::as_str);
            let mut mistake =
                Diagnostic::error(WRONG_NAME, format!("no test before is `{}`", said.text))
                    .at(said.place)
                    .suggest(&said.text, names);
            let help = "`like` names a test that stands before this one";
            mistake.help.get_or_insert(help.to_owned());
            self.reader.found.push(mistake);
        }
        known
    }

    /// The rules that a test expects.
    fn expected(&self, test: usize) -> Vec<Said> {
        let test = self.file.tests.get(test);
        let rules = test.into_iter().flat_map(|test| &test.expect.rules);
        rules.map(|expected| expected.rule.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read_text(text: &str) -> (File, Vec<String>) {
        let source = SourceFile::new("dir/t.test.yaml", text);
        let mut found = Vec::new();
        let file = read(&source, &mut found);
        let shown = found.iter().map(|mistake| {
            let place = mistake.place.as_ref().unwrap();
            let help = mistake.help.as_deref().unwrap_or_default();
            format!("{place} {}. {help}", mistake.message)
        });
        (file, shown.collect())
    }

    #[test]
    fn a_test_is_an_event_and_what_the_rules_say() {
        let (file, mistakes) = read_text(
            "
- rules: [../rules, extra.yaml]
- given: {user.name: root}
- test: one
  event: {evt.type: openat}
  expect: A
- test: two
  like: one
  event: {evt.type: open, user.name: ~}
  expect: none
- test: three
  near: B
  event: {}
  expect:
    - A
    - rule: C
      priority: warning
      output: >
        the text
      output_contains: [a, b]
",
        );
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(
            file.rules,
            [Path::new("dir/../rules"), Path::new("dir/extra.yaml")]
        );
        let [one, two, three] = file.tests.as_slice() else {
            panic!("{file:?}");
        };
        let event = |json: Json| Happens::Event(json.as_object().unwrap().clone());
        let first = json!({"user.name": "root", "evt.type": "openat"});
        assert_eq!(one.happens, event(first));
        assert_eq!(two.happens, event(json!({"evt.type": "open"})));
        assert_eq!(two.near[0].text, "A");
        assert!(one.near.is_empty() && two.expect.rules.is_empty());
        assert_eq!(three.near[0].text, "B");
        let c = &three.expect.rules[1];
        assert_eq!(c.rule.text, "C");
        let output = c.output.as_ref().unwrap();
        assert_eq!(output.value, "the text\n");
        let place = &output.place;
        assert_eq!(&place.file.text[place.range.clone()], ">\n        the text");
        assert_eq!(c.contains.len(), 2);
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_help() {
        for (text, want) in [
            (
                "test: x\n",
                "1:1 a file of tests is a sequence, not a mapping. start every test with `- `, as in `- test: what happens`",
            ),
            (
                "- tset: x\n",
                "1:3 this item is of no known kind. did you mean `test`?",
            ),
            (
                "- test: x\n  expect: none\n",
                "1:9 this test has no `event`. `event` says what happens, field by field",
            ),
            (
                "- test: x\n  event: {}\n",
                "1:9 this test has no `expect`. `expect` says `none`, a rule's name, or a list of them",
            ),
            (
                "- test: x\n  event: {}\n  expct: A\n  expect: A\n",
                "3:3 a test has no key `expct`. did you mean `expect`?",
            ),
            (
                "- test: x\n  event: {}\n  expect:\n",
                "3:9 `expect` says nothing. write `expect: none` when no rule must be true",
            ),
            (
                "- test: x\n  event: {}\n  like: y\n  expect: A\n",
                "3:9 no test before is `y`. `like` names a test that stands before this one",
            ),
            (
                "- test: x\n  event: {}\n  expect: {rule: A, priority: warn}\n",
                "3:31 `warn` is no priority. the priorities are Emergency",
            ),
            (
                "- test: x\n  event: {}\n  expect: {output: A}\n",
                "3:11 this expected alert has no `rule`. write",
            ),
            (
                "- test: x\n  event: {}\n  expect: A\n- test: x\n  event: {}\n  expect: A\n",
                "4:9 another test of this file has this name. ",
            ),
            (
                "- test: x\n  event: {}\n  expect: A\n- test: y\n  like: x\n  event: {}\n  expect: none\n",
                "4:3 this event is the one it is like. ",
            ),
            (
                "- test: x\n  recording: r\n  at: 0\n  expect: A\n",
                "3:7 `at` is the number of an event; the first is 1. ",
            ),
            (
                "- test: x\n  recording: r\n  event: {}\n  expect: A\n",
                "3:3 a recording has its own events, so `event` says nothing. ",
            ),
            (
                "- test: x\n  event: {}\n  at: 1\n  expect: A\n",
                "3:7 `at` is the number of an event of a `recording`, and there is none. ",
            ),
            (
                "- test: x\n  recording: r\n  expect: A\n- test: y\n  like: x\n  event: {}\n  expect: none\n",
                "6:10 what was recorded cannot be changed. give the whole event, and drop `like`",
            ),
            (
                "- test: x\n  event: {proc.nam: y}\n  expect: A\n",
                "2:11 no field is named `proc.nam`. did you mean `proc.name`?",
            ),
        ] {
            let (_, mistakes) = read_text(text);
            let want = format!("dir/t.test.yaml:{want}");
            assert!(
                mistakes.len() == 1 && mistakes[0].starts_with(&want),
                "{text}\n{want}\n{mistakes:#?}"
            );
        }
    }
}
