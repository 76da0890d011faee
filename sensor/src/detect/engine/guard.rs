//! Which rules an event may satisfy, told from a few texts and numbers of it.
//!
//! Every rule that can be true only when some value is, begins with, ends with
//! or has one of a few constants is filed under those. The event's value is
//! looked up once, and only the rules filed under what is found are asked.
//! This is why ten times as many rules do not take ten times as long.

use std::collections::{BTreeMap, HashMap};

use super::graph::{Graph, Kind, NodeId};
use super::hash::FastHash;
use super::leaf::{LeafId, OperandId};
use super::patterns::Patterns;
use crate::detect::program::How;
use crate::fields::Value;

/// Fewer rules than this for each value to be looked up are asked one by one
/// sooner.
const FEW: usize = 8;

/// A likelihood, in thousandths, that is no help.
const LIKELY: u32 = 500;

/// Constants of which a rule needs one.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    wants: Vec<(OperandId, Want)>,
    /// How often an event has one of them, a guess in thousandths.
    likelihood: u32,
}

/// What a value must be or have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Want {
    Text(How, Box<[u8]>),
    Number(i128),
}

impl Want {
    fn likelihood(&self) -> u32 {
        match self {
            Self::Text(How::Whole, _) => 10,
            Self::Text(_, text) => match text.len() {
                0 | 1 => 1000,
                2..=4 => 200,
                5..=8 => 60,
                _ => 30,
            },
            Self::Number(_) => 100,
        }
    }
}

/// The best guard of a node, if it has one that helps.
pub(super) fn of(graph: &Graph, node: NodeId) -> Option<Guard> {
    let guard = best(graph, node)?;
    (guard.likelihood < LIKELY).then_some(guard)
}

fn best(graph: &Graph, node: NodeId) -> Option<Guard> {
    match graph.kind(node) {
        Kind::Leaf(leaf) => {
            let (operand, wants) = wanted(graph, *leaf)?;
            let likelihood = wants.iter().map(Want::likelihood).sum();
            let wants = wants.into_iter().map(|want| (operand, want)).collect();
            Some(Guard { wants, likelihood })
        }
        Kind::And(children) => children
            .iter()
            .filter_map(|child| best(graph, *child))
            .min_by_key(|guard| guard.likelihood),
        Kind::Or(children) => children
            .iter()
            .try_fold(Guard::default(), |mut all, child| {
                let guard = best(graph, *child)?;
                all.wants.extend(guard.wants);
                all.likelihood = all.likelihood.saturating_add(guard.likelihood);
                (all.likelihood < LIKELY).then_some(all)
            }),
        Kind::False | Kind::True | Kind::Events(_) | Kind::Not(_) => None,
    }
}

/// The constants of which a comparison needs one, when that is all it asks.
fn wanted(graph: &Graph, leaf: LeafId) -> Option<(OperandId, Vec<Want>)> {
    if let Some((operand, texts)) = graph.leaves.texts(leaf) {
        let texts = texts.into_iter();
        let wants = texts.map(|(how, text)| Want::Text(how, text.into()));
        return Some((operand, wants.collect()));
    }
    let leaf = graph.leaves.get(leaf)?;
    let numbers = leaf.test.numbers()?.into_iter();
    Some((leaf.operand, numbers.map(Want::Number).collect()))
}

/// The rules of a set, filed under their guards.
#[derive(Debug)]
pub(super) struct Index {
    /// Rules without a guard, one bit each.
    always: Box<[u64]>,
    /// Rules with one.
    pub(super) guarded: Box<[u64]>,
    files: Box<[File]>,
}

/// The rules filed under constants of one value.
#[derive(Debug)]
struct File {
    operand: OperandId,
    patterns: Patterns,
    numbers: HashMap<i128, u32, FastHash>,
    /// By number of the constant: the rules filed under it.
    rules: Box<[Box<[u32]>]>,
}

/// Asks for the value of a left side.
pub(super) trait Values<'a> {
    fn value(&mut self, operand: OperandId) -> Option<Value<'a>>;
}

impl Index {
    /// Files rules, each under its guard; `None` when too few have one.
    pub(super) fn new(guards: &[Option<Guard>]) -> Option<Self> {
        let words = guards.len().div_ceil(64);
        let (mut always, mut guarded) = (vec![0; words], vec![0; words]);
        let mut files: BTreeMap<OperandId, BTreeMap<&Want, Vec<u32>>> = BTreeMap::new();
        for (rule, guard) in (0..).zip(guards) {
            let Some(guard) = guard else {
                set(&mut always, rule);
                continue;
            };
            set(&mut guarded, rule);
            for (operand, want) in &guard.wants {
                let file = files.entry(*operand).or_default();
                file.entry(want).or_default().push(rule);
            }
        }
        let count = guards.iter().flatten().count();
        (count >= FEW * files.len().max(1)).then(|| Self {
            always: always.into(),
            guarded: guarded.into(),
            files: files.into_iter().map(File::new).collect(),
        })
    }

    /// Whether so many rules are asked one by one sooner than they are looked up.
    pub(super) fn is_worth(&self, rules: u32) -> bool {
        rules as usize >= FEW * self.files.len()
    }

    /// Sets the bits of all rules that the event may satisfy, and of no other.
    pub(super) fn candidates<'a>(&self, event: &mut impl Values<'a>, out: &mut [u64]) {
        for (out, always) in out.iter_mut().zip(&self.always) {
            *out = *always;
        }
        for file in &self.files {
            let Some(value) = event.value(file.operand) else {
                continue;
            };
            let single = [value];
            let values: &[Value<'_>] = match value {
                Value::List(values) => values,
                _ => &single,
            };
            for value in values {
                file.look_up(*value, out);
            }
        }
    }
}

impl File {
    fn new((operand, wants): (OperandId, BTreeMap<&Want, Vec<u32>>)) -> Self {
        let mut numbers = HashMap::default();
        let mut texts = Vec::new();
        let mut rules: Vec<Box<[u32]>> = Vec::with_capacity(wants.len());
        // Texts are ordered before numbers, so a pattern's number is its place.
        for (want, filed) in wants {
            match want {
                Want::Text(how, text) => texts.push((*how, &**text)),
                Want::Number(number) => {
                    numbers.insert(*number, u32::try_from(rules.len()).unwrap_or(u32::MAX));
                }
            }
            rules.push(filed.into());
        }
        Self {
            operand,
            patterns: Patterns::new(texts),
            numbers,
            rules: rules.into(),
        }
    }

    fn look_up(&self, value: Value<'_>, out: &mut [u64]) {
        let mut take = |number: u32| {
            let rules = self.rules.get(number as usize);
            for rule in rules.into_iter().flatten() {
                set(out, *rule);
            }
            false
        };
        let number = match value {
            Value::Text(bytes) | Value::Buffer(bytes) => {
                self.patterns.find(bytes, &mut take);
                return;
            }
            Value::Signed(number) => i128::from(number),
            Value::Unsigned(number) => i128::from(number),
            Value::Port(number) => i128::from(number),
            Value::Bool(_) | Value::Double(_) | Value::Ip(_) | Value::List(_) => return,
        };
        if let Some(number) = self.numbers.get(&number) {
            take(*number);
        }
    }

    /// The left side whose value is looked up.
    fn operand(&self) -> OperandId {
        self.operand
    }
}

impl Index {
    /// The left sides that are asked for.
    pub(super) fn operands(&self) -> impl Iterator<Item = OperandId> {
        self.files.iter().map(File::operand)
    }
}

fn set(bits: &mut [u64], at: u32) {
    if let Some(word) = bits.get_mut(at as usize / 64) {
        *word |= 1 << (at % 64);
    }
}
