//! The paths of calls that work on names.
//!
//! Only a call that succeeded has them: they say what was done, not what was
//! tried (that is `evt.arg`).

use super::Type::Text;
use super::{Field, Value, fd};

/// fs.*
pub(super) const ROWS: &[Field] = &[
    Field::live(
        "fs.path.name",
        Text,
        |o, _| fd::opened(o).map(|open| Value::Text(fd::open_path(o, open))),
        "absolute path of a call that succeeded",
    ),
    Field::live(
        "fs.path.nameraw",
        Text,
        |o, _| fd::opened(o).map(|open| Value::Text(open.name)),
        "that path as given",
    ),
    Field::absent(
        "fs.path.source",
        Text,
        "absolute path a rename, link or mount starts from",
    ),
    Field::absent("fs.path.sourceraw", Text, "that path as given"),
    Field::absent(
        "fs.path.target",
        Text,
        "absolute path a rename, link or mount leads to",
    ),
    Field::absent("fs.path.targetraw", Text, "that path as given"),
];
