//! Unprivileged tests: stories, conformance, outputs, command line, invariants.
