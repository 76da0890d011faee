//! Records and all that was learned between them in, a file out; and back.
//!
//! A [`Recorder`] writes what a live run takes in, in the order it took it in.
//! A [`Reader`] gives it back item by item; a [`Replay`] goes further and shows
//! each event as the rules saw it, with no kernel, no root and no `/proc`:
//!
//! ```no_run
//! # use std::{ops::ControlFlow, path::Path};
//! # fn main() -> Result<(), sensor::recording::RecordingError> {
//! let mut replay = sensor::recording::Replay::open(Path::new("attack.rec"))?;
//! replay.each(|_code, observation| {
//!     println!("{}", observation.number);
//!     ControlFlow::Continue(())
//! })
//! # }
//! ```
//!
//! What always holds: the file is a sequence of blocks, each whole by its
//! checksum or the end of what can be read; so a file torn by a crash reads up
//! to the tear and says so. Any bytes give a recording, a shorter one or an
//! error: no count in a file is believed, and memory is bounded by the table's
//! capacity and one block. What a [`Draft`] is told to star out is not in the
//! file. The bytes are described in `docs/recording.md`.

mod block;
mod bytes;
mod learned;
mod reader;
mod replay;
mod stars;
#[cfg(test)]
mod tests;
mod writer;

use std::io;

use flate2::Compression;
use serde::{Deserialize, Serialize};

use crate::capture::{Counters, Kind, KindCounters};

pub use reader::{Item, Reader};
pub use replay::Replay;
pub(crate) use replay::state_of;
pub use writer::{Draft, Progress, Recorder};

/// The first bytes of every recording: a name, and bytes that a transfer as
/// text would change.
pub const MAGIC: [u8; 8] = *b"SENSOR\x1a\n";

/// The version of the format this build writes and reads.
pub const VERSION: u16 = 1;

/// How hard blocks are pressed. Of real records 1 leaves 13 % at 200 MB/s on one
/// busy core; 3 leaves 10 % at 85 MB/s, and 9 no less at 16. A storm of events
/// must not outrun the thread that presses them.
const LEVEL: Compression = Compression::new(1);

/// Why a file is no recording, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file begins with something else.
    #[error("this is no recording of the sensor: it does not begin as one")]
    NotARecording,
    /// The format has changed since this build.
    #[error("the recording has format version {0}, this sensor reads version {VERSION}")]
    Version(u16),
    /// The records are those of another sensor.
    #[error(
        "the recording holds records of wire format {wire}, this sensor reads {ours}; \
         use the sensor that made it ({sensor})",
        ours = sensor_ebpf::WIRE_VERSION
    )]
    Wire {
        /// Version of the records' layout.
        wire: u16,
        /// Version of the sensor that recorded.
        sensor: String,
    },
    /// Something a newer sensor wrote and that must not be passed over.
    #[error(
        "the recording holds a kind of {what} ({number}) that this sensor does not know: a newer one made it"
    )]
    Newer {
        /// `block` or `item`.
        what: &'static str,
        /// Its number.
        number: u16,
    },
    /// The file ends before the recording does.
    #[error("the recording breaks off at byte {offset}: it was not finished, or the file was cut")]
    Torn {
        /// Where what is not whole begins.
        offset: u64,
    },
    /// The bytes are not what was written.
    #[error("the recording is damaged at byte {offset}: {why}")]
    Damaged {
        /// Where what is not whole begins.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the recording at byte {offset}: {source}")]
    Read {
        /// How far reading came.
        offset: u64,
        /// The system's reason.
        source: io::Error,
    },
}

/// What a recording says of itself, in its first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the sensor that recorded.
    pub sensor: String,
    /// Version of the records' layout, [`sensor_ebpf::WIRE_VERSION`].
    pub wire: u16,
    /// The host's name.
    pub hostname: String,
    /// The kernel's release.
    #[serde(default)]
    pub kernel: String,
    /// The machine's architecture.
    #[serde(default)]
    pub arch: String,
    /// When recording began, nanoseconds since the Unix epoch.
    #[serde(default)]
    pub started_ns: u64,
    /// Name of the host's time zone, as in `Europe/Berlin`, when it has one.
    #[serde(default)]
    pub zone: Option<String>,
    /// The zone's distance from UTC when recording began, seconds.
    #[serde(default)]
    pub utc_offset_s: i32,
    /// Most processes the table held.
    pub capacity: usize,
    /// The kinds of records that were captured, by name.
    #[serde(default)]
    pub kinds: Vec<String>,
}

impl Header {
    /// The header of a recording made here and now.
    pub fn here(hostname: &str, capacity: usize, kinds: crate::capture::KindSet) -> Self {
        let uname = rustix::system::uname();
        let now = jiff::Zoned::now();
        let wanted = Kind::ALL.into_iter().filter(|kind| kinds.contains(*kind));
        Self {
            sensor: env!("CARGO_PKG_VERSION").to_owned(),
            wire: sensor_ebpf::WIRE_VERSION,
            hostname: hostname.to_owned(),
            kernel: uname.release().to_string_lossy().into_owned(),
            arch: uname.machine().to_string_lossy().into_owned(),
            started_ns: u64::try_from(now.timestamp().as_nanosecond()).unwrap_or(0),
            zone: now.time_zone().iana_name().map(str::to_owned),
            utc_offset_s: now.offset().seconds(),
            capacity,
            kinds: wanted.map(|kind| kind.name().to_owned()).collect(),
        }
    }

    /// The host's time zone: by its name where this machine knows it, else as
    /// far from UTC as it was.
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        let named = self.zone.as_deref();
        named
            .and_then(|name| jiff::tz::TimeZone::get(name).ok())
            .or_else(|| {
                let offset = jiff::tz::Offset::from_seconds(self.utc_offset_s).ok()?;
                Some(offset.to_time_zone())
            })
            .unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// What stands before a system call's number in the account.
const CALL: &str = "call ";

/// The account at the end of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When recording ended, nanoseconds since the Unix epoch.
    #[serde(default)]
    pub ended_ns: u64,
    /// Records in the file.
    #[serde(default)]
    pub records: u64,
    /// Records that were captured but could not be written.
    #[serde(default)]
    pub missing: u64,
    /// Records of other processes than the command's, left out on purpose.
    #[serde(default)]
    pub others: u64,
    /// The kernel's counters, by kind, and by call as `call NUMBER`.
    #[serde(default)]
    pub kinds: Vec<KindEnd>,
}

/// What became of the records of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "see `KindCounters`")]
pub struct KindEnd {
    pub kind: String,
    pub seen: u64,
    pub submitted: u64,
    pub filtered_own: u64,
    pub lost_ring: u64,
    pub lost_scratch: u64,
    pub lost_read: u64,
}

impl End {
    /// The account of these counters; what was written is filled in by the
    /// recorder.
    pub fn of(counters: &Counters) -> Self {
        let of = |kind: String, counters: KindCounters| KindEnd {
            kind,
            seen: counters.seen,
            submitted: counters.submitted,
            filtered_own: counters.filtered_own,
            lost_ring: counters.lost_ring,
            lost_scratch: counters.lost_scratch,
            lost_read: counters.lost_read,
        };
        let kinds = counters
            .iter()
            .map(|(kind, it)| of(kind.name().to_owned(), it));
        let calls = counters
            .calls()
            .map(|(call, it)| of(format!("{CALL}{call}"), it));
        Self {
            kinds: kinds.chain(calls).collect(),
            ..Self::default()
        }
    }

    /// The counters, kinds unknown to this build left out.
    pub fn counters(&self) -> Counters {
        let counters = |row: &KindEnd| KindCounters {
            seen: row.seen,
            submitted: row.submitted,
            filtered_own: row.filtered_own,
            lost_ring: row.lost_ring,
            lost_scratch: row.lost_scratch,
            lost_read: row.lost_read,
        };
        let of = |kind: Kind| {
            let row = self.kinds.iter().find(|row| row.kind == kind.name())?;
            Some((kind, counters(row)))
        };
        let calls = self.kinds.iter().filter_map(|row| {
            let number = row.kind.strip_prefix(CALL)?.parse().ok()?;
            Some((number, counters(row)))
        });
        Counters::of_sums(Kind::ALL.into_iter().filter_map(of), calls)
    }
}
