//! A cgroup path in, the container it names out.
//!
//! Every engine puts its containers into cgroups with telling names, so the
//! path alone says which container a process is in, at once and without asking
//! a runtime. The path is read from its end: the innermost container wins, and
//! cgroups a container made inside itself do not matter.
//!
//! Names are hostile: a user may make cgroups in the part of the tree the
//! system gave to the user. A bare id counts only where an engine puts one,
//! and an id is always well-formed text.

/// A container as its cgroup path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The full id; `id` is its first 12 characters.
    pub full_id: String,
    /// The engine, in Falco's words: `docker`, `containerd`, `cri-o`, `podman`, …
    pub engine: &'static str,
    /// The pod's uid where the path names one.
    pub pod_uid: Option<String>,
}

impl Container {
    /// The short id: the first 12 characters of a hexadecimal id; a machine's
    /// name is not shortened.
    pub fn id(&self) -> &str {
        match self.full_id.get(..12) {
            Some(short) if is_engine_id(self.full_id.as_bytes()) => short,
            _ => &self.full_id,
        }
    }
}

/// Unit and directory names of the form `PREFIX` id, perhaps `.scope`.
const PREFIXES: [(&str, &str); 8] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("cri-dockerd-", "docker"),
];

/// The container that a path in a cgroup hierarchy names, the innermost of
/// several; `None` on the host.
pub fn from_cgroup(path: &[u8]) -> Option<Container> {
    let path = path.strip_prefix(b"/")?;
    let (full_id, engine, outside) = innermost(path)?;
    Some(Container {
        full_id,
        engine,
        pod_uid: components_from_end(outside).find_map(|(_, name)| pod_uid(name)),
    })
}

/// Which of a process's cgroup paths tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling<'p> {
    /// The path that names the innermost container; `None` on the host.
    pub(crate) container: Option<&'p [u8]>,
    /// The v1 path that names most containers, of equals the first; empty without one.
    pub(crate) v1: &'p [u8],
}

/// Compares the path in the v2 hierarchy with those in v1, each ended by NUL.
///
/// A container made inside another need not be in all hierarchies its engine knows,
/// nor its engine know all; so the path that names most containers counts.
pub(crate) fn telling<'p>(v2: &'p [u8], v1: &'p [u8]) -> Telling<'p> {
    let mut best: (&[u8], usize) = (b"", 0);
    for path in v1.split(|byte| *byte == 0).filter(|it| !it.is_empty()) {
        let depth = depth(path);
        if best.0.is_empty() || depth > best.1 {
            best = (path, depth);
        }
    }
    let container = match (depth(v2), best.1) {
        (0, 0) => None,
        (in_v2, in_v1) if in_v2 >= in_v1 => Some(v2),
        _ => Some(best.0),
    };
    Telling {
        container,
        v1: best.0,
    }
}

/// How many containers, each inside the one before, a path names.
fn depth(path: &[u8]) -> usize {
    let mut rest = path.strip_prefix(b"/").unwrap_or_default();
    let mut depth = 0;
    while let Some((_, _, through)) = innermost(rest) {
        depth += 1;
        let outside = through.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        rest = rest.get(..outside).unwrap_or_default();
    }
    depth
}

/// Id, engine, and the path up to and with the component that names it.
fn innermost(path: &[u8]) -> Option<(String, &'static str, &[u8])> {
    let mut inner: &[u8] = b"";
    for (outer, name) in components_from_end(path) {
        let found = by_prefix(name)
            .or_else(|| bare_id(outer, name))
            .or_else(|| machine(outer, name, inner));
        if let Some((id, engine)) = found {
            let through = path.get(..outer.len() + 1 + name.len()).unwrap_or(path);
            return Some((id, engine, through));
        }
        inner = name;
    }
    None
}

/// The components of a path, last first, each with the path above it.
fn components_from_end(path: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let whole = rest?;
        if let Some(slash) = whole.iter().rposition(|byte| *byte == b'/') {
            let outer = whole.get(..slash)?;
            rest = Some(outer);
            Some((outer, whole.get(slash + 1..)?))
        } else {
            rest = None;
            Some((&[][..], whole))
        }
    })
}

/// `docker-ID.scope`, `crio-ID`, and `…:cri-containerd:ID`, which the cgroupfs
/// driver makes of a path meant for systemd.
fn by_prefix(name: &[u8]) -> Option<(String, &'static str)> {
    let name = name.strip_suffix(b".scope").unwrap_or(name);
    PREFIXES.iter().find_map(|(prefix, engine)| {
        let id = name.strip_prefix(prefix.as_bytes()).or_else(|| {
            let word = prefix.strip_suffix('-')?;
            let (rest, id) = split_last(name, b':')?;
            let (_, engine) = split_last(rest, b':')?;
            (engine == word.as_bytes()).then_some(id)
        })?;
        is_engine_id(id).then(|| (text(id), *engine))
    })
}

/// A component that is nothing but an id, where an engine puts one.
fn bare_id(outer: &[u8], name: &[u8]) -> Option<(String, &'static str)> {
    if !is_engine_id(name) || in_user_part(outer) {
        return None;
    }
    let parent = components_from_end(outer).next()?.1;
    let mut above = components_from_end(outer).map(|(_, name)| name);
    let engine = if parent == b"docker" || outer == b"actions_job" {
        "docker"
    } else if pod_uid(parent).is_some() {
        "cri"
    } else if outer.starts_with(b"ecs/") {
        "docker"
    } else if above.any(is_unit) || parent.is_empty() {
        return None;
    } else if outer.contains(&b'/') {
        // Docker's --cgroup-parent may be any path.
        "docker"
    } else {
        // containerd's own client: the namespace, then the id.
        "containerd"
    };
    Some((text(name), engine))
}

/// Containers that have a name instead of an id: systemd-nspawn, LXC, libvirt.
fn machine(outer: &[u8], name: &[u8], inner: &[u8]) -> Option<(String, &'static str)> {
    let parent = components_from_end(outer).next()?.1;
    if let Some(name) = name.strip_prefix(b"lxc.payload.") {
        return named(name, "lxc");
    }
    if in_user_part(outer) {
        return None;
    }
    if parent == b"lxc" || parent == b"lxc.payload" {
        return named(name, "lxc");
    }
    // The half of a machine's unit that runs on the host.
    if parent != b"machine.slice" || inner == b"supervisor" {
        return None;
    }
    if let Some(name) = name.strip_prefix(b"systemd-nspawn@") {
        return named(name.strip_suffix(b".service")?, "systemd-nspawn");
    }
    let name = name.strip_prefix(b"machine-")?.strip_suffix(b".scope")?;
    // libvirt numbers its machines: DRIVER-NUMBER-NAME, dashes escaped.
    if let Some(rest) = name.strip_prefix(br"lxc\x2d") {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let name = rest.get(digits..)?.strip_prefix(br"\x2d")?;
        return named(name, "libvirt-lxc");
    }
    // A virtual machine's processes are the host's.
    if name.starts_with(br"qemu\x2d") {
        return None;
    }
    named(name, "systemd-nspawn")
}

fn named(escaped: &[u8], engine: &'static str) -> Option<(String, &'static str)> {
    let name = unescape(escaped)?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let good = (1..=253).contains(&name.len()) && name.iter().copied().all(fine);
    good.then(|| (text(&name), engine))
}

/// Undoes systemd's escaping of unit names: `\x2d` is a dash.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            plain.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.strip_prefix(b"x")?.get(..2)?).ok()?;
        plain.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(3..)?;
    }
    Some(plain)
}

/// 64 hexadecimal digits, or what Fargate gives: 32, a dash and some digits.
fn is_engine_id(name: &[u8]) -> bool {
    let hex = |text: &[u8]| text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match name.len() {
        64 => hex(name),
        34..=43 => {
            let (task, rest) = name.split_at(32);
            hex(task)
                && rest
                    .strip_prefix(b"-")
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        }
        _ => false,
    }
}

/// The uid in `podUID` and `kubepods-burstable-podUID.slice`, where systemd
/// wants underscores for the dashes.
fn pod_uid(name: &[u8]) -> Option<String> {
    // The colon form carries the slice before the container.
    let name = name.split(|byte| *byte == b':').next()?;
    let uid = match name.strip_suffix(b".slice") {
        Some(slice) => split_last(slice, b'-')?.1.strip_prefix(b"pod")?,
        None => name.strip_prefix(b"pod")?,
    };
    let fine = |byte: &u8| byte.is_ascii_hexdigit() || b"-_".contains(byte);
    let good = matches!(uid.len(), 32 | 36) && uid.iter().all(fine);
    good.then(|| text(uid).replace('_', "-"))
}

/// Whether users may make cgroups here.
fn in_user_part(path: &[u8]) -> bool {
    components_from_end(path).any(|(_, name)| name == b"user.slice")
}

fn is_unit(name: &[u8]) -> bool {
    [&b".slice"[..], b".scope", b".service"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn split_last(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().rposition(|byte| *byte == at)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

fn text(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7ca1d10e4f1a4d2f9c9b6f6a1f0e3d2c5b4a39281706f5e4d3c2b1a0ffeeddcc";
    const INNER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const POD: &str = "3f8c1b2a-9d4e-4c61-8f70-5a6b7c8d9e0f";
    const POD_: &str = "3f8c1b2a_9d4e_4c61_8f70_5a6b7c8d9e0f";
    const STATIC_POD: &str = "b9af0a1c2d3e4f5061728394a5b6c7d8";
    const TASK: &str = "0123456789abcdef0123456789abcdef";

    /// The path with its `{…}` filled in.
    fn path(template: &str) -> String {
        template
            .replace("{ID}", ID)
            .replace("{INNER}", INNER)
            .replace("{POD}", POD)
            .replace("{POD_}", POD_)
            .replace("{STATIC}", STATIC_POD)
            .replace("{TASK}", TASK)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of paths, one line each")]
    fn every_engine_and_driver_is_told_from_its_path() {
        // Path, engine, full id, pod uid.
        let cases = [
            ("/docker/{ID}", "docker", ID, ""),
            ("/docker/{ID}/init.scope", "docker", ID, ""),
            ("/system.slice/docker-{ID}.scope", "docker", ID, ""),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
                "docker",
                ID,
                "",
            ),
            ("/docker/{ID}/docker/{INNER}", "docker", INNER, ""),
            (
                "/system.slice/docker-{ID}.scope/docker/{INNER}/system.slice/nginx.service",
                "docker",
                INNER,
                "",
            ),
            ("/actions_job/{ID}", "docker", ID, ""),
            ("/ecs/{TASK}/{ID}", "docker", ID, ""),
            (
                "/ecs/{TASK}/{TASK}-2659272509",
                "docker",
                "0123456789abcdef0123456789abcdef-2659272509",
                "",
            ),
            ("/build/farm/{ID}", "docker", ID, ""),
            ("/default/{ID}", "containerd", ID, ""),
            ("/k8s.io/{ID}", "containerd", ID, ""),
            ("/system.slice/nerdctl-{ID}.scope", "containerd", ID, ""),
            ("/kubepods/burstable/pod{POD}/{ID}", "cri", ID, POD),
            (
                "/kubepods/besteffort/pod{STATIC}/{ID}",
                "cri",
                ID,
                STATIC_POD,
            ),
            ("/kubepods/pod{POD}/{ID}/sub/sub", "cri", ID, POD),
            ("/kubepods/besteffort/pod{POD}/crio-{ID}", "cri-o", ID, POD),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope",
                "containerd",
                ID,
                POD,
            ),
            (
                "/kubepods.slice/kubepods-pod{POD_}.slice/docker-{ID}.scope",
                "docker",
                ID,
                POD,
            ),
            (
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{STATIC}.slice/crio-{ID}.scope",
                "cri-o",
                ID,
                STATIC_POD,
            ),
            (
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{POD_}.slice/crio-{ID}.scope/container",
                "cri-o",
                ID,
                POD,
            ),
            (
                "/docker/{INNER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope",
                "containerd",
                ID,
                POD,
            ),
            (
                "/system.slice/containerd.service/kubepods-burstable-pod{POD_}.slice:cri-containerd:{ID}",
                "containerd",
                ID,
                POD,
            ),
            ("/machine.slice/libpod-{ID}.scope", "podman", ID, ""),
            (
                "/machine.slice/libpod-{ID}.scope/container",
                "podman",
                ID,
                "",
            ),
            ("/libpod_parent/libpod-{ID}", "podman", ID, ""),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container",
                "podman",
                ID,
                "",
            ),
            (
                "/system.slice/web.service/libpod-payload-{ID}",
                "podman",
                ID,
                "",
            ),
            (
                "/machine.slice/systemd-nspawn@web.service/payload/init.scope",
                "systemd-nspawn",
                "web",
                "",
            ),
            (
                r"/machine.slice/systemd-nspawn@my\x2dbox.service",
                "systemd-nspawn",
                "my-box",
                "",
            ),
            (
                "/machine.slice/machine-debian12.scope/payload",
                "systemd-nspawn",
                "debian12",
                "",
            ),
            (
                r"/machine.slice/machine-lxc\x2d4242\x2dweb.scope",
                "libvirt-lxc",
                "web",
                "",
            ),
            ("/lxc/web-01", "lxc", "web-01", ""),
            (
                "/lxc.payload/web-01/system.slice/cron.service",
                "lxc",
                "web-01",
                "",
            ),
            ("/lxc.payload.web-01/init.scope", "lxc", "web-01", ""),
            // Seen from inside another cgroup namespace.
            ("/../../docker/{ID}", "docker", ID, ""),
        ];
        for (template, engine, full_id, pod) in cases {
            let container = from_cgroup(path(template).as_bytes());
            let container = container.unwrap_or_else(|| panic!("{template} is a container"));
            assert_eq!(
                (container.engine, &*container.full_id),
                (engine, full_id),
                "{template}"
            );
            assert_eq!(
                container.pod_uid.as_deref().unwrap_or(""),
                pod,
                "{template}"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_container_is_the_host() {
        let cases = [
            "",
            "/",
            "docker/{ID}",
            "/init.scope",
            "/user.slice/user-1000.slice/session-3.scope",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/{ID}",
            "/user.slice/user-1000.slice/user@1000.service/docker/{ID}",
            "/user.slice/user-1000.slice/user@1000.service/lxc/web",
            "/user.slice/user-1000.slice/user@1000.service/machine.slice/machine-web.scope",
            "/system.slice/cron.service/{ID}",
            "/system.slice/docker.service",
            "/system.slice/docker-{TASK}.scope",
            "/system.slice/docker-{ID}0.scope",
            "/system.slice/docker-7CA1D10E4F1A4D2F9C9B6F6A1F0E3D2C5B4A39281706F5E4D3C2B1A0FFEEDDCC.scope",
            "/{ID}",
            "/docker",
            "/docker/buildx",
            "/docker/{ID}\n",
            "/kubepods/burstable/pod{POD}",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/crio-conmon-{ID}.scope",
            "/machine.slice/libpod-conmon-{ID}.scope",
            "/machine.slice/systemd-nspawn@web.service/supervisor",
            r"/machine.slice/machine-qemu\x2d1\x2dvm.scope",
            "/machine.slice/systemd-nspawn@.service",
            r"/machine.slice/systemd-nspawn@bad\x0aname.service",
            r"/machine.slice/systemd-nspawn@cut\x2.service",
            "/lxc.monitor.web-01",
            "/lxc.monitor/web-01",
            "/lxc/two words",
            "/ecs/{TASK}/{TASK}-26x",
        ];
        for template in cases {
            assert_eq!(from_cgroup(path(template).as_bytes()), None, "{template}");
        }
    }

    #[test]
    fn hostile_bytes_never_become_an_id() {
        assert_eq!(from_cgroup(b"/lxc/web\xff"), None);
        assert_eq!(from_cgroup(b"/lxc/web\n\x1b[31m"), None);
        assert_eq!(from_cgroup(b"/machine.slice/machine-\xc3\x28.scope"), None);
        let mut id = ID.as_bytes().to_vec();
        id[7] = 0xe9;
        assert_eq!(from_cgroup(&[b"/docker/", &*id].concat()), None);
    }

    #[test]
    fn ids_are_shortened_and_names_are_not() {
        let id = |template| {
            from_cgroup(path(template).as_bytes())
                .unwrap()
                .id()
                .to_owned()
        };
        assert_eq!(id("/docker/{ID}"), "7ca1d10e4f1a");
        assert_eq!(id("/ecs/{TASK}/{TASK}-2659272509"), "0123456789ab");
        assert_eq!(
            id("/lxc/a-name-longer-than-twelve"),
            "a-name-longer-than-twelve"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_a_container_or_none(path: Vec<u8>) {
            if let Some(container) = from_cgroup(&path) {
                proptest::prop_assert!(container.full_id.is_ascii());
            }
        }
    }
}
