//! Packs: sets of rules that are chosen together. The tags of a rule in, the
//! packs it is in out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of rules with one purpose; a rule may be in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pack {
    /// Quiet on a busy host.
    Stable,
    /// Noisier, or better after some tuning.
    Strict,
    /// Machines that build and test what others wrote.
    Ci,
    /// Nodes of a Kubernetes cluster.
    Kubernetes,
}

impl Pack {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stable, Self::Strict, Self::Ci, Self::Kubernetes];

    /// Its name, as people choose it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Strict => "strict",
            Self::Ci => "ci",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The pack with that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pack| pack.name() == name)
    }

    /// The pack that a tag puts a rule in. Other words behind `pack_` are
    /// somebody's own and choose nothing.
    fn of_tag(tag: &str) -> Option<Self> {
        Self::parse(tag.strip_prefix("pack_")?)
    }
}

/// Whether a rule with these tags is among the chosen ones: it is in no pack
/// or in one of them.
pub(super) fn is_chosen<'t>(tags: impl Iterator<Item = &'t str>, chosen: &[Pack]) -> bool {
    let mut packs = tags.filter_map(Pack::of_tag).peekable();
    packs.peek().is_none() || packs.any(|pack| chosen.contains(&pack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_chosen_by_any_of_its_packs_and_without_one_always() {
        use Pack::{Ci, Stable, Strict};
        for (tags, chosen, want) in [
            (&["host"][..], &[][..], true),
            (&["pack_of_my_own"], &[Stable], true),
            (&["pack_stable"], &[Stable], true),
            (&["host", "pack_strict"], &[Stable], false),
            (&["pack_strict", "pack_ci"], &[Stable, Ci], true),
            (&["pack_stable"], &[], false),
            (&["pack_stable"], &[Strict], false),
        ] {
            let got = is_chosen(tags.iter().copied(), chosen);
            assert_eq!(got, want, "{tags:?} {chosen:?}");
        }
    }

    #[test]
    fn every_pack_is_found_by_its_name_in_tags_and_in_the_configuration() {
        for pack in Pack::ALL {
            assert_eq!(Pack::of_tag(&format!("pack_{}", pack.name())), Some(pack));
            assert_eq!(serde_yaml::from_str::<Pack>(pack.name()).unwrap(), pack);
        }
        assert_eq!(Pack::of_tag("stable"), None);
    }
}
