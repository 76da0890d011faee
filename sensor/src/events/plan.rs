//! What the kernel has to read for a call: derived from where its parameters
//! come from.
//!
//! A parameter that is a number needs no step, because every record has result
//! and arguments. Equal steps stand in a plan once.

use sensor_ebpf::call::{CWD, Plan, STEPS, TARGET_CALL, step};

use super::{EventType, From, Kind, Param};

/// The plan of a call of the generic record.
pub fn plan(row: &EventType) -> Plan {
    let mut plan = Plan {
        target: TARGET_CALL,
        steps: [0; STEPS],
    };
    let mut free = plan.steps.iter_mut();
    let mut taken: Vec<u32> = Vec::new();
    for step in row.params.iter().filter_map(of_param) {
        if !taken.contains(&step)
            && let Some(place) = free.next()
        {
            *place = step;
            taken.push(step);
        }
    }
    plan
}

/// The step a parameter needs, if any.
fn of_param(param: &Param) -> Option<u32> {
    Some(match (param.from, param.kind) {
        (From::Arg(at), Kind::Text) => step::new(step::TEXT, at, 0),
        (From::Arg(at), Kind::Path) => step::new(step::PATH, at, CWD),
        (From::Under { at, dir }, _) => step::new(step::PATH, at, dir),
        (From::Memory { at, len }, _) => step::new(step::BYTES, at, len),
        (From::Word { at, offset, width }, _) => step::new(step::FIXED, at, offset + width),
        (From::Address { at, len }, _) => step::new(step::ADDRESS, at, len),
        (From::AddressOut { at, len }, _) => step::new(step::ADDRESS_OUT, at, len),
        (From::Message(at), _) => step::new(step::MESSAGE, at, 0),
        (From::Vector { at, len }, _) => step::new(step::VECTOR, at, len),
        (From::Descriptor(at), _) => step::new(step::DESCRIPTOR, at, 0),
        (From::Elsewhere | From::Result | From::Arg(_), _) => return None,
    })
}
