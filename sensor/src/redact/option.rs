//! Command lines of programs that take passwords in options of their own in,
//! the places of the passwords out.
//!
//! One row per program: what says `password` to `mysql` says `port` to `ssh`.

use std::ops::Range;

/// How the password stands in an option's value.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// Behind the first such byte; without one there is none.
    Behind(u8),
}

/// How the value follows the option.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In the same word.
    Attached,
    /// In the next word.
    Next,
    /// Either.
    Both,
}

/// An option that takes a password.
struct Row {
    programs: &'static [&'static str],
    /// A word that must stand before the option: `docker run -p` is a port.
    after: Option<&'static str>,
    option: &'static str,
    place: Place,
    part: Part,
}

const MYSQL: &[&str] = &[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlshow",
    "mysqlcheck",
    "mysqlpump",
    "mysqlslap",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
];
const LDAP: &[&str] = &[
    "ldapsearch",
    "ldapadd",
    "ldapmodify",
    "ldapdelete",
    "ldappasswd",
    "ldapwhoami",
];
const MONGO: &[&str] = &[
    "mongo",
    "mongosh",
    "mongodump",
    "mongorestore",
    "mongoexport",
];
const REGISTRY: &[&str] = &[
    "docker", "podman", "buildah", "skopeo", "helm", "nerdctl", "oras",
];
const SNMP: &[&str] = &["snmpget", "snmpwalk", "snmpset", "snmpbulkwalk"];
const SMB: &[&str] = &["smbclient", "rpcclient"];

const fn row(
    programs: &'static [&'static str],
    option: &'static str,
    place: Place,
    part: Part,
) -> Row {
    Row {
        programs,
        after: None,
        option,
        place,
        part,
    }
}

static ROWS: &[Row] = &[
    row(MYSQL, "-p", Place::Attached, Part::Whole),
    row(&["sshpass"], "-p", Place::Both, Part::Whole),
    row(&["curl"], "-u", Place::Both, Part::Behind(b':')),
    row(&["curl"], "-U", Place::Both, Part::Behind(b':')),
    row(&["curl"], "--user", Place::Next, Part::Behind(b':')),
    row(&["curl"], "--user=", Place::Attached, Part::Behind(b':')),
    row(&["curl"], "--proxy-user", Place::Next, Part::Behind(b':')),
    row(
        &["curl"],
        "--proxy-user=",
        Place::Attached,
        Part::Behind(b':'),
    ),
    row(&["curl"], "-E", Place::Next, Part::Behind(b':')),
    row(&["curl"], "--cert", Place::Next, Part::Behind(b':')),
    row(&["curl"], "--oauth2-bearer", Place::Next, Part::Whole),
    row(&["http", "https"], "-a", Place::Next, Part::Behind(b':')),
    row(
        &["http", "https"],
        "--auth",
        Place::Next,
        Part::Behind(b':'),
    ),
    row(
        &["http", "https"],
        "--auth=",
        Place::Attached,
        Part::Behind(b':'),
    ),
    row(&["redis-cli"], "-a", Place::Next, Part::Whole),
    row(MONGO, "-p", Place::Both, Part::Whole),
    row(LDAP, "-w", Place::Both, Part::Whole),
    row(SMB, "-U", Place::Both, Part::Behind(b'%')),
    row(&["sqlcmd", "bcp"], "-P", Place::Both, Part::Whole),
    row(&["rdesktop"], "-p", Place::Both, Part::Whole),
    row(
        &["xfreerdp", "wlfreerdp"],
        "/p:",
        Place::Attached,
        Part::Whole,
    ),
    row(&["zip", "unzip"], "-P", Place::Both, Part::Whole),
    row(
        &["7z", "7za", "7zr", "rar", "unrar"],
        "-p",
        Place::Attached,
        Part::Whole,
    ),
    row(&["ipmitool"], "-P", Place::Both, Part::Whole),
    row(&["plink", "pscp"], "-pw", Place::Next, Part::Whole),
    row(&["lftp"], "-u", Place::Both, Part::Behind(b',')),
    row(&["openssl"], "pass:", Place::Attached, Part::Whole),
    row(SNMP, "-A", Place::Next, Part::Whole),
    row(SNMP, "-X", Place::Next, Part::Whole),
    Row {
        after: Some("login"),
        ..row(REGISTRY, "-p", Place::Next, Part::Whole)
    },
];

/// Every program of a row, so that other command lines are not looked at.
pub(super) const PROGRAMS: &[&str] = &[
    "mysql",
    "mariadb",
    "sshpass",
    "curl",
    "http",
    "redis-cli",
    "mongo",
    "ldap",
    "smbclient",
    "rpcclient",
    "sqlcmd",
    "bcp",
    "rdesktop",
    "freerdp",
    "zip",
    "7z",
    "rar",
    "ipmitool",
    "plink",
    "pscp",
    "lftp",
    "openssl",
    "snmp",
    "docker",
    "podman",
    "buildah",
    "skopeo",
    "helm",
    "nerdctl",
    "oras",
];

/// Gives the place of every password.
pub(super) fn find(text: &[u8], found: &mut dyn FnMut(Range<usize>)) {
    let mut program: Option<Range<usize>> = None;
    let mut words = Words { text, at: 0 };
    let mut passed: Vec<Range<usize>> = Vec::new();
    while let Some(word) = words.next() {
        let bytes = text.get(word.clone()).unwrap_or_default();
        if let Some(name) = program_in(bytes, word.start) {
            program = Some(name);
            passed.clear();
            continue;
        }
        if matches!(bytes, b"|" | b"||" | b"&&" | b";" | b"&") {
            program = None;
        }
        let Some(name) = program.clone().and_then(|name| text.get(name)) else {
            continue;
        };
        let of_program = |row: &&Row| row.programs.iter().any(|known| known.as_bytes() == name);
        for row in ROWS.iter().filter(of_program) {
            let seen = |wanted: &str| {
                let mut passed = passed.iter().filter_map(|word| text.get(word.clone()));
                passed.any(|word| word == wanted.as_bytes())
            };
            if row.after.is_some_and(|wanted| !seen(wanted)) {
                continue;
            }
            if let Some(value) = row.value(text, &word, &words) {
                found(value);
                break;
            }
        }
        passed.push(word);
    }
}

impl Row {
    /// Where the password is, when this word is the option.
    fn value(&self, text: &[u8], word: &Range<usize>, words: &Words<'_>) -> Option<Range<usize>> {
        let bytes = text.get(word.clone())?;
        let option = self.option.as_bytes();
        let value = match bytes.strip_prefix(option) {
            Some(rest) if !rest.is_empty() && self.place != Place::Next => {
                word.start + option.len()..word.end
            }
            Some([]) if self.place != Place::Attached => next(text, words)?,
            // `-su user:password`: letters of several options in one word.
            None if self.place != Place::Attached && ends_cluster(bytes, option) => {
                next(text, words)?
            }
            _ => return None,
        };
        match self.part {
            Part::Whole => Some(value),
            Part::Behind(mark) => {
                let at = text.get(value.clone())?.iter().position(|b| *b == mark)?;
                Some(value.start + at + 1..value.end)
            }
        }
    }
}

/// The word behind an option, when it is no further option.
fn next(text: &[u8], words: &Words<'_>) -> Option<Range<usize>> {
    let next = words.argument()?;
    (text.get(next.start) != Some(&b'-')).then_some(next)
}

fn ends_cluster(word: &[u8], option: &[u8]) -> bool {
    let [b'-', letter] = option else { return false };
    let letters = word.strip_prefix(b"-").unwrap_or_default();
    (2..=4).contains(&letters.len())
        && letters.last() == Some(letter)
        && letters.iter().all(u8::is_ascii_alphabetic)
}

/// The place of a known program's name in a word: its path and what a shell has
/// before it aside.
fn program_in(word: &[u8], start: usize) -> Option<Range<usize>> {
    let from = word
        .iter()
        .rposition(|byte| b"/(\"'`$".contains(byte))
        .map_or(0, |at| at + 1);
    let name = word.get(from..)?;
    let known = ROWS
        .iter()
        .any(|row| row.programs.iter().any(|known| known.as_bytes() == name));
    known.then_some(start + from..start + word.len())
}

/// The words of a text: between blanks, and between NULs.
struct Words<'t> {
    text: &'t [u8],
    at: usize,
}

impl Words<'_> {
    /// The word that follows, or what stands up to the next NUL where it follows
    /// one: an argument with blanks in it.
    fn argument(&self) -> Option<Range<usize>> {
        let rest = self.text.get(self.at..)?;
        if rest.first() == Some(&0) {
            let inner = rest.get(1..)?;
            let end = inner
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(inner.len());
            return (end > 0).then_some(self.at + 1..self.at + 1 + end);
        }
        Words {
            text: self.text,
            at: self.at,
        }
        .next()
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.iter().position(|byte| !blank(byte))?;
        let rest = self.text.get(start..)?;
        let end = start + rest.iter().position(blank).unwrap_or(rest.len());
        self.at = end;
        Some(start..end)
    }
}
