//! Paths made absolute by their text alone.
//!
//! Nothing is looked up: links are not followed, so `..` means the component
//! before it. The path the kernel resolved is `fd.realpath`.

use bumpalo::Bump;
use bumpalo::collections::Vec;

/// `name`, seen from `base` when it is relative, without `.`, `..`, repeated
/// and trailing slashes.
pub(super) fn absolute<'a>(arena: &'a Bump, base: &'a [u8], name: &'a [u8]) -> &'a [u8] {
    if name.starts_with(b"/") {
        return if is_plain(name) {
            name
        } else {
            normal(arena, name, b"")
        };
    }
    normal(arena, base, name)
}

/// Whether [`absolute`] would change nothing: behind no slash stands another
/// slash, `.`, `..` or nothing.
fn is_plain(path: &[u8]) -> bool {
    let plain = |slash: usize| {
        !matches!(
            path.get(slash + 1..).unwrap_or_default(),
            [] | [b'/', ..] | b"." | [b'.', b'/', ..] | b".." | [b'.', b'.', b'/', ..]
        )
    };
    path == b"/" || memchr::memchr_iter(b'/', path).all(plain)
}

/// Both paths one after the other, in normal form.
fn normal<'a>(arena: &'a Bump, base: &[u8], name: &[u8]) -> &'a [u8] {
    let mut path = Vec::with_capacity_in(base.len() + name.len() + 2, arena);
    // A base that is no path (`<UNKNOWN>`) stays the first component.
    let rooted = base.is_empty() || base.starts_with(b"/");
    let slash = |byte: &u8| *byte == b'/';
    for part in base.split(slash).chain(name.split(slash)) {
        match part {
            b"" | b"." => {}
            b".." => {
                let parent = path.iter().rposition(slash).unwrap_or(0);
                path.truncate(parent);
            }
            part => {
                if rooted || !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice_copy(part);
            }
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path.into_bump_slice()
}

/// Everything before the last slash: `/` for what stands in the root, and for
/// a name without any slash.
pub(super) fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => b"/",
        Some(slash) => path.get(..slash).unwrap_or_default(),
    }
}

/// Everything after the last slash.
pub(super) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The path with each run of slashes made one.
pub(super) fn single_slashes<'a>(arena: &'a Bump, path: &'a [u8]) -> &'a [u8] {
    if !path.windows(2).any(|pair| pair == b"//") {
        return path;
    }
    let mut out = Vec::with_capacity_in(path.len(), arena);
    for byte in path {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    out.into_bump_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_by_their_text() {
        let arena = Bump::new();
        for (base, name, want) in [
            ("", "/etc/passwd", "/etc/passwd"),
            ("/x", "/", "/"),
            ("/x", "//etc//passwd/", "/etc/passwd"),
            ("/home/u", "a", "/home/u/a"),
            ("/home/u/", "./a/../b", "/home/u/b"),
            ("/home", "../../../etc/shadow", "/etc/shadow"),
            ("/", "etc", "/etc"),
            ("/home", "", "/home"),
            ("/home", "..", "/"),
            ("/", ".", "/"),
            ("<UNKNOWN>", "a/b", "<UNKNOWN>/a/b"),
            ("/home", "/a/..hidden/...", "/a/..hidden/..."),
        ] {
            let got = absolute(&arena, base.as_bytes(), name.as_bytes());
            assert_eq!(got, want.as_bytes(), "{base} and {name}");
        }
    }

    #[test]
    fn a_path_splits_at_its_last_slash() {
        for (path, dir, file) in [
            ("/etc/passwd", "/etc", "passwd"),
            ("/vmlinuz", "/", "vmlinuz"),
            ("/", "/", ""),
            ("", "/", ""),
            ("name", "/", "name"),
        ] {
            assert_eq!(directory(path.as_bytes()), dir.as_bytes());
            assert_eq!(file_name(path.as_bytes()), file.as_bytes());
        }
    }

    #[test]
    fn runs_of_slashes_become_one_and_dots_stay() {
        let arena = Bump::new();
        assert_eq!(single_slashes(&arena, b"a//../b///c/"), b"a/../b/c/");
        assert_eq!(single_slashes(&arena, b"/a"), b"/a");
    }
}
