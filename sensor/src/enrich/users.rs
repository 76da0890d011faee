//! Names of users and groups, from the host's password and group files.
//!
//! Files in, look-ups out. The files are read by hand: no name service is
//! asked, nothing blocks, and a broken line costs that line only. They are
//! looked at again on a timer, never for an event.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::learned::Names;

/// A larger file is not read: it is not a password file.
const FILE_LIMIT: u64 = 16 << 20;

/// Names of users and groups of the host.
#[derive(Debug, Default)]
pub struct Users {
    by_uid: HashMap<u32, User>,
    by_gid: HashMap<u32, String>,
    passwd: Source,
    group: Source,
}

/// One line of the password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A file and the version of it that was read.
#[derive(Debug, Default)]
struct Source {
    path: PathBuf,
    /// Time of modification and length.
    version: Option<(SystemTime, u64)>,
}

impl Users {
    /// The users of the machine whose `/etc` this is.
    pub fn new(etc: &Path) -> Self {
        let mut users = Self::default();
        users.passwd.path = etc.join("passwd");
        users.group.path = etc.join("group");
        users.refresh();
        users
    }

    /// The users that such a password file and group file name.
    pub fn from_text(passwd: &[u8], group: &[u8]) -> Self {
        Self {
            by_uid: users(passwd),
            by_gid: groups(group),
            ..Self::default()
        }
    }

    /// Reads the files that have changed since they were last read; whether
    /// any had.
    pub fn refresh(&mut self) -> bool {
        let (passwd, group) = (self.passwd.changed(), self.group.changed());
        let changed = passwd.is_some() || group.is_some();
        if let Some(text) = passwd {
            self.by_uid = users(&text);
        }
        if let Some(text) = group {
            self.by_gid = groups(&text);
        }
        changed
    }

    /// All names, sorted by id.
    pub fn names(&self) -> Names {
        let users = self.by_uid.iter().map(|(id, user)| (*id, user.clone()));
        let groups = self.by_gid.iter().map(|(id, name)| (*id, name.clone()));
        let mut names = Names {
            users: users.collect(),
            groups: groups.collect(),
        };
        names.users.sort_unstable_by_key(|(id, _)| *id);
        names.groups.sort_unstable_by_key(|(id, _)| *id);
        names
    }

    /// Users and groups of those names, from no file.
    pub fn from_names(names: Names) -> Self {
        Self {
            by_uid: names.users.into_iter().collect(),
            by_gid: names.groups.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The user of that id, if the file names one.
    pub fn user(&self, uid: u32) -> Option<&User> {
        self.by_uid.get(&uid)
    }

    /// The name of the group of that id, if the file names one.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.by_gid.get(&gid).map(String::as_str)
    }
}

impl Source {
    /// The text, if there is another one than before. A file that is gone for
    /// a moment, as it is while it is replaced, leaves the old names standing.
    fn changed(&mut self) -> Option<Vec<u8>> {
        let meta = fs::metadata(&self.path).ok()?;
        let version = Some((meta.modified().ok()?, meta.len()));
        if version == self.version || !meta.is_file() || meta.len() > FILE_LIMIT {
            return None;
        }
        let text = fs::read(&self.path).ok()?;
        self.version = version;
        Some(text)
    }
}

/// Lines of `name:password:uid:gid:comment:home:shell`; the first that has an
/// id gives its name, as the C library does.
fn users(text: &[u8]) -> HashMap<u32, User> {
    let mut users = HashMap::new();
    for fields in lines(text) {
        let [name, _, uid, _, _, home, shell, ..] = fields.as_slice() else {
            continue;
        };
        if let (Ok(uid), false) = (uid.parse(), name.is_empty()) {
            users.entry(uid).or_insert_with(|| User {
                name: name.clone(),
                home: home.clone(),
                shell: shell.clone(),
            });
        }
    }
    users
}

/// Lines of `name:password:gid:members`.
fn groups(text: &[u8]) -> HashMap<u32, String> {
    let mut groups = HashMap::new();
    for fields in lines(text) {
        let [name, _, gid, ..] = fields.as_slice() else {
            continue;
        };
        if let (Ok(gid), false) = (gid.parse(), name.is_empty()) {
            groups.entry(gid).or_insert_with(|| name.clone());
        }
    }
    groups
}

fn lines(text: &[u8]) -> impl Iterator<Item = Vec<String>> {
    text.split(|byte| *byte == b'\n').map(|line| {
        line.split(|byte| *byte == b':')
            .map(|field| String::from_utf8_lossy(field.trim_ascii()).into_owned())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_well_formed_lines_and_the_first_of_an_id_wins() {
        let passwd = b"\
root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
toor:x:0:0::/:/bin/sh
+nis
broken:x:abc:0:::
:x:77:0::/:/bin/sh
negative:x:-1:0::/:/bin/sh
tailless:x:78:0
j\xf6rg:x:1000:1000::/home/j:/bin/zsh";
        let users = Users::from_text(passwd, b"adm:x:4:syslog\nadm2:x:4:\nbad:x\n\n");
        let name = |uid| users.user(uid).map(|user| user.name.as_str());
        assert_eq!(name(0), Some("root"));
        assert_eq!(name(33), Some("www-data"));
        assert_eq!(name(1000), Some("j\u{fffd}rg"));
        assert_eq!([77, 78, u32::MAX].map(name), [None, None, None]);
        assert_eq!(users.user(33).unwrap().home, "/var/www");
        assert_eq!(users.user(33).unwrap().shell, "/usr/sbin/nologin");
        assert_eq!([4, 5].map(|gid| users.group(gid)), [Some("adm"), None]);
    }

    #[test]
    fn a_user_added_later_is_found_after_a_refresh_and_a_missing_file_forgets_nobody() {
        let etc = tempfile::tempdir().unwrap();
        let passwd = etc.path().join("passwd");
        fs::write(&passwd, "ann:x:1000:1000::/home/ann:/bin/sh\n").unwrap();
        let mut users = Users::new(etc.path());
        assert_eq!(users.user(1000).unwrap().name, "ann");
        fs::write(
            &passwd,
            "ann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/:\n",
        )
        .unwrap();
        users.refresh();
        assert_eq!(users.user(1001).unwrap().name, "bob");
        fs::remove_file(&passwd).unwrap();
        users.refresh();
        assert_eq!(users.user(1001).unwrap().name, "bob");
    }
}
