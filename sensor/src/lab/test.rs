//! Tests that people wrote in, what became of each out: unit tests of rules on
//! the engine that runs them.
//!
//! A test is an event and what the rules must say to it. It is told in YAML
//! beside the rules ([`mod@file`]), under a rule ([`story`]) or on a page of
//! stories ([`page`]); whatever the form, one [`Test`] comes of it, and all
//! that follows knows only that.

pub mod coverage;
pub mod diff;
mod expect;
pub mod file;
pub mod find;
mod hear;
pub mod json;
pub mod junit;
mod lines;
pub mod page;
pub mod report;
pub mod run;
pub mod story;
pub mod suite;
pub mod update;

use std::path::PathBuf;

use super::event::Fields;
use super::reader::Said;
use crate::alert::Priority;
use crate::diagnostic::Place;

/// One test.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it is called; for stories, made of the rule's name.
    pub name: String,
    /// Where it was written: its name, its key or its block.
    pub place: Place,
    /// What happens.
    pub happens: Happens,
    /// What the rules must say.
    pub expect: Expect,
    /// The rules that must stay silent by a narrow margin.
    pub near: Vec<Said>,
}

/// What happens in a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Happens {
    /// An event of these fields.
    Event(Fields),
    /// What was recorded.
    Recorded(Recorded),
}

/// A recording, or one event of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Where the test names it.
    pub place: Place,
    /// The number of the event; without it, all of them.
    pub at: Option<u64>,
}

/// What the rules must say to an event: exactly these rules are true.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// The rules, in the order written.
    pub rules: Vec<ExpectedRule>,
    /// The value to write anew when it is no longer right; `None` where it
    /// follows from the form of the test.
    pub written: Option<Place>,
}

/// A rule that must be true, and what its alert must be.
#[derive(Debug, Clone)]
pub struct ExpectedRule {
    /// Its name.
    pub rule: Said,
    /// Where the whole entry stands.
    pub entry: Place,
    /// How serious.
    pub priority: Option<Wanted<Priority>>,
    /// The whole message, without time and priority.
    pub output: Option<Wanted<String>>,
    /// Texts that the message must have in it.
    pub contains: Vec<Said>,
}

/// A value that an alert must have, and what stands for it in the file.
#[derive(Debug, Clone)]
pub struct Wanted<T> {
    /// The value.
    pub value: T,
    /// All that was written for it, a block's `|` or `>` included.
    pub place: Place,
}
