//! A record taken apart: checked header, then the fixed part, then the texts.
//!
//! Every step either has the bytes it needs or ends in an error; reading beyond
//! what the record says of itself is not possible.

use sensor_ebpf::{Header, Kind, place};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{Comm, DecodeError, Ids, Namespaces, Place, Task};

/// The rest of a record while its texts are taken off.
pub(super) struct Texts<'r>(&'r [u8]);

impl<'r> Texts<'r> {
    /// The next text, `len` bytes.
    pub(super) fn take(&mut self, len: u16) -> Result<&'r [u8], DecodeError> {
        let (text, rest) = self
            .0
            .split_at_checked(usize::from(len))
            .ok_or(DecodeError::TextMissing)?;
        self.0 = rest;
        Ok(text)
    }

    /// All that has not been taken.
    pub(super) fn rest(self) -> &'r [u8] {
        self.0
    }

    /// The two cgroup paths, and with them the whole place.
    pub(super) fn place(&mut self, place: &place::Place) -> Result<Place<'r>, DecodeError> {
        let [mnt, pid, net, user, uts, ipc, cgroup] = place.ns;
        Ok(Place {
            cgroup: self.take(place.cgroup_len)?,
            cgroup_v1: self.take(place.cgroup_v1_len)?,
            ns: Namespaces {
                mnt,
                pid,
                net,
                user,
                uts,
                ipc,
                cgroup,
            },
            pidns_start_boot_ns: place.pidns_start_boot_ns,
        })
    }
}

/// The header, when the record is as long as it says and of a known kind.
pub(super) fn header(record: &[u8]) -> Result<(Header, Kind), DecodeError> {
    let (header, _) = Header::read_from_prefix(record).map_err(|_| DecodeError::NoHeader)?;
    let kind = Kind::from_number(header.kind).ok_or(DecodeError::UnknownKind(header.kind))?;
    if header.len as usize != record.len() {
        return Err(DecodeError::WrongLength {
            said: header.len,
            has: record.len(),
        });
    }
    Ok((header, kind))
}

/// The fixed part of that type, and the texts behind it.
pub(super) fn split<R: FromBytes + KnownLayout + Immutable>(
    record: &[u8],
) -> Result<(R, Texts<'_>), DecodeError> {
    let (fixed, texts) = R::read_from_prefix(record).map_err(|_| DecodeError::TooShort)?;
    Ok((fixed, Texts(texts)))
}

/// Who did it.
pub(super) fn task(header: &Header) -> Task {
    Task {
        pid: header.tgid,
        tid: header.tid,
        ppid: header.ppid,
        start_boot_ns: header.start_boot_ns,
        uid: header.euid,
        gid: header.egid,
        cgroup_id: header.cgroup_id,
        comm: Comm::from(&header.comm[..]),
    }
}

/// The numeric identity.
#[expect(
    clippy::similar_names,
    reason = "these are what credentials(7) calls them"
)]
pub(super) fn ids(ids: &place::Ids) -> Ids {
    let [ruid, rgid, suid, sgid, euid, egid, fsuid, fsgid] = ids.cred;
    Ids {
        uid: ruid,
        euid,
        suid,
        fsuid,
        gid: rgid,
        egid,
        sgid,
        fsgid,
        vpid: ids.vpid,
        vtid: ids.vtid,
        pgid: ids.pgid,
        sid: ids.sid,
        vpgid: ids.vpgid,
        vsid: ids.vsid,
    }
}
