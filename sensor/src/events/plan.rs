//! What the kernel has to read for a call: derived from where its parameters
//! come from.
//!
//! A parameter that is a number needs no step, because every record has result
//! and arguments. Nothing is read twice: equal steps stand in a plan once, and
//! of memory that several parameters stand in, the longest stretch is read.

use sensor_ebpf::call::{FILLED, Plan, RESULT, STEPS, TARGET_CALL, step};

use super::{EventType, From, Param};

/// The plan of a call of the generic record.
pub fn plan(row: &EventType) -> Plan {
    let mut plan = Plan {
        target: TARGET_CALL,
        steps: [0; STEPS],
    };
    let mut steps: Vec<Step> = Vec::new();
    for step in row.params.iter().filter_map(|param| of_param(row, param)) {
        match steps.iter_mut().find(|known| known.same(step)) {
            Some(known) => known.with = known.with.max(step.with),
            None => steps.push(step),
        }
    }
    for (place, step) in plan.steps.iter_mut().zip(steps) {
        *place = step::new(step.what, step.arg, step.with);
    }
    plan
}

/// A step taken apart.
#[derive(Clone, Copy)]
struct Step {
    what: u8,
    arg: u8,
    with: u8,
}

impl Step {
    /// Whether one of them does for both.
    fn same(self, other: Self) -> bool {
        let place = (self.what, self.arg) == (other.what, other.arg);
        place && (self.with == other.with || self.what == step::FIXED)
    }
}

/// The step a parameter needs, if any.
fn of_param(row: &EventType, param: &Param) -> Option<Step> {
    let (what, arg, with) = match param.from {
        From::Text(at) => (step::TEXT, at, 0),
        From::Under { at, dir } => (step::PATH, at, dir),
        From::Memory { at, len } => (step::BYTES, at, len),
        From::Fixed { at, width } => (step::FIXED, at, width),
        From::Word { at, offset } => (step::FIXED, at, offset + param.kind.bytes()),
        From::Long { at, offset } => (step::FIXED, at, offset + 8),
        From::Halves { at, offset, apart } => (step::FIXED, at, offset + apart + 4),
        From::Clock { at, offset, .. } => (step::FIXED, at, offset + 16),
        From::Address { at, len } => (step::ADDRESS, at, len),
        From::AddressOut { at, len } => (step::ADDRESS_OUT, at, len),
        From::Message(at) => (step::MESSAGE, at, 0),
        From::MessageOut(at) => (step::MESSAGE, at, RESULT),
        From::MessagesOut(at) => (step::MESSAGE, at, FILLED),
        From::Control(at) => return control(row, at),
        From::MemoryOut { at, len } => (step::BYTES_OUT, at, len),
        From::Polled { at, len } => (step::POLL, at, len),
        From::Uses(_) => (step::USAGE, 0, 0),
        From::Vector { at, len } => (step::VECTOR, at, len),
        From::VectorOut { at, len } => (step::VECTOR_OUT, at, len),
        From::DescriptorAt(at) => (step::DESCRIPTOR_AT, at, 0),
        From::Of(at, _) if pointed_to(row, at) => return None,
        From::Descriptor(at) | From::Of(at, _) => (step::DESCRIPTOR, at, 0),
        From::Elsewhere | From::Result | From::Arg(_) | From::Bits { .. } | From::Size(_) => {
            return None;
        }
    };
    Some(Step { what, arg, with })
}

/// Ancillary data comes with the message it belongs to.
fn control(row: &EventType, at: u8) -> Option<Step> {
    let is_message = |param: &&Param| matches!(param.from, From::MessageOut(message) | From::MessagesOut(message) if message == at);
    of_param(row, row.params.iter().find(is_message)?)
}

/// Whether the descriptor of that argument is one it points to.
fn pointed_to(row: &EventType, at: u8) -> bool {
    let mut params = row.params.iter();
    params.any(|param| param.from == From::DescriptorAt(at))
}

#[cfg(test)]
mod tests {
    use sensor_ebpf::call::CWD;

    use super::*;
    use crate::events::{by_name, numbers, row, rows};

    fn steps(name: &str) -> Vec<(u8, u8, u8)> {
        let plan = plan(row(by_name(name).unwrap()).unwrap());
        let steps = plan.steps.into_iter().filter(|step| *step != 0);
        steps
            .map(|step| {
                let [what, arg, with, _] = step.to_le_bytes();
                (what, arg, with)
            })
            .collect()
    }

    #[test]
    fn a_plan_reads_what_the_parameters_stand_in() {
        for (name, want) in [
            ("setuid", &[][..]),
            ("getpid", &[]),
            ("rename", &[(step::PATH, 0, CWD), (step::PATH, 1, CWD)]),
            ("unlinkat", &[(step::PATH, 1, 0)]),
            ("symlinkat", &[(step::TEXT, 0, 0), (step::PATH, 2, 1)]),
            (
                "read",
                &[(step::BYTES, 1, RESULT), (step::DESCRIPTOR, 0, 0)],
            ),
            (
                "sendto",
                &[
                    (step::BYTES, 1, 2),
                    (step::DESCRIPTOR, 0, 0),
                    (step::ADDRESS, 4, 5),
                ],
            ),
            (
                "sendmsg",
                &[(step::MESSAGE, 1, 0), (step::DESCRIPTOR, 0, 0)],
            ),
            (
                "accept4",
                &[(step::DESCRIPTOR, RESULT, 0), (step::DESCRIPTOR, 0, 0)],
            ),
            ("pipe2", &[(step::DESCRIPTOR_AT, 0, 0), (step::FIXED, 0, 8)]),
            // Three sets of two words each, read as one stretch.
            ("capset", &[(step::FIXED, 1, 24)]),
        ] {
            assert_eq!(steps(name), want, "{name}");
        }
    }

    #[test]
    fn no_plan_is_longer_than_the_kernel_follows_and_none_reads_beyond_the_arguments() {
        for row in rows().iter().filter(|row| numbers::number(row).is_some()) {
            let mut found: Vec<_> = Vec::new();
            for step in row.params.iter().filter_map(|param| of_param(row, param)) {
                if !found.iter().any(|known: &Step| known.same(step)) {
                    found.push(step);
                }
                assert!(step.arg < 6 || step.arg == RESULT, "{}", row.name);
            }
            assert!(found.len() <= STEPS, "{}", row.name);
        }
    }
}
