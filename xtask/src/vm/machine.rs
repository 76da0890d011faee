//! One virtual machine: a kernel and an initramfs in, what it said on its serial line
//! out.
//!
//! Always holds: the machine has no network and no disk; when its time is up it is
//! ended by its process id, and what it said until then is kept.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::kernels::Kernel;

/// How long a machine may take; one that has two processors to itself needs a third.
const PATIENCE: Duration = Duration::from_mins(30);

/// Arguments of the kernel: say nothing but errors, restart never, and have all the
/// security modules a distribution has.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 lsm=landlock,lockdown,yama,bpf";

/// Boots and waits until the machine has powered off.
pub(super) fn run(kernel: &Kernel, initramfs: &Path) -> Result<String> {
    let path = kernel.dir.join("serial.log");
    let serial = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut machine = Command::new("qemu-system-x86_64")
        // Emulated, because many machines that build are virtual themselves.
        .args(["-accel", "tcg,thread=multi", "-cpu", "max"])
        .args(["-m", "1024", "-smp", "2"])
        .args(["-nographic", "-no-reboot", "-nodefaults"])
        .args(["-serial", "stdio", "-append", COMMAND_LINE, "-kernel"])
        .arg(kernel.image())
        .arg("-initrd")
        .arg(initramfs)
        .stdin(Stdio::null())
        .stdout(serial.try_clone()?)
        .stderr(serial)
        .spawn()
        .context("cannot start qemu-system-x86_64")?;
    let begin = Instant::now();
    while machine.try_wait()?.is_none() {
        if begin.elapsed() > PATIENCE {
            machine.kill().ok();
            machine.wait()?;
            bail!(
                "not done within {} s: see {}",
                PATIENCE.as_secs(),
                path.display()
            );
        }
        thread::sleep(Duration::from_millis(100));
    }
    let said = fs::read(&path)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
