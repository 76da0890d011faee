//! Paths of a `pmatch` list: whether a path is one of them or lies below one.
//!
//! Paths are compared component by component; repeated, leading and trailing
//! slashes do not count, `.` and `..` are not resolved.

use super::fnmatch::{self, Case};
use super::literal::Constant;

/// The list, each path split into its components.
pub(super) struct PathSet {
    paths: Box<[Box<[Component]>]>,
}

/// What stands between two slashes.
enum Component {
    Name(Box<[u8]>),
    Pattern(Box<[u8]>),
}

fn split(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty())
}

impl Component {
    fn new(text: &[u8]) -> Self {
        if text.iter().any(|byte| b"*?[".contains(byte)) {
            Self::Pattern(text.into())
        } else {
            Self::Name(text.into())
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Name(name) => **name == *text,
            Self::Pattern(pattern) => fnmatch::matches(pattern, text, Case::Exact),
        }
    }
}

impl PathSet {
    /// From the literals of the list.
    pub(super) fn new(paths: &[Constant]) -> Self {
        let paths = paths.iter().filter_map(|path| match path {
            Constant::Bytes(path) => Some(split(path).map(Component::new).collect()),
            _ => None,
        });
        Self {
            paths: paths.collect(),
        }
    }

    /// The components of each path, as they were written.
    pub(super) fn paths(&self) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
        self.paths.iter().map(|path| {
            path.iter().map(|component| match component {
                Component::Name(text) | Component::Pattern(text) => &**text,
            })
        })
    }

    /// Whether some path of the list is the beginning of this one.
    pub(super) fn covers(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|prefix| {
            let mut components = split(path);
            prefix
                .iter()
                .all(|wanted| components.next().is_some_and(|text| wanted.matches(text)))
        })
    }
}
