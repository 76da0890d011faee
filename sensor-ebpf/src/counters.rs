//! What became of each attempt, counted where it happens: one row per kind, and
//! one per system call of [`crate::call`], for each CPU in the kernel's `COUNTERS`
//! map.
//!
//! Always true once the programs have returned:
//! seen = submitted + filtered + lost.

use crate::call::CALLS;

/// The numbers of one row, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// The hook ran for something of this kind.
    Seen = 0,
    /// A record went into the ring.
    Submitted = 1,
    /// The sensor itself did it.
    FilteredOwn = 2,
    /// Lost: the ring had no room.
    LostRing = 3,
    /// Lost: all of this CPU's scratch was in use (programs interrupted each other).
    LostScratch = 4,
    /// Lost: the kernel's structures could not be read.
    LostRead = 5,
}

/// Numbers per row.
pub const COUNTERS: usize = 8;

/// One row as the map holds it; the last two places are not used yet.
pub type Row = [u64; COUNTERS];

/// Rows in the map: kinds are indices, and behind them stand the calls.
pub const ROWS: u32 = CALLS_FROM + COUNT;

/// The row of call number 0.
const CALLS_FROM: u32 = 64;

/// How many there are.
#[expect(clippy::cast_possible_truncation, reason = "a constant, and small")]
const COUNT: u32 = CALLS as u32;

/// The row of a system call, by its number in the 64-bit table.
pub const fn row_of_call(number: u16) -> u32 {
    CALLS_FROM + (number as u32) % COUNT
}
