//! What a live run learned outside the records, as bytes and back.
//!
//! The layout of each item stands in `docs/recording.md`; here it is the order
//! of the lines. Reading what was written gives the same value.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{Malformed, Put, Take};
use crate::decode::{Caps, Comm, ExeFile, Ids, Namespaces};
use crate::enrich::learned::{Cgroups, Found, Learned, Names};
use crate::enrich::process::{Image, ProcessKey};
use crate::enrich::residents::Home;
use crate::enrich::users::User;

/// Numbers of the items. Part of the format: never used again.
pub(super) mod tag {
    pub(in super::super) const RECORD: u8 = 1;
    pub(in super::super) const SEED: u8 = 2;
    pub(super) const SEEDED: u8 = 3;
    pub(in super::super) const PROCESS: u8 = 4;
    pub(super) const MOVED: u8 = 5;
    pub(super) const USERS: u8 = 6;
    pub(super) const CLOCK: u8 = 7;
    pub(super) const ADDRESSES: u8 = 8;
    pub(super) const ENDED: u8 = 9;
    pub(super) const FOLLOW: u8 = 10;
    pub(super) const RESIDENTS: u8 = 11;
    pub(super) const DOUBT: u8 = 12;
}

/// Writes the payload and gives the tag.
pub(super) fn put(learned: &Learned, out: &mut Vec<u8>) -> u8 {
    match learned {
        Learned::Seed(found) => {
            for found in found {
                put_found(found, out);
            }
            tag::SEED
        }
        Learned::Seeded => tag::SEEDED,
        Learned::Process { pid, found } => {
            out.put_u32(*pid);
            if let Some(found) = found {
                put_found(found, out);
            }
            tag::PROCESS
        }
        Learned::Moved { pid, cgroups } => {
            out.put_u32(*pid);
            if let Some(cgroups) = cgroups {
                put_cgroups(cgroups, out);
            }
            tag::MOVED
        }
        Learned::Users(names) => {
            put_names(names, out);
            tag::USERS
        }
        Learned::Residents { home, names } => {
            out.put_u32s(&[home.mnt, home.user]);
            put_names(names, out);
            tag::RESIDENTS
        }
        Learned::Clock(boot_time_ns) => {
            out.put_u64(*boot_time_ns);
            tag::CLOCK
        }
        Learned::Addresses(addresses) => {
            for address in addresses {
                put_address(*address, out);
            }
            tag::ADDRESSES
        }
        Learned::Ended(keys) => {
            for key in keys {
                put_key(*key, out);
            }
            tag::ENDED
        }
        Learned::Follow(pid) => {
            out.put_u32(*pid);
            tag::FOLLOW
        }
        Learned::Doubt => tag::DOUBT,
    }
}

/// The value of that tag; `None` when the tag is not known.
pub(super) fn take(tag: u8, payload: &[u8]) -> Result<Option<Learned>, Malformed> {
    let mut from = Take(payload);
    let learned = match tag {
        tag::SEED => Learned::Seed(all(&mut from, found)?),
        tag::SEEDED => Learned::Seeded,
        tag::PROCESS => Learned::Process {
            pid: from.u32()?,
            found: if from.is_empty() {
                None
            } else {
                Some(Box::new(found(&mut from)?))
            },
        },
        tag::MOVED => Learned::Moved {
            pid: from.u32()?,
            cgroups: if from.is_empty() {
                None
            } else {
                Some(cgroups(&mut from)?)
            },
        },
        tag::USERS => Learned::Users(names(&mut from)?),
        tag::RESIDENTS => Learned::Residents {
            home: Home {
                mnt: from.u32()?,
                user: from.u32()?,
            },
            names: names(&mut from)?,
        },
        tag::CLOCK => Learned::Clock(from.u64()?),
        tag::ADDRESSES => Learned::Addresses(all(&mut from, address)?),
        tag::ENDED => Learned::Ended(all(&mut from, key)?),
        tag::FOLLOW => Learned::Follow(from.u32()?),
        tag::DOUBT => Learned::Doubt,
        _ => return Ok(None),
    };
    // What stands behind is no part of this version's item.
    if from.is_empty() {
        Ok(Some(learned))
    } else {
        Err(Malformed)
    }
}

/// Values up to the end.
fn all<'a, T>(
    from: &mut Take<'a>,
    one: impl Fn(&mut Take<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut values = Vec::new();
    while !from.is_empty() {
        values.push(one(from)?);
    }
    Ok(values)
}

fn put_key(key: ProcessKey, out: &mut Vec<u8>) {
    out.put_u32(key.pid);
    out.put_u64(key.start_boot_ns);
}

fn key(from: &mut Take<'_>) -> Result<ProcessKey, Malformed> {
    Ok(ProcessKey {
        pid: from.u32()?,
        start_boot_ns: from.u64()?,
    })
}

fn put_cgroups(cgroups: &Cgroups, out: &mut Vec<u8>) {
    out.put_bytes(&cgroups.v2);
    out.put_bytes(&cgroups.v1);
}

fn cgroups(from: &mut Take<'_>) -> Result<Cgroups, Malformed> {
    Ok(Cgroups {
        v2: from.bytes()?.to_vec(),
        v1: from.bytes()?.to_vec(),
    })
}

fn put_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => out.put_bytes(&address.octets()),
        IpAddr::V6(address) => out.put_bytes(&address.octets()),
    }
}

fn address(from: &mut Take<'_>) -> Result<IpAddr, Malformed> {
    let bytes = from.bytes()?;
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into());
    v4.or_else(|_| v6()).map_err(|_| Malformed)
}

fn put_names(names: &Names, out: &mut Vec<u8>) {
    out.put_u32(u32::try_from(names.users.len()).unwrap_or(u32::MAX));
    for (id, User { name, home, shell }) in &names.users {
        out.put_u32(*id);
        for text in [name, home, shell] {
            out.put_bytes(text.as_bytes());
        }
    }
    for (id, name) in &names.groups {
        out.put_u32(*id);
        out.put_bytes(name.as_bytes());
    }
}

fn names(from: &mut Take<'_>) -> Result<Names, Malformed> {
    let mut users = Vec::new();
    // Each takes bytes, so a count too high ends with them.
    for _ in 0..from.u32()? {
        let id = from.u32()?;
        let user = User {
            name: from.text()?,
            home: from.text()?,
            shell: from.text()?,
        };
        users.push((id, user));
    }
    let groups = all(from, |from| Ok((from.u32()?, from.text()?)))?;
    Ok(Names { users, groups })
}

fn put_found(found: &Found, out: &mut Vec<u8>) {
    put_key(found.key, out);
    out.put_u32(found.ppid);
    put_cgroups(&found.cgroups, out);
    out.put(&found.comm.0);
    out.put_u32s(&numbers(&found.ids));
    out.put_u32(found.loginuid);
    out.put_u64s(&sets(&found.caps));
    out.put_u32(found.tty);
    out.put_bytes(&found.cwd);
    put_image(&found.image, out);
    out.put_u32s(&namespaces(&found.ns));
    out.put_u64(found.pidns_start_boot_ns);
}

fn found(from: &mut Take<'_>) -> Result<Found, Malformed> {
    Ok(Found {
        key: key(from)?,
        ppid: from.u32()?,
        cgroups: cgroups(from)?,
        comm: Comm::from(&from.chunk::<16>()?[..]),
        ids: ids(from)?,
        loginuid: from.u32()?,
        caps: caps(from)?,
        tty: from.u32()?,
        cwd: from.bytes()?.into(),
        image: image(from)?,
        ns: ns(from)?,
        pidns_start_boot_ns: from.u64()?,
    })
}

fn put_image(image: &Image, out: &mut Vec<u8>) {
    for text in [&image.exe, &image.argv_rest, &image.env, &image.exe_path] {
        out.put_bytes(text);
    }
    let file = &image.file;
    out.put_u64s(&[file.ino, file.ctime_ns, file.mtime_ns]);
    for answer in [
        file.upper_layer,
        file.lower_layer,
        file.memfd,
        file.writable,
    ] {
        out.put_u8(answer.into());
    }
}

fn image(from: &mut Take<'_>) -> Result<Image, Malformed> {
    let (exe, rest) = (from.bytes()?, from.bytes()?);
    let argv = [exe, &[0], rest].concat();
    let (env, exe_path) = (from.bytes()?, from.bytes()?);
    let file = ExeFile {
        ino: from.u64()?,
        ctime_ns: from.u64()?,
        mtime_ns: from.u64()?,
        upper_layer: from.bool()?,
        lower_layer: from.bool()?,
        memfd: from.bool()?,
        writable: from.bool()?,
    };
    Ok(Image::new(&argv, env, exe_path, file))
}

fn numbers(ids: &Ids) -> [u32; 14] {
    [
        ids.uid, ids.euid, ids.suid, ids.fsuid, ids.gid, ids.egid, ids.sgid, ids.fsgid, ids.vpid,
        ids.vtid, ids.pgid, ids.sid, ids.vpgid, ids.vsid,
    ]
}

fn ids(from: &mut Take<'_>) -> Result<Ids, Malformed> {
    Ok(Ids {
        uid: from.u32()?,
        euid: from.u32()?,
        suid: from.u32()?,
        fsuid: from.u32()?,
        gid: from.u32()?,
        egid: from.u32()?,
        sgid: from.u32()?,
        fsgid: from.u32()?,
        vpid: from.u32()?,
        vtid: from.u32()?,
        pgid: from.u32()?,
        sid: from.u32()?,
        vpgid: from.u32()?,
        vsid: from.u32()?,
    })
}

fn sets(caps: &Caps) -> [u64; 5] {
    [
        caps.inheritable,
        caps.permitted,
        caps.effective,
        caps.bounding,
        caps.ambient,
    ]
}

fn caps(from: &mut Take<'_>) -> Result<Caps, Malformed> {
    Ok(Caps {
        inheritable: from.u64()?,
        permitted: from.u64()?,
        effective: from.u64()?,
        bounding: from.u64()?,
        ambient: from.u64()?,
    })
}

fn namespaces(ns: &Namespaces) -> [u32; 7] {
    [ns.mnt, ns.pid, ns.net, ns.user, ns.uts, ns.ipc, ns.cgroup]
}

fn ns(from: &mut Take<'_>) -> Result<Namespaces, Malformed> {
    Ok(Namespaces {
        mnt: from.u32()?,
        pid: from.u32()?,
        net: from.u32()?,
        user: from.u32()?,
        uts: from.u32()?,
        ipc: from.u32()?,
        cgroup: from.u32()?,
    })
}
