//! A rule that is true and its event in, the outputs that want the alert out.
//!
//! Decided here, where rule and event are still at hand, and kept with the alert
//! as one bit per output; the outputs themselves know alerts only.

use std::sync::Arc;

use super::Priority;
use crate::detect::rules::Rule;
use crate::fields::{self, FieldRef, Subject, Value};
use crate::redact::glob;

/// Most outputs there can be: one bit each.
pub const MOST_OUTPUTS: usize = 64;

/// The outputs that want an alert, by their places in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outputs(u64);

impl Default for Outputs {
    /// All of them.
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Outputs {
    /// Those at these places.
    pub fn at(places: impl Iterator<Item = usize>) -> Self {
        let bits = places.filter(|place| *place < MOST_OUTPUTS);
        Self(bits.fold(0, |all, place| all | 1 << place))
    }

    /// Whether the output at that place is among them.
    pub fn contains(self, place: usize) -> bool {
        place >= MOST_OUTPUTS || self.0 >> place & 1 == 1
    }
}

/// What an output wants. Each list that is not empty asks for one of its elements;
/// all that is asked for must hold. Names may have `*` for any text.
#[derive(Debug, Default)]
pub struct Route {
    /// Priorities.
    pub priorities: Vec<Priority>,
    /// Names of rules.
    pub rules: Vec<String>,
    /// Tags, of which the rule has one.
    pub tags: Vec<String>,
    /// Sources of rules.
    pub sources: Vec<String>,
    /// Names or ids of containers; `host` for none.
    pub containers: Vec<String>,
    /// Kubernetes namespaces.
    pub namespaces: Vec<String>,
    /// A condition that is true for the event.
    pub condition: Option<Condition>,
}

/// A condition in the rule language: that of a rule nobody raises.
#[derive(Debug)]
pub struct Condition(pub Arc<Rule>);

/// What of an alert's rule an output may ask for.
pub(super) struct Facts<'f> {
    pub(super) rule: &'f str,
    pub(super) priority: Priority,
    pub(super) source: &'f str,
    pub(super) tags: &'f [Arc<str>],
}

/// What every output wants, by its place.
pub struct Routes {
    wanted: Vec<Route>,
    container: Vec<FieldRef>,
    namespace: Vec<FieldRef>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.wanted).finish()
    }
}

impl Routes {
    /// The routes of outputs in the order of the configuration.
    pub fn new(routes: Vec<Route>) -> Self {
        let field = |name: &str| fields::lookup(name, None).ok();
        Self {
            wanted: routes,
            container: ["container.name", "container.id"]
                .into_iter()
                .filter_map(field)
                .collect(),
            namespace: ["k8s.ns.name"].into_iter().filter_map(field).collect(),
        }
    }

    /// The outputs that want the alert; an alert without an event is wanted by no
    /// output that asks for something of it.
    pub(super) fn of<S: Subject>(&self, facts: &Facts<'_>, subject: Option<&S>) -> Outputs {
        let mut outputs = Outputs::default();
        for (place, route) in self.wanted.iter().enumerate().take(MOST_OUTPUTS) {
            if !(route.wants(facts) && self.wants_event(route, subject)) {
                outputs.0 &= !(1 << place);
            }
        }
        outputs
    }

    fn wants_event<S: Subject>(&self, route: &Route, subject: Option<&S>) -> bool {
        let one_of = |names: &[String], fields: &[FieldRef]| {
            let value = |field| subject.and_then(|subject| text(subject.value(field)?));
            let values: Vec<String> = fields.iter().filter_map(value).collect();
            names.is_empty() || values.iter().any(|value| any(names, value))
        };
        let holds =
            |condition: &Condition| subject.is_some_and(|s| condition.0.condition.matches(s));
        one_of(&route.containers, &self.container)
            && one_of(&route.namespaces, &self.namespace)
            && route.condition.as_ref().is_none_or(holds)
    }
}

impl Route {
    fn wants(&self, facts: &Facts<'_>) -> bool {
        let named = |names: &[String], name: &str| names.is_empty() || any(names, name);
        let tagged = || facts.tags.iter().any(|tag| any(&self.tags, tag));
        (self.priorities.is_empty() || self.priorities.contains(&facts.priority))
            && named(&self.rules, facts.rule)
            && named(&self.sources, facts.source)
            && (self.tags.is_empty() || tagged())
    }
}

/// Whether one of the patterns, in which `*` stands for any text, is the whole name.
pub(crate) fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, name))
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}
