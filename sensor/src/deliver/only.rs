//! Which alerts an output takes, as the configuration says it.
//!
//! The alert's side decides and leaves a bit for every output; here it is only
//! written down.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::Priority;

/// What an output takes. Of each list one element must fit, and every key that is
/// given must. Names may have `*` for any text.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Only {
    /// These priorities and no others.
    pub priorities: Vec<Priority>,
    /// Alerts of rules with such a name.
    pub rules: Vec<String>,
    /// Alerts of rules with such a tag.
    pub tags: Vec<String>,
    /// Alerts of such a source: `syscall`, or `internal` for the sensor's own.
    pub sources: Vec<String>,
    /// What happened in containers with such a name or id; `host` for outside.
    pub containers: Vec<String>,
    /// What happened in Kubernetes namespaces with such a name.
    pub namespaces: Vec<String>,
    /// What this condition is true for, in the language of rules, without macros:
    /// `user.name = root and not proc.name in (sshd, cron)`.
    pub condition: Option<String>,
}
