//! One element of a rule's `exceptions` as written: what it means depends on
//! whether it defines or appends, which the collection knows.

use super::Name;
use super::keys::Reader;
use crate::diagnostic::Place;
use crate::yaml::traced::Traced;
use crate::yaml::{Node, Value};

/// An exception as one item writes it.
#[derive(Debug, Clone)]
pub(crate) struct ExceptionItem {
    /// Its name.
    pub(crate) name: Name,
    /// The field or fields.
    pub(crate) fields: Option<OneOrMany>,
    /// The operator or operators.
    pub(crate) comps: Option<OneOrMany>,
    /// The values or rows of values.
    pub(crate) values: Option<Vec<Cell>>,
    /// All of it.
    pub(crate) place: Place,
}

/// A text alone or a sequence of texts; they mean different things.
#[derive(Debug, Clone)]
pub(crate) enum OneOrMany {
    /// A text.
    One(Traced),
    /// A sequence.
    Many(Vec<Traced>),
}

/// A value, or values inside a value.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// A text.
    Text(Traced),
    /// A sequence, and where it stands.
    Row(Vec<Cell>, Place),
}

impl Cell {
    /// Where it stands.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Text(text) => text.whole(),
            Self::Row(_, place) => Some(place.clone()),
        }
    }
}

impl Reader<'_> {
    pub(super) fn exception(&mut self, node: &Node) -> Option<ExceptionItem> {
        let keys = self.keys(node, "an exception")?;
        self.unknown_keys(&keys, &["name", "fields", "comps", "values"], "exception");
        self.required(&keys, "name", "exception")?;
        let name = self.name(&keys, "name");
        let fields = match keys.get("fields") {
            Some(node) => Some(self.one_or_many(node, "fields")?),
            None => None,
        };
        let comps = match keys.get("comps") {
            Some(node) => Some(self.one_or_many(node, "comps")?),
            None => None,
        };
        let values = match keys.get("values") {
            Some(node) => Some(self.cells(node)?),
            None => None,
        };
        Some(ExceptionItem {
            name: name?,
            fields,
            comps,
            values,
            place: self.place(node),
        })
    }

    fn one_or_many(&mut self, node: &Node, key: &str) -> Option<OneOrMany> {
        match &node.value {
            Value::Sequence(nodes) => {
                let texts: Option<Vec<_>> = nodes.iter().map(|node| self.text(node, key)).collect();
                texts.map(OneOrMany::Many)
            }
            _ => self.text(node, key).map(OneOrMany::One),
        }
    }

    fn cells(&mut self, node: &Node) -> Option<Vec<Cell>> {
        let nodes = self.sequence(node, "values")?;
        nodes.iter().map(|node| self.cell(node)).collect()
    }

    fn cell(&mut self, node: &Node) -> Option<Cell> {
        match &node.value {
            Value::Scalar(text) => Some(Cell::Text(text.clone())),
            Value::Sequence(nodes) => {
                let cells: Option<_> = nodes.iter().map(|node| self.cell(node)).collect();
                Some(Cell::Row(cells?, self.place(node)))
            }
            Value::Null | Value::Mapping(_) => {
                self.invalid(format!("a value is a text, not {}", node.kind()), node);
                None
            }
        }
    }
}
