//! Flags in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    sensor::cli::main()
}
