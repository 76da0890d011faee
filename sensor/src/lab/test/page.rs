//! A page of stories in, its tests out, or every mistake in it.
//!
//! A page is Markdown for people. What is read of it:
//!
//! - `## NAME`: what follows is about the rule of that name.
//! - a block fenced with ```` ```yaml given ````, before the first rule: field
//!   values that hold for every event of the page.
//! - a block fenced with ```` ```yaml fires ````: an event. Exactly the rule of
//!   the heading must be true for it, among all rules.
//! - a block fenced with ```` ```yaml silent ````: a near miss. It is told as
//!   what differs from the last `fires` event (`null` takes a field away), and
//!   no rule may be true for it.

use std::ops::Range;
use std::sync::Arc;

use super::{Expect, ExpectedRule, Happens, Test};
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::lab::event::{Budget, Exceeded, Fields, changed};
use crate::lab::reader::{INVALID, Reader, Said};
use crate::yaml;

/// Bytes of one page. Each of its blocks is read with the place it has in the
/// whole page, so a page may not be endless.
const MAX_BYTES: usize = 1 << 20;
/// Blocks of one page, for the same reason.
const MAX_BLOCKS: usize = 1_000;

/// Reads the text of a page; what is wrong is left out and reported.
pub fn read(source: &Arc<SourceFile>, found: &mut Vec<Diagnostic>) -> Vec<Test> {
    if source.text.len() > MAX_BYTES {
        let message = format!("a page of more than {} MiB is no story", MAX_BYTES >> 20);
        found.push(Diagnostic::error(INVALID, message).at(Place::new(source, 0..0)));
        return Vec::new();
    }
    let mut page = Page {
        source,
        found,
        rule: None,
        budget: Budget::default(),
        blocks: MAX_BLOCKS,
        given: Fields::new(),
        attack: None,
        told: (0, 0),
        tests: Vec::new(),
    };
    page.lines();
    page.tests
}

/// What a block of a page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Given,
    Fires,
    Silent,
}

/// A page while it is read, from top to bottom.
struct Page<'a> {
    source: &'a Arc<SourceFile>,
    found: &'a mut Vec<Diagnostic>,
    /// The last heading.
    rule: Option<Said>,
    budget: Budget,
    /// Blocks that may follow.
    blocks: usize,
    given: Fields,
    /// The last attack under it.
    attack: Option<Fields>,
    /// How many attacks and near misses stand under it.
    told: (usize, usize),
    tests: Vec<Test>,
}

impl Page<'_> {
    fn lines(&mut self) {
        let text = Arc::clone(self.source);
        let mut fence: Option<(Range<usize>, usize)> = None;
        let mut at = 0;
        for line in text.text.split_inclusive('\n') {
            let range = at..at + line.trim_end().len();
            let body = at;
            at += line.len();
            match &fence {
                Some((opening, start)) if line.starts_with("```") => {
                    let Some(left) = self.blocks.checked_sub(1) else {
                        let message = format!("a page has {MAX_BLOCKS} blocks at most");
                        self.mistake(message, opening.clone());
                        return;
                    };
                    self.blocks = left;
                    self.block(opening.clone(), *start..body);
                    fence = None;
                }
                Some(_) => {}
                None if line.starts_with("```") => fence = Some((range, at)),
                None => self.heading(line, range.start),
            }
        }
        if let Some((opening, _)) = fence {
            self.mistake("this block does not end", opening)
                .set_help("end it with a line of three backticks");
        }
    }

    fn heading(&mut self, line: &str, at: usize) {
        let Some(rule) = line.strip_prefix("## ").map(str::trim) else {
            return;
        };
        let start = at + line.find(rule).unwrap_or_default();
        self.rule = Some(Said {
            text: rule.to_owned(),
            place: Place::new(self.source, start..start + rule.len()),
        });
        self.attack = None;
        self.told = (0, 0);
    }

    fn mistake(&mut self, message: impl Into<String>, range: Range<usize>) -> &mut Diagnostic {
        let place = Place::new(self.source, range);
        self.found
            .push_mut(Diagnostic::error(INVALID, message).at(place))
    }

    fn block(&mut self, opening: Range<usize>, body: Range<usize>) {
        let info = self.source.text.get(opening.clone()).unwrap_or_default();
        let word = match info.trim_start_matches('`').trim() {
            "yaml given" => Word::Given,
            "yaml fires" => Word::Fires,
            "yaml silent" => Word::Silent,
            other => {
                let message = format!(
                    "a block is `yaml given`, `yaml fires` or `yaml silent`, not `{other}`"
                );
                self.mistake(message, opening);
                return;
            }
        };
        let before = self.found.len();
        let fields = self.fields(body);
        // What is wrong with its event is enough to say of a block.
        if self.found.len() == before {
            self.scene(word, &fields, opening);
        }
    }

    fn scene(&mut self, word: Word, fields: &Fields, opening: Range<usize>) {
        let rule = self.rule.clone();
        let event = match (word, &rule, &self.attack) {
            (Word::Given, None, _) => {
                self.given = changed(&self.given, fields);
                return;
            }
            (Word::Given, Some(_), _) => {
                self.mistake("what is given stands before the first rule", opening);
                return;
            }
            (_, None, _) => {
                self.mistake("an event needs the heading of its rule", opening)
                    .set_help("write `## ` and the name of the rule above it");
                return;
            }
            (Word::Silent, _, None) => {
                self.mistake("a near miss needs an attack before it", opening);
                return;
            }
            (Word::Fires, ..) => changed(&self.given, fields),
            (Word::Silent, _, Some(attack)) => {
                let event = changed(attack, fields);
                if event == *attack {
                    self.mistake("the near miss is the attack itself", opening);
                    return;
                }
                event
            }
        };
        match (self.budget.take(&event), rule) {
            (Ok(()), Some(rule)) => self.test(word, rule, event, opening),
            (Err(Exceeded(Some(message))), _) => {
                self.mistake(message, opening);
            }
            (Ok(()), None) | (Err(Exceeded(None)), _) => {}
        }
    }

    fn test(&mut self, word: Word, rule: Said, event: Fields, opening: Range<usize>) {
        let name = match word {
            Word::Silent => {
                self.told.1 += 1;
                format!("{}, near miss {}", rule.text, self.told.1)
            }
            Word::Fires | Word::Given => {
                self.told.0 += 1;
                format!("{}, attack {}", rule.text, self.told.0)
            }
        };
        let mut expect = Expect::default();
        let mut near = Vec::new();
        if word == Word::Silent {
            near.push(rule);
        } else {
            self.attack = Some(event.clone());
            expect.rules.push(ExpectedRule::named(rule));
        }
        self.tests.push(Test {
            name,
            place: Place::new(self.source, opening),
            happens: Happens::Event(event),
            expect,
            near,
        });
    }

    /// The fields a block says, each with its place in the page: all of the
    /// page but the block is blank for the reader.
    fn fields(&mut self, body: Range<usize>) -> Fields {
        let text = &self.source.text;
        let blank = |part: &str| -> String {
            let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
            part.bytes().map(blank).collect()
        };
        let before = blank(text.get(..body.start).unwrap_or_default());
        let block = text.get(body).unwrap_or_default();
        let alone = SourceFile::new(self.source.name.clone(), before + block);
        let documents = match yaml::parse(&alone) {
            Ok(documents) => documents,
            Err(mistake) => {
                self.found.push(mistake);
                return Fields::new();
            }
        };
        let mut reader = Reader {
            file: &alone,
            found: self.found,
        };
        let mut fields = Fields::new();
        for document in &documents {
            fields.extend(reader.event(document));
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read_text(text: &str) -> (Vec<Test>, Vec<String>) {
        let mut found = Vec::new();
        let tests = read(&SourceFile::new("p", text), &mut found);
        let shown = found.iter();
        let shown = shown.map(|m| format!("{} {}", m.place.as_ref().unwrap(), m.message));
        (tests, shown.collect())
    }

    #[test]
    fn a_page_with_a_mistake_is_refused_with_its_place() {
        let many = "```yaml given\n```\n".repeat(1_001);
        let cases = [
            (
                "## R\n```yaml silent\nproc.pid: 1\n```",
                "p:2:1 a near miss needs an attack before it",
            ),
            (
                "```yaml fires\nproc.pid: 1\n```",
                "p:1:1 an event needs the heading of its rule",
            ),
            (
                "## R\n```yaml given\nproc.pid: 1\n```",
                "p:2:1 what is given stands before the first rule",
            ),
            (
                "## R\n```yaml fires\nproc.pid: 1\n```\n```yaml silent\nproc.pid: 1\n```",
                "p:5:1 the near miss is the attack itself",
            ),
            (
                "## R\n\n```yaml fire\n```",
                "p:3:1 a block is `yaml given`, `yaml fires` or `yaml silent`, not `yaml fire`",
            ),
            ("## R\n```yaml fires\n", "p:2:1 this block does not end"),
            (
                "## Rä\nüü\n```yaml fires\nproc.pid: 1\nproc.pdi: 1\n```\n",
                "p:5:1 no field is named `proc.pdi`",
            ),
            ("## R\n```yaml fires\na: b: c\n```\n", "p:3:5 "),
            (many.as_str(), "p:2001:1 a page has 1000 blocks at most"),
        ];
        for (page, expected) in cases {
            let (_, mistakes) = read_text(page);
            assert!(
                mistakes.len() == 1 && mistakes[0].starts_with(expected),
                "{page}: {mistakes:#?}"
            );
        }
    }

    #[test]
    fn a_near_miss_is_the_attack_with_its_changes() {
        let page = "```yaml given\nproc.pid: 1\nproc.ppid: 2\n```\n## R\n```yaml fires\nfd.num: 3\n```\n\
            ```yaml silent\nproc.ppid: null\nfd.num: 4\n```";
        let (tests, mistakes) = read_text(page);
        assert_eq!(mistakes, [""; 0]);
        let told: Vec<_> = tests
            .into_iter()
            .map(|test| {
                let (expected, near) = (test.expect.rules.len(), test.near.len());
                (test.name, expected, near, test.happens)
            })
            .collect();
        let event = |json: Json| Happens::Event(json.as_object().unwrap().clone());
        let attack = event(json!({"proc.pid": 1, "proc.ppid": 2, "fd.num": 3}));
        let miss = event(json!({"proc.pid": 1, "fd.num": 4}));
        assert_eq!(
            told,
            [
                ("R, attack 1".to_owned(), 1, 0, attack),
                ("R, near miss 1".to_owned(), 0, 1, miss),
            ]
        );
    }
}
