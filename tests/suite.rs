//! Unprivileged tests: stories, conformance, outputs, command line, invariants.

#[path = "suite/conformance.rs"]
mod conformance;
#[path = "suite/loader.rs"]
mod loader;

#[cfg(test)]
#[path = "suite/stories.rs"]
mod stories;
