//! One function of a script, run where it cannot change the machine.
//!
//! In: an [`Order`] as JSON on standard input, read by a process that `unshare` has put
//! into namespaces of its own. Out: a [`Report`] as JSON on standard output.
//!
//! Always holds: what is set up here happens before the process enters the cgroup of
//! the script, so none of it is taken for the script's own; and the ancestors of the
//! script are this program and init, no shell and no build tool, whose presence a rule
//! may take for an excuse.

mod container;
mod host;
mod mounts;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{WaitOptions, wait};
use serde::{Deserialize, Serialize};

use super::script::Place;

/// Where a script finds the programs made for it, as `$TOOLS`.
const TOOLS: &str = "/opt/tools";
/// The script's own directory, as `$WORK`.
const WORK: &str = "/opt/work";
/// The script, and what calls it.
const SCRIPT: &str = "/opt/script";

/// Calls the function, and then what the script wants done afterwards.
const DRIVER: &str = "\
. /opt/script/script.sh
if command -v cleanup > /dev/null; then trap cleanup EXIT; fi
\"$1\"
";

/// What to run, and where.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The file of the script.
    pub(super) script: PathBuf,
    /// Which function of it.
    pub(super) function: String,
    /// Where.
    pub(super) place: Place,
    /// Whether the network is the machine's own.
    pub(super) host_network: bool,
    /// The directory of the programs made for scripts.
    pub(super) tools: PathBuf,
    /// The files through which the script's cgroup is entered.
    pub(super) doors: Vec<PathBuf>,
}

/// How it went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When it began, nanoseconds since the epoch.
    pub(crate) started_ns: u64,
    /// How its shell ended, in words; empty when all is well.
    pub(crate) failure: String,
}

/// Takes the order, obeys and reports.
pub(crate) fn main() -> Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let order: Order = serde_json::from_str(&text).context("the order is no order")?;
    if order.place == Place::Container && std::process::id() != 1 {
        return below(&text);
    }
    let tools = mounts::prepare(&order)?;
    if !order.host_network {
        network()?;
    }
    match order.place {
        Place::Host => host::set_up(&tools)?,
        Place::Container => container::set_up(&tools)?,
    }
    let report = run(&order)?;
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    out.flush()?;
    Ok(())
}

/// The same in a child, which is the first process of the new pid namespace.
fn below(order: &str) -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(super::STAGE)
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the first process of a container")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(order.as_bytes())?;
    }
    let status = child.wait()?;
    ensure!(status.success(), "the container's first process failed");
    Ok(())
}

/// Gives the network namespace its loopback, and makes every address in the world lead
/// there: what a script connects to is the script's own, or nobody.
fn network() -> Result<()> {
    for arguments in [
        "link set lo up",
        "address add 192.0.2.7/32 dev lo",
        "route add local default dev lo",
        "-6 address add 2001:db8::7/128 dev lo",
        "-6 route add local default dev lo",
    ] {
        let status = Command::new("ip")
            .args(arguments.split(' '))
            .stdout(Stdio::null())
            .status()
            .context("cannot start ip")?;
        // A machine may have IPv6 switched off.
        ensure!(
            status.success() || arguments.starts_with("-6"),
            "`ip {arguments}` failed"
        );
    }
    Ok(())
}

/// Enters the cgroup and runs the shell to its end.
fn run(order: &Order) -> Result<Report> {
    std::env::set_current_dir(WORK)?;
    for door in &order.doors {
        fs::write(door, "0").with_context(|| format!("cannot enter {}", door.display()))?;
    }
    let started = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let child = Command::new("/bin/sh")
        .args(["-eu", "/opt/script/run", &order.function])
        .env_clear()
        .envs([
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LANG", "C.UTF-8"),
            ("TOOLS", TOOLS),
            ("WORK", WORK),
        ])
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .spawn()
        .context("cannot start /bin/sh")?;
    // Orphans of the script come to the first process of a container, which reaps them.
    let status = loop {
        let ended = wait(WaitOptions::empty())?;
        if let Some((pid, status)) = ended
            && u32::try_from(pid.as_raw_nonzero().get()) == Ok(child.id())
        {
            break ExitStatus::from_raw(status.as_raw());
        }
    };
    let failure = if status.success() {
        String::new()
    } else {
        status.to_string()
    };
    Ok(Report {
        started_ns: u64::try_from(started.as_nanos())?,
        failure,
    })
}

/// The same place below another root.
fn below_root(root: &Path, place: &str) -> PathBuf {
    root.join(place.trim_start_matches('/'))
}
