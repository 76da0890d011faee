//! The running kernel's type information: `/sys/kernel/btf/vmlinux` bytes in,
//! offsets of named members out.
//!
//! Only what the table in `sensor_ebpf::offsets` needs is read. The bytes are
//! not trusted: lengths and indices are checked, chains of types are followed a
//! bounded number of steps, and what does not add up is a missing answer.

use std::collections::HashMap;

/// Type kinds of the BTF format that are looked into.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

/// How deep anonymous members and chains of modifiers are followed.
const DEPTH: u32 = 16;

/// Why the bytes are no BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {0} is not as the BTF format has it")]
pub(crate) struct Malformed(usize);

/// Type information, indexed by the names of its structures, unions, enums and
/// typedefs.
pub(crate) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type starts in `types`; index 0 is void and points nowhere.
    starts: Vec<usize>,
    by_name: HashMap<&'a [u8], Vec<u32>>,
}

/// One type's header and what follows it.
#[derive(Clone, Copy)]
struct Type<'a> {
    kind: u32,
    /// Whether member offsets carry a bit field's width.
    bit_fields: bool,
    count: usize,
    /// Size in bytes, or the id of the type referred to.
    size_or_id: u32,
    body: &'a [u8],
}

/// One member of a structure or union.
struct Member<'a> {
    name: &'a [u8],
    type_id: u32,
    offset_bits: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

impl<'a> Btf<'a> {
    /// Reads header and type section.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        const MAGIC: u32 = 0xeb9f;
        let word = |at| u32_at(bytes, at).ok_or(Malformed(at));
        if word(0)? & 0xffff != MAGIC {
            return Err(Malformed(0));
        }
        let start = word(4)? as usize;
        let section = |offset_at, len_at| -> Result<&'a [u8], Malformed> {
            let from = start.saturating_add(word(offset_at)? as usize);
            let to = from.saturating_add(word(len_at)? as usize);
            bytes.get(from..to).ok_or(Malformed(offset_at))
        };
        let mut btf = Self {
            types: section(8, 12)?,
            strings: section(16, 20)?,
            starts: vec![usize::MAX],
            by_name: HashMap::new(),
        };
        btf.index()?;
        Ok(btf)
    }

    fn index(&mut self) -> Result<(), Malformed> {
        let mut at = 0;
        while at < self.types.len() {
            let name = u32_at(self.types, at).ok_or(Malformed(at))?;
            let found = self.type_starting(at).ok_or(Malformed(at))?;
            let named = matches!(
                found.kind,
                kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::TYPEDEF
            );
            if named && name != 0 {
                let id = u32::try_from(self.starts.len()).map_err(|_| Malformed(at))?;
                let name = self.string(name).ok_or(Malformed(at))?;
                self.by_name.entry(name).or_default().push(id);
            }
            self.starts.push(at);
            at += 12 + found.body.len();
        }
        Ok(())
    }

    fn type_starting(&self, at: usize) -> Option<Type<'a>> {
        let info = u32_at(self.types, at.checked_add(4)?)?;
        let size_or_id = u32_at(self.types, at.checked_add(8)?)?;
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        let body_len = match kind {
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => count * 12,
            kind::ENUM | kind::FUNC_PROTO => count * 8,
            _ => 0,
        };
        let body = self.types.get(at + 12..at + 12 + body_len)?;
        Some(Type {
            kind,
            bit_fields: info >> 31 == 1,
            count,
            size_or_id,
            body,
        })
    }

    fn get(&self, id: u32) -> Option<Type<'a>> {
        self.type_starting(*self.starts.get(id as usize)?)
    }

    fn string(&self, at: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(at as usize..)?;
        rest.split(|byte| *byte == 0).next()
    }

    fn named(&self, name: &str, kinds: &[u32]) -> impl Iterator<Item = Type<'a>> {
        let ids = self.by_name.get(name.as_bytes()).into_iter().flatten();
        ids.filter_map(|id| self.get(*id))
            .filter(move |found| kinds.contains(&found.kind))
    }

    /// The type behind typedefs and modifiers.
    fn resolve(&self, mut id: u32) -> Option<Type<'a>> {
        for _ in 0..DEPTH {
            let found = self.get(id)?;
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_id;
                }
                _ => return Some(found),
            }
        }
        None
    }

    fn members(&self, of: Type<'a>) -> impl Iterator<Item = Member<'a>> {
        let words = of.body.as_chunks::<12>().0.iter();
        words.filter_map(move |member| {
            let offset = u32_at(member, 8)?;
            Some(Member {
                name: self.string(u32_at(member, 0)?)?,
                type_id: u32_at(member, 4)?,
                offset_bits: if of.bit_fields {
                    offset & 0x00ff_ffff
                } else {
                    offset
                },
            })
        })
    }

    /// Offset in bits and type of a member, anonymous ones looked through.
    fn member(&self, of: Type<'a>, name: &str, depth: u32) -> Option<(u32, u32)> {
        if depth == 0 || !matches!(of.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        self.members(of).find_map(|member| {
            if member.name == name.as_bytes() {
                return Some((member.offset_bits, member.type_id));
            }
            if !member.name.is_empty() {
                return None;
            }
            let inner = self.resolve(member.type_id)?;
            let (offset, id) = self.member(inner, name, depth - 1)?;
            Some((member.offset_bits.checked_add(offset)?, id))
        })
    }

    /// Offset in bits of `structure.member.member…`.
    pub(crate) fn offset_bits(&self, path: &str) -> Option<u32> {
        let mut names = path.split('.');
        let first = names.next()?;
        let names: Vec<&str> = names.collect();
        self.named(first, &[kind::STRUCT, kind::UNION])
            .find_map(|mut at| {
                let (mut offset, mut last) = (0_u32, None);
                for name in &names {
                    if let Some(id) = last {
                        at = self.resolve(id)?;
                    }
                    let (bits, id) = self.member(at, name, DEPTH)?;
                    offset = offset.checked_add(bits)?;
                    last = Some(id);
                }
                last.map(|_| offset)
            })
    }

    /// Size in bytes of a structure.
    pub(crate) fn size(&self, name: &str) -> Option<u32> {
        let found = self.named(name, &[kind::STRUCT, kind::UNION]).next()?;
        Some(found.size_or_id)
    }

    /// Value of an enumerator, `type.NAME`.
    pub(crate) fn enumerator(&self, path: &str) -> Option<u32> {
        let (name, value) = path.split_once('.')?;
        let found = self.named(name, &[kind::ENUM, kind::ENUM64]).next()?;
        let stride = if found.kind == kind::ENUM { 8 } else { 12 };
        found.body.chunks_exact(stride).find_map(|entry| {
            let entry_name = self.string(u32_at(entry, 0)?)?;
            (entry_name == value.as_bytes()).then(|| u32_at(entry, 4))?
        })
    }

    /// Number of parameters of the function a typedef points to.
    pub(crate) fn arguments(&self, name: &str) -> Option<u32> {
        let found = self.named(name, &[kind::TYPEDEF]).next()?;
        let pointer = self.resolve(found.size_or_id)?;
        if pointer.kind != kind::PTR {
            return None;
        }
        let function = self.resolve(pointer.size_or_id)?;
        (function.kind == kind::FUNC_PROTO).then_some(u32::try_from(function.count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Types and their names, written as the kernel's are.
    #[derive(Default)]
    struct Writer {
        types: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        fn word(&mut self, word: u32) -> &mut Self {
            self.types.extend(word.to_le_bytes());
            self
        }

        fn name(&mut self, name: &str) -> u32 {
            let at = u32::try_from(self.strings.len()).unwrap();
            self.strings.extend(name.bytes().chain([0]));
            at
        }

        /// One type: its kind, name, count, size or id, and the words behind.
        fn add(&mut self, kind: u32, name: &str, count: u32, size_or_id: u32, body: &[u32]) {
            let name = if name.is_empty() { 0 } else { self.name(name) };
            self.word(name).word(kind << 24 | count).word(size_or_id);
            for word in body {
                self.word(*word);
            }
        }

        fn finish(self) -> Vec<u8> {
            let (types, strings) = (self.types.len(), self.strings.len());
            let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
            let head = [
                0x0001_eb9f_u32.to_le_bytes(),
                word(24),
                word(0),
                word(types),
                word(types),
                word(strings),
            ];
            [head.as_flattened(), &self.types, &self.strings].concat()
        }
    }

    /// `struct outer { int plain; union { int a; const inner b; }; }` where
    /// `inner` is a typedef of `struct { int deep; }` with a bit field, an enum,
    /// and a typedef of a pointer to a function of two parameters.
    fn sample() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.strings.push(0);
        let names = ["plain", "a", "b", "first", "deep", "flag", "ONE"];
        let [plain, a, b, first, deep, flag, one] = names.map(|name| writer.name(name));
        writer.add(kind::INT, "int", 0, 4, &[32]); // 1
        writer.add(
            kind::STRUCT | 0x80,
            "",
            3,
            12,
            &[first, 1, 0, deep, 1, 32, flag, 1, (1 << 24) | 0x43],
        ); // 2
        writer.add(kind::TYPEDEF, "inner", 0, 2, &[]); // 3
        writer.add(kind::CONST, "", 0, 3, &[]); // 4
        writer.add(kind::UNION, "", 2, 12, &[a, 1, 0, b, 4, 0]); // 5
        writer.add(kind::STRUCT, "outer", 2, 16, &[plain, 1, 0, 0, 5, 32]); // 6
        writer.add(kind::ENUM, "choice", 1, 4, &[one, 41]); // 7
        writer.add(kind::FUNC_PROTO, "", 2, 0, &[0, 1, 0, 1]); // 8
        writer.add(kind::PTR, "", 0, 8, &[]); // 9
        writer.add(kind::TYPEDEF, "callback", 0, 9, &[]); // 10
        writer.finish()
    }

    #[test]
    fn members_are_found_through_anonymous_ones_and_typedefs() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        for (path, bits) in [
            ("outer.plain", Some(0)),
            ("outer.a", Some(32)),
            ("outer.b.deep", Some(64)),
            ("outer.b.flag", Some(32 + 67)),
            ("outer.b.absent", None),
            ("outer.plain.deep", None),
            ("absent.plain", None),
            ("outer", None),
        ] {
            assert_eq!(btf.offset_bits(path), bits, "{path}");
        }
    }

    #[test]
    fn sizes_enumerators_and_parameters_are_found() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!((btf.size("outer"), btf.size("choice")), (Some(16), None));
        assert_eq!(btf.enumerator("choice.ONE"), Some(41));
        assert_eq!(btf.enumerator("choice.TWO"), None);
        assert_eq!(
            (btf.arguments("callback"), btf.arguments("inner")),
            (Some(2), None)
        );
    }

    #[test]
    fn bytes_cut_short_are_told_not_read() {
        let bytes = sample();
        for len in 0..bytes.len() {
            assert!(Btf::parse(&bytes[..len]).is_err(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn damaged_information_never_panics(
            at in any::<prop::sample::Index>(), byte: u8, path in "outer\\.(plain|b\\.deep)",
        ) {
            let mut bytes = sample();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(btf) = Btf::parse(&bytes) {
                let _ = (btf.offset_bits(&path), btf.enumerator("choice.ONE"));
                let _ = (btf.arguments("callback"), btf.size("outer"));
            }
        }
    }
}
