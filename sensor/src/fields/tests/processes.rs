//! proc.*, thread.*, user.*, group.*, container.* and k8s.*

use super::*;
use crate::decode::Namespaces;

#[test]
fn a_process_shows_its_image_its_ids_and_its_time() {
    Scene::new().check(
        &exec(0),
        &[
            ("proc.pid", "40"),
            ("proc.vpid", "1040"),
            ("proc.name", "cat"),
            ("proc.exe", "cat"),
            ("proc.exepath", "/usr/bin/cat"),
            ("proc.args", "/etc/passwd -n"),
            ("proc.args[0]", "/etc/passwd"),
            ("proc.args[1]", "-n"),
            ("proc.args[99]", ""),
            ("proc.cmdline", "cat /etc/passwd -n"),
            ("proc.exeline", "cat /etc/passwd -n"),
            ("proc.cmdnargs", "2"),
            ("proc.cmdlenargs", "13"),
            ("proc.env", "HOME=/home/u PID=40 ODD= x "),
            ("proc.env[HOME]", "/home/u"),
            ("proc.env[HOM]", ""),
            ("proc.env[ODD]", "x"),
            ("proc.env[7]", "HOME=/home/u PID=40 ODD= x "),
            ("proc.cwd", "/home/u/"),
            ("proc.tty", "34816"),
            ("proc.duration", "99999999960"),
            ("proc.pid.ts", "1699999900123456829"),
            ("proc.vpgid", "1040"),
            ("proc.pgid", "40"),
            ("proc.is_vpgid_leader", "true"),
            ("proc.is_pgid_leader", "true"),
            ("proc.is_sid_leader", "false"),
            ("thread.tid", "40"),
            ("thread.vtid", "1040"),
            ("thread.ismain", "true"),
            ("thread.nametid", "cat40"),
        ],
    );
}

#[test]
fn ancestors_are_counted_from_the_process_and_listed_from_the_parent() {
    Scene::new().check(
        &exec(0),
        &[
            ("proc.ppid", "30"),
            ("proc.pvpid", "1030"),
            ("proc.pname", "make"),
            ("proc.pexe", "make"),
            ("proc.pexepath", "/usr/bin/make"),
            ("proc.pcmdline", "make all -j"),
            ("proc.ppid.duration", "99999999970"),
            ("proc.ppid.ts", "1699999900123456819"),
            ("proc.aname", "(make,bash,sshd,init)"),
            ("proc.aname[0]", "cat"),
            ("proc.aname[1]", "make"),
            ("proc.aname[4]", "init"),
            ("proc.aname[5]", "-"),
            ("proc.aexe[3]", "sshd:"),
            ("proc.aexepath[2]", "/usr/bin/bash"),
            ("proc.acmdline[2]", "bash"),
            ("proc.acmdline", "(make all -j,bash,sshd u,init)"),
            ("proc.apid", "(30,20,10,1)"),
            ("proc.apid[3]", "10"),
            ("proc.aenv[1]", "HOME=/home/u PID=30 ODD= x "),
            ("proc.aenv[PID]", "30"),
            ("proc.aenv[NOSUCH]", ""),
            ("proc.aargs[0]", "/etc/passwd -n"),
            ("proc.aargs[1]", "all -j"),
            ("proc.aargs[9]", "-"),
            ("proc.loginshellid", "20"),
            ("proc.sid", "1010"),
            ("proc.sname", "sshd"),
            ("proc.sid.exe", "sshd:"),
            ("proc.sid.exepath", "/usr/sbin/sshd"),
            ("proc.pgid.name", "cat"),
            ("proc.vpgid.exepath", "/usr/bin/cat"),
        ],
    );
}

#[test]
fn without_a_parent_there_is_nothing_about_ancestors() {
    let init = process(2, None, "init", "init", "/sbin/init");
    Scene::new().with_process(init).check(
        &exec(0),
        &[
            ("proc.ppid", "-"),
            ("proc.pvpid", "-"),
            ("proc.pname", "-"),
            ("proc.pexe", "-"),
            ("proc.pexepath", "-"),
            ("proc.pcmdline", "-"),
            ("proc.aname", "-"),
            ("proc.aname[1]", "-"),
            ("proc.aname[0]", "init"),
            ("proc.apid", "-"),
            ("proc.aargs", "-"),
            ("proc.aenv", "-"),
            ("proc.aenv[HOME]", ""),
            ("proc.cmdline", "init"),
            ("proc.exeline", "init "),
            ("proc.ppid.duration", "-"),
            ("proc.loginshellid", "-"),
        ],
    );
}

#[test]
fn a_process_nobody_knows_still_has_a_name() {
    let mut scene = Scene::new();
    scene.known = false;
    scene.check(
        &exec(-1),
        &[
            ("proc.name", "<NA>"),
            ("proc.exe", "<NA>"),
            ("proc.cmdline", "<NA>"),
            ("proc.exeline", "<NA> "),
            ("proc.args", ""),
            ("proc.args[0]", ""),
            ("proc.env", ""),
            ("proc.env[HOME]", ""),
            ("proc.exepath", ""),
            ("proc.sname", ""),
            ("proc.aenv[HOME]", ""),
            ("proc.cwd", "./"),
            ("proc.pid", "-1"),
            ("proc.sid", "-1"),
            ("proc.vpgid", "-1"),
            ("proc.pgid", "-1"),
            ("proc.tty", "0"),
            ("proc.is_exe_writable", "false"),
            ("proc.is_exe_from_memfd", "false"),
            ("proc.is_sid_leader", "true"),
            ("proc.is_vpgid_leader", "true"),
            ("proc.is_pgid_leader", "true"),
            ("user.uid", "4294967295"),
            ("user.name", "<NA>"),
            ("user.homedir", "<NA>"),
            ("user.shell", "<NA>"),
            ("user.loginname", "<NA>"),
            ("user.loginuid", "-1"),
            ("thread.cap_effective", ""),
            ("proc.pname", "-"),
            ("proc.aname", "-"),
            ("proc.aname[0]", "-"),
            ("proc.vpid", "-"),
            ("thread.vtid", "-"),
            ("proc.duration", "-"),
            ("proc.pid.ts", "-"),
            ("proc.exe_ino", "-"),
            ("fd.name", "-"),
            ("container.id", "-"),
        ],
    );
}

#[test]
fn users_without_a_name_are_na_and_zero_is_always_root() {
    let users = |uid, loginuid| {
        let mut scene = Scene::new();
        let mut process = process(50, Some(1), "x", "x", "/x");
        process.loginuid = loginuid;
        scene = scene.with_process(process);
        (scene.task.uid, scene.task.gid) = (uid, uid);
        scene
    };
    users(1000, u32::MAX).check(
        &exec(0),
        &[
            ("user.uid", "1000"),
            ("user.name", "u"),
            ("user.homedir", "/home/u"),
            ("user.shell", "/bin/bash"),
            ("user.loginuid", "-1"),
            ("user.loginname", "<NA>"),
            ("group.gid", "1000"),
            ("group.name", "<NA>"),
        ],
    );
    let mut nameless = users(0, 0);
    nameless.users = Users::default();
    nameless.check(
        &exec(0),
        &[
            ("user.name", "root"),
            ("user.homedir", "/root"),
            ("user.shell", "<NA>"),
            ("user.loginuid", "0"),
            ("user.loginname", "root"),
            ("group.name", "root"),
        ],
    );
    users(77, 1000).check(&exec(0), &[("user.name", "<NA>"), ("user.loginname", "u")]);
}

#[test]
fn what_is_zero_about_the_executable_is_unknown() {
    let mut plain = process(50, Some(1), "x", "x", "/x");
    plain.start_ns = 0;
    Scene::new().with_process(plain).check(
        &exec(0),
        &[
            ("proc.exe_ino", "-"),
            ("proc.exe_ino.ctime", "-"),
            ("proc.exe_ino.mtime", "-"),
            ("proc.exe_ino.ctime_duration_proc_start", "-"),
            ("proc.exe_ino.ctime_duration_pidns_start", "-"),
            ("proc.pidns_init_start_ts", "-"),
            ("proc.duration", "-"),
            ("proc.is_exe_upper_layer", "false"),
        ],
    );
    let mut dropped = process(50, Some(1), "x", "x", "/x");
    let file = ExeFile {
        ino: 9,
        ctime_ns: NOW_NS - 101 * SECOND_NS,
        mtime_ns: 4,
        upper_layer: true,
        lower_layer: false,
        memfd: true,
        writable: true,
    };
    dropped.image = Arc::new(Image::new(b"x\0", b"", b"/x", file));
    dropped.place = Arc::new(HomePlace {
        cgroup: b"/user.slice"[..].into(),
        pidns_start_boot_ns: 3,
        ..HomePlace::default()
    });
    dropped.caps = Caps {
        effective: 1 << 21 | 1,
        permitted: 1 << 12,
        ..Caps::default()
    };
    Scene::new().with_process(dropped).check(
        &exec(0),
        &[
            ("proc.exe_ino", "9"),
            ("proc.exe_ino.ctime", "1699999899123456789"),
            ("proc.exe_ino.mtime", "4"),
            ("proc.exe_ino.ctime_duration_proc_start", "1000000050"),
            (
                "proc.exe_ino.ctime_duration_pidns_start",
                "1699999899123456779",
            ),
            ("proc.pidns_init_start_ts", "10"),
            ("proc.is_exe_upper_layer", "true"),
            ("proc.is_exe_lower_layer", "false"),
            ("proc.is_exe_from_memfd", "true"),
            ("proc.is_exe_writable", "true"),
            ("thread.cap_effective", "CAP_CHOWN CAP_SYS_ADMIN"),
            ("thread.cap_permitted", "CAP_NET_ADMIN"),
            ("thread.cap_inheritable", ""),
            ("thread.cgroup.cpu", "/user.slice"),
            ("thread.cgroup.nosuch", "-"),
        ],
    );
}

#[test]
fn the_host_is_a_container_by_the_name_of_host() {
    Scene::new().check(
        &exec(0),
        &[
            ("container.id", "host"),
            ("container.full_id", "host"),
            ("container.name", "host"),
            ("container.type", "host"),
            ("container.image", ""),
            ("container.image.repository", ""),
            ("container.image.tag", ""),
            ("container.start_ts", "-"),
            ("container.duration", "-"),
            ("container.privileged", "-"),
            ("k8s.ns.name", "-"),
            ("k8s.pod.uid", "-"),
        ],
    );
    let mut first = process(50, Some(1), "x", "x", "/x");
    first.place = Arc::new(HomePlace {
        pidns_start_boot_ns: NOW_NS - 8 * SECOND_NS,
        ..HomePlace::default()
    });
    let mut scene = Scene::new().with_process(first);
    scene.container = Some(container());
    scene.check(
        &exec(0),
        &[
            ("container.id", "0123456789ab"),
            ("container.full_id", container().full_id.as_str()),
            ("container.type", "docker"),
            ("container.name", "-"),
            ("container.image.repository", "-"),
            ("container.start_ts", "1699999992123456796"),
            ("container.duration", "7999999993"),
            ("container.mount.dest[/proc*]", "-"),
            ("k8s.pod.uid", "f00d"),
            ("k8s.pod.label[app]", "-"),
        ],
    );
}

#[test]
fn a_container_is_privileged_when_the_kernel_withholds_nothing_from_it() {
    let at = |pid, user, net, bounding| {
        let mut process = process(pid, None, "x", "x", "/x");
        let ns = Namespaces {
            net,
            user,
            ..Namespaces::default()
        };
        process.place = Arc::new(HomePlace {
            ns,
            ..HomePlace::default()
        });
        process.caps.bounding = bounding;
        process
    };
    let all = 0b1_0111;
    for (user, net, bounding, privileged, host_network) in [
        (0xefff_fffd, 1, all, "true", "true"),
        (0xefff_fffd, 2, all | 1 << 40, "true", "false"),
        (0xefff_fffd, 2, all & !1, "false", "false"),
        (7, 2, all, "false", "false"),
        (0, 0, all, "-", "-"),
    ] {
        let scene = Scene::new().with_process(at(1, 0, 1, all));
        let mut scene = scene.with_process(at(50, user, net, bounding));
        scene.container = Some(container());
        scene.check(
            &exec(0),
            &[
                ("container.privileged", privileged),
                ("container.host_network", host_network),
                ("container.host_pid", "-"),
            ],
        );
    }
}

#[test]
fn a_thread_knows_its_own_id_but_only_the_first_its_namespaces() {
    let mut scene = Scene::new();
    scene.task.tid = 44;
    scene.check(
        &exec(0),
        &[
            ("thread.tid", "44"),
            ("thread.ismain", "false"),
            ("thread.vtid", "-"),
            ("proc.pid", "40"),
        ],
    );
    let mut outside = process(50, Some(1), "x", "x", "/x");
    outside.ids.vpid = 50;
    let mut scene = Scene::new().with_process(outside);
    scene.task.tid = 51;
    scene.check(&exec(0), &[("thread.vtid", "51")]);
}

#[test]
fn a_leader_that_has_gone_is_replaced_by_the_eldest_that_stayed() {
    let mut child = process(60, Some(40), "child", "child", "/child");
    child.ids.sid = 99;
    child.ids.pgid = 98;
    let mut grandchild = process(70, Some(60), "grandchild", "x", "/x");
    grandchild.ids.sid = 99;
    grandchild.ids.pgid = 98;
    let scene = Scene::new().with_process(child).with_process(grandchild);
    scene.check(
        &exec(0),
        &[("proc.sname", "child"), ("proc.pgid.name", "child")],
    );
}
