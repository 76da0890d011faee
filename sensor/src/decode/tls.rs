//! The first message of a TLS client: the name of the server it asks for, and the
//! protocols it offers.
//!
//! Hostile until read. A greeting that is cut gives what came before the cut.

/// A part of the greeting with its length in front, or nothing when it is cut.
fn take<'r>(bytes: &mut &'r [u8], len_bytes: usize) -> Option<&'r [u8]> {
    let (len, rest) = bytes.split_at_checked(len_bytes)?;
    let len = len
        .iter()
        .fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
    let (part, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some(part)
}

/// The extensions of the greeting in a record, as far as they are there.
fn extensions(record: &[u8]) -> Option<&[u8]> {
    // Record: type, version, length; handshake: type, length, version, random.
    let mut rest = record.get(5 + 4 + 2 + 32..)?;
    let _session = take(&mut rest, 1)?;
    let _ciphers = take(&mut rest, 2)?;
    let _compressions = take(&mut rest, 1)?;
    let (len, rest) = rest.split_at_checked(2)?;
    let len = len
        .iter()
        .fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
    rest.get(..len.min(rest.len()))
}

/// The data of an extension.
fn extension(record: &[u8], wanted: [u8; 2]) -> Option<&[u8]> {
    let mut rest = extensions(record)?;
    loop {
        let (kind, data) = rest.split_first_chunk::<2>()?;
        rest = data;
        let data = take(&mut rest, 2)?;
        if *kind == wanted {
            return Some(data);
        }
    }
}

/// The name of the server in a greeting.
pub(super) fn server_name(record: &[u8]) -> Option<&[u8]> {
    const SERVER_NAME: [u8; 2] = [0, 0];
    let mut list = extension(record, SERVER_NAME)?;
    let mut names = take(&mut list, 2)?;
    loop {
        let (kind, rest) = names.split_first()?;
        names = rest;
        let name = take(&mut names, 2)?;
        // 0 is a host's name, and the only kind there is.
        if *kind == 0 {
            return Some(name);
        }
    }
}

/// The protocols the greeting offers (ALPN), each with its length in front.
pub(super) fn protocols(record: &[u8]) -> Option<&[u8]> {
    const ALPN: [u8; 2] = [0, 16];
    let mut list = extension(record, ALPN)?;
    take(&mut list, 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A greeting with that server name and `h2` and `http/1.1` offered.
    pub(crate) fn greeting(name: &[u8]) -> Vec<u8> {
        let sized = |bytes: &[u8]| {
            let len = u16::try_from(bytes.len()).unwrap();
            [&len.to_be_bytes()[..], bytes].concat()
        };
        let names = sized(&[&b"\0"[..], &sized(name)].concat());
        let offered = sized(b"\x02h2\x08http/1.1");
        let extensions = [
            &b"\0\x17\0\0"[..],
            b"\0\0",
            &sized(&names),
            b"\0\x10",
            &sized(&offered),
        ]
        .concat();
        let body = [
            &b"\x03\x03"[..],
            &[7; 32],
            b"\x01s",
            &sized(b"\x13\x01"),
            b"\x01\0",
            &sized(&extensions),
        ]
        .concat();
        let message = [&b"\x01\0"[..], &sized(&body)].concat();
        [&b"\x16\x03\x01"[..], &sized(&message)].concat()
    }

    #[test]
    fn a_greeting_tells_the_server_it_asks_for_and_what_it_offers() {
        let greeting = greeting(b"example.com");
        assert_eq!(server_name(&greeting), Some(&b"example.com"[..]));
        assert_eq!(protocols(&greeting), Some(&b"\x02h2\x08http/1.1"[..]));
        // Cut behind the name: the name is there.
        let cut = &greeting[..greeting.len() - 10];
        assert_eq!(server_name(cut), Some(&b"example.com"[..]));
        assert_eq!(protocols(cut), None);
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_cut_come_to_an_end(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let _ = (server_name(&bytes), protocols(&bytes));
            let greeting = greeting(b"example.com");
            let cut = &greeting[..cut.index(greeting.len())];
            let _ = (server_name(cut), protocols(cut));
        }
    }
}
