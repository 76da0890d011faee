//! Tests on a real kernel: they need root and fail, not skip, when asked for and impossible.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail and speak loudly, in its helpers too"
)]

#[path = "kernel/acts.rs"]
mod acts;
#[path = "kernel/attacks.rs"]
mod attacks;
#[path = "kernel/calls.rs"]
mod calls;
#[path = "kernel/capture.rs"]
mod capture;
#[path = "kernel/cgroups.rs"]
mod cgroups;
#[path = "kernel/connections.rs"]
mod connections;
#[path = "kernel/delivery.rs"]
mod delivery;
#[path = "kernel/entry.rs"]
mod entry;
#[path = "kernel/fields.rs"]
mod fields;
#[path = "kernel/harness.rs"]
mod harness;
#[path = "kernel/hostile.rs"]
mod hostile;
#[path = "kernel/independent.rs"]
mod independent;
#[path = "kernel/losses.rs"]
mod losses;
#[path = "kernel/mismatch.rs"]
mod mismatch;
#[path = "kernel/odd.rs"]
mod odd;
#[path = "kernel/packets.rs"]
mod packets;
#[path = "kernel/parameters.rs"]
mod parameters;
#[path = "kernel/proctable.rs"]
mod proctable;
#[path = "kernel/prometheus.rs"]
mod prometheus;
#[path = "kernel/receivers.rs"]
mod receivers;
#[path = "kernel/record.rs"]
mod record;
#[path = "kernel/repair.rs"]
mod repair;
#[path = "kernel/reuse.rs"]
mod reuse;
#[path = "kernel/ring.rs"]
mod ring;
#[path = "kernel/run.rs"]
mod run;
#[path = "kernel/signals.rs"]
mod signals;
#[path = "kernel/sockets.rs"]
mod sockets;
#[path = "kernel/spool.rs"]
mod spool;
#[path = "kernel/startup.rs"]
mod startup;
#[path = "kernel/status.rs"]
mod status;
#[path = "kernel/storms.rs"]
mod storms;
#[path = "kernel/uring.rs"]
mod uring;

#[expect(dead_code, reason = "other stand-ins use more of it")]
#[path = "suite/stand_in/gate.rs"]
mod gate;
#[expect(dead_code, reason = "the outputs' own tests use more of it")]
#[path = "suite/stand_in/hec.rs"]
mod hec;
#[expect(dead_code, reason = "the outputs' own tests use more of it")]
#[path = "suite/stand_in/hook.rs"]
mod hook;
