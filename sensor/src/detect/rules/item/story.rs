//! The tests that stand beside a rule, as far as loading goes: the tree as it
//! was written, with its places. What a story says is for those to read who
//! run it.

use std::sync::Arc;

use super::keys::{Keys, Reader};
use super::table::RULE;
use crate::diagnostic::SourceFile;
use crate::yaml::Node;

/// What stands under a rule's `story`.
#[derive(Debug, Clone)]
pub struct Story {
    /// The file it stands in.
    pub(crate) file: Arc<SourceFile>,
    /// The value of the key.
    pub(crate) node: Node,
}

impl Reader<'_> {
    /// The story beside a rule, where the file asks for stories.
    pub(super) fn story(&self, keys: &Keys<'_>) -> Option<Story> {
        let node = self.featured(keys, &RULE, "story")?;
        Some(Story {
            file: Arc::clone(self.file),
            node: node.clone(),
        })
    }
}
