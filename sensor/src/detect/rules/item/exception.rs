//! One element of a rule's `exceptions` as written: what it means depends on
//! whether it defines or appends, which the collection knows.

use super::Name;
use super::keys::{Keys, Reader};
use super::table::EXCEPTION;
use jiff::civil::Date;

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
    /// What else it says of itself, where the file asks for that.
    pub(crate) terms: Option<Terms>,
    /// All of it.
    pub(crate) place: Place,
}

/// Why an exception is there, who answers for it, and until when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Why it is there.
    pub(crate) reason: Option<Name>,
    /// Who answers for it.
    pub(crate) owner: Option<Name>,
    /// The last day on which it holds, and where that is said.
    pub(crate) expires: Option<(Date, Place)>,
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
        self.unknown_keys(&keys, &EXCEPTION);
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
        let terms = self.terms(&keys)?;
        Some(ExceptionItem {
            name: name?,
            fields,
            comps,
            values,
            terms,
            place: self.place(node),
        })
    }

    /// The terms; `None` inside when there are none.
    #[expect(
        clippy::option_option,
        reason = "outside: whether they could be read; inside: whether there are any"
    )]
    fn terms(&mut self, keys: &Keys<'_>) -> Option<Option<Terms>> {
        let mut terms = None::<Terms>;
        if self.featured(keys, &EXCEPTION, "reason").is_some() {
            terms.get_or_insert_default().reason = Some(self.name(keys, "reason")?);
        }
        if self.featured(keys, &EXCEPTION, "owner").is_some() {
            terms.get_or_insert_default().owner = Some(self.name(keys, "owner")?);
        }
        if let Some(node) = self.featured(keys, &EXCEPTION, "expires") {
            let date = self.date(node)?;
            terms.get_or_insert_default().expires = Some((date, self.place(node)));
        }
        Some(terms)
    }

    fn date(&mut self, node: &Node) -> Option<Date> {
        let text = self.text(node, "expires")?;
        // The parser would take a time behind the day as well.
        let day = Some(text.as_str()).filter(|text| text.len() == "2026-12-31".len());
        let date = day.and_then(|day| day.parse().ok());
        if date.is_none() {
            self.invalid(format!("`{}` is no day", text.as_str()), node)
                .set_help("write the last day on which it holds, as in `2026-12-31`");
        }
        date
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
