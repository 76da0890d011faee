//! The configuration's text against its schema: every mistake with its place.
//!
//! serde stops at the first mistake and names its line at best. This walk
//! finds all of them, so that a person corrects a file once.

use std::sync::Arc;

use serde_json::Value as Schema;

use super::{Config, routing};
use crate::alert::MOST_OUTPUTS;
use crate::deliver::secret::SecretRef;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::fields::Statics;
use crate::redact::DETECTORS;
use crate::yaml::traced::Traced;
use crate::yaml::{self, Node, Value};

/// Outputs that a sensor may have been built without, by the feature of that name.
const OPTIONAL: [&str; 5] = ["amqp", "cloudwatch", "kafka", "mqtt", "nats"];

/// A secret stands where a reference to one belongs; its text must not be shown.
pub(super) const SECRET: &str = "CONFIG_SECRET";
const HELP: &str = "`sensor config` lists every key with its meaning and default";

/// Every mistake of shape: unknown, repeated and missing keys, wrong types,
/// unknown words, numbers out of range.
pub(super) fn check(file: &Arc<SourceFile>, schema: &Schema) -> Vec<Diagnostic> {
    let documents = match yaml::parse(file) {
        Ok(documents) => documents,
        // The tree is shared with the rule language, the code is not.
        Err(broken) => {
            return vec![Diagnostic {
                code: "CONFIG_YAML",
                ..broken
            }];
        }
    };
    let mut walk = Walk {
        file,
        root: schema,
        mistakes: Vec::new(),
    };
    if let Some(second) = documents.get(1) {
        walk.mistake(
            "CONFIG_YAML",
            "a configuration is one YAML document",
            second,
            HELP,
        );
    }
    if let Some(document) = documents
        .first()
        .filter(|node| !matches!(node.value, Value::Null))
    {
        walk.node(document, schema, "the configuration");
    }
    walk.mistakes
}

/// Mistakes that a schema cannot say: values that contradict each other.
pub(super) fn semantics(config: &Config, file: &Arc<SourceFile>) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    let root = yaml::parse(file).unwrap_or_default().into_iter().next();
    let place = |path: &[&str], index: Option<usize>| {
        let mut node = root.as_ref()?;
        for key in path {
            node = entry(node, key)?;
        }
        if let (Some(index), Value::Sequence(items)) = (index, &node.value) {
            node = items.get(index)?;
        }
        Some(Place::new(file, node.range.clone()))
    };
    if !config.capture.ring_mib.is_power_of_two() {
        let message = format!(
            "ring_mib is {}, not a power of two",
            config.capture.ring_mib
        );
        let mut mistake = Diagnostic::error("CONFIG_VALUE", message);
        mistake.place = place(&["capture", "ring_mib"], None);
        mistakes.push(mistake.help("the kernel takes 1, 2, 4, 8, 16, 32, … MiB"));
    }
    for wrong in config.redaction.check() {
        let mut mistake = Diagnostic::error("CONFIG_VALUE", wrong.message);
        let [section, key] = wrong.path;
        mistake.place = place(&["redaction", section, key], None)
            .or_else(|| place(&["redaction", section], None))
            .or_else(|| place(&["redaction"], None));
        if let Some(name) = wrong.detector {
            let names = DETECTORS.iter().map(|row| row.name);
            mistake = mistake
                .help("docs/outputs.md lists the detectors")
                .suggest(name, names);
        }
        mistakes.push(mistake);
    }
    let statics = Statics::new(config.static_fields.clone());
    for (index, error) in config.grouping.mistakes(&statics) {
        let mut mistake = Diagnostic::error("CONFIG_VALUE", error.message);
        mistake.place = place(&["grouping", "by"], Some(index));
        mistake.help = error.help.map(|help| help.replace('%', ""));
        mistakes.push(mistake);
    }
    for (index, command) in config.rules.iter().enumerate() {
        if let Some(why) = command.check() {
            let mut mistake = Diagnostic::error("CONFIG_VALUE", why);
            mistake.place = place(&["rules"], Some(index));
            mistakes.push(mistake.help("as in `- disable: {tag: network}`"));
        }
    }
    for key in config
        .static_fields
        .keys()
        .filter(|key| !is_field_part(key))
    {
        let message = format!("`static.{key}` cannot be named in a rule");
        let mut mistake = Diagnostic::error("CONFIG_VALUE", message);
        mistake.place = place(&["static_fields", key], None);
        mistakes.push(mistake.help("a key is letters, digits and `_`, a letter first"));
    }
    if config.outputs.len() > MOST_OUTPUTS {
        let message = format!("there are more than {MOST_OUTPUTS} outputs");
        let mut mistake = Diagnostic::error("CONFIG_OUTPUT", message);
        mistake.place = place(&["outputs"], Some(MOST_OUTPUTS));
        mistakes.push(mistake);
    }
    if let Some((why, help)) = config.metrics.check() {
        let mut mistake = Diagnostic::error("CONFIG_VALUE", why);
        mistake.place = place(&["metrics", "listen"], None);
        mistakes.push(mistake.help(help));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, output) in config.outputs.iter().enumerate() {
        for why in output.check() {
            let mut mistake = Diagnostic::error("CONFIG_OUTPUT", why);
            mistake.place = place(&["outputs"], Some(index));
            mistakes.push(mistake);
        }
        if let Some(only) = &output.keys.only
            && let Some(text) = &only.condition
            && let Err(found) = routing::condition(text, &statics)
        {
            let node = root.as_ref().and_then(|root| {
                let Value::Sequence(items) = &entry(root, "outputs")?.value else {
                    return None;
                };
                entry(entry(items.get(index)?, "only")?, "condition")
            });
            mistakes.extend(found.into_iter().map(|mistake| within(node, mistake)));
        }
        if names.contains(&output.name()) {
            let message = format!("two outputs are named `{}`", output.name());
            let mut mistake = Diagnostic::error("CONFIG_OUTPUT", message);
            mistake.place = place(&["outputs"], Some(index));
            mistakes.push(mistake.help("give each a `name` of its own: accounts are kept by name"));
        }
        names.push(output.name());
    }
    mistakes
}

/// A mistake in a text of its own, shown where the text was written.
fn within(node: Option<&Node>, mut mistake: Diagnostic) -> Diagnostic {
    let range = mistake.place.take().map(|place| place.range);
    let traced = node.and_then(Node::text);
    mistake.place = range.and_then(|range| traced?.place(&range));
    mistake.related.clear();
    mistake
}

/// Whether a key can stand in a field's name: words between dots, a letter first.
fn is_field_part(key: &str) -> bool {
    key.split('.').all(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    let found = entries.iter().find(|(name, _)| text(name) == Some(key));
    found.map(|(_, value)| value)
}

fn text(node: &Node) -> Option<&str> {
    node.text().map(Traced::as_str)
}

struct Walk<'a> {
    file: &'a Arc<SourceFile>,
    root: &'a Schema,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn mistake(&mut self, code: &'static str, message: impl Into<String>, at: &Node, help: &str) {
        let place = Place::new(self.file, at.range.clone());
        self.mistakes
            .push(Diagnostic::error(code, message).at(place).help(help));
    }

    /// A reference to a secret, never the secret itself.
    fn secret(&mut self, node: &Node, what: &str) {
        if let Err(why) = SecretRef::parse(text(node).unwrap_or_default()) {
            let help = "write ${NAME} for an environment variable, or file:/path";
            self.mistake(SECRET, format!("{what}: {why}"), node, help);
        }
    }

    fn node(&mut self, node: &Node, schema: &'a Schema, what: &str) {
        if matches!(node.value, Value::Null) && may_be_null(schema) {
            return;
        }
        let schema = self.target(schema);
        if schema.get("writeOnly") == Some(&Schema::Bool(true)) {
            return self.secret(node, what);
        }
        let variants = list(schema, "oneOf")
            .or_else(|| list(schema, "anyOf"))
            .unwrap_or_default();
        if variants
            .iter()
            .any(|v| v.pointer("/properties/type/const").is_some())
        {
            self.tagged(node, variants, what);
        } else if let Some(words) = words(schema) {
            self.word(node, &words, what);
        } else if !variants.is_empty() {
            self.one_of(node, variants, what);
        } else {
            self.typed(node, schema, what);
        }
    }

    /// A value of one of several types.
    fn one_of(&mut self, node: &Node, variants: &'a [Schema], what: &str) {
        let is = |wanted: &str| match &node.value {
            Value::Mapping(_) => wanted == "object",
            Value::Sequence(_) => wanted == "array",
            Value::Scalar(_) => !matches!(wanted, "object" | "array"),
            Value::Null => false,
        };
        let kinds = || variants.iter().filter_map(kind);
        let mut fitting = variants.iter();
        if let Some(variant) = fitting.find(|variant| kind(variant).is_some_and(is)) {
            return self.typed(node, variant, what);
        }
        let wanted: Vec<_> = kinds().map(in_words).collect();
        let message = format!("{what} is {}, not {}", node.kind(), wanted.join(" or "));
        self.mistake("CONFIG_TYPE", message, node, HELP);
    }

    fn typed(&mut self, node: &Node, schema: &'a Schema, what: &str) {
        let kind = kind(schema);
        match (&node.value, kind) {
            (Value::Mapping(entries), Some("object")) => self.object(node, entries, schema, what),
            (Value::Sequence(items), Some("array")) => {
                for item in items {
                    if let Some(schema) = schema.get("items") {
                        self.node(item, schema, &format!("an element of {what}"));
                    }
                }
            }
            (Value::Scalar(_), Some("string" | "integer" | "number" | "boolean")) => {
                self.scalar(node, schema, kind.unwrap_or_default(), what);
            }
            (_, Some(kind)) => {
                let message = format!("{what} is {}, not {}", node.kind(), in_words(kind));
                self.mistake("CONFIG_TYPE", message, node, HELP);
            }
            // A schema that names no type takes anything.
            (_, None) => {}
        }
    }

    fn object(&mut self, node: &Node, entries: &[(Node, Node)], schema: &'a Schema, what: &str) {
        let known = schema.get("properties").and_then(Schema::as_object);
        let others = schema.get("additionalProperties");
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in entries {
            let Some(name) = text(key) else {
                self.mistake("CONFIG_UNKNOWN_KEY", "a key is not plain text", key, HELP);
                continue;
            };
            if seen.contains(&name) {
                let message = format!("key `{name}` is given twice");
                self.mistake("CONFIG_REPEATED_KEY", message, key, "keep one of them");
            }
            seen.push(name);
            match (known.and_then(|known| known.get(name)), others) {
                (None, Some(Schema::Bool(false))) => self.unknown(key, name, known, what),
                (Some(schema), _) | (None, Some(schema)) => {
                    self.node(value, schema, &format!("`{name}`"));
                }
                (None, None) => {}
            }
        }
        for name in list(schema, "required")
            .unwrap_or_default()
            .iter()
            .filter_map(Schema::as_str)
        {
            if !seen.contains(&name) {
                let message = format!("{what} has no `{name}`");
                self.mistake("CONFIG_MISSING_KEY", message, node, HELP);
            }
        }
    }

    fn unknown(
        &mut self,
        key: &Node,
        name: &str,
        known: Option<&serde_json::Map<String, Schema>>,
        what: &str,
    ) {
        let names = known.into_iter().flatten().map(|(name, _)| name.as_str());
        let place = Place::new(self.file, key.range.clone());
        let message = format!("{what} has no key `{name}`");
        let mistake = Diagnostic::error("CONFIG_UNKNOWN_KEY", message)
            .at(place)
            .help(HELP);
        self.mistakes.push(mistake.suggest(name, names));
    }

    /// A map whose `type` says which keys it has.
    fn tagged(&mut self, node: &Node, variants: &'a [Schema], what: &str) {
        let tag = |v: &'a Schema| v.pointer("/properties/type/const").and_then(Schema::as_str);
        let tags = || variants.iter().filter_map(tag);
        let all = tags().collect::<Vec<_>>().join(", ");
        let Some(kind) = entry(node, "type") else {
            let message = format!("{what} has no `type`");
            return self.mistake(
                "CONFIG_MISSING_KEY",
                message,
                node,
                &format!("one of {all}"),
            );
        };
        let name = text(kind).unwrap_or_default();
        if let Some(variant) = variants.iter().find(|v| tag(v) == Some(name)) {
            return self.typed(node, variant, &format!("the {name} output"));
        }
        let place = Place::new(self.file, kind.range.clone());
        if OPTIONAL.contains(&name) {
            let message = format!("this sensor was built without the {name} output");
            let help = format!("build it with cargo's feature `{name}`, which a release has");
            let mistake = Diagnostic::error("CONFIG_VALUE", message).at(place);
            return self.mistakes.push(mistake.help(help));
        }
        let message = format!("`{name}` is no type of {what}");
        let mistake = Diagnostic::error("CONFIG_VALUE", message).at(place);
        let mistake = mistake.help(format!("one of {all}"));
        self.mistakes.push(mistake.suggest(name, tags()));
    }

    fn word(&mut self, node: &Node, words: &[&str], what: &str) {
        let given = text(node).unwrap_or_default();
        if words.iter().any(|word| word.eq_ignore_ascii_case(given)) {
            return;
        }
        let place = Place::new(self.file, node.range.clone());
        let mistake = Diagnostic::error("CONFIG_VALUE", format!("{what} cannot be `{given}`"))
            .at(place)
            .help(format!("one of {}", words.join(", ")));
        self.mistakes
            .push(mistake.suggest(given, words.iter().copied()));
    }

    fn scalar(&mut self, node: &Node, schema: &Schema, kind: &str, what: &str) {
        let given = text(node).unwrap_or_default();
        let first = self.file.text.as_bytes().get(node.range.start);
        let plain = !matches!(first, Some(b'"' | b'\'' | b'|' | b'>'));
        let fits = match kind {
            "integer" => plain && given.parse::<i64>().is_ok(),
            "number" => plain && given.parse::<f64>().is_ok(),
            "boolean" => plain && matches!(given, "true" | "false"),
            // A plain `5` or `true` is no text to serde: it wants quotes.
            _ => !plain || (given.parse::<f64>().is_err() && !matches!(given, "true" | "false")),
        };
        if !fits {
            let help = match kind {
                "string" => "put it between quotes",
                "boolean" => "write true or false",
                _ => "write a decimal number without quotes",
            };
            let message = format!("{what} is `{given}`, not {}", in_words(kind));
            return self.mistake("CONFIG_TYPE", message, node, help);
        }
        if let Ok(number) = given.parse::<f64>() {
            let bound = |key: &str| schema.get(key).and_then(Schema::as_f64);
            let (min, max) = (bound("minimum"), bound("maximum"));
            if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
                let message = format!("{what} is {given}, out of range");
                let from = min.map(|min| format!("from {min}"));
                let to = max.map(|max| format!("to {max}"));
                let help = from.into_iter().chain(to).collect::<Vec<_>>().join(" ");
                self.mistake("CONFIG_VALUE", message, node, &help);
            }
        }
    }

    /// Follows `$ref`, also inside the `anyOf` that an optional value makes.
    fn target(&self, schema: &'a Schema) -> &'a Schema {
        let optional = list(schema, "anyOf").filter(|_| may_be_null(schema));
        let inner = optional
            .into_iter()
            .flatten()
            .find(|s| kind(s) != Some("null"));
        let inner = inner.unwrap_or(schema);
        inner
            .get("$ref")
            .and_then(Schema::as_str)
            .and_then(|reference| self.root.pointer(reference.strip_prefix('#')?))
            .unwrap_or(inner)
    }
}

fn list<'a>(schema: &'a Schema, key: &str) -> Option<&'a [Schema]> {
    schema
        .get(key)
        .and_then(Schema::as_array)
        .map(Vec::as_slice)
}

/// The type a schema asks for, null aside.
fn kind(schema: &Schema) -> Option<&str> {
    match schema.get("type")? {
        Schema::Array(types) => types
            .iter()
            .filter_map(Schema::as_str)
            .find(|t| *t != "null"),
        one => one.as_str(),
    }
}

fn may_be_null(schema: &Schema) -> bool {
    let typed =
        matches!(schema.get("type"), Some(Schema::Array(t)) if t.iter().any(|t| t == "null"));
    typed
        || list(schema, "anyOf")
            .into_iter()
            .flatten()
            .any(|s| kind(s) == Some("null"))
}

/// The words of an enumeration, in either form the schema has for it.
fn words(schema: &Schema) -> Option<Vec<&str>> {
    if let Some(words) = list(schema, "enum") {
        return Some(words.iter().filter_map(Schema::as_str).collect());
    }
    let variants = list(schema, "oneOf")?;
    let words = variants.iter().flat_map(|variant| {
        let word = variant.get("const").and_then(Schema::as_str);
        let more = list(variant, "enum")
            .into_iter()
            .flatten()
            .filter_map(Schema::as_str);
        word.into_iter().chain(more)
    });
    Some(words.collect())
}

fn in_words(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map of keys",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    /// The codes, places and messages of all mistakes in a text.
    fn mistakes(text: &str) -> Vec<String> {
        let found = parse("sensor.yaml", text, &[]).err().unwrap_or_default();
        let show = |d: crate::diagnostic::Diagnostic| {
            let (line, col) = d
                .place
                .as_ref()
                .map_or((0, 0), |p| p.file.line_col(p.range.start));
            format!(
                "{line}:{col} {} {} ({})",
                d.code,
                d.message,
                d.help.unwrap_or_default()
            )
        };
        found.into_iter().map(show).collect()
    }

    #[test]
    fn an_output_that_is_a_feature_is_never_unknown() {
        for name in super::OPTIONAL {
            let found = mistakes(&format!("outputs: [{{type: {name}}}]"));
            let said = found.concat();
            assert!(said.contains(&format!("the {name} output")), "{said}");
            assert!(!said.contains("is no type"), "{said}");
        }
    }

    #[test]
    fn an_empty_file_and_the_defaults_are_fine() {
        for text in [
            "",
            "# nothing\n",
            "priority: debug\n",
            "priority: Warning\n",
            "outputs: []\n",
        ] {
            assert_eq!(mistakes(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        for (text, expect) in [
            (
                "prioritty: debug",
                "1:1 CONFIG_UNKNOWN_KEY the configuration has no key `prioritty`",
            ),
            (
                "priority: urgent",
                "1:11 CONFIG_VALUE `priority` cannot be `urgent`",
            ),
            (
                "capture:\n  ring_mib: big",
                "2:13 CONFIG_TYPE `ring_mib` is `big`",
            ),
            (
                "capture:\n  ring_mib: 4096",
                "2:13 CONFIG_VALUE `ring_mib` is 4096, out of range",
            ),
            (
                "capture:\n  ring_mib: 3",
                "2:13 CONFIG_VALUE ring_mib is 3, not a power of two",
            ),
            (
                "capture: 3",
                "1:10 CONFIG_TYPE `capture` is a single value, not a map of keys",
            ),
            (
                "rules_files: x",
                "1:14 CONFIG_TYPE `rules_files` is a single value, not a list",
            ),
            (
                "rules_files: [7]",
                "1:15 CONFIG_TYPE an element of `rules_files` is `7`, not text",
            ),
            (
                "watch_config_files: yes",
                "1:21 CONFIG_TYPE `watch_config_files` is `yes`",
            ),
            (
                "log: {level: info, level: warn}",
                "1:20 CONFIG_REPEATED_KEY key `level` is given",
            ),
            (
                "outputs:\n  - type: splnk",
                "2:11 CONFIG_VALUE `splnk` is no type",
            ),
            (
                "outputs:\n  - url: x",
                "CONFIG_MISSING_KEY an element of `outputs` has no `type`",
            ),
            ("a: [", "CONFIG_YAML"),
            ("[]", "1:1 CONFIG_TYPE the configuration is a sequence"),
        ] {
            let found = mistakes(text);
            assert!(
                found.iter().any(|m| m.contains(expect)),
                "{text}\n{found:#?}"
            );
        }
    }

    #[test]
    fn a_secret_written_out_is_refused_and_shown_nowhere() {
        let text = "outputs:\n  - {type: splunk, url: 'https://x', token: geheim-1, colr: 1}\n\
                    \x20 - type: webhook\n    url: https://x\n    bearer: \"geheim-2\"\n\
                    \x20   secret_headers: {X-Key: geheim-3}\n  - {type: mail, password: 424242}\n";
        let found = parse("sensor.yaml", text, &[]).unwrap_err();
        assert_eq!(
            found.iter().filter(|d| d.code == super::SECRET).count(),
            4,
            "{found:#?}"
        );
        let overridden = ["outputs[]={type: splunk, url: https://x, token: geheim-4}".to_owned()];
        let more = parse("sensor.yaml", "", &overridden).unwrap_err();
        let shown =
            crate::diagnostic::render(&found, false) + &crate::diagnostic::render(&more, false);
        assert!(
            shown.contains("sensor.yaml:2:45"),
            "each at its place: {shown}"
        );
        for secret in ["geheim", "424242"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_near_name_is_suggested_and_all_mistakes_come_at_once() {
        let found = mistakes("prioritty: debug\nlogg: {}\ncapture: {ring_mb: 4}\n");
        assert_eq!(found.len(), 3, "{found:#?}");
        for (mistake, near) in found.iter().zip(["`priority`", "`log`", "`ring_mib`"]) {
            assert!(mistake.contains(near), "{mistake}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_a_configuration_or_diagnostics(text in "\\PC{0,120}") {
            if let Err(mistakes) = parse("any", &text, &[]) {
                assert!(!mistakes.is_empty());
            }
        }
    }
}
