//! A DNS message, read where it lies: question and answers.
//!
//! Hostile until read: every offset is checked, a name follows pointers only
//! backwards and is no longer than the protocol allows, and as many records are
//! read as are there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A message of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'r> {
    bytes: &'r [u8],
}

/// A name as people write it: labels with dots between, in small letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name {
    text: [u8; NAME_MAX],
    len: usize,
}

/// The longest name of the protocol, in this form.
const NAME_MAX: usize = 254;

/// Bytes of a message's head.
const HEAD: usize = 12;

/// Records looked at: more do not come from honest servers.
const RECORDS_MAX: usize = 128;

/// A record of the answer that gives an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// For how many seconds it may be kept.
    pub ttl_s: u32,
}

/// Types of records.
pub const TYPE_A: u16 = 1;
/// See [`TYPE_A`].
pub const TYPE_AAAA: u16 = 28;

impl Name {
    const EMPTY: Self = Self {
        text: [0; NAME_MAX],
        len: 0,
    };

    /// The bytes; `.` for the root.
    pub fn as_bytes(&self) -> &[u8] {
        match self.text.get(..self.len) {
            Some([]) | None => b".",
            Some(text) => text,
        }
    }

    /// Adds a label; nothing when the name gets too long.
    fn push(&mut self, label: &[u8]) -> Option<()> {
        let dot = usize::from(self.len > 0);
        let room = self.text.get_mut(self.len..self.len + dot + label.len())?;
        let (first, rest) = room.split_at_mut_checked(dot)?;
        first.fill(b'.');
        for (to, from) in rest.iter_mut().zip(label) {
            // A dot or a byte that does not show would make another name of it.
            *to = match from.to_ascii_lowercase() {
                shown @ (b'!'..=b'-' | b'/'..=b'~') => shown,
                _ => b'?',
            };
        }
        self.len += dot + label.len();
        Some(())
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl<'r> Message<'r> {
    /// The message in these bytes, when they have a head.
    pub(super) fn new(bytes: &'r [u8]) -> Option<Self> {
        (bytes.len() >= HEAD).then_some(Self { bytes })
    }

    fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    /// Which question an answer is to.
    pub fn id(&self) -> u16 {
        self.word(0).unwrap_or(0)
    }

    /// It is an answer.
    pub fn is_answer(&self) -> bool {
        self.word(2).unwrap_or(0) >> 15 == 1
    }

    /// What the server says of it: 0 is success, 3 that there is no such name.
    pub fn rcode(&self) -> u8 {
        (self.word(2).unwrap_or(0) & 0xf) as u8
    }

    /// The server had more to say than fits.
    pub fn is_truncated(&self) -> bool {
        self.word(2).unwrap_or(0) >> 9 & 1 == 1
    }

    /// The name asked for, and the type of record.
    pub fn question(&self) -> Option<(Name, u16)> {
        if self.word(4)? == 0 {
            return None;
        }
        let (name, at) = self.name(HEAD)?;
        Some((name, self.word(at)?))
    }

    /// The addresses of the answer.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + use<'r> {
        let message = *self;
        let mut at = message.after_questions();
        let count = message.word(6).map_or(0, usize::from).min(RECORDS_MAX);
        (0..count).filter_map(move |_| {
            let (address, next) = at.and_then(|at| message.record(at))?;
            at = Some(next);
            address
        })
    }

    fn after_questions(&self) -> Option<usize> {
        let count = usize::from(self.word(4)?).min(RECORDS_MAX);
        let mut at = HEAD;
        for _ in 0..count {
            at = self.skip_name(at)?.checked_add(4)?;
        }
        Some(at)
    }

    /// A record's address, if it gives one, and where the next begins.
    fn record(&self, at: usize) -> Option<(Option<Address>, usize)> {
        let at = self.skip_name(at)?;
        let head = self.bytes.get(at..)?.first_chunk::<10>()?;
        let [t0, t1, _, _, l0, l1, l2, l3, d0, d1] = *head;
        let data = self.bytes.get(at + 10..)?;
        let data = data.get(..usize::from(u16::from_be_bytes([d0, d1])))?;
        let ip = match u16::from_be_bytes([t0, t1]) {
            TYPE_A => data
                .try_into()
                .ok()
                .map(|it: [u8; 4]| IpAddr::V4(Ipv4Addr::from(it))),
            TYPE_AAAA => data
                .try_into()
                .ok()
                .map(|it: [u8; 16]| IpAddr::V6(Ipv6Addr::from(it))),
            _ => None,
        };
        let ttl_s = u32::from_be_bytes([l0, l1, l2, l3]);
        Some((ip.map(|ip| Address { ip, ttl_s }), at + 10 + data.len()))
    }

    /// Where what stands behind a name begins.
    fn skip_name(&self, mut at: usize) -> Option<usize> {
        loop {
            match *self.bytes.get(at)? {
                0 => return Some(at + 1),
                pointer if pointer >= 0xc0 => return Some(at + 2),
                len if len < 0x40 => at += 1 + usize::from(len),
                _ => return None,
            }
        }
    }

    /// The name at a place, and where what stands behind it begins. A pointer leads
    /// to before where it stands, so there is an end.
    fn name(&self, begin: usize) -> Option<(Name, usize)> {
        let behind = self.skip_name(begin)?;
        let (mut name, mut at, mut limit) = (Name::EMPTY, begin, begin);
        loop {
            let len = *self.bytes.get(at)?;
            match len {
                0 => return Some((name, behind)),
                1..0x40 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(len))?;
                    name.push(label)?;
                    at += 1 + usize::from(len);
                }
                0xc0.. => {
                    at = usize::from(self.word(at)? & 0x3fff);
                    if at >= limit {
                        return None;
                    }
                    limit = at;
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer to `www.Example.com`: an alias, then two addresses.
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\0\
        \x03www\x07Example\x03com\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10\
        \xc0\x2d\0\x01\0\x01\0\0\0\x1e\0\x04\x5d\xb8\xd8\x22\
        \xc0\x2d\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\0\0\x01";

    #[test]
    fn an_answer_tells_its_question_and_its_addresses() {
        let message = Message::new(ANSWER).unwrap();
        assert!(message.is_answer() && !message.is_truncated());
        assert_eq!((message.id(), message.rcode()), (0x1234, 0));
        let (name, ty) = message.question().unwrap();
        assert_eq!((name.as_bytes(), ty), (&b"www.example.com"[..], TYPE_A));
        let addresses: Vec<_> = message.addresses().map(|it| (it.ip, it.ttl_s)).collect();
        let ips = [[93, 184, 216, 34], [10, 0, 0, 1]].map(IpAddr::from);
        assert_eq!(addresses, ips.map(|ip| (ip, 30)));
    }

    #[test]
    fn names_that_point_at_themselves_or_onwards_are_none() {
        for name in [
            &b"\xc0\x0c"[..],
            b"\xc0\x0e\0",
            b"\x01a\xc0\x0c",
            b"\x40a\0",
            b"\x3fshort",
        ] {
            let bytes = [
                &b"\0\x01\x01\0\0\x01\0\0\0\0\0\0"[..],
                name,
                b"\0\x01\0\x01",
            ]
            .concat();
            assert_eq!(Message::new(&bytes).unwrap().question(), None, "{name:?}");
        }
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(5);
        let bytes = [
            &b"\0\x01\x01\0\0\x01\0\0\0\0\0\0"[..],
            &long,
            b"\0\0\x01\0\x01",
        ]
        .concat();
        assert_eq!(Message::new(&bytes).unwrap().question(), None);
    }

    #[test]
    fn what_does_not_show_in_a_label_is_not_taken_for_another_name() {
        let bytes = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x05a.b\n\xff\0\0\x01\0\x01";
        let (name, _) = Message::new(bytes).unwrap().question().unwrap();
        assert_eq!(name.as_bytes(), b"a?b??");
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 12..300)) {
            let message = Message::new(&bytes).unwrap();
            let _ = message.question();
            prop_assert!(message.addresses().count() <= RECORDS_MAX);
        }

        #[test]
        fn an_answer_changed_anywhere_comes_to_an_end(at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = ANSWER.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let message = Message::new(&bytes).unwrap();
            let _ = message.question();
            prop_assert!(message.addresses().count() <= RECORDS_MAX);
        }
    }
}
