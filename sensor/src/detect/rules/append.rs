//! What the configuration adds to the outputs of rules, and the output of a
//! rule with all of it in.
//!
//! An addition is checked together with every rule it is for: one that names
//! an unknown field lets none of them load.

use std::fmt::Write as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::collection::RuleText;
use crate::detect::format::{Format, FormatError};
use crate::detect::program::ErrorKind;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::fields::{self, Statics};
use crate::yaml::traced::Traced;

/// What outputs were once told to hold of the container; nothing now.
const CONTAINER_INFO: &str = "%container.info";
/// The source whose events the suggested fields are about.
const SYSCALL: &str = "syscall";

/// One addition to the outputs of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AppendOutput {
    /// Which rules it is for. Empty: all of them.
    #[serde(rename = "match")]
    pub which: Match,
    /// Text put behind the rule's output, after one blank; `%fd.name` and the
    /// like are replaced as in the output itself.
    pub extra_output: Option<String>,
    /// More entries of `output_fields`: a field's name gives its value, a map
    /// `{key: text}` gives the text made from an output format.
    pub extra_fields: Vec<ExtraField>,
    /// Put the fields behind the output that say where it happened: container,
    /// image, pod, and the `static_fields`.
    pub suggested_output: bool,
}

/// Which rules an addition is for: those for which all that is given is true.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Rules of this source.
    pub source: Option<String>,
    /// Rules that have all of these tags.
    pub tags: Vec<String>,
    /// The rule of this name.
    pub rule: Option<String>,
}

/// One more entry, or several, of `output_fields`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ExtraField {
    /// A field: its typed value.
    Field(String),
    /// Keys with the output formats that make their texts.
    Text(std::collections::BTreeMap<String, String>),
}

impl Match {
    fn fits(&self, rule: &RuleText) -> bool {
        let is = |wanted: &Option<String>, have: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == have)
        };
        is(&self.source, &rule.source.text)
            && is(&self.rule, &rule.name.text)
            && self.tags.iter().all(|tag| rule.tags.contains(tag))
    }
}

/// An extra field, its texts as sources of their own, to show mistakes in.
enum Extra {
    Field(Traced),
    Text(String, Traced),
}

/// An addition, ready to be applied.
struct Prepared<'o> {
    which: &'o Match,
    output: Option<Traced>,
    extras: Vec<Extra>,
    suggested: bool,
}

/// Every addition of the configuration.
pub(super) struct Additions<'o> {
    prepared: Vec<Prepared<'o>>,
    statics: &'o Statics,
}

impl<'o> Additions<'o> {
    /// Takes what is configured.
    pub(super) fn new(configured: &'o [AppendOutput], statics: &'o Statics) -> Self {
        let prepare = |(index, added): (usize, &'o AppendOutput)| {
            let source = |key: &str, text: &str| {
                written(&SourceFile::new(
                    format!("append_output[{index}].{key}"),
                    text,
                ))
            };
            let mut extras = Vec::new();
            for (at, extra) in added.extra_fields.iter().enumerate() {
                let key = format!("extra_fields[{at}]");
                match extra {
                    ExtraField::Field(name) => extras.push(Extra::Field(source(&key, name))),
                    ExtraField::Text(texts) => extras.extend(texts.iter().map(|(name, text)| {
                        Extra::Text(name.clone(), source(&format!("{key}.{name}"), text))
                    })),
                }
            }
            let output = added.extra_output.as_deref();
            Prepared {
                which: &added.which,
                output: output.map(|text| source("extra_output", text)),
                extras,
                suggested: added.suggested_output,
            }
        };
        Self {
            prepared: configured.iter().enumerate().map(prepare).collect(),
            statics,
        }
    }

    /// The constants that are fields.
    pub(super) fn statics(&self) -> &'o Statics {
        self.statics
    }

    /// The output of a rule with what is added to it; `None` when `mistake`
    /// was told why not.
    pub(super) fn output(
        &self,
        rule: &RuleText,
        mistake: &mut dyn FnMut(ErrorKind, Diagnostic),
    ) -> Option<Format> {
        let fitting = || self.prepared.iter().filter(|added| added.which.fits(rule));
        let mut text = without_container_info(&rule.output);
        for added in fitting() {
            if let Some(more) = &added.output {
                glue(&mut text, rule, " ");
                text.push(more);
            }
            if added.suggested && rule.source.text == SYSCALL {
                glue(&mut text, rule, &self.suggested());
            }
        }
        let format = Format::compile_with(text.as_str(), self.statics);
        let mut format = format
            .map_err(|error| mistake(error.kind, shown(&error, &text, rule)))
            .ok()?;
        for extra in fitting().flat_map(|added| &added.extras) {
            let (added, text) = match extra {
                Extra::Field(name) => (format.export_field(name.as_str()), name),
                Extra::Text(key, text) => (format.export_text(key, text.as_str()), text),
            };
            added
                .map_err(|error| mistake(error.kind, shown(&error, text, rule)))
                .ok()?;
        }
        Some(format)
    }

    /// ` container_id=%container.id …`
    fn suggested(&self) -> String {
        let fields = fields::rows().filter(|field| field.flags.suggested);
        let names = fields.map(|field| field.name.to_owned());
        let mut out = String::new();
        for name in names.chain(self.statics.names()) {
            // Writing to a string cannot fail.
            let _ = write!(out, " {}=%{name}", name.replace('.', "_"));
        }
        out
    }
}

/// Glues text that nobody wrote to an output, placed at the output's end.
fn glue(text: &mut Traced, rule: &RuleText, more: &str) {
    let place = rule.output.whole().map_or_else(
        || rule.name.place.clone(),
        |whole| Place::new(&whole.file, whole.range.end..whole.range.end),
    );
    text.glue(more, &place);
}

/// A whole text of its own.
fn written(file: &Arc<SourceFile>) -> Traced {
    let mut out = Traced::default();
    out.push_written(&file.text, file, 0);
    out
}

fn shown(error: &FormatError, text: &Traced, rule: &RuleText) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(FormatError::CODE, error.message.clone());
    diagnostic.help.clone_from(&error.help);
    let diagnostic = text.locate(diagnostic, &error.span.range());
    let own = diagnostic.place.as_ref().map(|place| &place.file.name);
    if own == Some(&rule.name.place.file.name) {
        return diagnostic;
    }
    diagnostic.related(rule.name.place.clone(), "added to the output of this rule")
}

fn without_container_info(output: &Traced) -> Traced {
    let mut out = Traced::default();
    let text = output.as_str();
    let mut done = 0;
    for (at, word) in text.match_indices(CONTAINER_INFO) {
        out.push_range(output, done..at);
        done = at + word.len();
    }
    out.push_range(output, done..text.len());
    out
}
