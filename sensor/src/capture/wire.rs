//! The programs that see packets, and the one place they hang: the root of the
//! cgroup v2 hierarchy, which all sockets of all network namespaces are under.
//!
//! They can be loaded and attached only with `CAP_NET_ADMIN`, which a running sensor
//! gives up; so what is not attached at the start cannot be later. The capture goes
//! on without them and says so.

use std::error::Error;
use std::os::fd::OwnedFd;

use aya::{
    Ebpf,
    programs::{
        CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, ProgramError, cgroup_skb::CgroupSkbLinkId,
    },
};
use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

/// The programs and where they look.
const PROGRAMS: [(&str, CgroupSkbAttachType); 2] = [
    ("packet_egress", CgroupSkbAttachType::Egress),
    ("packet_ingress", CgroupSkbAttachType::Ingress),
];

/// The hooks, as the kernel names them.
pub(super) fn hooks() -> impl Iterator<Item = String> {
    ["cgroup_skb:egress", "cgroup_skb:ingress"]
        .into_iter()
        .map(str::to_owned)
}

/// Which programs are attached.
#[derive(Default)]
pub(super) struct Wire {
    links: Vec<(&'static str, CgroupSkbLinkId)>,
}

impl Wire {
    /// Attaches the programs, or detaches them. Where that cannot be it is said.
    pub(super) fn set(&mut self, object: &mut Ebpf, wanted: bool) {
        if !wanted {
            self.detach(object);
        } else if self.links.is_empty()
            && let Err(error) = self.attach(object)
        {
            self.detach(object);
            tracing::warn!(
                "DNS and TLS on the wire are not seen, so `dns` and `tls_hello` never fire and \
                 addresses have no names: {error}; it takes a cgroup v2 hierarchy and \
                 CAP_NET_ADMIN, which a sensor has only while it starts"
            );
        }
    }

    fn attach(&mut self, object: &mut Ebpf) -> Result<(), String> {
        let root = root()?;
        for (name, direction) in PROGRAMS {
            let program = program(object, name).ok_or("not in the object")?;
            match program.load() {
                Ok(()) | Err(ProgramError::AlreadyLoaded) => {}
                Err(error) => return Err(format!("the kernel refused {name}: {error}")),
            }
            // Links are always beside those of others, and take no flag that says so.
            let link = program.attach(&root, direction, CgroupAttachMode::Single);
            let link = link.map_err(|error| {
                let cause = error
                    .source()
                    .map_or_else(String::new, |it| format!(" ({it})"));
                format!("cannot attach {name}: {error}{cause}")
            })?;
            self.links.push((name, link));
        }
        Ok(())
    }

    /// A link that is gone already is as good as detached.
    pub(super) fn detach(&mut self, object: &mut Ebpf) {
        for (name, link) in self.links.drain(..) {
            if let Some(program) = program(object, name)
                && let Err(error) = program.detach(link)
            {
                tracing::warn!(program = name, %error, "could not detach");
            }
        }
    }
}

fn program<'o>(object: &'o mut Ebpf, name: &str) -> Option<&'o mut CgroupSkb> {
    object.program_mut(name)?.try_into().ok()
}

/// The root of the hierarchy: where it is mounted for the sensor or, in a container, for
/// the first process; else by a mount of our own that nobody sees.
fn root() -> Result<OwnedFd, String> {
    for process in ["self", "1"] {
        let mounts = std::fs::read_to_string(format!("/proc/{process}/mountinfo"));
        for point in mounts.unwrap_or_default().lines().filter_map(mount_point) {
            let path = format!("/proc/{process}/root{point}");
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(root) = rustix::fs::open(path, flags, Mode::empty())
                && is_root(&root)
            {
                return Ok(root);
            }
        }
    }
    let root = mount().map_err(|errno| format!("no root of cgroup v2 ({errno})"))?;
    if is_root(&root) {
        return Ok(root);
    }
    Err(
        "the sensor's own cgroup namespace hides the root of cgroup v2, so start its \
         container with --cgroupns=host"
            .to_owned(),
    )
}

fn mount() -> rustix::io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    rustix::mount::fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
}

/// Whether it is the root itself, and not what a cgroup namespace takes for one: all
/// other cgroups have a type.
fn is_root(cgroup: &OwnedFd) -> bool {
    rustix::fs::accessat(cgroup, "cgroup.type", Access::EXISTS, AtFlags::empty())
        == Err(rustix::io::Errno::NOENT)
}

/// Where a line of mountinfo says that cgroup v2 is mounted.
fn mount_point(line: &str) -> Option<&str> {
    let (mount, kind) = line.split_once(" - ")?;
    let point = mount.split(' ').nth(4)?;
    (kind.starts_with("cgroup2 ") && !point.contains('\\')).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_the_second_hierarchy_are_told_from_others() {
        for (line, point) in [
            (
                "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw",
                Some("/sys/fs/cgroup"),
            ),
            (
                "30 23 0:26 /../.. /host/cgroup rw - cgroup2 cgroup rw",
                Some("/host/cgroup"),
            ),
            (
                "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
                None,
            ),
            ("30 23 0:26 / /mnt/a\\040b rw - cgroup2 cgroup2 rw", None),
            ("", None),
        ] {
            assert_eq!(mount_point(line), point, "{line}");
        }
    }
}
