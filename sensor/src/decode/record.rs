//! A record taken apart: checked header, then the fixed part, then the texts.
//!
//! Every step either has the bytes it needs or ends in an error; reading beyond
//! what the record says of itself is not possible.

use sensor_ebpf::call::{ABI_32, ABI_X32};
use sensor_ebpf::{Header, Kind, VIA_URING, place};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{Abi, Caps, Comm, DecodeError, Ids, Namespaces, Place, Status, Task, Via};

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

/// The record without what ends it, and that: the process's status, if it tells one.
pub(super) fn status<'r>(
    record: &'r [u8],
    header: &Header,
) -> Result<(&'r [u8], Option<Status<'r>>), DecodeError> {
    if header.status_len == 0 {
        return Ok((record, None));
    }
    let start = record.len().checked_sub(header.status_len.into());
    let (record, status) = start
        .and_then(|start| record.split_at_checked(start))
        .ok_or(DecodeError::TextMissing)?;
    let (texts, fixed) =
        place::Status::read_from_suffix(status).map_err(|_| DecodeError::TooShort)?;
    let mut texts = Texts(texts);
    let status = Status {
        ids: ids(&fixed.ids),
        caps: caps(fixed.caps),
        tty: fixed.tty,
        loginuid: fixed.loginuid,
        cwd: texts.take(fixed.cwd_len)?,
        place: texts.place(&fixed.place)?,
    };
    Ok((record, Some(status)))
}

/// What a task uses, where the rest of its record is just that.
pub(super) fn usage(texts: Texts<'_>) -> Option<place::Usage> {
    place::Usage::read_from_bytes(texts.rest()).ok()
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
        abi: match header.abi {
            ABI_32 => Abi::I386,
            ABI_X32 => Abi::X32,
            _ => Abi::X86_64,
        },
        via: match header.via {
            VIA_URING => Via::Uring,
            _ => Via::Call,
        },
    }
}

/// The capability sets.
pub(super) fn caps(sets: [u64; 5]) -> Caps {
    let [inheritable, permitted, effective, bounding, ambient] = sets;
    Caps {
        inheritable,
        permitted,
        effective,
        bounding,
        ambient,
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
