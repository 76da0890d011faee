//! The disk under one output's backlog: alerts survive the end of the sensor.
//!
//! Alerts are appended in order, one lane a priority, and read again when they no
//! longer fit into memory or the sensor has been started anew; positions say what
//! the receiver has acknowledged. In the output's directory:
//!
//! ```text
//! lock                     held while a sensor uses the directory
//! position                 the first alert of each lane that is not acknowledged
//! PRIORITY-FIRST.segment   records of one lane, the first one's number in the name
//! dead.jsonl               alerts that were refused for good, with the receiver's words
//! ```
//!
//! What always holds: an append that returned is safe from the end of this process,
//! whatever ends it, and from a power failure after [`sync`](Spool::sync); damage
//! costs the damaged alerts alone and is counted; a file is deleted only when all
//! in it is acknowledged or given up.

pub(crate) mod config;
mod lock;
pub(crate) mod position;
mod record;
mod recover;
mod segment;
#[cfg(test)]
pub(super) mod tests;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alert::Alert;

use super::queue::Seq;
pub(crate) use lock::lock_file;
use position::{Acknowledged, LANES, Position};
pub(crate) use recover::Recovered;
use segment::Reader;

/// Largest and smallest file of a lane, bytes; a spool of the usual size has
/// some sixty.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(4 << 20);

/// An alert read from the disk.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) seq: Seq,
    pub(crate) alert: Arc<Alert>,
    /// Bytes it takes on the disk.
    pub(crate) bytes: usize,
}

/// One output's directory, opened.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    lanes: [Lane; LANES],
    position: Position,
    segment_bytes: u64,
    /// Records of this number and above are new.
    next_seq: Seq,
    /// Held until the spool is dropped.
    _lock: File,
    /// Something was written since the last sync.
    dirty: bool,
}

#[derive(Debug, Default)]
struct Lane {
    segments: VecDeque<Segment>,
    /// The last segment, opened to append.
    writer: Option<File>,
    /// Where reading goes on.
    cursor: Option<Cursor>,
}

#[derive(Debug)]
struct Segment {
    first: Seq,
    last: Seq,
    bytes: u64,
}

#[derive(Debug)]
struct Cursor {
    /// The segment's first number.
    segment: Seq,
    reader: Reader,
}

impl Spool {
    /// Opens the directory, or makes it, and finds what is left in it.
    ///
    /// # Errors
    /// When the directory cannot be made, read or written, or another process
    /// holds it.
    pub(crate) fn open(directory: &Path, max_bytes: u64) -> io::Result<(Self, [Recovered; LANES])> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let lock = lock::take(directory)?;
        let position = Position::open(&directory.join("position"))?;
        let acknowledged = position.acknowledged();
        let mut spool = Self {
            directory: directory.to_owned(),
            lanes: Default::default(),
            position,
            segment_bytes: (max_bytes / 64).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end()),
            next_seq: acknowledged.into_iter().max().unwrap_or_default().max(1),
            _lock: lock,
            dirty: false,
        };
        let recovered = spool.recover(&acknowledged)?;
        Ok((spool, recovered))
    }

    /// The number the next alert should have.
    pub(crate) fn next_seq(&self) -> Seq {
        self.next_seq
    }

    fn path(&self, lane: usize, first: Seq) -> PathBuf {
        self.directory.join(format!("{lane}-{first:016x}.segment"))
    }

    /// Appends alerts of one lane, numbered in rising order; gives the bytes each
    /// takes, 0 for one that is too long to be kept. All are written or none.
    pub(crate) fn append(
        &mut self,
        lane: usize,
        alerts: &[(Seq, Arc<Alert>)],
    ) -> io::Result<Vec<usize>> {
        let mut bytes = Vec::new();
        let mut lengths = Vec::with_capacity(alerts.len());
        for (seq, alert) in alerts {
            let before = bytes.len();
            record::write(&mut bytes, *seq, alert);
            lengths.push(bytes.len() - before);
        }
        let (Some((first, _)), Some((last, _))) = (alerts.first(), alerts.last()) else {
            return Ok(lengths);
        };
        self.make_room(lane, *first)?;
        let Some(files) = self.lanes.get_mut(lane) else {
            return Err(io::Error::other("no such priority"));
        };
        if let (Some(writer), Some(segment)) = (&files.writer, files.segments.back_mut()) {
            // Always at the known end: what a failed write left is written over.
            writer.write_all_at(&bytes, segment.bytes)?;
            segment.bytes += bytes.len() as u64;
            segment.last = *last;
            self.dirty = true;
        }
        self.next_seq = self.next_seq.max(*last + 1);
        Ok(lengths)
    }

    /// Has a segment opened for appending that is not full.
    fn make_room(&mut self, lane: usize, first: Seq) -> io::Result<()> {
        let path = self.path(lane, first);
        let Some(files) = self.lanes.get_mut(lane) else {
            return Ok(());
        };
        let full = files
            .segments
            .back()
            .is_none_or(|segment| segment.bytes >= self.segment_bytes);
        if files.writer.is_some() && !full {
            return Ok(());
        }
        if let Some(writer) = files.writer.take()
            && self.dirty
        {
            writer.sync_data()?;
        }
        let writer = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        files.writer = Some(writer);
        files.segments.push_back(Segment {
            first,
            last: first,
            bytes: 0,
        });
        File::open(&self.directory)?.sync_data()
    }

    /// Reads alerts of a lane from number `from` on, some `max_bytes` of them; an
    /// empty answer means that none is left.
    pub(crate) fn read(
        &mut self,
        lane: usize,
        from: Seq,
        max_bytes: usize,
    ) -> io::Result<Vec<Stored>> {
        let mut stored = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes {
            let Some(alert) = self.read_one(lane, from)? else {
                break;
            };
            bytes += alert.bytes;
            stored.push(alert);
        }
        Ok(stored)
    }

    fn read_one(&mut self, index: usize, from: Seq) -> io::Result<Option<Stored>> {
        while self.seek(index, from)? {
            let Some(lane) = self.lanes.get_mut(index) else {
                break;
            };
            let Some(cursor) = &mut lane.cursor else {
                break;
            };
            let segment = lane.segments.iter().find(|s| s.first == cursor.segment);
            let length = segment.map_or(0, |segment| segment.bytes);
            let Some(read) = cursor.reader.next(length)? else {
                // The next segment, if there is one; the last may still grow.
                let done = cursor.segment;
                let Some(next) = lane.segments.iter().find(|s| s.first > done) else {
                    break;
                };
                let next = next.first;
                self.move_to(index, next)?;
                continue;
            };
            // One that cannot be read is of a version that is not ours.
            if read.seq >= from
                && let Ok(alert) = record::alert(cursor.reader.alert(&read))
            {
                return Ok(Some(Stored {
                    seq: read.seq,
                    alert: Arc::new(alert),
                    bytes: read.bytes,
                }));
            }
        }
        Ok(None)
    }

    /// Puts the cursor on the segment that has number `from`; false if none has
    /// it or a later one.
    fn seek(&mut self, index: usize, from: Seq) -> io::Result<bool> {
        let Some(lane) = self.lanes.get(index) else {
            return Ok(false);
        };
        let Some(wanted) = lane.segments.iter().find(|segment| segment.last >= from) else {
            return Ok(false);
        };
        let at = lane.cursor.as_ref().map(|cursor| cursor.segment);
        if at.is_some_and(|at| at >= wanted.first) {
            return Ok(true);
        }
        let wanted = wanted.first;
        self.move_to(index, wanted)?;
        Ok(true)
    }

    fn move_to(&mut self, index: usize, segment: Seq) -> io::Result<()> {
        let file = File::open(self.path(index, segment))?;
        if let Some(lane) = self.lanes.get_mut(index) {
            let reader = Reader::new(file);
            lane.cursor = Some(Cursor { segment, reader });
        }
        Ok(())
    }

    /// Remembers what is acknowledged and deletes the files that hold nothing else.
    pub(crate) fn acknowledge(&mut self, acknowledged: &Acknowledged) -> io::Result<()> {
        self.position.save(acknowledged)?;
        self.dirty = true;
        for (index, from) in acknowledged.iter().enumerate() {
            while let Some(first) = self.done_with(index, *from) {
                match fs::remove_file(self.path(index, first)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Takes a segment off the front of a lane all of which is below `from`.
    fn done_with(&mut self, index: usize, from: Seq) -> Option<Seq> {
        let lane = self.lanes.get_mut(index)?;
        let full = self.segment_bytes;
        let only = lane.segments.len() == 1;
        // The file that is written to stays while it has room.
        let done = lane
            .segments
            .pop_front_if(|segment| segment.last < from && (!only || segment.bytes >= full))?;
        if only {
            lane.writer = None;
        }
        if lane
            .cursor
            .as_ref()
            .is_some_and(|c| c.segment == done.first)
        {
            lane.cursor = None;
        }
        Some(done.first)
    }

    /// Makes everything safe from a power failure.
    ///
    /// # Errors
    /// When the disk cannot, or the files are no longer in the directory.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        for lane in &self.lanes {
            if let Some(writer) = &lane.writer {
                if writer.metadata()?.nlink() == 0 {
                    let gone = "its files were removed while it was in use";
                    return Err(io::Error::new(io::ErrorKind::NotFound, gone));
                }
                if self.dirty {
                    writer.sync_data()?;
                }
            }
        }
        if self.dirty {
            self.position.sync()?;
        }
        self.dirty = false;
        Ok(())
    }

    /// Bytes of all segments, those of alerts that are done with included.
    pub(crate) fn file_bytes(&self) -> u64 {
        let segments = self.lanes.iter().flat_map(|lane| &lane.segments);
        segments.map(|segment| segment.bytes).sum()
    }
}
