//! The verbs of the command line, one file each.

pub mod events;
pub mod fields;
mod table;
