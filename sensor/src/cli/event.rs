//! An event as verbs take it from a person: JSON or YAML on the command line,
//! in a file, or from standard input.

use std::io::Read;
use std::path::Path;

use super::Failure;
use crate::diagnostic::Diagnostic;
use crate::lab::event::{self, Fields};

/// Most bytes an event is read from.
const MAX_BYTES: u64 = 16 << 20;

/// What the argument says: the event itself, `@FILE`, or `-` for standard
/// input.
pub(super) fn read(word: &str) -> Result<Fields, Failure> {
    let (name, text) = match word.strip_prefix('@') {
        Some(path) => (path, std::fs::File::open(Path::new(path)).and_then(bounded)),
        None if word == "-" => ("<standard input>", bounded(std::io::stdin().lock())),
        None => ("<event>", Ok(word.to_owned())),
    };
    let text = text.map_err(|error| {
        let message = format!("cannot read the event from {name}: {error}");
        vec![Diagnostic::error("CLI_EVENT", message)]
    })?;
    Ok(event::parse(name, &text)?)
}

fn bounded(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
