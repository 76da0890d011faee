//! Rules and made-up events in, what the rules do with them and what is odd about
//! them out: the laboratory.
//!
//! What people who write rules ask before a rule wakes somebody up. Nothing of
//! this runs while the sensor watches; everything in it goes through the same
//! loader, programs and engine that do. Only the verbs know this room.

pub mod case;
pub(crate) mod coverage;
pub mod event;
pub(crate) mod explain;
pub(crate) mod lint;
mod reader;
pub mod test;
pub mod tree;
