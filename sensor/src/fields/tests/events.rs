//! evt.* and syscall.*

use super::*;

#[test]
fn an_event_has_a_number_a_name_and_a_time() {
    Scene::new().check(
        &exec(0),
        &[
            ("evt.num", "5"),
            ("evt.type", "execve"),
            ("syscall.type", "execve"),
            ("evt.type.is.execve", "1"),
            ("evt.type.is.openat", "0"),
            ("evt.category", "process"),
            ("evt.source", "syscall"),
            ("evt.cpu", "3"),
            ("evt.hostname", "host1"),
            ("evt.dir", "<"),
            ("evt.rawtime", "1700000000123456789"),
            ("evt.rawtime.s", "1700000000"),
            ("evt.rawtime.ns", "123456789"),
            ("evt.time.iso8601", "2023-11-14T22:13:20.123456789+0000"),
            ("evt.latency", "0"),
            ("evt.latency.human", "0ns"),
            ("evt.count", "1"),
            ("evt.is_async", "false"),
            ("evt.is_io", "false"),
            ("evt.io_dir", "-"),
            ("evt.buffer", "-"),
            ("evt.asynctype", "-"),
            ("evt.pluginname", "-"),
        ],
    );
}

#[test]
fn local_times_have_the_same_seconds_in_every_form() {
    let scene = Scene::new();
    let shown = |field| scene.shown(&exec(0), field).unwrap();
    let time = shown("evt.time");
    assert!(time.ends_with(":20.123456789"), "{time}");
    assert_eq!(time, format!("{}.123456789", shown("evt.time.s")));
    assert_eq!(
        shown("evt.datetime"),
        format!("{}.123456789", shown("evt.datetime.s"))
    );
    assert!(shown("evt.datetime").ends_with(&format!(" {time}")));
    assert_eq!(shown("evt.outputtime"), time);
}

#[test]
fn results_are_named_and_counted_where_they_belong() {
    let open = |result| Body::Open(open(OpenCall::Openat, result, "/", "x"));
    let cases = [
        (exec(0), "SUCCESS", "0", "false", ["0", "-", "-", "0"]),
        (exec(-8), "ENOEXEC", "-8", "true", ["1", "-", "-", "1"]),
        (fork(), "SUCCESS", "41", "false", ["0", "-", "-", "0"]),
        (exit(0x100), "SUCCESS", "256", "false", ["0", "-", "-", "0"]),
        (open(3), "SUCCESS", "3", "false", ["0", "0", "-", "-"]),
        (open(-40), "ELOOP", "-40", "true", ["1", "1", "-", "-"]),
        (
            Body::Connect(connect(-115, None, ("10.0.0.1", 1))),
            "EINPROGRESS",
            "-115",
            "true",
            ["1", "-", "1", "-"],
        ),
    ];
    for (body, res, raw, failed, [errors, file, net, other]) in cases {
        Scene::new().check(
            &body,
            &[
                ("evt.res", res),
                ("evt.rawres", raw),
                ("evt.failed", failed),
                ("evt.count.error", errors),
                ("evt.count.error.file", file),
                ("evt.count.error.net", net),
                ("evt.count.error.other", other),
                ("evt.count.error.memory", "-"),
            ],
        );
    }
}

#[test]
fn what_is_no_system_call_is_told_apart() {
    Scene::new().check(
        &exit(9),
        &[
            ("evt.type", "procexit"),
            ("syscall.type", "-"),
            ("evt.dir", ">"),
            ("evt.count.exit", "0"),
            ("evt.arg.sig", "SIGKILL"),
            ("evt.arg.ret", "0"),
            ("evt.arg.core", "0"),
            ("evt.arg.reaper_tid", "init"),
            ("evt.rawarg.sig", "9"),
            (
                "evt.args",
                "status=9 ret=0 sig=9(SIGKILL) core=0 reaper_tid=1(init)",
            ),
            ("evt.is_open_read", "false"),
            ("fd.num", "-"),
        ],
    );
}

#[test]
fn the_arguments_of_an_open_are_shown_with_their_meaning() {
    let mut opened = open(OpenCall::Openat, 5, "/srv", "a");
    opened.dirfd = 9;
    opened.flags = (libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC)
        .cast_unsigned()
        .into();
    opened.mode = 0o644;
    opened.file.created = true;
    opened.file.upper_layer = true;
    let flags = "O_TRUNC|O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER";
    let all = format!(
        "fd=5(<f>/srv/a) dirfd=9(<d>/srv) name=a(/srv/a) flags=49414({flags}) mode=644 dev=801 ino=77"
    );
    Scene::new().check(
        &Body::Open(opened),
        &[
            ("evt.arg.fd", "<f>/srv/a"),
            ("evt.arg.dirfd", "<d>/srv"),
            ("evt.arg.name", "/srv/a"),
            ("evt.arg.flags", flags),
            ("evt.arg.mode", "644"),
            ("evt.arg.dev", "801"),
            ("evt.arg.ino", "77"),
            ("evt.arg[0]", "<f>/srv/a"),
            ("evt.arg[3]", flags),
            ("evt.arg[7]", "-"),
            ("evt.arg.res", "-"),
            ("evt.arg.data", "-"),
            ("evt.rawarg.fd", "5"),
            ("evt.rawarg.name", "a"),
            ("evt.rawarg.mode", "420"),
            ("evt.rawarg.flags", "49414"),
            ("evt.rawarg.res", "-"),
            ("evt.args", all.as_str()),
            ("evt.info", all.as_str()),
            ("evt.abspath", "/srv/a"),
            ("evt.abspath.src", "-"),
        ],
    );
    let failed = open(OpenCall::Open, -2, "", "/no/such");
    Scene::new().check(
        &Body::Open(failed),
        &[
            ("evt.arg.fd", "ENOENT"),
            ("evt.arg.name", "/no/such"),
            ("evt.arg.flags", "O_RDONLY|O_CLOEXEC"),
            ("evt.arg[0]", "ENOENT"),
            ("evt.abspath", "-"),
        ],
    );
    let nothing = open(OpenCall::Openat, 3, "/", "");
    Scene::new().check(
        &Body::Open(nothing),
        &[("evt.arg.dirfd", "AT_FDCWD"), ("evt.arg.name", "<NA>")],
    );
    let mut strict = open(OpenCall::Openat2, 3, "/", "x");
    strict.resolve = 1 << 3 | 1 << 2;
    let resolve = "RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH";
    Scene::new().check(&Body::Open(strict), &[("evt.arg.resolve", resolve)]);
}

#[test]
fn the_arguments_of_an_exec_are_those_of_the_process() {
    Scene::new().check(
        &exec(0),
        &[
            ("evt.arg.res", "0"),
            ("evt.arg[0]", "0"),
            ("evt.arg.exe", "cat"),
            ("evt.arg.args", "/etc/passwd.-n."),
            ("evt.arg.tid", "cat"),
            ("evt.arg.pid", "cat"),
            ("evt.arg.ptid", "make"),
            ("evt.arg.cwd", "/home/u"),
            ("evt.arg.comm", "cat"),
            ("evt.arg.fdlimit", "<NA>"),
            ("evt.arg.cgroups", "NULL"),
            ("evt.arg.env", "HOME=/home/u.PID=40.ODD= x ."),
            ("evt.arg.tty", "34816"),
            ("evt.arg.loginuid", "u"),
            ("evt.arg.flags", "0"),
            ("evt.arg.uid", "u"),
            ("evt.arg.gid", "staff"),
            ("evt.arg.trusted_exepath", "/usr/bin/cat"),
            ("evt.arg.filename", "/home/u/cat"),
            ("evt.rawarg.uid", "1000"),
            ("evt.rawarg.filename", "bin/../cat"),
            ("evt.rawarg.args", "/etc/passwd\0-n\0"),
        ],
    );
    let mut scene = Scene::new();
    scene.known = false;
    scene.check(
        &exec(-13),
        &[
            ("evt.arg.res", "EACCES"),
            ("evt.arg.exe", "<NA>"),
            ("evt.arg.args", "NULL"),
            ("evt.arg.uid", "<NA>"),
            ("evt.arg.filename", "bin/../cat"),
        ],
    );
}

#[test]
fn the_arguments_of_fork_and_connect_are_shown_with_their_meaning() {
    Scene::new().check(
        &fork(),
        &[
            ("evt.type", "clone"),
            ("evt.arg.res", "kid"),
            ("evt.rawarg.res", "41"),
            ("evt.arg.flags", "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID"),
            ("evt.arg.exe", "cat"),
            ("evt.arg.ptid", "make"),
            ("evt.arg.uid", "1000"),
            ("evt.arg.vpid", "1040"),
        ],
    );
    let local = Some(("10.0.0.1", 5));
    let all = "res=-115(EINPROGRESS) tuple=10.0.0.1:5->10.0.0.2:443 \
               fd=6(<4t>10.0.0.1:5->10.0.0.2:443) addr=10.0.0.2:443";
    Scene::new().check(
        &Body::Connect(connect(-115, local, ("10.0.0.2", 443))),
        &[
            ("evt.args", all),
            ("evt.type", "connect"),
            ("evt.category", "net"),
        ],
    );
}
