//! The user and the group of the acting process.
//!
//! These are never missing: an id without a name gives the text `<NA>`, and
//! `root` for 0, which every machine calls so.

use super::Type::{Signed, Text, Unsigned};
use super::{Field, Value};
use crate::enrich::Observation;
use crate::enrich::users::{User, Users};

/// What is shown for a name that is not known.
const UNKNOWN: &[u8] = b"<NA>";

/// user.*
pub(super) const USER_ROWS: &[Field] = &[
    Field::process(
        "user.uid",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(uid(o).into())),
        "effective user id; 4294967295 when the process is unknown",
    ),
    Field::process(
        "user.name",
        Text,
        |o, _| Some(Value::Text(user_name(o, uid(o)))),
        "name of the effective user, in a container its own files' name; the text <NA> when it has none",
    ),
    Field::process(
        "user.homedir",
        Text,
        |o, _| Some(Value::Text(about(o, uid(o), |user| &user.home, b"/root"))),
        "home directory of the effective user; the text <NA> when unknown",
    ),
    Field::process(
        "user.shell",
        Text,
        |o, _| Some(Value::Text(about(o, uid(o), |user| &user.shell, UNKNOWN))),
        "login shell of the effective user; the text <NA> when unknown",
    ),
    Field::process(
        "user.loginuid",
        Signed(64),
        |o, _| Some(Value::Signed(login_uid(o).map_or(-1, i64::from))),
        "user id of the login this process descends from (audit uid); -1 without one",
    ),
    Field::process(
        "user.loginname",
        Text,
        |o, _| {
            let name = |uid| told(o.logins, uid, |user| &user.name, b"root");
            let name = login_uid(o).map_or(UNKNOWN, name);
            Some(Value::Text(name))
        },
        "name of that login user on the host; the text <NA> when there is none",
    ),
];

/// group.*
pub(super) const GROUP_ROWS: &[Field] = &[
    Field::process(
        "group.gid",
        Unsigned(32),
        |o, _| Some(Value::Unsigned(gid(o).into())),
        "effective group id; 4294967295 when the process is unknown",
    ),
    Field::process(
        "group.name",
        Text,
        |o, _| Some(Value::Text(group_name(o, gid(o)))),
        "name of the effective group, in a container its own files' name; the text <NA> when it has none",
    ),
];

/// The effective user, as the kernel told it with the event.
fn uid(o: &Observation<'_>) -> u32 {
    o.process.map_or(u32::MAX, |_| o.event.task.uid)
}

fn gid(o: &Observation<'_>) -> u32 {
    o.process.map_or(u32::MAX, |_| o.event.task.gid)
}

fn login_uid(o: &Observation<'_>) -> Option<u32> {
    o.process
        .map(|process| process.loginuid)
        .filter(|uid| *uid != u32::MAX)
}

/// The name of a user, or what stands for it.
pub(super) fn user_name<'a>(o: &Observation<'a>, uid: u32) -> &'a [u8] {
    about(o, uid, |user| &user.name, b"root")
}

/// The name of a group, or what stands for it.
pub(super) fn group_name<'a>(o: &Observation<'a>, gid: u32) -> &'a [u8] {
    match (o.users.group(gid), gid) {
        (Some(name), _) => name.as_bytes(),
        (None, 0) => b"root",
        (None, _) => UNKNOWN,
    }
}

/// Something of a user; what no file tells is not known either, but for root.
fn about<'a>(
    o: &Observation<'a>,
    uid: u32,
    read: fn(&User) -> &str,
    of_root: &'static [u8],
) -> &'a [u8] {
    told(o.users, uid, read, of_root)
}

fn told<'a>(
    users: &'a Users,
    uid: u32,
    read: fn(&User) -> &str,
    of_root: &'static [u8],
) -> &'a [u8] {
    match (users.user(uid).map(read), uid) {
        (None, 0) => of_root,
        (None | Some(""), _) => UNKNOWN,
        (Some(text), _) => text.as_bytes(),
    }
}
