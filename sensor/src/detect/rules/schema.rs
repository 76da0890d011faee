//! The table of keys in, a JSON Schema of rules files out, for editors.
//!
//! A text that loads without a word validates; what the loader calls a wrong
//! shape does not. What conditions say, no schema can tell.

use serde_json::{Map, Value as Json, json};

use super::item::Feature;
use super::item::table::{self, Change, Key, Kind, Shape};
use crate::alert::Priority;

/// Words for true and false, as the loader reads them.
const TRUTH: &str = "^([tT]rue|TRUE|[fF]alse|FALSE|[yY](es)?|YES|[nN]o?|NO|[oO]n|ON|[oO]ff|OFF)$";

/// The schema, draft 2020-12.
pub fn schema() -> Json {
    let mut definitions = Map::new();
    for kind in table::KINDS {
        definitions.insert(kind.tag.to_owned(), item(kind));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of the Sensor",
        "description": "A sequence of items: lists, macros and rules, in Falco's rule language.",
        "type": ["array", "null"],
        "items": {"anyOf": [{"type": "null"}, choice()]},
        "$defs": definitions,
    })
}

/// An item is of the first kind whose tag it has, as for the loader.
fn choice() -> Json {
    let tags = table::KINDS.map(|kind| kind.tag);
    let listed: Map<String, Json> = table::KINDS
        .iter()
        .map(|kind| (kind.tag.to_owned(), json!({"description": kind.doc})))
        .collect();
    let of_kind = table::KINDS
        .iter()
        .rev()
        .fold(json!(false), |others, kind| {
            json!({
                "if": {"required": [kind.tag]},
                "then": {"$ref": format!("#/$defs/{}", kind.tag)},
                "else": others,
            })
        });
    json!({
        "type": "object",
        "properties": listed,
        "anyOf": tags.map(|tag| json!({"required": [tag]})),
        "allOf": [of_kind],
    })
}

/// An item of a kind. What a rule's definition must have, items that change a
/// rule need not have.
fn item(kind: &'static Kind) -> Json {
    let mut schema = mapping(kind);
    if kind.tag == table::RULE.tag {
        let defining = kind.names(|key| key.required);
        schema.insert("required".to_owned(), json!([kind.tag]));
        let forms = json!([
            {"required": defining},
            {"required": ["override"], "properties": {"override": {"minProperties": 1}}},
            {"required": ["append", "condition"]},
            {"required": ["append", "exceptions"]},
            {"required": ["enabled"], "not": {"anyOf": defining
                .iter()
                .filter(|key| **key != kind.tag)
                .map(|key| json!({"required": [key]}))
                .collect::<Vec<_>>()}},
        ]);
        schema.insert("anyOf".to_owned(), forms);
    }
    Json::Object(schema)
}

/// A mapping of a kind's keys, and no other keys.
fn mapping(kind: &'static Kind) -> Map<String, Json> {
    let keys = kind.keys.iter();
    let properties: Map<String, Json> = keys
        .map(|key| (key.name.to_owned(), value(kind, key)))
        .collect();
    Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("description".to_owned(), kind.doc.into()),
        ("properties".to_owned(), properties.into()),
        ("required".to_owned(), json!(kind.names(|key| key.required))),
        ("additionalProperties".to_owned(), json!(false)),
    ])
}

/// The value of a key.
fn value(kind: &'static Kind, key: &Key) -> Json {
    let mut schema = shape(kind, key.shape);
    let mut doc = key.doc.to_owned();
    if let Some(feature) = key.needs {
        doc.push_str(" Needs `- sensor_features: [");
        doc.push_str(feature.word());
        doc.push_str("]` in the file.");
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), doc.into());
    }
    schema
}

fn shape(kind: &'static Kind, shape: Shape) -> Json {
    match shape {
        Shape::Text => text(),
        Shape::Texts => texts(),
        Shape::OneOrMany => json!({"anyOf": [text(), texts()]}),
        Shape::Rows => json!({"type": "array", "items": {"anyOf": [scalar(), {
            "type": "array",
            "items": {"anyOf": [scalar(), {"type": "array", "items": scalar()}]},
        }]}}),
        Shape::Bool { default } => json!({
            "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": TRUTH}],
            "default": default,
        }),
        Shape::Priority => priority(),
        Shape::Milliseconds => json!({
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": u32::MAX},
                {"type": "string", "pattern": "^[0-9]{1,10}$"},
            ],
        }),
        Shape::EngineVersion => json!({
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+\.[0-9]+)?$"},
            ],
        }),
        Shape::Version => json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"}),
        Shape::Date => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        Shape::Override => overrides(kind),
        Shape::Many(inner) => json!({"type": many_type(inner), "items": mapping(inner)}),
        Shape::Features => json!({"type": "array", "items": {
            "oneOf": Feature::ALL.map(|f| json!({"const": f.word(), "description": f.doc()})),
        }}),
        // What a story says has rules of its own.
        Shape::Story => json!({}),
    }
}

/// `exceptions:` with nothing behind it is none.
fn many_type(kind: &Kind) -> Json {
    if kind.what == table::EXCEPTION.what {
        json!(["array", "null"])
    } else {
        json!("array")
    }
}

/// Every scalar counts as its text.
fn scalar() -> Json {
    json!({"type": ["string", "number", "boolean"]})
}

fn text() -> Json {
    json!({"type": ["string", "number", "boolean"], "minLength": 1})
}

fn texts() -> Json {
    json!({"type": "array", "items": scalar()})
}

/// The words editors offer, and the same in any case.
fn priority() -> Json {
    let words = Priority::ALL.map(|priority| priority.name().to_uppercase());
    let mut any_case = Vec::new();
    for word in words.iter().map(String::as_str).chain(["INFO"]) {
        let letters = word
            .chars()
            .flat_map(|upper| ['[', upper, upper.to_ascii_lowercase(), ']']);
        any_case.push(letters.collect::<String>());
    }
    json!({
        "anyOf": [
            {"enum": words},
            {"type": "string", "pattern": format!("^({})$", any_case.join("|"))},
        ],
    })
}

fn overrides(kind: &Kind) -> Json {
    let changed = kind.keys.iter().filter(|key| key.change != Change::No);
    let properties: Map<String, Json> = changed
        .map(|key| {
            let words: &[&str] = match key.change {
                Change::Append => &["append", "replace"],
                Change::Replace | Change::No => &["replace"],
            };
            (key.name.to_owned(), json!({"enum": words}))
        })
        .collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}
