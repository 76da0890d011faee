//! mismatch: record in, [`Mismatch`] out.

use std::net::IpAddr;

use sensor_ebpf::connect::{AF_INET, AF_INET6, AF_UNIX};
use sensor_ebpf::mismatch::{CONNECT, DIFFERS_MEMORY, Record};

use super::{DecodeError, connect, record};

/// An argument that pointed to something else than the kernel acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch<'r> {
    /// The 64-bit number of the call.
    pub number: u16,
    /// The argument, counted from 0.
    pub arg: u8,
    /// What the call returned.
    pub result: i64,
    /// What differs.
    pub differs: Differs,
    /// What the caller's memory held when the call was entered.
    pub entry: Pointed<'r>,
    /// What it held when the call had returned; empty after an exec.
    pub exit: Pointed<'r>,
    /// What the kernel has: of an open the path of the file, of an exec the name it was
    /// given, of connect the far end; empty when it kept nothing.
    pub kernel: Pointed<'r>,
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// The caller's memory with itself: it changed during the call.
    Memory,
    /// The caller's memory with what the kernel has.
    Kernel,
}

/// What an argument points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointed<'r> {
    /// Nothing, or nothing known.
    Nothing,
    /// A path, or a unix socket's name; an abstract one begins with its NUL.
    Text(&'r [u8]),
    /// Address and port.
    Ip(IpAddr, u16),
    /// An address of another family, by its number.
    Family(u16),
}

pub(super) fn decode(bytes: &[u8]) -> Result<Mismatch<'_>, DecodeError> {
    let (fixed, mut texts) = record::split::<Record>(bytes)?;
    let pointed = if fixed.number == CONNECT {
        address
    } else {
        text
    };
    Ok(Mismatch {
        number: fixed.number,
        arg: fixed.arg,
        result: fixed.result,
        differs: match fixed.differs {
            DIFFERS_MEMORY => Differs::Memory,
            _ => Differs::Kernel,
        },
        entry: pointed(texts.take(fixed.entry_len)?),
        exit: pointed(texts.take(fixed.exit_len)?),
        kernel: pointed(texts.take(fixed.kernel_len)?),
    })
}

fn text(bytes: &[u8]) -> Pointed<'_> {
    if bytes.is_empty() {
        Pointed::Nothing
    } else {
        Pointed::Text(bytes)
    }
}

/// A `struct sockaddr`; what is too short for its family is that family and no more.
fn address(bytes: &[u8]) -> Pointed<'_> {
    let Some((family, rest)) = bytes.split_first_chunk() else {
        return Pointed::Nothing;
    };
    let family = u16::from_le_bytes(*family);
    if family == AF_UNIX {
        let abstract_name = rest.first() == Some(&0);
        let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        return Pointed::Text(if abstract_name { rest } else { name });
    }
    ip(family, rest).unwrap_or(Pointed::Family(family))
}

/// Port and address behind the family.
fn ip(family: u16, rest: &[u8]) -> Option<Pointed<'static>> {
    let (port, rest) = rest.split_first_chunk()?;
    let address = match family {
        AF_INET => IpAddr::from(*rest.first_chunk::<4>()?),
        // Behind the flow label.
        AF_INET6 => connect::address(*rest.get(4..)?.first_chunk()?),
        _ => return None,
    };
    Some(Pointed::Ip(address, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use sensor_ebpf::Kind;
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    fn record(number: u16, texts: [&[u8]; 3]) -> Vec<u8> {
        let mut fixed = Record::new_zeroed();
        fixed.header.kind = Kind::Mismatch as u16;
        let len = |at: usize| u16::try_from(texts[at].len()).unwrap();
        (fixed.number, fixed.differs) = (number, DIFFERS_MEMORY);
        [fixed.entry_len, fixed.exit_len, fixed.kernel_len] = [len(0), len(1), len(2)];
        [fixed.as_bytes(), &texts.concat()].concat()
    }

    #[test]
    fn paths_are_texts_and_what_is_not_there_is_nothing() {
        let record = record(257, [b"/tmp/a", b"/tmp/b", b""]);
        let it = decode(&record).unwrap();
        assert_eq!(it.differs, Differs::Memory);
        assert_eq!(it.entry, Pointed::Text(b"/tmp/a"));
        assert_eq!(it.exit, Pointed::Text(b"/tmp/b"));
        assert_eq!(it.kernel, Pointed::Nothing);
    }

    #[test]
    fn addresses_are_taken_apart_by_their_family() {
        let ipv4 = [2, 0, 0x1f, 0x90, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut ipv6 = [0; 24];
        ipv6[..4].copy_from_slice(&[10, 0, 0, 53]);
        ipv6[18..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        let record = record(CONNECT, [&ipv4, b"\x01\0/run/x\0left", &ipv6]);
        let it = decode(&record).unwrap();
        assert_eq!(it.entry, Pointed::Ip([10, 1, 2, 3].into(), 8080));
        assert_eq!(it.exit, Pointed::Text(b"/run/x"));
        assert_eq!(it.kernel, Pointed::Ip([127, 0, 0, 1].into(), 53));
        assert_eq!(address(b"\x10\0rest"), Pointed::Family(16));
        assert_eq!(address(b"\x02\0\x01"), Pointed::Family(2));
        assert_eq!(address(b"\x02"), Pointed::Nothing);
    }
}
