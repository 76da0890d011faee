//! Conditions in, what certainly holds between them out: one implies another,
//! two exclude each other, one is never or always true.
//!
//! What is claimed holds for every event there can be, under the language's
//! rule that a comparison without a value is false and `not` only inverts.
//! What is not claimed may still be so: the effort is bounded, and of fields
//! only what their types say is known.

mod atom;
mod interval;
mod set;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use super::syntax::{Expr, ExprKind};
use crate::fields::Many;
use atom::{Atom, Claim};
use interval::Intervals;
use set::Set;

/// Alternatives tried for one question; giving up is no claim.
const MAX_STEPS: usize = 3_000;

/// A condition made ready for questions by one [`Prover`].
#[derive(Debug, Clone)]
pub(crate) struct Formula(Arc<Node>);

#[derive(Debug)]
enum Node {
    Is(usize),
    Not(Arc<Node>),
    All(Vec<Arc<Node>>),
    Any(Vec<Arc<Node>>),
}

/// Answers questions about the conditions it was shown.
#[derive(Default)]
pub(crate) struct Prover {
    atoms: Vec<Atom>,
    /// Comparisons by their text.
    known: HashMap<String, usize>,
    /// Operands by their text: one text has one value.
    operands: HashMap<String, usize>,
    /// Macros are shared among rules; each body is read once.
    bodies: HashMap<*const Expr, (Arc<Expr>, Arc<Node>)>,
    within: HashMap<(usize, usize), bool>,
    apart: HashMap<(usize, usize), bool>,
}

impl Prover {
    /// Makes a condition ready. Its macros must be filled in; one that is not
    /// is a comparison nothing is known of.
    pub(crate) fn formula(&mut self, expr: &Expr) -> Formula {
        Formula(self.node(expr))
    }

    fn node(&mut self, expr: &Expr) -> Arc<Node> {
        let node = match &expr.kind {
            ExprKind::Or(children) => Node::Any(children.iter().map(|c| self.node(c)).collect()),
            ExprKind::And(children) => Node::All(children.iter().map(|c| self.node(c)).collect()),
            ExprKind::Not(child) => Node::Not(self.node(child)),
            ExprKind::Expanded(expansion) => {
                let key = Arc::as_ptr(&expansion.body);
                if let Some((_, node)) = self.bodies.get(&key) {
                    return Arc::clone(node);
                }
                let node = self.node(&expansion.body);
                // The body is kept, so that nothing else gets its address.
                let kept = (Arc::clone(&expansion.body), Arc::clone(&node));
                self.bodies.insert(key, kept);
                return node;
            }
            ExprKind::Check(check) => {
                let operand = check.left.to_string();
                let group = self.group(&operand);
                Node::Is(self.atom(check.to_string(), || Atom::of(check, &operand, group)))
            }
            ExprKind::Macro(name) => {
                let group = self.group(name);
                Node::Is(self.atom(name.clone(), || Atom::unknown(name, group)))
            }
        };
        Arc::new(node)
    }

    fn atom(&mut self, written: String, read: impl FnOnce() -> Atom) -> usize {
        let next = self.atoms.len();
        let at = *self.known.entry(written).or_insert(next);
        if at == next {
            self.atoms.push(read());
        }
        at
    }

    fn group(&mut self, operand: &str) -> usize {
        let next = self.operands.len();
        *self.operands.entry(operand.to_owned()).or_insert(next)
    }

    /// Whether `b` is true whenever `a` is.
    pub(crate) fn implies(&mut self, a: &Formula, b: &Formula) -> bool {
        // Part by part: each question stays small, and the first no ends it.
        let mut parts = vec![&b.0];
        while let Some(part) = parts.pop() {
            match &**part {
                Node::All(more) => parts.extend(more),
                _ => {
                    if !self.closes(&[(&a.0, true), (part, false)]) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// One way for a condition to be true, as far as the search can tell; none
    /// when there is certainly none or the search gave up.
    pub(crate) fn way(&mut self, a: &Formula) -> Option<Way> {
        let mut search = Search::new(self);
        search.closes(Vec::new(), vec![(&a.0, true)], Vec::new());
        search.open.map(Way)
    }

    /// Whether `b` may follow from the condition a way belongs to: cheap, and
    /// false only where [`Prover::implies`] is.
    pub(crate) fn may_imply(&mut self, way: &Way, b: &Formula) -> bool {
        let mut parts = vec![&b.0];
        let mut harder = Vec::new();
        // Single comparisons first: most pairs of rules differ in one of them.
        while let Some(part) = parts.pop() {
            let single = match &**part {
                Node::Is(_) => true,
                Node::Not(inner) => matches!(**inner, Node::Is(_)),
                Node::All(_) | Node::Any(_) => false,
            };
            match &**part {
                Node::All(more) => parts.extend(more),
                _ if single => {
                    if !Search::new(self).impossible(&way.0, part, false) {
                        return false;
                    }
                }
                _ => harder.push(part),
            }
        }
        harder
            .into_iter()
            .all(|part| Search::new(self).closes(way.0.clone(), vec![(part, false)], Vec::new()))
    }

    /// Whether these can not all be as wanted for one event.
    pub(crate) fn impossible(&mut self, wanted: &[(&Formula, bool)]) -> bool {
        let goals: Vec<_> = wanted.iter().map(|(f, truth)| (&f.0, *truth)).collect();
        self.closes(&goals)
    }

    /// Whether it is true for no event.
    pub(crate) fn never(&mut self, a: &Formula) -> bool {
        self.impossible(&[(a, true)])
    }

    /// Whether it is true for every event.
    pub(crate) fn always(&mut self, a: &Formula) -> bool {
        self.impossible(&[(a, false)])
    }

    fn closes(&mut self, goals: &[Goal<'_>]) -> bool {
        let mut search = Search::new(self);
        search.closes(Vec::new(), goals.to_vec(), Vec::new())
    }

    fn within(&mut self, a: usize, b: usize) -> bool {
        if a == b {
            return true;
        }
        if let Some(known) = self.within.get(&(a, b)) {
            return *known;
        }
        let (Some(left), Some(right)) = (self.atoms.get(a), self.atoms.get(b)) else {
            return false;
        };
        let within = left.within(right);
        self.within.insert((a, b), within);
        within
    }

    fn apart(&mut self, a: usize, b: usize) -> bool {
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.apart.get(&key) {
            return *known;
        }
        let (Some(left), Some(right)) = (self.atoms.get(a), self.atoms.get(b)) else {
            return false;
        };
        let apart = left.apart(right);
        self.apart.insert(key, apart);
        apart
    }
}

/// Comparisons that together make a condition true.
#[derive(Debug, Clone)]
pub(crate) struct Way(Vec<Fact>);

/// A condition and the truth it is wanted to have.
type Goal<'f> = (&'f Arc<Node>, bool);

/// A comparison and the truth it is taken to have.
type Fact = (usize, bool);

/// The search for an event that makes all goals so.
struct Search<'p> {
    prover: &'p mut Prover,
    steps: usize,
    /// The facts with which the search found no contradiction.
    open: Option<Vec<Fact>>,
}

impl<'p> Search<'p> {
    fn new(prover: &'p mut Prover) -> Self {
        Self {
            prover,
            steps: 0,
            open: None,
        }
    }
}

impl<'f> Search<'_> {
    /// Whether there is certainly no event for which the facts and the goals
    /// are so, and one of each choice.
    fn closes(
        &mut self,
        mut facts: Vec<Fact>,
        mut goals: Vec<Goal<'f>>,
        mut choices: Vec<Vec<Goal<'f>>>,
    ) -> bool {
        loop {
            while let Some((node, truth)) = goals.pop() {
                match (&**node, truth) {
                    (Node::Is(atom), truth) => {
                        if self.refuted(&facts, *atom, truth) {
                            return true;
                        }
                        if !facts.contains(&(*atom, truth)) {
                            facts.push((*atom, truth));
                        }
                    }
                    (Node::Not(child), truth) => goals.push((child, !truth)),
                    (Node::All(children), true) | (Node::Any(children), false) => {
                        goals.extend(children.iter().map(|child| (child, truth)));
                    }
                    (Node::All(children), false) | (Node::Any(children), true) => {
                        choices.push(children.iter().map(|child| (child, truth)).collect());
                    }
                }
            }
            if self.narrow(&facts, &mut choices, &mut goals) {
                return true;
            }
            if goals.is_empty() {
                break;
            }
        }
        let smallest = (0..choices.len()).min_by_key(|at| choices.get(*at).map(Vec::len));
        let Some(smallest) = smallest else {
            self.open = Some(facts);
            return false;
        };
        let choice = choices.swap_remove(smallest);
        for goal in choice {
            self.steps += 1;
            if self.steps > MAX_STEPS || !self.closes(facts.clone(), vec![goal], choices.clone()) {
                return false;
            }
        }
        true
    }

    /// Takes out of the choices what the facts have decided; a choice with one
    /// way left becomes a goal. True when one has no way left.
    fn narrow(
        &mut self,
        facts: &[Fact],
        choices: &mut Vec<Vec<Goal<'f>>>,
        goals: &mut Vec<Goal<'f>>,
    ) -> bool {
        let mut stuck = false;
        choices.retain_mut(|choice| {
            if choice
                .iter()
                .any(|(node, truth)| self.impossible(facts, node, !truth))
            {
                return false;
            }
            choice.retain(|(node, truth)| !self.impossible(facts, node, *truth));
            match choice.as_slice() {
                [] => stuck = true,
                [only] => goals.push(*only),
                _ => return true,
            }
            false
        });
        stuck
    }

    /// Whether the facts alone, one comparison at a time, keep a condition
    /// from being so.
    fn impossible(&mut self, facts: &[Fact], node: &Node, truth: bool) -> bool {
        match (node, truth) {
            (Node::Is(atom), truth) => self.refuted(facts, *atom, truth),
            (Node::Not(child), truth) => self.impossible(facts, child, !truth),
            (Node::All(children), true) | (Node::Any(children), false) => children
                .iter()
                .any(|child| self.impossible(facts, child, truth)),
            (Node::All(children), false) | (Node::Any(children), true) => children
                .iter()
                .all(|child| self.impossible(facts, child, truth)),
        }
    }

    /// Whether a comparison cannot be so beside the facts.
    fn refuted(&mut self, facts: &[Fact], atom: usize, truth: bool) -> bool {
        let Some(asked) = self.prover.atoms.get(atom) else {
            return false;
        };
        let operand = asked.group;
        let mut related: Vec<Fact> = Vec::new();
        for (fact, was) in facts {
            if self
                .prover
                .atoms
                .get(*fact)
                .is_some_and(|a| a.group == operand)
            {
                related.push((*fact, *was));
            }
        }
        for (fact, was) in &related {
            let against = match (was, truth) {
                (true, true) => self.prover.apart(*fact, atom),
                (true, false) => self.prover.within(*fact, atom),
                (false, true) => self.prover.within(atom, *fact),
                (false, false) => false,
            };
            if against {
                return true;
            }
        }
        related.push((atom, truth));
        self.no_value(&related)
    }

    /// Whether no value of one operand makes all facts about it so.
    fn no_value(&self, facts: &[Fact]) -> bool {
        let mut wanted = Vec::new();
        let mut unwanted = Vec::new();
        let mut operand = None;
        for (atom, truth) in facts {
            let Some(atom) = self.prover.atoms.get(*atom) else {
                return false;
            };
            operand = Some(atom);
            match (&atom.claim, truth) {
                (Claim::Some(set) | Claim::Both(set), true) if set.is_none() => return true,
                (Claim::Some(set), true) => wanted.push(set),
                (Claim::Some(set), false) => unwanted.push(set),
                _ => {}
            }
        }
        match operand {
            Some(atom) if atom.many == Many::One => {
                !wanted.is_empty() && empty(&wanted, &unwanted, atom.domain.as_ref())
            }
            // Of several values another one may answer each comparison.
            Some(atom) => wanted
                .iter()
                .any(|set| empty(&[set], &unwanted, atom.domain.as_ref())),
            None => false,
        }
    }
}

/// Whether no single value is in all of `wanted` and none of `unwanted`.
fn empty(wanted: &[&Set], unwanted: &[&Set], domain: Option<&Intervals>) -> bool {
    if let Some(domain) = domain {
        let mut left = domain.clone();
        for set in wanted {
            if let Some(set) = intervals(set, domain) {
                left = left.intersect(&set);
            }
        }
        for set in unwanted {
            if let Some(set) = intervals(set, domain) {
                left = left.without(&set);
            }
        }
        return left.is_empty();
    }
    let texts = wanted.iter().filter_map(|set| match set {
        Set::Texts(texts) => Some(texts),
        _ => None,
    });
    let Some(texts) = texts.min_by_key(|texts| texts.len()) else {
        return false;
    };
    texts.iter().all(|text| {
        wanted.iter().any(|set| set.holds(text) == Some(false))
            || unwanted.iter().any(|set| set.holds(text) == Some(true))
    })
}

/// A set as intervals, if it is one exactly.
fn intervals(set: &Set, domain: &Intervals) -> Option<Intervals> {
    match set {
        Set::All => Some(domain.clone()),
        Set::Intervals(intervals) => Some(intervals.clone()),
        Set::Texts(texts) if texts.is_empty() => Some(Intervals::default()),
        Set::Not(inner) => intervals(inner, domain).map(|inner| domain.without(&inner)),
        Set::Any(sets) => {
            let mut all = Intervals::default();
            for set in sets {
                all = all.union(&intervals(set, domain)?);
            }
            Some(all)
        }
        Set::Every(sets) => {
            let mut left = domain.clone();
            for set in sets {
                left = left.intersect(&intervals(set, domain)?);
            }
            Some(left)
        }
        Set::Texts(_) | Set::Test(_) | Set::Unknown(_) => None,
    }
}
