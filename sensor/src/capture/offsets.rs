//! The table of kernel structure offsets, resolved: BTF in, the bytes of the
//! programs' `OFFSETS` global out, or the names of what is essential and absent.

use sensor_ebpf::offsets::{MISSING, ROWS, Row};

use super::btf::Btf;

/// Resolved numbers in the order of the table, as the programs hold them.
pub(crate) struct Resolved {
    /// The bytes of `sensor_ebpf::offsets::Offsets`.
    pub(crate) bytes: Vec<u8>,
    /// Names of rows that are not essential and that this kernel lacks.
    pub(crate) absent: Vec<&'static str>,
}

/// Resolves every row; the error lists where the essential ones were sought.
pub(crate) fn resolve(btf: &Btf<'_>) -> Result<Resolved, Vec<&'static str>> {
    let mut resolved = Resolved {
        bytes: Vec::with_capacity(ROWS.len() * 4),
        absent: Vec::new(),
    };
    let mut essential = Vec::new();
    for row in ROWS {
        let number = lookup(btf, row);
        if number.is_none() && row.essential {
            essential.push(row.places);
        } else if number.is_none() {
            resolved.absent.push(row.name);
        }
        let number = number.unwrap_or(MISSING);
        resolved.bytes.extend_from_slice(&number.to_le_bytes());
    }
    if essential.is_empty() && assumptions_hold(&resolved) {
        Ok(resolved)
    } else {
        if essential.is_empty() {
            essential.push("struct cred with its ids and capability sets side by side");
        }
        Err(essential)
    }
}

fn lookup(btf: &Btf<'_>, row: &Row) -> Option<u32> {
    row.places
        .split('|')
        .find_map(|place| match place.split_once(':') {
            None => btf
                .offset_bits(place)
                .filter(|bits| bits % 8 == 0)
                .map(|bits| bits / 8),
            Some(("bit", path)) => btf.offset_bits(path),
            Some(("size", name)) => btf.size(name),
            Some(("enum", path)) => btf.enumerator(path),
            Some(("args", name)) => btf.arguments(name),
            Some(_) => None,
        })
}

/// The programs read the eight ids and the five capability sets of a
/// credential with one copy each; that is only right where they are neighbours.
fn assumptions_hold(resolved: &Resolved) -> bool {
    let distance =
        |from: &str, to: &str| number(resolved, to)?.checked_sub(number(resolved, from)?);
    distance("cred_uid", "cred_fsgid") == Some(7 * 4)
        && distance("cred_cap_inheritable", "cred_cap_ambient") == Some(4 * 8)
}

/// One resolved number by its row's name.
pub(crate) fn number(resolved: &Resolved, name: &str) -> Option<u32> {
    let index = ROWS.iter().position(|row| row.name == name)?;
    let bytes = resolved.bytes.get(index * 4..index * 4 + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_one_number_per_field_of_the_global() {
        assert_eq!(ROWS.len() * 4, size_of::<sensor_ebpf::offsets::Offsets>());
    }

    #[test]
    fn every_place_is_of_a_form_that_can_be_looked_up() {
        for row in ROWS {
            for place in row.places.split('|') {
                let form = place.split_once(':').map(|(form, _)| form);
                assert!(
                    matches!(form, None | Some("bit" | "size" | "enum" | "args")),
                    "{}: {place}",
                    row.name
                );
            }
        }
    }
}
