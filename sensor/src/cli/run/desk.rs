//! Where a running sensor answers `sensor rules`, `queue` and `account`: a unix socket,
//! `PID.sock`, in a directory of root's.
//!
//! A question is one line, an answer one JSON object. What always holds: only
//! the sensor's own user and root are heard; one asks at a time; a question and
//! the time for it are bounded; and nothing but the walk changes the rules.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::control::{Ask, Control};
use super::reload::Reply;

/// The longest question, bytes.
const QUESTION: u64 = 512;
/// How long a question or the taking of an answer may pause.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the walk may take: 10,000 rules load in seconds.
const LONGEST: Duration = Duration::from_mins(1);

/// A socket that is bound and not yet answered at.
#[derive(Debug)]
pub(super) struct Desk {
    listener: UnixListener,
    path: PathBuf,
}

/// Removes the socket when the sensor ends.
#[derive(Debug)]
pub(super) struct Sign(PathBuf);

impl Drop for Sign {
    fn drop(&mut self) {
        // Gone already is just as well.
        let _gone = fs::remove_file(&self.0);
    }
}

impl Desk {
    /// Binds the socket of this process in that directory, which is made if it
    /// is not there.
    ///
    /// # Errors
    /// When the directory cannot be made, is somebody else's or open to
    /// others, or the socket cannot be bound.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let meta = fs::symlink_metadata(directory)?;
        let own = meta.uid() == rustix::process::geteuid().as_raw();
        if !meta.is_dir() || !own || meta.mode() & 0o022 != 0 {
            return Err(io::Error::other(
                "the directory is not ours alone: others may write to it",
            ));
        }
        sweep(directory);
        let path = directory.join(format!("{}.sock", std::process::id()));
        // What is left of an earlier process that had our pid.
        let _none = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers on a thread of its own from now on, until the sign is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn serve(self, requests: Sender<Control>) -> anyhow::Result<Sign> {
        let sign = Sign(self.path);
        thread::Builder::new()
            .name("desk".to_owned())
            .spawn(move || {
                for stream in self.listener.incoming() {
                    let served = stream.and_then(|stream| serve(&stream, &requests));
                    if let Err(error) = served {
                        tracing::debug!(%error, "a question on the control socket was not answered");
                        // A socket that fails at once must not spin.
                        thread::sleep(Duration::from_millis(10));
                    }
                }
            })
            .context("cannot start the thread that answers questions")?;
        Ok(sign)
    }
}

/// Removes the sockets of sensors that were killed.
fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let socket = entry.file_type().is_ok_and(|kind| kind.is_socket());
        let path = entry.path();
        let refused = || {
            let error = UnixStream::connect(&path).err();
            error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if socket && refused() {
            // Another sensor may have swept it meanwhile.
            let _gone = fs::remove_file(&path);
        }
    }
}

/// Whether the other end runs as root or as we do.
pub(in crate::cli) fn is_trusted(stream: &UnixStream) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?.uid;
    Ok(peer.is_root() || peer == rustix::process::geteuid())
}

fn serve(stream: &UnixStream, requests: &Sender<Control>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if !is_trusted(stream)? {
        return Err(io::Error::other("it came from another user"));
    }
    let mut question = String::new();
    BufReader::new(stream.take(QUESTION)).read_line(&mut question)?;
    let reply = match Ask::from_line(question.trim_end_matches('\n')) {
        Some(ask) => answer(ask, requests),
        None => refusal("this sensor knows no such question"),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    let mut stream = stream;
    stream.write_all(&bytes)
}

/// What the walk says.
fn answer(ask: Ask, requests: &Sender<Control>) -> Reply {
    let (answer, answered) = channel();
    if requests.send(Control::Ask(ask, answer)).is_err() {
        return refusal("the sensor is ending");
    }
    answered
        .recv_timeout(LONGEST)
        .unwrap_or_else(|_| refusal("the sensor did not answer in time, or is ending"))
}

/// A reply to what was not done.
pub(super) fn refusal(message: &str) -> Reply {
    Reply {
        message: message.to_owned(),
        ..Reply::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A desk whose walk knows its own name.
    fn served(directory: &Path) -> (Sign, PathBuf) {
        let (requests, inbox) = channel();
        let desk = Desk::open(directory).unwrap();
        let path = desk.path.clone();
        let sign = desk.serve(requests).unwrap();
        thread::spawn(move || {
            for request in inbox {
                if let Control::Ask(ask, answer) = request {
                    answer.send(refusal(&ask.line())).unwrap();
                }
            }
        });
        (sign, path)
    }

    fn ask(path: &Path, question: &[u8]) -> Reply {
        let mut stream = UnixStream::connect(path).unwrap();
        // A long question is refused while it is being written.
        let _refused = stream.write_all(question);
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        serde_json::from_str(&reply).unwrap()
    }

    #[test]
    fn questions_are_answered_by_the_walk_and_others_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (sign, path) = served(&dir.path().join("a/b"));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(ask(&path, b"reload\n").message, "reload");
        // Somebody who connects and says nothing holds up nobody for long.
        let silent = UnixStream::connect(&path).unwrap();
        assert_eq!(ask(&path, b"list\n").message, "list");
        drop(silent);
        for wrong in [&b"\n"[..], b"rm -rf\n", b"\xff\xfe\n", &[b'x'; 60]] {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(wrong).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            assert!(
                reply.is_empty() || reply.contains("no such question"),
                "{reply}"
            );
        }
        drop(sign);
        assert!(!path.exists(), "the sign is taken down");
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert!(Desk::open(&open).is_err());
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let link = dir.path().join("link");
        symlink(&open, &link).unwrap();
        assert!(Desk::open(&link).is_err());
        assert!(Desk::open(&open).is_ok());
    }

    #[test]
    fn sockets_nobody_listens_at_are_swept_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let at = |name: &str| dir.path().join(name);
        drop(UnixListener::bind(at("1.sock")).unwrap());
        let alive = UnixListener::bind(at("2.sock")).unwrap();
        fs::write(at("notes"), "x").unwrap();
        let desk = Desk::open(dir.path()).unwrap();
        assert!(!at("1.sock").exists());
        assert!(at("2.sock").exists() && at("notes").exists() && desk.path.exists());
        drop(alive);
    }
}
