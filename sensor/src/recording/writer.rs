//! Records and learned things in, blocks in a file out.
//!
//! The walk only copies bytes into a buffer; a thread of its own presses and
//! writes them. What always holds: the walk never waits for the disk. When the
//! disk falls behind by more than [`QUEUE`] buffers, or refuses a block, those
//! records are left out, counted, and their number stands in the file where
//! they are missing; the file stays readable.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::block::{Kind, Packer};
use super::bytes::Put;
use super::learned::{self, tag};
use super::stars;
use super::{End, Header, MAGIC, VERSION};
use crate::decode;
use crate::enrich::State;
use crate::enrich::learned::Learned;
use crate::enrich::process::ProcessKey;
use crate::redact::Redactor;

/// A buffer is handed over once it holds so much.
const BUFFER: usize = 256 << 10;
/// Buffers that may wait for the disk: 64 MiB.
const QUEUE: usize = 256;
/// What a crash may cost: a buffer is handed over at least that often.
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest time between two words about a disk that refuses.
const QUIET: Duration = Duration::from_secs(10);

/// Where blocks go.
pub(super) trait Sink: Write + Send {
    /// Takes back everything behind that byte: a block that went in only in part.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Everything is to survive a crash of the machine.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// A file that is to become a recording: made, empty, and its owner's alone.
#[derive(Debug)]
pub struct Draft {
    file: File,
    only_followed: bool,
    redactor: Option<Arc<Redactor>>,
}

impl Draft {
    /// Makes the file, or empties the one there is. Only its owner may read
    /// it: command lines and environments are in it.
    ///
    /// # Errors
    /// When it cannot be made, is a symlink, or is no plain file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // Who may plant a symlink in /tmp does not choose what root overwrites.
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.set_len(0)?;
        Ok(Self {
            file,
            only_followed: false,
            redactor: None,
        })
    }

    /// Stars out what that finds to be a secret, before anything is written.
    #[must_use]
    pub fn starred_by(mut self, redactor: Option<Arc<Redactor>>) -> Self {
        self.redactor = redactor.filter(|redactor| redactor.masks_recordings());
        self
    }

    /// Whether nothing is to be recorded but the followed command: what it and
    /// all it starts do. Nothing of others gets into the file; so the command
    /// has no ancestors there, and events have other numbers than live.
    #[must_use]
    pub fn of_command(mut self, only: bool) -> Self {
        self.only_followed = only;
        self
    }
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records written.
    pub records: u64,
    /// Records left out: the disk could not take them.
    pub missing: u64,
    /// Records left out: they are not the command's.
    pub others: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

/// What the thread tells about itself.
#[derive(Debug, Default)]
struct Shared {
    records: AtomicU64,
    missing: AtomicU64,
    bytes: AtomicU64,
}

/// Orders for the thread.
enum Order {
    Block {
        bytes: Vec<u8>,
        records: u64,
        /// Records left out before these.
        missing: u64,
    },
    End {
        end: End,
        missing: u64,
    },
}

/// Writes a recording while it happens. To be given every record, and what the
/// state learned, in the order of the walk.
pub struct Recorder {
    /// What was not handed over yet, since when, and how many records it holds.
    buffer: Vec<u8>,
    since: Instant,
    records: u64,
    /// Records left out since a buffer was last handed over.
    missing: u64,
    /// What is known of users, clock and addresses may have been left out.
    facts_due: bool,
    /// Records that had been left out at the last tick.
    missed: u64,
    only_followed: bool,
    others: u64,
    scratch: Vec<u8>,
    orders: SyncSender<Order>,
    spare: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Writes the beginning and starts the thread that writes the rest.
    ///
    /// # Errors
    /// When the file takes nothing, or no thread can be started.
    pub fn start(draft: Draft, header: &Header) -> io::Result<Self> {
        let mut recorder = Self::starring(draft.file, header, draft.redactor)?;
        recorder.only_followed = draft.only_followed;
        Ok(recorder)
    }

    #[cfg(test)]
    pub(super) fn to(sink: impl Sink + 'static, header: &Header) -> io::Result<Self> {
        Self::starring(sink, header, None)
    }

    pub(super) fn starring(
        mut sink: impl Sink + 'static,
        header: &Header,
        redactor: Option<Arc<Redactor>>,
    ) -> io::Result<Self> {
        let mut writer = Writer::start(&mut sink, header)?;
        writer.redactor = redactor;
        let shared = Arc::clone(&writer.shared);
        let (orders, inbox) = sync_channel(QUEUE);
        let (give_back, spare) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || writer.run(&mut sink, &inbox, &give_back))?;
        Ok(Self {
            buffer: Vec::with_capacity(BUFFER + BUFFER / 4),
            since: Instant::now(),
            records: 0,
            missing: 0,
            facts_due: false,
            missed: 0,
            only_followed: false,
            others: 0,
            scratch: Vec::new(),
            orders,
            spare,
            shared,
            thread,
        })
    }

    /// Takes a record that was just applied to the state, behind what the
    /// state learned meanwhile.
    pub fn record(&mut self, state: &mut State, record: &[u8]) {
        if self.facts_due {
            self.facts_due = false;
            for fact in state.facts() {
                self.learned(&fact);
            }
        }
        let wanted = !self.only_followed || is_followed(state, record);
        if state.has_learned() {
            for learned in state.learned() {
                if !self.only_followed || is_of_nobody(&learned) {
                    self.learned(&learned);
                }
            }
        }
        if wanted {
            self.bare(record);
        } else {
            self.others += 1;
        }
    }

    /// Takes a record that taught the state nothing else.
    pub(super) fn bare(&mut self, record: &[u8]) {
        self.item(tag::RECORD, record);
        self.records += 1;
        if self.buffer.len() >= BUFFER {
            self.hand_over();
        }
    }

    /// Hands over what has waited for long. To be called about once a second,
    /// between two records.
    pub fn tick(&mut self) {
        let missed = self.shared.missing.load(Ordering::Relaxed);
        self.facts_due |= missed != std::mem::replace(&mut self.missed, missed);
        if !self.buffer.is_empty() && self.since.elapsed() >= LONGEST {
            self.hand_over();
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            records: of(&self.shared.records),
            missing: of(&self.shared.missing) + self.missing,
            others: self.others,
            bytes: of(&self.shared.bytes),
        }
    }

    /// Writes what is left and the account, and waits until it is on the disk.
    ///
    /// # Errors
    /// When the end could not be written: the recording is one without end.
    pub fn finish(mut self, mut end: End) -> io::Result<Progress> {
        self.hand_over();
        let missing = self.missing;
        end.others = self.others;
        let sent = self.orders.send(Order::End { end, missing });
        let ended = self.thread.join();
        let gone = || io::Error::other("the thread that writes the recording has gone");
        ended.map_err(|_| gone())??;
        sent.map_err(|_| gone())?;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Progress {
            records: of(&self.shared.records),
            missing: of(&self.shared.missing),
            others: self.others,
            bytes: of(&self.shared.bytes),
        })
    }

    pub(super) fn learned(&mut self, learned: &Learned) {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let tag = learned::put(learned, &mut payload);
        self.item(tag, &payload);
        self.scratch = payload;
        // The processes at the start may be many.
        if self.buffer.len() >= BUFFER {
            self.hand_over();
        }
    }

    fn item(&mut self, tag: u8, payload: &[u8]) {
        if self.buffer.is_empty() {
            self.since = Instant::now();
        }
        self.buffer.put_u8(tag);
        self.buffer.put_bytes(payload);
    }

    pub(super) fn hand_over(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let next = self.spare.try_recv().unwrap_or_default();
        let order = Order::Block {
            bytes: std::mem::replace(&mut self.buffer, next),
            records: std::mem::take(&mut self.records),
            missing: std::mem::take(&mut self.missing),
        };
        let refused = match self.orders.try_send(order) {
            Ok(()) => return,
            Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) => order,
        };
        if let Order::Block {
            mut bytes,
            records,
            missing,
        } = refused
        {
            bytes.clear();
            self.buffer = bytes;
            self.missing = missing + records;
            self.facts_due = true;
        }
    }
}

/// Whether the command or one of its descendants wrote the record.
fn is_followed(state: &State, record: &[u8]) -> bool {
    let task = decode::decode(record, 0).map(|event| event.task);
    task.is_ok_and(|task| {
        state.is_followed(ProcessKey {
            pid: task.pid,
            start_boot_ns: task.start_boot_ns,
        })
    })
}

/// Whether it tells nothing about a process but that the command is followed.
fn is_of_nobody(learned: &Learned) -> bool {
    match learned {
        Learned::Users(_)
        | Learned::Residents { .. }
        | Learned::Clock(_)
        | Learned::Addresses(_)
        | Learned::Follow(_)
        | Learned::Doubt => true,
        Learned::Seed(_)
        | Learned::Seeded
        | Learned::Process { .. }
        | Learned::Moved { .. }
        | Learned::Ended(_) => false,
    }
}

/// The thread's side.
struct Writer {
    packer: Packer,
    shared: Arc<Shared>,
    /// Bytes of the file that are whole blocks.
    whole: u64,
    /// Records missing at this place.
    gap: u64,
    complained: Option<Instant>,
    /// Stars out secrets, where it is told to.
    redactor: Option<Arc<Redactor>>,
}

impl Writer {
    fn start(sink: &mut dyn Sink, header: &Header) -> io::Result<Self> {
        let mut packer = Packer::new();
        sink.write_all(&MAGIC)?;
        sink.write_all(&VERSION.to_le_bytes())?;
        let header = serde_json::to_vec(header)?;
        let written = packer.write(Kind::Header, &header, &mut *sink)?;
        let whole = MAGIC.len() as u64 + 2 + written;
        let shared = Arc::new(Shared::default());
        shared.bytes.store(whole, Ordering::Relaxed);
        Ok(Self {
            packer,
            shared,
            whole,
            gap: 0,
            complained: None,
            redactor: None,
        })
    }

    fn run(
        &mut self,
        sink: &mut dyn Sink,
        orders: &Receiver<Order>,
        give_back: &SyncSender<Vec<u8>>,
    ) -> io::Result<()> {
        while let Ok(order) = orders.recv() {
            match order {
                Order::Block {
                    mut bytes,
                    records,
                    missing,
                } => {
                    self.miss(missing);
                    if let Some(redactor) = &self.redactor {
                        stars::items(&mut bytes, redactor);
                    }
                    match self.block(sink, Kind::Items, &bytes) {
                        Ok(()) => drop(self.shared.records.fetch_add(records, Ordering::Relaxed)),
                        Err(error) => {
                            self.miss(records);
                            self.complain(&error);
                        }
                    }
                    bytes.clear();
                    // Nobody wants it back only at the end.
                    let _ = give_back.try_send(bytes);
                }
                Order::End { mut end, missing } => {
                    self.miss(missing);
                    end.records = self.shared.records.load(Ordering::Relaxed);
                    end.missing = self.shared.missing.load(Ordering::Relaxed);
                    end.ended_ns = now_ns();
                    self.block(sink, Kind::End, &serde_json::to_vec(&end)?)?;
                    return sink.sync();
                }
            }
        }
        Ok(())
    }

    fn miss(&mut self, records: u64) {
        self.gap += records;
        self.shared.missing.fetch_add(records, Ordering::Relaxed);
    }

    /// Writes a block, behind a note of what is missing before it. On an error
    /// the file is as it was.
    fn block(&mut self, sink: &mut dyn Sink, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        if self.gap > 0 {
            self.put(sink, Kind::Gap, &self.gap.to_le_bytes())?;
            self.gap = 0;
        }
        self.put(sink, kind, bytes)
    }

    fn put(&mut self, sink: &mut dyn Sink, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        match self.packer.write(kind, bytes, &mut *sink) {
            Ok(written) => {
                self.whole += written;
                self.shared.bytes.store(self.whole, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                sink.cut(self.whole)?;
                Err(error)
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        let quiet = self.complained.is_some_and(|last| last.elapsed() < QUIET);
        if !quiet {
            self.complained = Some(Instant::now());
            let missing = self.shared.missing.load(Ordering::Relaxed);
            tracing::error!(%error, missing, "the recording cannot be written; records are left out");
        }
    }
}

fn now_ns() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0)
}
