//! Rules switched on and off, and what is added to them, as the configuration
//! says it in, what the loader needs out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detect::rules::{Selector, Which};

/// One command: switches rules on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleCommand {
    /// Switch these rules on.
    pub enable: Option<Choice>,
    /// Switch these rules off.
    pub disable: Option<Choice>,
}

/// Which rules a command is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Choice {
    /// Rules by name; `*` stands for any text.
    pub rule: Option<String>,
    /// Rules with exactly this tag.
    pub tag: Option<String>,
}

impl RuleCommand {
    /// What the loader is told; two selectors where rule and tag are given.
    pub fn selectors(&self) -> impl Iterator<Item = Selector> {
        let of = |enable: bool, choice: &Option<Choice>| {
            let choice = choice.clone().unwrap_or_default();
            let rule = choice.rule.map(Which::Rule);
            let tag = choice.tag.map(Which::Tag);
            let both = rule.into_iter().chain(tag);
            both.map(move |which| Selector { enable, which })
        };
        of(true, &self.enable).chain(of(false, &self.disable))
    }

    /// What is wrong with it beyond its shape.
    pub fn check(&self) -> Option<&'static str> {
        match (&self.enable, &self.disable) {
            (Some(_), Some(_)) => Some("one command cannot both `enable` and `disable`"),
            (None, None) => Some("a command says `enable` or `disable`"),
            (Some(choice), None) | (None, Some(choice)) => {
                let empty = choice.rule.is_none() && choice.tag.is_none();
                empty.then_some("a command names a `rule` or a `tag`")
            }
        }
    }
}
