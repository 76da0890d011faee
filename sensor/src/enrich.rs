//! [`Event`](crate::decode::Event) in, [`Observation`] out: the event with
//! everything known about the process, its ancestors, its user and its
//! container at that moment.
//!
//! This room is the only door to `/proc`, `/etc` and the runtime sockets.

pub mod container;
pub mod host;
pub mod process;
pub mod users;

use bumpalo::Bump;

use crate::decode::Event;
use container::Container;
use host::Host;
use process::{Process, ProcessTable};
use users::Users;

/// One event and all that is known around it. Lives while one event is
/// evaluated; nothing in it is copied.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    /// Sequence number of the event among those evaluated; the first is 1.
    pub number: u64,
    /// The event itself.
    pub event: &'a Event<'a>,
    /// The process that acted, after the event changed it: an exec already
    /// shows the new image. `None` only when the kernel named no process.
    pub process: Option<&'a Process>,
    /// All processes: parents, session leaders.
    pub processes: &'a ProcessTable,
    /// The container the process runs in; `None` on the host.
    pub container: Option<&'a Container>,
    /// User and group names.
    pub users: &'a Users,
    /// Facts about this machine.
    pub host: &'a Host,
    /// Room for values composed while this event is evaluated.
    pub arena: &'a Bump,
}
