//! The configuration reference: a commented `sensor.yaml` made from the
//! schema, that is, from the doc comments of the structs that read it.

use std::fmt::Write;

use serde_json::Value;

/// The whole reference as a valid configuration file: every key with its
/// default, its meaning above it; the elements of `outputs` as comments.
pub fn reference() -> String {
    let schema = super::schema();
    let mut out = String::new();
    comment(&mut out, "", description(&schema));
    let page = Page { root: &schema };
    page.keys(&mut out, "", &schema);
    out
}

struct Page<'a> {
    root: &'a Value,
}

impl<'a> Page<'a> {
    /// Every key of an object schema, in alphabetical order as the schema has them.
    fn keys(&self, out: &mut String, indent: &str, object: &'a Value) {
        for (name, schema) in properties(object) {
            out.push('\n');
            self.key(out, indent, name, schema);
        }
    }

    fn key(&self, out: &mut String, indent: &str, name: &str, schema: &'a Value) {
        comment(out, indent, description(schema));
        let target = self.target(schema);
        words(out, indent, target);
        if let Some(items) = target.get("items") {
            words(out, indent, self.target(items));
        }
        if let Some(variants) = self.element_variants(target) {
            let _ = writeln!(out, "{indent}{name}: []");
            for variant in variants {
                self.element(out, indent, variant);
            }
        } else if target.get("properties").is_some() {
            let _ = writeln!(out, "{indent}{name}:");
            self.keys(out, &format!("{indent}  "), target);
        } else {
            let default = schema.get("default").or_else(|| target.get("default"));
            let _ = match default {
                Some(Value::Null) => writeln!(out, "{indent}{name}: null"),
                Some(value) => writeln!(out, "{indent}{name}: {value}"),
                None => writeln!(out, "{indent}{name}: # {}", type_words(target)),
            };
        }
    }

    /// One kind of list element, wholly commented out, as an example to copy.
    fn element(&self, out: &mut String, indent: &str, variant: &'a Value) {
        let mut block = String::new();
        comment(&mut block, "", description(variant));
        let kind = variant
            .pointer("/properties/type/const")
            .and_then(Value::as_str);
        let _ = writeln!(block, "- type: {}", kind.unwrap_or("?"));
        let required =
            |name: &str| array(variant, "required").any(|required| required.as_str() == Some(name));
        let mut keys: Vec<_> = properties(variant)
            .filter(|(name, _)| *name != "type")
            .collect();
        // What must be given stands first; the sort is stable.
        keys.sort_by_key(|(name, _)| !required(name));
        for (name, schema) in keys {
            if required(name) {
                let _ = writeln!(block, "  # Required.");
            }
            self.key(&mut block, "  ", name, schema);
        }
        let _ = writeln!(out, "{indent}#");
        for line in block.lines() {
            let _ = writeln!(out, "{}", format!("{indent}# {line}").trim_end());
        }
    }

    /// The kinds of element, when the schema is a list of tagged objects.
    fn element_variants(&self, schema: &'a Value) -> Option<&'a Vec<Value>> {
        let variants = self.target(schema.get("items")?).get("oneOf")?.as_array()?;
        // The variants of a list of words are the words, not kinds of maps.
        let words = variants
            .iter()
            .all(|variant| variant.get("const").is_some());
        (!words).then_some(variants)
    }

    /// Follows `$ref`, also inside the `anyOf` that an optional value makes.
    fn target(&self, schema: &'a Value) -> &'a Value {
        let inner = array(schema, "anyOf")
            .find(|s| s.get("$ref").is_some())
            .unwrap_or(schema);
        inner
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.root.pointer(reference.strip_prefix('#')?))
            .unwrap_or(inner)
    }
}

/// The words an enumeration takes, each with its meaning.
fn words(out: &mut String, indent: &str, schema: &Value) {
    for variant in array(schema, "oneOf") {
        if let Some(word) = variant.get("const").and_then(Value::as_str) {
            let doc = description(variant).unwrap_or_default();
            let _ = writeln!(out, "{indent}#   {word}: {}", doc.replace('\n', " "));
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str(), schema))
}

fn array<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn type_words(schema: &Value) -> &str {
    schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("value")
}

fn comment(out: &mut String, indent: &str, text: Option<&str>) {
    for line in text.unwrap_or_default().lines() {
        let _ = writeln!(out, "{}", format!("{indent}# {line}").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_reference_is_itself_a_valid_configuration() {
        let text = reference();
        let config = crate::config::parse("reference", &text, &[]).unwrap_or_else(|mistakes| {
            panic!("{mistakes:#?}\n{text}");
        });
        assert_eq!(config.capture, Config::default().capture);
        assert_eq!(
            config.shutdown_timeout_s,
            Config::default().shutdown_timeout_s
        );
    }

    #[test]
    fn every_key_of_the_root_has_a_meaning() {
        let schema = crate::config::schema();
        for (name, schema) in properties(&schema) {
            let text = description(schema).unwrap_or_default();
            assert!(text.len() > 20, "`{name}` is not documented: {text:?}");
            assert!(reference().contains(text.lines().next().unwrap()), "{name}");
        }
    }
}
