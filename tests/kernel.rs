//! Tests on a real kernel: they need root and fail, not skip, when asked for and impossible.

#[path = "kernel/acts.rs"]
mod acts;
#[path = "kernel/capture.rs"]
mod capture;

#[path = "kernel/proctable.rs"]
mod proctable;
