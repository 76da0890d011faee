//! What both sides share: the record header, the kinds, the records.
#![no_std]
