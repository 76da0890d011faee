//! A file's bytes in, its items out, in the order they were written.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use sensor_ebpf::RECORD_MAX;

use super::block::{Kind, SKIPPABLE, Unpacker};
use super::bytes::Take;
use super::learned::{self, tag};
use super::{End, Header, MAGIC, RecordingError, VERSION};
use crate::enrich::learned::Learned;

/// One item of a recording.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A record as the kernel wrote it.
    Record(&'a [u8]),
    /// What the live run learned here outside the records: for
    /// [`State::learn`](crate::enrich::State::learn).
    Learned(Learned),
    /// So many records are missing here: the disk could not take them.
    Missing(u64),
}

/// Reads a recording from its beginning to its end.
pub struct Reader<R> {
    blocks: Unpacker<R>,
    header: Header,
    end: Option<End>,
    /// The block being read, how far, and where in the file it begins.
    block: Vec<u8>,
    at: usize,
    block_offset: u64,
    skipped: u64,
}

impl Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or does not begin as a recording.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path).map_err(|source| RecordingError::Read { offset: 0, source })?;
        Self::new(BufReader::with_capacity(64 << 10, file))
    }
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a recording.
    ///
    /// # Errors
    /// When it is none, or one that this build cannot read.
    pub fn new(mut source: R) -> Result<Self, RecordingError> {
        let mut start = Vec::new();
        let length = MAGIC.len() + 2;
        source
            .by_ref()
            .take(length as u64)
            .read_to_end(&mut start)
            .map_err(|source| RecordingError::Read { offset: 0, source })?;
        let mut version = Take(
            start
                .strip_prefix(&MAGIC)
                .ok_or(RecordingError::NotARecording)?,
        );
        match version.u16() {
            Ok(VERSION) => {}
            Ok(other) => return Err(RecordingError::Version(other)),
            Err(_) => return Err(RecordingError::Torn { offset: 0 }),
        }
        let mut blocks = Unpacker::new(source, length as u64);
        let (mut block, offset) = (Vec::new(), blocks.offset());
        if blocks.read(&mut block)? != Some(Kind::Header) {
            return Err(RecordingError::Damaged {
                offset,
                why: "the first block is not a header",
            });
        }
        let header: Header =
            serde_json::from_slice(&block).map_err(|_| RecordingError::Damaged {
                offset,
                why: "the header cannot be understood",
            })?;
        if header.wire != sensor_ebpf::WIRE_VERSION {
            return Err(RecordingError::Wire {
                wire: header.wire,
                sensor: header.sensor,
            });
        }
        block.clear();
        Ok(Self {
            block_offset: blocks.offset(),
            blocks,
            header,
            end: None,
            block,
            at: 0,
            skipped: 0,
        })
    }

    /// What the recording says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The account, once the end has been reached.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Items and blocks passed over because a newer sensor wrote them.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// When the rest cannot be read. What came before stands.
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows from the reader, which an iterator's cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, RecordingError> {
        loop {
            while self.at >= self.block.len() {
                if self.end.is_some() {
                    return Ok(None);
                }
                if let Some(missing) = self.next_block()? {
                    return Ok(Some(Item::Missing(missing)));
                }
            }
            let (tag, from, to) = self.next_item()?;
            if tag == tag::RECORD {
                let record = self.block.get(from..to).unwrap_or_default();
                return Ok(Some(Item::Record(record)));
            }
            let payload = self.block.get(from..to).unwrap_or_default();
            match learned::take(tag, payload) {
                Ok(Some(learned)) => return Ok(Some(Item::Learned(learned))),
                Ok(None) if tag >= SKIPPABLE => self.skipped += 1,
                Ok(None) => {
                    let number = tag.into();
                    return Err(RecordingError::Newer {
                        what: "item",
                        number,
                    });
                }
                Err(_) => return Err(self.damaged("an item is not what its tag says")),
            }
        }
    }

    /// The next item's tag and where its payload is; it counts as read.
    fn next_item(&mut self) -> Result<(u8, usize, usize), RecordingError> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        let mut from = Take(rest);
        let (Ok(tag), Ok(payload)) = (from.u8(), from.bytes()) else {
            return Err(self.damaged("an item reaches beyond its block"));
        };
        if tag == tag::RECORD && payload.len() > RECORD_MAX {
            return Err(self.damaged("a record is longer than the kernel side writes"));
        }
        let to = self.block.len() - from.0.len();
        self.at = to;
        Ok((tag, to - payload.len(), to))
    }

    /// Reads a block of items, or notes the end; the number of missing records
    /// if it is about those.
    fn next_block(&mut self) -> Result<Option<u64>, RecordingError> {
        self.block_offset = self.blocks.offset();
        self.at = 0;
        let kind = self.blocks.read(&mut self.block);
        match kind.inspect_err(|_| self.block.clear())? {
            Some(Kind::Items) => return Ok(None),
            Some(Kind::Gap) => {
                let missing = Take(&self.block).u64();
                self.block.clear();
                let why = "a gap without its length";
                return missing.map(Some).map_err(|_| self.damaged(why));
            }
            Some(Kind::End) => {
                let end = serde_json::from_slice(&self.block);
                self.block.clear();
                if !self.blocks.at_end() {
                    return Err(self.damaged("something stands behind the end"));
                }
                let why = "the account cannot be understood";
                self.end = Some(end.map_err(|_| self.damaged(why))?);
            }
            Some(Kind::Header) => {
                self.block.clear();
                return Err(self.damaged("a second header"));
            }
            None => {
                self.block.clear();
                self.skipped += 1;
            }
        }
        Ok(None)
    }

    fn damaged(&self, why: &'static str) -> RecordingError {
        RecordingError::Damaged {
            offset: self.block_offset,
            why,
        }
    }
}
