//! Tests and the paths of their rules in, tests with rules that are loaded out;
//! or every mistake in either.

use std::path::PathBuf;

use super::find::Group;
use super::{Happens, Test, story};
use crate::detect::rules::{self, LoadOptions, Loaded, Rule, RuleSet};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lab::reader::Said;
use crate::recording::Reader;
use crate::shipped;

/// A recording that cannot be read.
const NO_RECORDING: &str = "TEST_NO_RECORDING";
/// A test names a rule that is not there.
const UNKNOWN_RULE: &str = "TEST_UNKNOWN_RULE";

/// Tests, ready to run.
#[derive(Debug)]
pub struct Suite {
    /// Where the rules are from; none for those this program carries.
    pub paths: Vec<PathBuf>,
    /// The rules.
    pub rules: RuleSet,
    /// The tests.
    pub tests: Vec<Test>,
}

/// Loads the rules of a group and reads the stories beside them. `options`
/// says how to load; its paths are those of the group. `None` when the rules
/// are broken, which `found` tells then.
pub fn load(group: Group, options: &LoadOptions, found: &mut Vec<Diagnostic>) -> Option<Suite> {
    let options = LoadOptions {
        paths: group.rules.clone(),
        ..options.clone()
    };
    let loaded = if group.rules.is_empty() {
        rules::load_texts(shipped::RULES, &options)
    } else {
        rules::load(&options)
    };
    let Loaded { rules, .. } = match loaded {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            // The file's own mistakes; its warnings are for `sensor check`.
            let errors = mistakes.into_iter();
            found.extend(errors.filter(|mistake| mistake.severity == Severity::Error));
            return None;
        }
    };
    let mut tests = Vec::new();
    if group.stories {
        for rule in &rules.rules {
            tests.extend(stories(rule, found));
        }
    }
    tests.extend(group.tests);
    for test in &tests {
        found.extend(unreadable(test));
        let expected = test.expect.rules.iter().map(|expected| &expected.rule);
        for name in expected.chain(&test.near) {
            found.extend(unknown(name, &rules));
        }
    }
    Some(Suite {
        paths: group.rules,
        rules,
        tests,
    })
}

fn stories(rule: &Rule, found: &mut Vec<Diagnostic>) -> Vec<Test> {
    let stories = rule.stories.iter();
    stories
        .flat_map(|story| story::read(&rule.name, story, found))
        .collect()
}

/// What to say of a recording that is none.
fn unreadable(test: &Test) -> Option<Diagnostic> {
    let Happens::Recorded(recorded) = &test.happens else {
        return None;
    };
    let error = Reader::open(&recorded.path).err()?;
    let message = format!("cannot replay {}: {error}", recorded.path.display());
    let mistake = Diagnostic::error(NO_RECORDING, message).at(recorded.place.clone());
    Some(mistake.help("`sensor record` makes recordings; paths count from the file of the test"))
}

/// What to say of a rule's name that no rule has.
fn unknown(name: &Said, rules: &RuleSet) -> Option<Diagnostic> {
    let names = || rules.rules.iter().map(|rule| &*rule.name);
    if names().any(|known| known == name.text) {
        return None;
    }
    let message = format!("no rule in force is named `{}`", name.text);
    let mut mistake = Diagnostic::error(UNKNOWN_RULE, message)
        .at(name.place.clone())
        .suggest(&name.text, names());
    let help = "a rule that is switched off says nothing; `-r` gives other rules";
    mistake.help.get_or_insert(help.to_owned());
    Some(mistake)
}
