//! A rule's exceptions in, the text they add to its condition out.
//!
//! Exceptions are textual like lists: `(CONDITION) and not X and not Y`, put
//! together before parsing. Their shape is checked here when they are defined;
//! what their values mean, the parser and compiler say.

use jiff::civil::Date;

use super::item::{Cell, ExceptionItem, Name, OneOrMany, Terms};
use super::list::quoted;
use crate::detect::syntax;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::traced::Traced;

const INVALID: &str = "LOAD_ERR_VALIDATE";
/// The operators whose right side is a list, without a modifier.
const LIST_OPERATORS: [&str; 3] = ["in", "pmatch", "intersects"];

/// An exception whose shape is right.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    /// Its name within the rule.
    pub(crate) name: Name,
    /// What is compared with what.
    form: Form,
    /// Why it is there and until when; empty where the file did not ask for such.
    pub(crate) terms: Terms,
    /// Values of a wrong shape. They are mistakes once the rule is compiled: a
    /// rule whose source nobody delivers is not.
    pub(crate) mistakes: Vec<Diagnostic>,
    /// All of it.
    place: Place,
}

#[derive(Debug, Clone)]
enum Form {
    /// Several fields; a row has a value for each.
    Tuple {
        fields: Vec<Traced>,
        comps: Vec<Traced>,
        rows: Vec<Vec<Cell>>,
    },
    /// One field against all values.
    Single {
        field: Traced,
        comp: Traced,
        values: Vec<Traced>,
    },
}

impl Exception {
    /// An exception as a definition or a replacement gives it.
    pub(crate) fn define(item: ExceptionItem) -> Result<Self, Diagnostic> {
        let form = match (item.fields, item.comps) {
            (None, _) => {
                return Err(Diagnostic::error(
                    "LOAD_ERR_YAML_VALIDATE",
                    format!("exception `{}` has no `fields`", item.name.text),
                )
                .at(item.name.place));
            }
            (Some(OneOrMany::One(field)), comps) => single(&field, comps)?,
            (Some(OneOrMany::Many(fields)), comps) => tuple(&fields, comps, &item.place)?,
        };
        let mut exception = Self {
            name: item.name,
            form,
            terms: item.terms.unwrap_or_default(),
            mistakes: Vec::new(),
            place: item.place,
        };
        exception.add(item.values.unwrap_or_default());
        Ok(exception)
    }

    /// More values, of the shape the exception has.
    fn add(&mut self, more: Vec<Cell>) {
        let at = |cell: &Cell, message: String| {
            let mistake = Diagnostic::error(INVALID, message);
            match cell.place() {
                Some(place) => mistake.at(place),
                None => mistake,
            }
        };
        for cell in more {
            match (&mut self.form, cell) {
                (Form::Single { values, .. }, Cell::Text(text)) => values.push(text),
                (Form::Single { .. }, row @ Cell::Row(..)) => {
                    let message = "with one field, `values` is a flat sequence of texts";
                    let mistake = at(&row, message.to_owned());
                    let help = "write `fields` as a sequence to give rows of values";
                    self.mistakes.push(mistake.help(help));
                }
                (Form::Tuple { fields, rows, .. }, Cell::Row(row, _))
                    if row.len() == fields.len() =>
                {
                    rows.push(row);
                }
                (Form::Tuple { fields, .. }, Cell::Row(row, place)) => {
                    let (values, fields) = (row.len(), fields.len());
                    let message = format!("this row has {values} values for {fields} fields");
                    self.mistakes
                        .push(Diagnostic::error(INVALID, message).at(place));
                }
                (Form::Tuple { .. }, text @ Cell::Text(_)) => {
                    let message = "with several fields, `values` is a sequence of rows";
                    let mistake = at(&text, message.to_owned());
                    let help = "put the values of one row in brackets, as in `[a, b]`";
                    self.mistakes.push(mistake.help(help));
                }
            }
        }
    }

    /// One for the same fields and operators.
    fn without_values(&self) -> Self {
        let mut other = self.clone();
        other.mistakes.clear();
        match &mut other.form {
            Form::Tuple { rows, .. } => rows.clear(),
            Form::Single { values, .. } => values.clear(),
        }
        other
    }

    /// Whether it holds on this day; on an unknown one it does.
    pub(crate) fn holds_on(&self, today: Option<Date>) -> bool {
        match (&self.terms.expires, today) {
            (Some((last, _)), Some(today)) => today <= *last,
            _ => true,
        }
    }

    /// The fields it asks for.
    pub(crate) fn fields(&self) -> &[Traced] {
        match &self.form {
            Form::Tuple { fields, .. } => fields,
            Form::Single { field, .. } => std::slice::from_ref(field),
        }
    }

    /// Its values, each as written.
    pub(crate) fn values(&self) -> Vec<&Traced> {
        fn gather<'c>(cell: &'c Cell, out: &mut Vec<&'c Traced>) {
            match cell {
                Cell::Text(text) => out.push(text),
                Cell::Row(cells, _) => cells.iter().for_each(|cell| gather(cell, out)),
            }
        }
        let mut out = Vec::new();
        match &self.form {
            Form::Single { values, .. } => out.extend(values),
            Form::Tuple { rows, .. } => {
                let cells = rows.iter().flatten();
                cells.for_each(|cell| gather(cell, &mut out));
            }
        }
        out
    }

    /// What it adds behind `and not `; `None` when it has no values.
    pub(crate) fn text(&self) -> Option<Traced> {
        let glue = |out: &mut Traced, text: &str| out.glue(text, &self.place);
        let mut out = Traced::default();
        match &self.form {
            Form::Single { values, .. } if values.is_empty() => return None,
            Form::Tuple { rows, .. } if rows.is_empty() => return None,
            Form::Single {
                field,
                comp,
                values,
            } => {
                glue(&mut out, "(");
                out.push(field);
                glue(&mut out, " ");
                out.push(comp);
                glue(&mut out, " (");
                for (index, value) in values.iter().enumerate() {
                    glue(&mut out, if index > 0 { ", " } else { "" });
                    out.push(&quoted(value));
                }
                glue(&mut out, "))");
            }
            Form::Tuple {
                fields,
                comps,
                rows,
            } => {
                for (index, row) in rows.iter().enumerate() {
                    glue(&mut out, if index > 0 { " or (" } else { "((" });
                    for (index, ((field, comp), cell)) in
                        fields.iter().zip(comps).zip(row).enumerate()
                    {
                        glue(&mut out, if index > 0 { " and " } else { "" });
                        out.push(field);
                        glue(&mut out, " ");
                        out.push(comp);
                        glue(&mut out, " ");
                        self.push_cell(&mut out, comp, cell);
                    }
                    glue(&mut out, ")");
                }
                glue(&mut out, ")");
            }
        }
        Some(out)
    }

    fn push_cell(&self, out: &mut Traced, comp: &Traced, cell: &Cell) {
        match cell {
            Cell::Text(value) if takes_list(comp.as_str()) && !value.as_str().starts_with('(') => {
                out.glue("(", &self.place);
                out.push(value);
                out.glue(")", &self.place);
            }
            Cell::Text(value) => out.push(&quoted(value)),
            Cell::Row(cells, place) => {
                out.glue("(", place);
                for (index, cell) in cells.iter().enumerate() {
                    out.glue(if index > 0 { ", " } else { "" }, place);
                    match cell {
                        Cell::Text(value) => out.push(&quoted(value)),
                        Cell::Row(..) => self.push_cell(out, comp, cell),
                    }
                }
                out.glue(")", place);
            }
        }
    }
}

fn single(field: &Traced, comps: Option<OneOrMany>) -> Result<Form, Diagnostic> {
    let comp = match comps {
        None => defaulted("in", field),
        Some(OneOrMany::One(comp)) => comp.trimmed(),
        Some(many @ OneOrMany::Many(_)) => {
            let message = "with one field, `comps` is one operator";
            return Err(mistake(message, many.texts().first().unwrap_or(field))
                .help("write both `fields` and `comps` as sequences, or both as one text"));
        }
    };
    operator(&comp)?;
    if !takes_list(comp.as_str()) {
        let message = format!("with one field, `{}` cannot be the operator", comp.as_str());
        return Err(mistake(message, &comp).help(
            "use `in`, `pmatch`, `intersects`, or an operator with `oneof`, `anyof` or `allof`",
        ));
    }
    Ok(Form::Single {
        field: field.trimmed(),
        comp,
        values: Vec::new(),
    })
}

fn tuple(fields: &[Traced], comps: Option<OneOrMany>, place: &Place) -> Result<Form, Diagnostic> {
    if fields.is_empty() {
        return Err(Diagnostic::error(INVALID, "`fields` names no field").at(place.clone()));
    }
    let comps: Vec<Traced> = match comps {
        None => fields.iter().map(|field| defaulted("=", field)).collect(),
        Some(OneOrMany::Many(comps)) => comps.iter().map(Traced::trimmed).collect(),
        Some(OneOrMany::One(comp)) => {
            let message = "with a sequence of fields, `comps` is a sequence of operators";
            return Err(mistake(message, &comp));
        }
    };
    if comps.len() != fields.len() {
        let message = format!("{} fields have {} operators", fields.len(), comps.len());
        return Err(Diagnostic::error(INVALID, message)
            .at(place.clone())
            .help("give `comps` one operator for each of `fields`"));
    }
    for comp in &comps {
        operator(comp)?;
    }
    Ok(Form::Tuple {
        fields: fields.iter().map(Traced::trimmed).collect(),
        comps,
        rows: Vec::new(),
    })
}

/// An operator nobody wrote, placed at the field it is for.
fn defaulted(word: &str, field: &Traced) -> Traced {
    match field.whole() {
        Some(place) => Traced::fixed(word, &place),
        None => Traced::default(),
    }
}

fn mistake(message: impl Into<String>, text: &Traced) -> Diagnostic {
    let whole = 0..text.as_str().len();
    text.locate(Diagnostic::error(INVALID, message), &whole)
}

/// Whether the operator's right side is a list.
fn takes_list(comp: &str) -> bool {
    LIST_OPERATORS.contains(&comp) || split_modifier(comp).is_some()
}

/// The operator in front of a modifier.
fn split_modifier(comp: &str) -> Option<&str> {
    let (operator, last) = comp.rsplit_once(char::is_whitespace)?;
    let modifier = syntax::Modifier::ALL.iter().any(|m| m.word() == last);
    modifier.then(|| operator.trim_end())
}

/// Checks that a text is an operator that takes a value.
fn operator(comp: &Traced) -> Result<(), Diagnostic> {
    let text = comp.as_str();
    let word = split_modifier(text).unwrap_or(text);
    let known = || syntax::Op::ALL.iter().copied();
    let found = known().find(|op| op.word() == word || (word == "==" && op.word() == "="));
    let modified = split_modifier(text).is_some();
    match found {
        Some(op) if modified && (op.takes_list() || op.is_ordering()) => {
            let message = format!("`{word}` takes no modifier");
            Err(mistake(message, comp))
        }
        Some(_) => Ok(()),
        None => {
            let mistake = mistake(format!("`{text}` is no operator"), comp);
            Err(mistake.suggest(word, known().map(syntax::Op::word)))
        }
    }
}

/// The exceptions of a definition or a replacement.
pub(crate) fn define(
    items: Vec<ExceptionItem>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Exception> {
    let mut out: Vec<Exception> = Vec::new();
    for item in items {
        if let Some(first) = out.iter().find(|other| other.name.text == item.name.text) {
            diagnostics.push(not_unique(&item.name, &first.name));
        }
        match Exception::define(item) {
            Ok(exception) => out.push(exception),
            Err(mistake) => diagnostics.push(mistake),
        }
    }
    out
}

fn not_unique(name: &Name, first: &Name) -> Diagnostic {
    Diagnostic::warning(
        "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
        format!("two exceptions are named `{}`; both hold", name.text),
    )
    .at(name.place.clone())
    .related(first.place.clone(), "first given here")
}

/// Appends exceptions to those of a rule: values to one of the same name, or a
/// new one.
pub(crate) fn append(
    exceptions: &mut Vec<Exception>,
    items: Vec<ExceptionItem>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut names: Vec<Name> = Vec::new();
    for item in items {
        if let Some(first) = names.iter().find(|name| name.text == item.name.text) {
            diagnostics.push(not_unique(&item.name, first));
        }
        names.push(item.name.clone());
        if let Err(mistake) = append_one(exceptions, item, diagnostics) {
            diagnostics.push(mistake);
        }
    }
}

fn append_one(
    exceptions: &mut Vec<Exception>,
    item: ExceptionItem,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), Diagnostic> {
    let invalid = |message: String| Diagnostic::error(INVALID, message);
    let name = item.name.clone();
    if item.values.is_none() {
        diagnostics.push(
            Diagnostic::warning(
                "LOAD_APPEND_NO_VALUES",
                format!("appending to exception `{}` adds no values", name.text),
            )
            .at(name.place.clone()),
        );
    }
    let existing = exceptions
        .iter_mut()
        .find(|exception| exception.name.text == name.text);
    match existing {
        Some(exception) => {
            if item.fields.is_some() || item.comps.is_some() {
                let message = format!("exception `{}` is defined already", name.text);
                return Err(invalid(message)
                    .at(name.place)
                    .related(exception.name.place.clone(), "defined here")
                    .help("only `values` can be appended to it"));
            }
            let values = item.values.unwrap_or_default();
            let Some(terms) = item.terms else {
                exception.add(values);
                return Ok(());
            };
            // What is added on terms of its own holds and ends on its own.
            let mut more = exception.without_values();
            (more.name, more.terms, more.place) = (name, terms, item.place);
            more.add(values);
            exceptions.push(more);
            Ok(())
        }
        None if item.fields.is_none() => Err(invalid(format!(
            "exception `{}` is new and has no `fields`",
            name.text
        ))
        .at(name.place)
        .suggest(
            &name.text,
            exceptions.iter().map(|other| other.name.text.as_str()),
        )),
        None if item.values.as_ref().is_none_or(Vec::is_empty) => Err(invalid(format!(
            "exception `{}` is new and has no `values`",
            name.text
        ))
        .at(name.place)),
        None => {
            exceptions.push(Exception::define(item)?);
            Ok(())
        }
    }
}

/// The condition with its exceptions put in.
pub(crate) fn expand(condition: &Traced, exceptions: &[Exception]) -> Traced {
    let Some(whole) = condition.whole().filter(|_| !exceptions.is_empty()) else {
        return condition.clone();
    };
    let mut out = Traced::fixed("(", &whole);
    out.push(condition);
    // A mistake found at the closing parenthesis is one at the condition's end.
    let end = Place::new(&whole.file, whole.range.end..whole.range.end);
    out.glue(")", &end);
    for exception in exceptions {
        if let Some(text) = exception.text() {
            out.glue(" and not ", &exception.place);
            out.push(&text);
        }
    }
    out
}
