//! The alerts of one tag, as one message of the Forward protocol.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rmp::encode as write;
use serde_json::{Value, json};
use uuid::Uuid;

use super::word::{self, Unwritten};
use super::{Config, clean};
use crate::alert::Alert;
use crate::deliver::verdict::Verdict;

const NANOSECONDS: u64 = 1_000_000_000;

/// Alerts that leave together.
pub(super) struct Chunk {
    tag: String,
    /// Their places in the batch.
    places: Vec<usize>,
    entries: Result<Vec<u8>, String>,
}

impl Chunk {
    /// The chunks of a batch, one a tag, in the order of their first alerts.
    pub(super) fn all(batch: &[Arc<Alert>], config: &Config) -> Vec<Self> {
        let mut chunks: Vec<Self> = Vec::new();
        for (place, alert) in batch.iter().enumerate() {
            let tag = config.tag.fill(alert, clean);
            let known = chunks.iter().position(|chunk| chunk.tag == tag);
            let place_of_chunk = known.unwrap_or_else(|| {
                chunks.push(Self {
                    tag,
                    places: Vec::new(),
                    entries: Ok(Vec::new()),
                });
                chunks.len() - 1
            });
            if let Some(chunk) = chunks.get_mut(place_of_chunk) {
                chunk.add(place, alert, config);
            }
        }
        chunks
    }

    fn add(&mut self, place: usize, alert: &Alert, config: &Config) {
        self.places.push(place);
        if let Ok(entries) = &mut self.entries
            && let Err(error) = push_entry(entries, alert, config)
        {
            self.entries = Err(error.to_string());
        }
    }

    /// Whether its alerts have their fate.
    pub(super) fn is_settled(&self, verdicts: &[Option<Verdict>]) -> bool {
        let settled = |place: &usize| verdicts.get(*place).is_some_and(Option::is_some);
        self.places.iter().all(settled)
    }

    /// Gives its alerts their fate.
    pub(super) fn settle(&self, verdicts: &mut [Option<Verdict>], verdict: &Verdict) {
        for place in &self.places {
            if let Some(slot) = verdicts.get_mut(*place) {
                *slot = Some(verdict.clone());
            }
        }
    }

    /// Its message, and the name that the receiver acknowledges it by: another each time.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn message(&self, gzip: bool) -> Result<(String, Vec<u8>), String> {
        let entries = self.entries.as_ref().map_err(Clone::clone)?;
        let name = STANDARD.encode(Uuid::new_v4().as_bytes());
        let written = if gzip {
            gzipped(entries).and_then(|entries| self.written(&name, &entries, true))
        } else {
            self.written(&name, entries, false)
        };
        written
            .map(|bytes| (name, bytes))
            .map_err(|error| error.to_string())
    }

    fn written(&self, name: &str, entries: &[u8], gzip: bool) -> Result<Vec<u8>, Unwritten> {
        let mut out = Vec::with_capacity(entries.len() + 256);
        write::write_array_len(&mut out, 3)?;
        write::write_str(&mut out, &self.tag)?;
        write::write_bin(&mut out, entries)?;
        let mut option = json!({"chunk": name, "size": self.places.len()});
        if gzip && let Value::Object(option) = &mut option {
            option.insert("compressed".to_owned(), "gzip".into());
        }
        word::push(&mut out, &option)?;
        Ok(out)
    }
}

fn gzipped(entries: &[u8]) -> Result<Vec<u8>, Unwritten> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(entries)
        .and_then(|()| encoder.finish())
        .map_err(Unwritten::InvalidDataWrite)
}

/// An entry: when, to the nanosecond, and the record.
fn push_entry(out: &mut Vec<u8>, alert: &Alert, config: &Config) -> Result<(), Unwritten> {
    write::write_array_len(out, 2)?;
    write::write_ext_meta(out, 8, 0)?;
    for half in [alert.time_ns / NANOSECONDS, alert.time_ns % NANOSECONDS] {
        // Until the year 2106 seconds fit.
        let half = u32::try_from(half).unwrap_or(u32::MAX);
        out.extend_from_slice(&half.to_be_bytes());
    }
    let record = match config.format.encode(alert) {
        Value::String(line) => json!({"message": line, "uuid": alert.id.to_string()}),
        object => object,
    };
    word::push(out, &record)
}
