//! call: record in, [`Call`] out.
//!
//! The sections are checked once, here; looking one up afterwards cannot fail
//! otherwise than by not finding it.

use sensor_ebpf::call::{
    ABI_32, ABI_X32, ARGUMENTS, CONTROL, Descriptor, Peer, Polled, Record, SECTION_ADDRESS,
    SECTION_BASE, SECTION_BYTES, SECTION_DESCRIPTOR, SECTION_PEER, SECTION_TEXT, SECTION_USAGE,
    Section,
};
use sensor_ebpf::place::Usage;
use zerocopy::FromBytes;

use super::{DecodeError, record};

/// A system call that returned: what it was given, and what the kernel program
/// read for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Call<'r> {
    /// Its number in the 64-bit table.
    pub number: u16,
    /// How the kernel was entered.
    pub abi: Abi,
    /// Not negative, or a negative errno.
    pub result: i64,
    /// The arguments as given; those of 32-bit calls zero-extended.
    pub args: [u64; ARGUMENTS],
    /// Heads and bytes, one after the other.
    sections: &'r [u8],
}

/// The ways into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Abi {
    /// A 64-bit call.
    #[default]
    X86_64,
    /// A 32-bit call, of whatever process.
    I386,
    /// A call of the x32 interface.
    X32,
}

/// What was read of the caller's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read<'r> {
    /// The bytes.
    pub bytes: &'r [u8],
    /// How many there were to read: more than `bytes` has when it was cut, 0
    /// when not known.
    pub full: u32,
}

/// The 64-bit number of the call a record of [`sensor_ebpf::Kind::Call`] tells of.
pub fn number(record: &[u8]) -> Option<u16> {
    // Of a recording the bytes stand anywhere, so the record is not looked at in place.
    const AT: usize = std::mem::offset_of!(Record, number);
    let number = record.get(AT..)?.first_chunk()?;
    (record.len() >= size_of::<Record>()).then(|| u16::from_le_bytes(*number))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Call<'_>, DecodeError> {
    let (fixed, texts) = record::split::<Record>(bytes)?;
    let sections = checked(texts.rest(), fixed.sections)?;
    Ok(Call {
        number: fixed.number,
        abi: match fixed.abi {
            ABI_32 => Abi::I386,
            ABI_X32 => Abi::X32,
            _ => Abi::X86_64,
        },
        result: fixed.result,
        args: fixed.args,
        sections,
    })
}

/// Sections of that number that fill the bytes.
fn checked(sections: &[u8], count: u8) -> Result<&[u8], DecodeError> {
    let mut walk = Sections(sections);
    if walk.by_ref().count() != usize::from(count) || !walk.0.is_empty() {
        return Err(DecodeError::TextMissing);
    }
    Ok(sections)
}

impl<'r> Call<'r> {
    /// The call that does what was done another way, with sections of that number.
    pub(super) fn of_sections(
        bare: Self,
        sections: &'r [u8],
        count: u8,
    ) -> Result<Self, DecodeError> {
        let sections = checked(sections, count)?;
        Ok(Self { sections, ..bare })
    }

    /// A call of which nothing was read but the arguments.
    pub fn bare(number: u16, result: i64, args: [u64; ARGUMENTS]) -> Self {
        Self {
            number,
            abi: Abi::X86_64,
            result,
            args,
            sections: &[],
        }
    }

    /// An argument; 0 beyond the last.
    pub fn arg(&self, arg: u8) -> u64 {
        self.args.get(usize::from(arg)).copied().unwrap_or(0)
    }

    fn find(&self, what: u8, arg: u8) -> Option<Read<'r>> {
        let found = Sections(self.sections).find(|(head, _)| (head.what, head.arg) == (what, arg));
        let (head, bytes) = found?;
        Some(Read {
            bytes,
            full: head.full,
        })
    }

    /// Every text and every piece of memory that was read for it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        Sections(self.sections).filter_map(|(head, bytes)| match head.what {
            SECTION_TEXT | SECTION_BASE | SECTION_BYTES => Some(bytes),
            SECTION_DESCRIPTOR => {
                let path = Descriptor::read_from_prefix(bytes).ok()?.1;
                Some(path)
            }
            _ => None,
        })
    }

    /// The text in an argument.
    pub fn text(&self, arg: u8) -> Option<&'r [u8]> {
        Some(self.find(SECTION_TEXT, arg)?.bytes)
    }

    /// The directory a relative path in that argument starts from.
    pub fn base(&self, arg: u8) -> Option<&'r [u8]> {
        Some(self.find(SECTION_BASE, arg)?.bytes)
    }

    /// The memory an argument points to.
    pub fn bytes(&self, arg: u8) -> Option<Read<'r>> {
        self.find(SECTION_BYTES, arg)
    }

    /// The socket address an argument points to, its family first.
    pub fn address(&self, arg: u8) -> Option<&'r [u8]> {
        Some(self.find(SECTION_ADDRESS, arg)?.bytes)
    }

    /// The ancillary data of the message an argument points to.
    pub fn control(&self, arg: u8) -> Option<Read<'r>> {
        self.find(SECTION_BYTES, arg | CONTROL)
    }

    /// What the task used when the call had returned.
    pub fn usage(&self) -> Option<Usage> {
        let bytes = self.find(SECTION_USAGE, 0)?.bytes;
        Usage::read_from_bytes(bytes).ok()
    }

    /// The descriptors an argument points to that were waited for.
    pub fn polled(&self, arg: u8) -> impl Iterator<Item = Polled> {
        let bytes = self.bytes(arg).map_or(&[][..], |read| read.bytes);
        let each = bytes.chunks_exact(size_of::<Polled>());
        each.filter_map(|bytes| Polled::read_from_bytes(bytes).ok())
    }

    /// What the descriptor in an argument, or [`sensor_ebpf::call::RESULT`], was
    /// when the call had returned, and its path.
    pub fn descriptor(&self, arg: u8) -> Option<(Descriptor, &'r [u8])> {
        let bytes = self.find(SECTION_DESCRIPTOR, arg)?.bytes;
        Descriptor::read_from_prefix(bytes).ok()
    }

    /// Who is at the other end of the unix socket in that argument.
    pub fn peer(&self, arg: u8) -> Option<Peer> {
        let bytes = self.find(SECTION_PEER, arg)?.bytes;
        Some(Peer::read_from_prefix(bytes).ok()?.0)
    }
}

/// Sections while they are taken off.
struct Sections<'r>(&'r [u8]);

impl<'r> Iterator for Sections<'r> {
    type Item = (Section, &'r [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = Section::read_from_prefix(self.0).ok()?;
        let (bytes, rest) = rest.split_at_checked(usize::from(head.len))?;
        self.0 = rest;
        Some((head, bytes))
    }
}

#[cfg(test)]
mod tests {
    use sensor_ebpf::{Header, Kind};
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    fn section(what: u8, arg: u8, full: u32, bytes: &[u8]) -> Vec<u8> {
        let head = Section {
            what,
            arg,
            len: u16::try_from(bytes.len()).unwrap(),
            full,
        };
        [head.as_bytes(), bytes].concat()
    }

    fn record(count: u8, sections: &[u8]) -> Vec<u8> {
        let mut fixed = Record::new_zeroed();
        fixed.header.kind = Kind::Call as u16;
        fixed.header.len = u32::try_from(size_of::<Record>() + sections.len()).unwrap();
        fixed.number = 82;
        fixed.abi = ABI_32;
        fixed.result = -2;
        fixed.sections = count;
        [fixed.as_bytes(), sections].concat()
    }

    #[test]
    fn each_section_is_found_by_what_it_is_and_its_argument() {
        let sections = [
            section(SECTION_TEXT, 0, 0, b"old"),
            section(SECTION_BASE, 0, 0, b"/tmp"),
            section(SECTION_TEXT, 1, 0, b"/new"),
            section(SECTION_BYTES, 1, 9_000, b"data"),
        ]
        .concat();
        let record = record(4, &sections);
        let call = decode(&record).unwrap();
        assert_eq!((call.number, call.result, call.abi), (82, -2, Abi::I386));
        assert_eq!(call.text(0), Some(&b"old"[..]));
        assert_eq!(call.base(0), Some(&b"/tmp"[..]));
        assert_eq!(call.text(1), Some(&b"/new"[..]));
        assert_eq!(call.base(1), None);
        let read = call.bytes(1).unwrap();
        assert_eq!((read.bytes, read.full), (&b"data"[..], 9_000));
        assert!(call.descriptor(0).is_none());
    }

    #[test]
    fn the_number_is_found_wherever_the_record_stands() {
        let record = [&[0][..], &record(0, b"")].concat();
        assert_eq!(number(&record[1..]), Some(82));
        assert_eq!(number(&record[1..record.len() - 1]), None);
    }

    #[test]
    fn sections_that_do_not_fill_the_record_are_an_error() {
        let good = section(SECTION_TEXT, 0, 0, b"x");
        assert!(decode(&record(1, &good)).is_ok());
        assert_eq!(decode(&record(2, &good)), Err(DecodeError::TextMissing));
        let rest = [&good[..], b"more"].concat();
        assert_eq!(decode(&record(1, &rest)), Err(DecodeError::TextMissing));
        let cut = &good[..good.len() - 1];
        assert_eq!(decode(&record(1, cut)), Err(DecodeError::TextMissing));
        assert!(size_of::<Header>() < record(0, b"").len());
    }
}
