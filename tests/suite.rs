//! Unprivileged tests: stories, conformance, outputs, command line, invariants.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail and speak loudly, in its helpers too"
)]

#[path = "suite/additions.rs"]
mod additions;
#[path = "suite/beyond.rs"]
mod beyond;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/conformance.rs"]
mod conformance;
#[path = "suite/deploy.rs"]
mod deploy;
#[path = "suite/engine.rs"]
mod engine;
#[path = "suite/formats.rs"]
mod formats;
#[path = "suite/grouping.rs"]
mod grouping;
#[path = "suite/invariants.rs"]
mod invariants;
#[path = "suite/laboratory.rs"]
mod laboratory;
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/loader.rs"]
mod loader;
#[path = "suite/outputs.rs"]
mod outputs;
#[path = "suite/redaction.rs"]
mod redaction;
#[path = "suite/replay.rs"]
mod replay;
#[path = "suite/routing.rs"]
mod routing;
#[path = "suite/schema.rs"]
mod schema;
#[path = "suite/splunk_app.rs"]
mod splunk_app;
#[path = "suite/stand_in.rs"]
mod stand_in;
#[path = "suite/stories.rs"]
mod stories;
#[path = "suite/study.rs"]
mod study;
#[path = "suite/survival.rs"]
mod survival;
#[path = "suite/validation.rs"]
mod validation;
