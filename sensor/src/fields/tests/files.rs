//! fd.* and fs.* of the open family

use super::*;

#[test]
fn an_opened_file_has_a_path_and_what_the_kernel_found_there() {
    let body = Body::Open(open(OpenCall::Openat, 5, "/home/u", "..//u/./a"));
    Scene::new().check(
        &body,
        &[
            ("fd.num", "5"),
            ("fd.name", "/home/u/a"),
            ("fd.nameraw", "../u/./a"),
            ("fd.realpath", "/data/real"),
            ("fd.directory", "/home/u"),
            ("fd.filename", "a"),
            ("fd.type", "file"),
            ("fd.typechar", "f"),
            ("fd.ino", "77"),
            ("fd.dev", "2049"),
            ("fd.dev.major", "8"),
            ("fd.dev.minor", "1"),
            ("fd.is_upper_layer", "false"),
            ("fd.uid", "405"),
            ("fd.containername", "host:/home/u/a"),
            ("fd.containerdirectory", "host:/home/u"),
            ("fd.l4proto", "<NA>"),
            ("fd.connected", "false"),
            ("fd.is_server", "false"),
            ("fd.name_changed", "false"),
            ("fd.ip", "()"),
            ("fd.net", "()"),
            ("fd.port", "()"),
            ("fd.proto", "()"),
            ("fd.sip", "-"),
            ("fd.sockfamily", "-"),
            ("fd.types", "-"),
            ("fs.path.name", "/home/u/a"),
            ("fs.path.nameraw", "..//u/./a"),
            ("fs.path.source", "-"),
        ],
    );
}

#[test]
fn a_failed_open_keeps_its_path_and_lacks_the_file() {
    for call in [OpenCall::Open, OpenCall::Openat, OpenCall::Creat] {
        let body = Body::Open(open(call, -13, "/home/u", "a/b"));
        Scene::new().check(
            &body,
            &[
                ("fd.num", "-1"),
                ("fd.name", "/home/u/a/b"),
                ("fd.nameraw", "a/b"),
                ("fd.directory", "/home/u/a"),
                ("fd.typechar", "f"),
                ("fd.uid", "40-1"),
                ("fd.containername", "host:/home/u/a/b"),
                ("fd.filename", "-"),
                ("fd.type", "-"),
                ("fd.realpath", "-"),
                ("fd.ino", "-"),
                ("fd.dev", "-"),
                ("fd.is_upper_layer", "-"),
                ("fd.l4proto", "-"),
                ("fd.connected", "-"),
                ("fd.ip", "-"),
                ("fs.path.name", "-"),
                ("evt.res", "EACCES"),
                ("evt.rawres", "-13"),
                ("evt.failed", "true"),
            ],
        );
    }
}

#[test]
fn only_directories_are_not_called_files() {
    for (mode, flags, letter, word) in [
        (0o040_755, 0, "d", "directory"),
        (0o100_644, 0, "f", "file"),
        (0o020_600, 0, "f", "file"),
        (0o010_600, 0, "f", "file"),
        (0, 0o200_000, "d", "directory"),
        (0, 0o20_200_002, "f", "file"),
    ] {
        let mut open = open(OpenCall::Openat, 3, "/", "x");
        open.file.mode = mode;
        open.flags = flags;
        let body = Body::Open(open);
        Scene::new().check(&body, &[("fd.typechar", letter), ("fd.type", word)]);
    }
}

#[test]
fn a_relative_path_starts_where_the_kernel_or_the_process_says() {
    for (dirfd, base, result, want) in [
        (7, "/srv", 3, "/srv/a"),
        (-100, "", 3, "/home/u/a"),
        (7, "", 3, "/data/real"),
        (7, "", -2, "<UNKNOWN>/a"),
    ] {
        let mut open = open(OpenCall::Openat, result, base, "a");
        open.dirfd = dirfd;
        Scene::new().check(&Body::Open(open), &[("fd.name", want)]);
    }
}

#[test]
fn open_flags_answer_how_a_file_was_opened() {
    // Columns: read, write, exec, create.
    for (call, result, flags, mode, created, want) in [
        (
            OpenCall::Openat,
            3,
            libc::O_RDONLY,
            0,
            false,
            [true, false, false, false],
        ),
        (
            OpenCall::Openat,
            3,
            libc::O_RDWR,
            0,
            false,
            [true, true, false, false],
        ),
        (
            OpenCall::Open,
            -2,
            libc::O_WRONLY,
            0,
            false,
            [false, true, false, false],
        ),
        (
            OpenCall::Openat2,
            3,
            libc::O_WRONLY | libc::O_CREAT,
            0o755,
            true,
            [false, true, true, true],
        ),
        (
            OpenCall::Openat,
            3,
            libc::O_WRONLY | libc::O_CREAT,
            0o644,
            false,
            [false, true, false, false],
        ),
        (
            OpenCall::Openat,
            3,
            libc::O_TMPFILE | libc::O_RDWR,
            0o700,
            false,
            [true, true, true, true],
        ),
        (
            OpenCall::Openat,
            -1,
            libc::O_TMPFILE | libc::O_RDWR,
            0o600,
            false,
            [true, true, false, false],
        ),
        (
            OpenCall::Creat,
            3,
            0,
            0o755,
            true,
            [false, false, true, false],
        ),
        (
            OpenCall::Openat,
            3,
            3,
            0,
            false,
            [false, false, false, false],
        ),
    ] {
        let mut open = open(call, result, "/", "x");
        open.flags = flags.cast_unsigned().into();
        open.mode = mode;
        open.file.created = created;
        let names = ["read", "write", "exec", "create"].map(|n| format!("evt.is_open_{n}"));
        for (name, want) in names.iter().zip(want) {
            let want = want.to_string();
            Scene::new().check(&Body::Open(open.clone()), &[(name.as_str(), want.as_str())]);
        }
    }
}
