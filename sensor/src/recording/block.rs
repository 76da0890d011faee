//! Blocks: a stretch of bytes, compressed, with its lengths and a checksum.
//!
//! A block is whole or an error; what its bytes mean is not known here. No
//! length is believed before the bytes are there.

use std::io::{self, Read, Write};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::RecordingError;
use super::bytes::{Put, Take};

/// Bytes before a block's payload.
const HEAD: usize = 16;

/// The most a block may hold, compressed and not.
pub(super) const LIMIT: u32 = 64 << 20;

/// What is in a block. Part of the format: numbers are never used again, and
/// those from [`SKIPPABLE`] on may be passed over by who does not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The [`Header`](super::Header) as JSON; the first block.
    Header = 1,
    /// Records and what was learned between them.
    Items = 2,
    /// How many records are missing here.
    Gap = 3,
    /// The [`End`](super::End) as JSON; the last block.
    End = 4,
}

/// Numbers of blocks and items from this on may be skipped when unknown.
pub(super) const SKIPPABLE: u8 = 0x80;

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Header, Self::Items, Self::Gap, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// Makes blocks.
pub(super) struct Packer {
    encoder: DeflateEncoder<Vec<u8>>,
    crc: Crc,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            encoder: DeflateEncoder::new(Vec::new(), super::LEVEL),
            crc: Crc::new(),
        }
    }

    /// Writes one block and gives its length in bytes.
    ///
    /// # Errors
    /// When the sink takes it not or only in part, or it is beyond [`LIMIT`].
    pub(super) fn write(
        &mut self,
        kind: Kind,
        raw: &[u8],
        sink: &mut dyn Write,
    ) -> io::Result<u64> {
        let length = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).ok();
            length
                .filter(|length| *length <= LIMIT)
                .ok_or_else(|| io::Error::other("a block is too large"))
        };
        let raw_len = length(raw)?;
        self.encoder.write_all(raw)?;
        let mut stored = self.encoder.reset(Vec::new())?;
        let mut head = Vec::with_capacity(HEAD);
        head.put(&[kind as u8, 0, 0, 0]);
        head.put_u32(length(&stored)?);
        head.put_u32(raw_len);
        self.crc.reset();
        self.crc.update(&head);
        self.crc.update(&stored);
        head.put_u32(self.crc.sum());
        let written = head.len() + stored.len();
        sink.write_all(&head)?;
        sink.write_all(&stored)?;
        stored.clear();
        Ok(u64::try_from(written).unwrap_or(u64::MAX))
    }
}

/// Reads blocks.
pub(super) struct Unpacker<R> {
    source: R,
    /// Bytes of the file taken so far.
    offset: u64,
    stored: Vec<u8>,
}

impl<R: Read> Unpacker<R> {
    /// `offset` is where in the file the source stands.
    pub(super) fn new(source: R, offset: u64) -> Self {
        Self {
            source,
            offset,
            stored: Vec::new(),
        }
    }

    /// Where the next block begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next block's kind, its bytes in `raw`; `None` when it may be
    /// skipped.
    pub(super) fn read(&mut self, raw: &mut Vec<u8>) -> Result<Option<Kind>, RecordingError> {
        let start = self.offset;
        let damaged = |why| RecordingError::Damaged { offset: start, why };
        let head = self.bytes(HEAD as u64, start)?;
        let mut from = Take(&head);
        let (Ok(number), Ok(_), Ok(_), Ok(stored), Ok(raw_len), Ok(sum)) = (
            from.u8(),
            from.u8(),
            from.u16(),
            from.u32(),
            from.u32(),
            from.u32(),
        ) else {
            return Err(RecordingError::Torn { offset: start });
        };
        if stored > LIMIT || raw_len > LIMIT {
            return Err(damaged("a block's length is beyond all bounds"));
        }
        let mut crc = Crc::new();
        crc.update(head.get(..HEAD - 4).unwrap_or_default());
        self.stored = self.bytes(stored.into(), start)?;
        crc.update(&self.stored);
        if crc.sum() != sum {
            return Err(damaged("the checksum of a block is wrong"));
        }
        let kind = Kind::from_number(number);
        if kind.is_none() && number < SKIPPABLE {
            return Err(RecordingError::Newer {
                what: "block",
                number: number.into(),
            });
        }
        raw.clear();
        let most = u64::from(raw_len) + 1;
        let mut decoder = DeflateDecoder::new(self.stored.as_slice()).take(most);
        let inflated = decoder.read_to_end(raw);
        if inflated.is_err() || raw.len() != raw_len as usize {
            return Err(damaged("a block cannot be decompressed"));
        }
        Ok(kind)
    }

    /// Whether the source has nothing more.
    pub(super) fn at_end(&mut self) -> bool {
        matches!(self.source.read(&mut [0]), Ok(0))
    }

    fn bytes(&mut self, count: u64, start: u64) -> Result<Vec<u8>, RecordingError> {
        let mut bytes = std::mem::take(&mut self.stored);
        bytes.clear();
        let read = self.source.by_ref().take(count).read_to_end(&mut bytes);
        let read = read.map_err(|source| RecordingError::Read {
            offset: self.offset,
            source,
        })?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        self.offset += read;
        if read < count {
            return Err(RecordingError::Torn { offset: start });
        }
        Ok(bytes)
    }
}
