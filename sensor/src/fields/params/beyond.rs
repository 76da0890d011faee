//! The parameters of what no system call of its own tells.

use super::Raw;
use crate::decode::Operation;

/// The parameters of an operation of `io_uring`.
pub(super) fn of_operation<'a>(operation: &Operation, name: &str) -> Raw<'a> {
    match name {
        "res" => Raw::Signed(operation.result),
        "op" => Raw::Bytes(operation.name().as_bytes()),
        "opcode" => Raw::Unsigned(operation.opcode.into()),
        "fd" => Raw::Signed(operation.fd.into()),
        "flags" => Raw::Unsigned(operation.flags.into()),
        _ => Raw::Missing,
    }
}
