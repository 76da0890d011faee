//! Containers by their cgroups: in the hierarchy of version 2, in one of version 1, in
//! some of several, inside one another.
//!
//! Hierarchies of version 1 with a name and no controller can be mounted at any time
//! and on any machine, so where none is there the tests make their own.

use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use rustix::mount::{MountFlags, UnmountFlags};
use sensor::decode::Body;

use crate::proctable::{Cgroup, Live, Shell};

/// A hierarchy of version 1 with a name of its own; gone when dropped.
struct Hierarchy {
    dir: tempfile::TempDir,
    made: Vec<PathBuf>,
}

impl Hierarchy {
    fn mounted(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("none,name=sensor-{name}-{}", std::process::id());
        let options = CString::new(options).unwrap();
        let flags = MountFlags::empty();
        rustix::mount::mount("none", dir.path(), "cgroup", flags, &*options)
            .expect("root may mount a hierarchy without controllers");
        Self {
            dir,
            made: Vec::new(),
        }
    }

    /// The file through which processes get into a cgroup of it, `/` being its root.
    fn door(&mut self, path: &str) -> String {
        let mut below = self.dir.path().to_owned();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            below.push(name);
            if !below.is_dir() {
                fs::create_dir(&below).unwrap();
                self.made.push(below.clone());
            }
        }
        below.join("cgroup.procs").display().to_string()
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        for dir in self.made.iter().rev() {
            fs::remove_dir(dir).ok();
        }
        rustix::mount::unmount(self.dir.path(), UnmountFlags::DETACH).ok();
    }
}

/// The container a shell is told to be in once it has gone through these doors.
fn container_behind(live: &mut Live, doors: &[String]) -> Option<String> {
    let moves: Vec<String> = doors
        .iter()
        .map(|door| format!("echo $$ > {door}"))
        .collect();
    let moves = moves.join("; ");
    let shell = Shell::start(&format!("{moves}; : < /etc/passwd; read go"));
    let mut found = None;
    live.until("the open in the container", |seen| {
        let opened = matches!(&seen.event.body, Body::Open(open) if open.name == b"/etc/passwd");
        let ours = opened && seen.event.task.pid == shell.pid();
        if ours {
            found = seen.container.map(|container| container.full_id.clone());
        }
        ours
    });
    drop(shell);
    found
}

/// An id that no other test has.
fn id(digit: char) -> String {
    format!("{:08x}", std::process::id()) + &digit.to_string().repeat(56)
}

#[test]
fn a_container_is_told_whichever_hierarchies_it_is_in() {
    let (outer, inner) = (id('c'), id('d'));
    let in_outer = format!("docker/{outer}");
    let in_both = format!("docker/{outer}/docker/{inner}");
    let (mut first, mut second) = (Hierarchy::mounted("a"), Hierarchy::mounted("b"));
    let mut live = Live::start();
    // The cgroups of both, the container.
    let cases: [(&str, &str, Option<&str>); 8] = [
        ("", "", None),
        ("user", "other", None),
        (&in_outer, "", Some(&outer)),
        ("", &in_outer, Some(&outer)),
        ("user", &in_outer, Some(&outer)),
        (&in_outer, "user", Some(&outer)),
        (&in_outer, &in_both, Some(&inner)),
        (&in_both, &in_outer, Some(&inner)),
    ];
    for (a, b, expect) in cases {
        let doors = [first.door(a), second.door(b)];
        let found = container_behind(&mut live, &doors);
        assert_eq!(found.as_deref(), expect, "{a:?} and {b:?}");
    }
}

/// Where hierarchies are mounted: the v2 one, and one of v1 that has no rules to keep
/// (as cpuset has).
fn hierarchies() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let fields = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let is = |fields: &[&str]| match fields[2] {
        "cgroup2" => true,
        "cgroup" => fields[3].split(',').any(|option| option == "cpu"),
        _ => false,
    };
    let found = fields.filter(|fields| is(fields));
    found.map(|fields| fields[1].to_owned()).collect()
}

#[test]
fn containers_are_told_by_real_cgroups_of_every_engine_in_both_hierarchies() {
    let own = format!("{:08x}", std::process::id());
    let (outer, inner) = (id('a'), id('b'));
    let cases = [
        (format!("docker/{outer}"), outer.clone()),
        (format!("system.slice/docker-{outer}.scope"), outer.clone()),
        // Docker in Docker: the innermost.
        (format!("docker/{outer}/docker/{inner}"), inner.clone()),
        (
            format!("machine.slice/libpod-{inner}.scope/container"),
            inner.clone(),
        ),
        (
            format!("kubepods.slice/kubepods-pod1.slice/cri-containerd-{inner}.scope"),
            inner.clone(),
        ),
        (format!("kubepods/besteffort/pod2/{outer}"), outer.clone()),
        (format!("lxc/web{own}"), format!("web{own}")),
    ];
    let mut live = Live::start();
    for root in hierarchies() {
        for (path, expect) in &cases {
            let cgroup = Cgroup::at(&root, path);
            let door = cgroup.0.join("cgroup.procs").display().to_string();
            let found = container_behind(&mut live, &[door]);
            assert_eq!(found.as_deref(), Some(&**expect), "{root}/{path}");
        }
    }
}
