//! What a request carries.
//!
//! A batch of alerts comes in, the bytes of one body leave, or why none can be made
//! of it: a template that fails on some alert fails on it for good.

use std::sync::Arc;

use serde_json::Value;

use super::template::{Escape, Template};
use super::{Body, Config, Shape};
use crate::alert::Alert;
use crate::deliver::common::BuildError;
use crate::deliver::files;
use crate::deliver::format::Format;
use crate::deliver::secret::Secret;

/// No template is longer; more is a mistaken path.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// How bodies are made.
pub(super) enum Encoder {
    /// A service's own object.
    Shape(Shape),
    /// As a person wrote it.
    Template(Box<Template>),
    /// The alerts, in a schema.
    Format(Format, Body),
}

impl Encoder {
    /// Reads and tries the template, if there is one.
    pub(super) fn new(config: &Config) -> Result<Self, BuildError> {
        if let Some(shape) = config.shape {
            return Ok(Self::Shape(shape));
        }
        let Some((source, place)) = source(config)? else {
            return Ok(Self::Format(config.format, config.body));
        };
        let escape = Escape::of(config.content_type());
        let list = config.body == Body::Array;
        let template = Template::new(&source, escape, config.format, list);
        let template = template.map_err(|why| BuildError::Value(format!("{place}{why}")))?;
        Ok(Self::Template(Box::new(template)))
    }

    /// The body of a batch, with the key that some services have in it.
    pub(super) fn encode(
        &self,
        batch: &[Arc<Alert>],
        key: Option<&Secret>,
    ) -> Result<Vec<u8>, String> {
        Ok(match (self, batch) {
            (Self::Shape(shape), [alert, ..]) => shape.of(alert, key).to_string().into_bytes(),
            (Self::Shape(_), []) => Vec::new(),
            (Self::Template(template), _) => template.render(batch)?,
            (Self::Format(format, body), _) => formatted(batch, *body, *format),
        })
    }
}

/// The template's text and, before what is said of it, where it stands.
fn source(config: &Config) -> Result<Option<(String, String)>, BuildError> {
    let Some(path) = &config.template_file else {
        return Ok(config.template.clone().map(|text| (text, String::new())));
    };
    let shown = path.display().to_string();
    let text = files::read_bounded(path, MAX_TEMPLATE_BYTES)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|error| BuildError::File(shown.clone(), error))?;
    Ok(Some((text, format!("{shown}: "))))
}

fn formatted(batch: &[Arc<Alert>], body: Body, format: Format) -> Vec<u8> {
    if !format.is_json() {
        let line = |alert: &Arc<Alert>| format.line(alert) + "\n";
        return batch.iter().map(line).collect::<String>().into_bytes();
    }
    let mut objects = batch.iter().map(|alert| format.encode(alert));
    let value: Value = match body {
        Body::Array => objects.collect(),
        Body::Single => objects.next().unwrap_or_default(),
    };
    value.to_string().into_bytes()
}
