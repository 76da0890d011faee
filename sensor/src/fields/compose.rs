//! Text made out of pieces, in the arena of the event at hand.
//!
//! Nothing here touches the heap: the arena is emptied after each event and
//! keeps its memory.

use std::fmt::{self, Write as _};

use bumpalo::Bump;
use bumpalo::collections::{String, Vec};

/// Formats into the arena.
pub(super) fn text<'a>(arena: &'a Bump, args: fmt::Arguments<'_>) -> &'a [u8] {
    let mut text = String::new_in(arena);
    // Writing to a string in memory cannot fail; what is shown by these
    // formats are numbers and addresses, whose own `fmt` does not either.
    let _ = text.write_fmt(args);
    text.into_bump_str().as_bytes()
}

/// The parts with a separator between them.
pub(super) fn join<'a>(
    arena: &'a Bump,
    separator: &[u8],
    parts: impl Iterator<Item = impl AsRef<[u8]>>,
) -> &'a [u8] {
    let mut text = Vec::new_in(arena);
    for (at, part) in parts.enumerate() {
        if at > 0 {
            text.extend_from_slice_copy(separator);
        }
        text.extend_from_slice_copy(part.as_ref());
    }
    text.into_bump_slice()
}

/// The parts one after another.
pub(super) fn concat<'a>(arena: &'a Bump, parts: &[&[u8]]) -> &'a [u8] {
    join(arena, b"", parts.iter())
}

/// The elements of a text whose elements end with a NUL each.
pub(super) fn strings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ended = text.strip_suffix(&[0]).unwrap_or(text);
    let some = (!text.is_empty()).then_some(ended);
    some.into_iter()
        .flat_map(|text| text.split(|byte| *byte == 0))
}

/// The bytes with everything that cannot be printed replaced by dots.
pub(super) fn printable<'a>(arena: &'a Bump, bytes: &[u8]) -> &'a [u8] {
    let dot = |byte: &u8| match byte {
        b' '..=b'~' => *byte,
        _ => b'.',
    };
    arena.alloc_slice_fill_iter(bytes.iter().map(dot))
}

/// The names of the bits that are set, in table order; the number when none has one.
pub(super) fn flags<'a>(arena: &'a Bump, value: u64, table: &[(u64, &str)]) -> &'a [u8] {
    let mut left = value;
    let names = table.iter().filter_map(|(bits, name)| {
        // Taking the bits away lets a pair of bits hide the names of its halves.
        // A name for no bit at all is that of zero alone.
        let set = left & bits == *bits && (*bits != 0 || value == 0);
        left &= if set { !bits } else { u64::MAX };
        set.then_some(*name)
    });
    match join(arena, b"|", names) {
        [] => text(arena, format_args!("{value}")),
        names => names,
    }
}

/// All names of a number; `None` when it has none.
pub(super) fn one_of<'a>(arena: &'a Bump, value: u64, table: &[(u64, &str)]) -> Option<&'a [u8]> {
    let names = table.iter().filter(|(number, _)| *number == value);
    match join(arena, b"|", names.map(|(_, name)| *name)) {
        [] => None,
        names => Some(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_with_a_nul_and_may_be_empty() {
        let cases: [(&[u8], &[&[u8]]); 5] = [
            (b"", &[]),
            (b"\0", &[b""]),
            (b"a\0", &[b"a"]),
            (b"a\0\0b\0", &[b"a", b"", b"b"]),
            (b"a\0cut", &[b"a", b"cut"]),
        ];
        for (text, want) in cases {
            assert_eq!(strings(text).collect::<std::vec::Vec<_>>(), want);
        }
    }

    #[test]
    fn flags_are_named_once_and_pairs_hide_their_halves() {
        let arena = Bump::new();
        let table = [
            (3, "BOTH"),
            (2, "TWO"),
            (1, "ONE"),
            (8, "EIGHT"),
            (0, "NONE"),
        ];
        for (value, want) in [
            (3, "BOTH"),
            (1, "ONE"),
            (11, "BOTH|EIGHT"),
            (16, "16"),
            (0, "NONE"),
        ] {
            assert_eq!(flags(&arena, value, &table), want.as_bytes());
        }
        assert_eq!(flags(&arena, 0, &table[..4]), b"0");
        let families = [(1, "AF_LOCAL"), (1, "AF_UNIX"), (2, "AF_INET")];
        assert_eq!(one_of(&arena, 1, &families), Some(&b"AF_LOCAL|AF_UNIX"[..]));
        assert_eq!(one_of(&arena, 3, &families), None);
    }

    #[test]
    fn bytes_that_cannot_be_printed_become_dots() {
        let arena = Bump::new();
        assert_eq!(printable(&arena, b"a\0b\x1b[0m \xff~"), b"a.b.[0m .~");
        assert_eq!(join(&arena, b", ", [b"a", b"b"].iter()), b"a, b");
        assert_eq!(text(&arena, format_args!("{}:{}", 1, "x")), b"1:x");
    }
}
