//! Containers, told from cgroup paths.

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
    /// The short id: at most 12 characters.
    pub fn id(&self) -> &str {
        self.full_id.get(..12).unwrap_or(&self.full_id)
    }
}
