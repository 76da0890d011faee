//! What this room learned outside the records, as values.
//!
//! A live [`State`](super::State) writes them down when it is asked to
//! ([`State::keep_journal`](super::State::keep_journal)); a state made by
//! [`State::replayed`](super::State::replayed) knows nothing but them and the
//! records. What always holds: the same values and records in the same order
//! make the same state, wherever and whenever they are taken in.

use std::net::IpAddr;

use super::process::ProcessKey;
pub use super::procfs::{Cgroups, Found};
use super::residents::Home;
use super::users::User;

/// One thing learned from the machine and not from a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Learned {
    /// Some of the processes that ran before the first record.
    Seed(Vec<Found>),
    /// The last [`Learned::Seed`] was given: the table takes them in.
    Seeded,
    /// The answer to a look into `/proc`, asked by the record that follows.
    Process {
        /// Who was looked for.
        pid: u32,
        /// What was found: nothing when it had gone, or no look was left.
        found: Option<Box<Found>>,
    },
    /// The answer to the question where a process was moved to, asked by the
    /// record that follows.
    Moved {
        /// Who was moved.
        pid: u32,
        /// Its cgroups now.
        cgroups: Option<Cgroups>,
    },
    /// The names of all users and groups, those learned before forgotten.
    Users(Names),
    /// The names of all users and groups in a container.
    Residents {
        /// Which container.
        home: Home,
        /// The names, by the kernel's ids.
        names: Names,
    },
    /// What the wall clock reads when the boot clock reads zero, nanoseconds.
    Clock(u64),
    /// The addresses of all interfaces, those learned before forgotten.
    Addresses(Vec<IpAddr>),
    /// Processes whose end no record told.
    Ended(Vec<ProcessKey>),
    /// The command with this pid is followed from here on.
    Follow(u32),
    /// Records were lost before this: what a process runs may be another program
    /// than the records told.
    Doubt,
}

/// Users and groups by id, sorted by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The users.
    pub users: Vec<(u32, User)>,
    /// The groups.
    pub groups: Vec<(u32, String)>,
}
