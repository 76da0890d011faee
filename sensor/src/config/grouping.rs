//! The section `grouping` in, how alerts are grouped and limited out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::GroupOptions;
use crate::detect::format::{Format, FormatError};
use crate::fields::Statics;

/// How many alerts leave when the same happens again and again. As it stands,
/// all of them do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupingConfig {
    /// Seconds for which alerts alike are gathered: the first leaves at once, those
    /// like it together in one summary. 0: every alert leaves by itself.
    #[schemars(range(max = 86_400))]
    pub window_s: u64,
    /// The fields that must be the same for alerts of one rule to be alike.
    pub by: Vec<String>,
    /// Most kinds of alert remembered, 1 to 1000000; 2 KiB each at most. The one
    /// that was silent longest is told early when there are more.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_groups: usize,
    /// Most alerts a rule may send a minute in the long run. What is above it is
    /// counted and told once a minute. 0: no limit.
    #[schemars(range(max = 1_000_000))]
    pub limit_per_minute: u32,
    /// Most alerts a rule may send at once, before the limit holds it back.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit_burst: u32,
    /// Whether alerts of priority Critical and above are held back, too.
    pub critical: bool,
}

impl Default for GroupingConfig {
    fn default() -> Self {
        Self {
            window_s: 0,
            by: ["proc.exepath", "user.uid", "container.id"]
                .map(str::to_owned)
                .into(),
            max_groups: 4096,
            limit_per_minute: 0,
            limit_burst: 10,
            critical: false,
        }
    }
}

impl GroupingConfig {
    /// The fields, each with what is wrong with it.
    pub(super) fn mistakes(&self, statics: &Statics) -> Vec<(usize, FormatError)> {
        let mistake = |(at, name): (usize, &String)| {
            let mut format = Format::compile_with("", statics).ok()?;
            Some((at, format.export_field(name).err()?))
        };
        self.by.iter().enumerate().filter_map(mistake).collect()
    }

    /// How alerts are grouped; `None` where each leaves by itself.
    ///
    /// # Errors
    /// A name in `by` is no field's.
    pub(super) fn options(&self, statics: &Statics) -> Result<Option<GroupOptions>, FormatError> {
        if self.window_s == 0 && self.limit_per_minute == 0 {
            return Ok(None);
        }
        let mut by = Format::compile_with("", statics)?;
        for name in &self.by {
            by.export_field(name)?;
        }
        Ok(Some(GroupOptions {
            window_ns: self.window_s * 1_000_000_000,
            by,
            kinds: self.max_groups,
            per_minute: self.limit_per_minute,
            burst: self.limit_burst,
            critical: self.critical,
        }))
    }
}
