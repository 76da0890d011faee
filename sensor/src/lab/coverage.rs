//! Rules in, what they cover out: by ATT&CK technique and tactic, by control of
//! a compliance standard, by event.
//!
//! What a rule covers is what its tags say, in the forms public rule sets use:
//! `T1059.004`, `TA0002` or `mitre_execution`, `PCI_DSS_10.2.5`. A tag of such
//! a form with an unknown id is shown as it is.

mod navigator;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::alert::attack;
use crate::alert::tags::{self, Meaning};
use crate::detect::analysis;
use crate::detect::rules::{Standing, StudiedRule, Study};
use crate::events;

pub(crate) use navigator::layer;

/// What rules cover.
#[derive(Debug, Serialize)]
pub(crate) struct Coverage {
    pub(crate) rules: Totals,
    /// By technique, in the order of their ids.
    pub(crate) techniques: Vec<Group>,
    /// By tactic, in the order of the matrix, unknown ones last.
    pub(crate) tactics: Vec<Group>,
    /// By control, standard by standard.
    pub(crate) controls: Vec<Group>,
    /// By event a rule can be fired by; rules that any event can fire stand
    /// under `*`. Those with most rules first.
    pub(crate) events: Vec<Group>,
    /// Rules in force that no tag ties to a technique.
    pub(crate) without_technique: Vec<String>,
}

/// How many rules there are.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) in_force: usize,
    /// Switched off, or less serious than the configuration asks for.
    pub(crate) off: usize,
    /// Of another source, or asking for what this sensor does not know.
    pub(crate) skipped: usize,
}

/// Rules that have something in common.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    /// The technique, tactic, control or event.
    pub(crate) id: String,
    /// Its name, or the standard of a control; empty when it is not known.
    pub(crate) name: String,
    /// The rules in force, in rule order.
    pub(crate) in_force: Vec<String>,
    /// The others, in rule order.
    pub(crate) off: Vec<String>,
}

/// Sorts every rule into its groups.
pub(crate) fn coverage(study: &Study) -> Coverage {
    let mut groups = Groups::default();
    let mut totals = Totals::default();
    let mut without_technique = Vec::new();
    for rule in &study.rules {
        match rule.standing {
            Standing::InForce => totals.in_force += 1,
            Standing::Disabled | Standing::OtherPack | Standing::BelowPriority => totals.off += 1,
            Standing::Skipped => totals.skipped += 1,
        }
        if !groups.add(rule) && rule.standing == Standing::InForce {
            without_technique.push(rule.written.name.text.clone());
        }
    }
    let mut events: Vec<Group> = groups.events.into_values().collect();
    events.sort_by_key(|group| std::cmp::Reverse(group.in_force.len()));
    let mut tactics: Vec<Group> = groups.tactics.into_values().collect();
    tactics.sort_by_key(|group| attack::tactic_order(&group.id));
    Coverage {
        rules: totals,
        techniques: groups.techniques.into_values().collect(),
        tactics,
        controls: groups.controls.into_values().collect(),
        events,
        without_technique,
    }
}

#[derive(Default)]
struct Groups {
    techniques: BTreeMap<String, Group>,
    tactics: BTreeMap<String, Group>,
    controls: BTreeMap<String, Group>,
    events: BTreeMap<String, Group>,
}

impl Groups {
    /// Adds a rule to all groups it belongs to. Whether a technique is among them.
    fn add(&mut self, rule: &StudiedRule) -> bool {
        let mut tied = false;
        for tag in &rule.written.tags {
            match tags::meaning(tag) {
                Some(Meaning::Technique(id)) => {
                    tied = true;
                    let name = attack::technique(&id);
                    put(&mut self.techniques, id, name, rule);
                }
                Some(Meaning::Tactic(id, name)) => put(&mut self.tactics, id, name, rule),
                Some(Meaning::Control(standard)) => {
                    put(&mut self.controls, tag.clone(), standard.to_owned(), rule);
                }
                None => {}
            }
        }
        self.add_events(rule);
        tied
    }

    fn add_events(&mut self, rule: &StudiedRule) {
        let Some(compiled) = &rule.rule else { return };
        if compiled.events == analysis::all() {
            let name = "any event".to_owned();
            put(&mut self.events, "*".to_owned(), name, rule);
            return;
        }
        for row in events::rows() {
            let wanted = events::by_name(row.name);
            if wanted.is_some_and(|code| compiled.events.contains(code)) {
                let name = if row.captured() {
                    ""
                } else {
                    "not captured by this build"
                };
                put(&mut self.events, row.name.to_owned(), name.to_owned(), rule);
            }
        }
    }
}

fn put(groups: &mut BTreeMap<String, Group>, id: String, name: String, rule: &StudiedRule) {
    let group = groups.entry(id.clone()).or_insert_with(|| Group {
        id,
        name,
        in_force: Vec::new(),
        off: Vec::new(),
    });
    let rules = if rule.standing == Standing::InForce {
        &mut group.in_force
    } else {
        &mut group.off
    };
    // Two tags may mean the same: `TA0002` and `mitre_execution`.
    let name = &rule.written.name.text;
    if !rules.contains(name) {
        rules.push(name.clone());
    }
}
