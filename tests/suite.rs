//! Unprivileged tests: stories, conformance, outputs, command line, invariants.

#[path = "suite/loader.rs"]
mod loader;
