//! Numbers of cards and addresses of machines: what only arithmetic tells from
//! other numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Digits of the shortest and of the longest card number.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Gives the place of every card number: 13 to 19 digits, perhaps in groups,
/// beginning as those of cards do, with a check digit that is right.
pub(super) fn cards(text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b' ' || byte == b'-';
    for run in runs(text, is_part) {
        let bytes = text.get(run.clone()).unwrap_or_default();
        let apart = |at: Option<usize>| {
            let byte = at.and_then(|at| text.get(at));
            !byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        // Digits around a point are a fraction's.
        let fraction = |point: Option<usize>, digit: Option<usize>| {
            let is_digit = |at| text.get(at).is_some_and(u8::is_ascii_digit);
            point.and_then(|at| text.get(at)) == Some(&b'.') && digit.is_some_and(is_digit)
        };
        let whole = trimmed(bytes);
        let (start, end) = (run.start + whole.start, run.start + whole.end);
        let alone = apart(start.checked_sub(1))
            && apart(Some(end))
            && !fraction(start.checked_sub(1), start.checked_sub(2))
            && !fraction(Some(end), Some(end + 1));
        if alone && is_card(text.get(start..end).unwrap_or_default()) {
            found(start..end);
        }
    }
}

fn trimmed(bytes: &[u8]) -> Range<usize> {
    let start = bytes.iter().position(u8::is_ascii_digit);
    let end = bytes.iter().rposition(u8::is_ascii_digit);
    match (start, end) {
        (Some(start), Some(end)) => start..end + 1,
        _ => 0..0,
    }
}

fn is_card(text: &[u8]) -> bool {
    let grouped = text.iter().any(|byte| !byte.is_ascii_digit());
    let groups = text.split(|byte| !byte.is_ascii_digit());
    // Numbers beside each other are no groups of one.
    if grouped
        && !groups
            .into_iter()
            .all(|group| (3..=7).contains(&group.len()))
    {
        return false;
    }
    let digits: Vec<u8> = text
        .iter()
        .filter(|b| b.is_ascii_digit())
        .map(|b| b - b'0')
        .collect();
    CARD_DIGITS.contains(&digits.len())
        && matches!(digits.first(), Some(2..=6))
        && digits.iter().any(|digit| Some(digit) != digits.first())
        && luhn(&digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match u32::from(*digit) {
            digit if at % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Gives the place of every address but those that name no machine.
pub(super) fn addresses(text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    for run in runs(text, is_part) {
        let bytes = text.get(run.clone()).unwrap_or_default();
        let letter = |at: Option<usize>| {
            let byte = at.and_then(|at| text.get(at));
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        if letter(run.start.checked_sub(1)) || letter(Some(run.end)) {
            continue;
        }
        if let Some(inner) = address_in(bytes) {
            found(run.start + inner.start..run.start + inner.end);
        }
    }
}

/// The address in a run of what addresses are written with: all of it, or what
/// stands before a port or a full stop.
fn address_in(run: &[u8]) -> Option<Range<usize>> {
    let text = std::str::from_utf8(run).ok()?;
    let start = if text.starts_with("::") {
        0
    } else {
        text.len() - text.trim_start_matches(['.', ':']).len()
    };
    let trimmed = text.get(start..)?;
    let end = trimmed.trim_end_matches(['.', ':']);
    let port = end.rsplit_once(':').map(|(address, _)| address);
    [Some(trimmed), Some(end), port]
        .into_iter()
        .flatten()
        .find(|candidate| names_machine(candidate))
        .map(|candidate| start..start + candidate.len())
}

fn names_machine(text: &str) -> bool {
    // `::` alone and `a::b` of a program's text are too short to name one.
    let address = match text.parse::<Ipv4Addr>() {
        Ok(address) => IpAddr::V4(address),
        Err(_) if text.len() > 4 => match text.parse::<Ipv6Addr>() {
            Ok(address) => IpAddr::V6(address),
            Err(_) => return false,
        },
        Err(_) => return false,
    };
    is_personal(address)
}

/// Whether an address tells of a machine: loopback and `0.0.0.0` do not.
pub(super) fn is_personal(address: IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}

/// The longest stretches of such bytes.
fn runs(text: &[u8], is_part: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.iter().position(|byte| is_part(*byte))?;
        let rest = text.get(start..)?;
        let end = start + rest.iter().position(|b| !is_part(*b)).unwrap_or(rest.len());
        at = end;
        Some(start..end)
    })
}
