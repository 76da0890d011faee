//! What the kernel's numbers are called: bits of flags, and numbers that stand
//! for something.
//!
//! A row of the event table points here. Names of bits are shown in the order
//! of their list; a list for single numbers may have several names for one.

mod file;
mod kernel;
mod memory;
mod mount;
mod net;
mod process;

pub(crate) use file::*;
pub(crate) use kernel::*;
pub(super) use memory::*;
pub(super) use mount::*;
pub(super) use net::*;
pub(super) use process::*;

use super::Words;
