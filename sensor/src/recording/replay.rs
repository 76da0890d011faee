//! A recording in, each of its events out with all that was known around it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use bumpalo::Bump;

use super::{End, Header, Item, Reader, RecordingError};
use crate::decode;
use crate::enrich::{Observation, State};
use crate::events::{self, EventCode};

/// Most processes remembered while a recording is replayed, whatever it asks
/// for: as many as a running sensor may be configured to.
const MOST_PROCESSES: usize = 1 << 20;

/// A recording and the state its records have led to so far.
pub struct Replay<R> {
    reader: Reader<R>,
    state: State,
    number: u64,
    undecodable: u64,
    arena: Bump,
}

impl Replay<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or does not begin as a recording.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        Ok(Self::new(Reader::open(path)?))
    }
}

impl<R: Read> Replay<R> {
    /// A replay from the reader's first item on.
    pub fn new(reader: Reader<R>) -> Self {
        Self {
            state: state_of(reader.header()),
            reader,
            number: 0,
            undecodable: 0,
            arena: Bump::new(),
        }
    }

    /// What the recording says of itself.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The account, once the end has been reached.
    pub fn end(&self) -> Option<&End> {
        self.reader.end()
    }

    /// What is known after the last event shown.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Records that are no event to this build.
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// Shows every event from here on, as the rules of a live sensor saw it,
    /// until `see` breaks off or the recording ends. Called again, it goes on
    /// with the next event.
    ///
    /// # Errors
    /// When the rest of the recording cannot be read. The events shown before
    /// stand.
    pub fn each(
        &mut self,
        mut see: impl FnMut(EventCode, &Observation<'_>) -> ControlFlow<()>,
    ) -> Result<(), RecordingError> {
        while let Some(item) = self.reader.next()? {
            let record = match item {
                Item::Record(record) => record,
                Item::Learned(learned) => {
                    self.state.learn(learned);
                    continue;
                }
                Item::Missing(records) => {
                    self.number = self.number.saturating_add(records);
                    continue;
                }
            };
            let Ok(event) = decode::decode(record, self.state.host().boot_time_ns) else {
                self.undecodable += 1;
                continue;
            };
            self.number = self.number.saturating_add(1);
            let actor = self.state.apply(&event);
            let code = events::code_of(&event);
            let seen = self.state.observe(self.number, &event, actor, &self.arena);
            let flow = see(code, &seen);
            self.arena.reset();
            if flow.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The state that a recording's first item finds.
pub(crate) fn state_of(header: &Header) -> State {
    State::replayed(header.capacity.min(MOST_PROCESSES), header.hostname.clone())
}
