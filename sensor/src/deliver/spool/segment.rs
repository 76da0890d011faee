//! One file of a spool, read from front to back.
//!
//! A file comes in, its whole records leave in order. Damage is skipped and
//! measured; a file that is shorter than it was simply ends.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::super::queue::Seq;
use super::record::{self, Found};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// A record in the reader's buffer.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its place among the alerts of the output.
    pub(crate) seq: Seq,
    /// Bytes the record takes in the file.
    pub(crate) bytes: usize,
    alert: Range<usize>,
}

/// Reads one segment.
#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    /// Where in the file the buffer begins.
    offset: u64,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    used: usize,
    /// Bytes passed that belong to no whole record.
    damaged: u64,
}

impl Reader {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            offset: 0,
            buffer: Vec::new(),
            used: 0,
            damaged: 0,
        }
    }

    /// The next whole record that begins before `length`, the bytes of the file
    /// that count.
    pub(crate) fn next(&mut self, length: u64) -> io::Result<Option<Read>> {
        let mut short = false;
        loop {
            let is_end = short || self.buffered_to() >= length;
            let bytes = self.buffer.get(self.used..).unwrap_or_default();
            match record::next(bytes, is_end) {
                Found::Record {
                    record,
                    damaged,
                    end,
                } => {
                    let alert_end = self.used + end;
                    let read = Read {
                        seq: record.seq,
                        bytes: end - damaged,
                        alert: alert_end - record.alert.len()..alert_end,
                    };
                    self.damaged += damaged as u64;
                    self.used = alert_end;
                    return Ok(Some(read));
                }
                Found::Nothing => {
                    self.pass(bytes.len());
                    if is_end {
                        return Ok(None);
                    }
                    short = !self.fill(1, length)?;
                }
                Found::Partial { start, wanted } => {
                    self.pass(start);
                    short = !self.fill(wanted, length)?;
                }
            }
        }
    }

    /// The encoded alert of the record read last.
    pub(crate) fn alert(&self, read: &Read) -> &[u8] {
        self.buffer.get(read.alert.clone()).unwrap_or_default()
    }

    /// Where the record read last ends.
    pub(crate) fn position(&self) -> u64 {
        self.offset + self.used as u64
    }

    /// Bytes passed that belong to no whole record.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged
    }

    fn buffered_to(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    fn pass(&mut self, damaged: usize) {
        self.damaged += damaged as u64;
        self.used += damaged;
    }

    /// Reads on until `wanted` bytes are there, or the file ends; says whether
    /// anything came.
    fn fill(&mut self, wanted: usize, length: u64) -> io::Result<bool> {
        self.buffer.drain(..self.used);
        self.offset += self.used as u64;
        self.used = 0;
        let target = wanted.max(CHUNK);
        let left = usize::try_from(length.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let (before, end) = (self.buffer.len(), target.min(left));
        if end <= before {
            return Ok(false);
        }
        self.buffer.resize(end, 0);
        let mut filled = before;
        while let Some(space) = self.buffer.get_mut(filled..).filter(|s| !s.is_empty()) {
            match self.file.read_at(space, self.offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(filled > before)
    }
}
