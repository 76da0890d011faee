//! What is left in a spool when it is opened.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use super::position::{Acknowledged, LANES};
use super::segment::Reader;
use super::{Segment, Spool};
use crate::deliver::queue::Seq;

/// What one lane held when the spool was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Alerts not acknowledged.
    pub(crate) alerts: u64,
    /// Bytes they take.
    pub(crate) bytes: u64,
    /// The first one's number.
    pub(crate) first: Seq,
}

impl Spool {
    /// Reads all there is once, cuts off what a crash left half written, and
    /// deletes what is done with.
    pub(super) fn recover(
        &mut self,
        acknowledged: &Acknowledged,
    ) -> io::Result<[Recovered; LANES]> {
        let mut found: Vec<(usize, Seq)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            found.extend(parse_name(&entry?.file_name()));
        }
        found.sort_unstable();
        let mut recovered = [Recovered::default(); LANES];
        for (index, first) in found {
            let from = acknowledged.get(index).copied().unwrap_or_default();
            let path = self.path(index, first);
            let (segment, left) = scan(&path, first, from)?;
            self.next_seq = self.next_seq.max(segment.last + 1);
            if left.alerts == 0 {
                fs::remove_file(&path)?;
                continue;
            }
            if let (Some(lane), Some(sum)) = (self.lanes.get_mut(index), recovered.get_mut(index)) {
                lane.segments.push_back(segment);
                sum.first = if sum.alerts == 0 {
                    left.first
                } else {
                    sum.first
                };
                sum.alerts += left.alerts;
                sum.bytes += left.bytes;
            }
        }
        Ok(recovered)
    }
}

fn parse_name(name: &std::ffi::OsStr) -> Option<(usize, Seq)> {
    let (lane, first) = name.to_str()?.strip_suffix(".segment")?.split_once('-')?;
    let lane = lane.parse().ok().filter(|lane| *lane < LANES)?;
    Some((lane, Seq::from_str_radix(first, 16).ok()?))
}

/// Reads a segment through: what of it counts, and what of that is left to send.
fn scan(path: &Path, first: Seq, from: Seq) -> io::Result<(Segment, Recovered)> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut reader = Reader::new(file.try_clone()?);
    let mut segment = Segment {
        first,
        last: first,
        bytes: 0,
    };
    let mut left = Recovered::default();
    while let Some(read) = reader.next(length)? {
        segment.last = segment.last.max(read.seq);
        segment.bytes = reader.position();
        if read.seq >= from {
            left.first = if left.alerts == 0 {
                read.seq
            } else {
                left.first
            };
            left.alerts += 1;
            left.bytes += read.bytes as u64;
        }
    }
    if segment.bytes < length {
        // What a crash left half written; nothing whole is behind it.
        file.set_len(segment.bytes)?;
    }
    if reader.damaged() > 0 {
        tracing::warn!(
            file = %path.display(), bytes = reader.damaged(),
            "damaged part of a spool skipped; whatever alerts it held are lost"
        );
    }
    Ok((segment, left))
}
