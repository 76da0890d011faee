//! The keys of every kind of item, written once: the loader asks this table
//! what a kind may have, and the JSON Schema for editors is made from it.
//!
//! Nothing comes in; the rows live for ever. A key means the same wherever it
//! stands, so its row is the same constant in every kind that has it.

use super::features::Feature;

/// One kind of item.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The key that makes an item one of this kind.
    pub(crate) tag: &'static str,
    /// What messages call it.
    pub(crate) what: &'static str,
    /// What it is for, one sentence.
    pub(crate) doc: &'static str,
    /// Everything it may have, the tag first.
    pub(crate) keys: &'static [Key],
}

/// One key of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What its value is.
    pub(crate) shape: Shape,
    /// Whether the item is none without it; of a rule, whether its definition is.
    pub(crate) required: bool,
    /// What `override` may do with it.
    pub(crate) change: Change,
    /// What the file must ask for before this is a key at all.
    pub(crate) needs: Option<Feature>,
    /// What it means, one or two sentences.
    pub(crate) doc: &'static str,
}

/// What `override` may do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    No,
    /// Replace its value.
    Replace,
    /// Replace its value, or append to it.
    Append,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A text that is not empty.
    Text,
    /// A sequence of texts.
    Texts,
    /// A text, or a sequence of texts.
    OneOrMany,
    /// A sequence of texts, or of sequences of texts.
    Rows,
    /// A truth value.
    Bool {
        /// What it is when it is left out.
        default: bool,
    },
    /// A priority.
    Priority,
    /// Whole milliseconds.
    Milliseconds,
    /// A version, or the minor number of one.
    EngineVersion,
    /// A version of three numbers.
    Version,
    /// A day, as in `2026-12-31`.
    Date,
    /// A mapping of the kind's keys to `append` or `replace`.
    Override,
    /// Mappings of another table.
    Many(&'static Kind),
    /// Names of what a file asks for beyond Falco's language.
    Features,
    /// Tests of the rule, told apart elsewhere.
    Story,
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        change: Change::No,
        needs: None,
        doc,
    }
}

impl Key {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    const fn needs(mut self, feature: Feature) -> Self {
        self.needs = Some(feature);
        self
    }
}

impl Kind {
    /// The names of the keys for which something holds.
    pub(crate) fn names(&self, holds: impl Fn(&Key) -> bool) -> Vec<&'static str> {
        let keys = self.keys.iter().filter(|key| holds(key));
        keys.map(|key| key.name).collect()
    }
}

const APPEND: Key = key(
    "append",
    Shape::Bool { default: false },
    "Deprecated, see `override`: whether this comes behind what an earlier item defines.",
);
const OVERRIDE: Key = key(
    "override",
    Shape::Override,
    "Changes an earlier item: which of the keys here replace its own, and which are appended.",
);

/// What the file needs of the engine.
pub(crate) const ENGINE: Kind = Kind {
    tag: "required_engine_version",
    what: "required_engine_version",
    doc: "The version of Falco's rule engine that the file was written for.",
    keys: &[key(
        "required_engine_version",
        Shape::EngineVersion,
        "`x.y.z`; a number alone is the `y` of `0.y.0`.",
    )
    .required()],
};

/// What the file needs of plugins.
pub(crate) const PLUGINS: Kind = Kind {
    tag: "required_plugin_versions",
    what: "required_plugin_versions",
    doc: "Falco plugins whose fields the file uses.",
    keys: &[key(
        "required_plugin_versions",
        Shape::Many(&PLUGIN),
        "One entry for each plugin; `container` is answered by this sensor itself.",
    )
    .required()],
};

/// One plugin a file needs.
pub(crate) const PLUGIN: Kind = Kind {
    tag: "name",
    what: "required plugin",
    doc: "A plugin, and what would do in its place.",
    keys: &[
        PLUGIN_NAME,
        PLUGIN_VERSION,
        key(
            "alternatives",
            Shape::Many(&ALTERNATIVE),
            "Other plugins that would do; the first that is there counts.",
        ),
    ],
};

/// A plugin that would do as well.
pub(crate) const ALTERNATIVE: Kind = Kind {
    tag: "name",
    what: "plugin alternative",
    doc: "A plugin that would do as well.",
    keys: &[PLUGIN_NAME, PLUGIN_VERSION],
};

const PLUGIN_NAME: Key = key("name", Shape::Text, "The plugin's name.").required();
const PLUGIN_VERSION: Key = key(
    "version",
    Shape::Version,
    "The oldest version that will do, of the same major number.",
)
.required();

/// A list.
pub(crate) const LIST: Kind = Kind {
    tag: "list",
    what: "list",
    doc: "Values under a name. The name, in a condition, stands for its items, as text.",
    keys: &[
        key("list", Shape::Text, "The list's name.").required(),
        key(
            "items",
            Shape::Texts,
            "The values; one that names an earlier list stands for the items of that list.",
        )
        .required()
        .change(Change::Append),
        APPEND,
        OVERRIDE,
    ],
};

/// A macro.
pub(crate) const MACRO: Kind = Kind {
    tag: "macro",
    what: "macro",
    doc: "A condition under a name, to be used in the conditions of rules and later macros.",
    keys: &[
        key(
            "macro",
            Shape::Text,
            "The macro's name: letters, digits and `_`, a letter first.",
        )
        .required(),
        key(
            "condition",
            Shape::Text,
            "What the name stands for, as one unit.",
        )
        .required()
        .change(Change::Append),
        APPEND,
        OVERRIDE,
    ],
};

/// A rule.
pub(crate) const RULE: Kind = Kind {
    tag: "rule",
    what: "rule",
    doc: "What to watch for, and what to say when it happens.",
    keys: &[
        key("rule", Shape::Text, "The rule's name, its identity.").required(),
        key(
            "condition",
            Shape::Text,
            "True for the events that are worth an alert.",
        )
        .required()
        .change(Change::Append),
        key(
            "output",
            Shape::Text,
            "The alert's text; `%` and a field's name is replaced by the field's value.",
        )
        .required()
        .change(Change::Append),
        key("desc", Shape::Text, "What the rule is about.")
            .required()
            .change(Change::Append),
        key("priority", Shape::Priority, "How serious it is.")
            .required()
            .change(Change::Replace),
        key(
            "source",
            Shape::Text,
            "Whose events the rule sees; `syscall` when it is left out.",
        ),
        key(
            "enabled",
            Shape::Bool { default: true },
            "Whether the rule is evaluated.",
        )
        .change(Change::Replace),
        key(
            "tags",
            Shape::Texts,
            "Words to group rules by: areas, MITRE techniques, controls.",
        )
        .change(Change::Append),
        key(
            "exceptions",
            Shape::Many(&EXCEPTION),
            "What is not worth an alert although the condition is true.",
        )
        .change(Change::Append),
        key(
            "warn_evttypes",
            Shape::Bool { default: true },
            "Whether to warn when the rule is evaluated for nearly every event.",
        )
        .change(Change::Replace),
        key(
            "skip-if-unknown-filter",
            Shape::Bool { default: false },
            "Whether a field or event type that is not known drops the rule with a warning.",
        )
        .change(Change::Replace),
        key(
            "capture",
            Shape::Bool { default: false },
            "Whether an alert of the rule starts a capture file; read, and without effect here.",
        )
        .change(Change::Replace),
        key(
            "capture_duration",
            Shape::Milliseconds,
            "How long that capture runs, in milliseconds.",
        )
        .change(Change::Replace),
        APPEND,
        OVERRIDE,
        key(
            "story",
            Shape::Story,
            "Tests of the rule: what must make it fire and what must not.",
        )
        .needs(Feature::Stories),
    ],
};

/// An exception of a rule.
pub(crate) const EXCEPTION: Kind = Kind {
    tag: "name",
    what: "exception",
    doc: "Values of fields for which the rule stays silent.",
    keys: &[
        key("name", Shape::Text, "Its name within the rule.").required(),
        key(
            "fields",
            Shape::OneOrMany,
            "The field, or a sequence of fields whose values are given row by row.",
        ),
        key(
            "comps",
            Shape::OneOrMany,
            "The operator, or one for each of the fields; `in` for one, `=` for each of several.",
        ),
        key(
            "values",
            Shape::Rows,
            "The values, or rows with one value for each of the fields.",
        ),
        key("reason", Shape::Text, "Why the exception is there.").needs(Feature::ExceptionTerms),
        key("owner", Shape::Text, "Who answers for it.").needs(Feature::ExceptionTerms),
        key(
            "expires",
            Shape::Date,
            "The last day on which it holds, in UTC.",
        )
        .needs(Feature::ExceptionTerms),
    ],
};

/// What a file asks for beyond Falco's language.
pub(crate) const FEATURES: Kind = Kind {
    tag: "sensor_features",
    what: "sensor_features",
    doc: "What this file uses beyond Falco's rule language; Falco skips the item with a warning.",
    keys: &[key(
        "sensor_features",
        Shape::Features,
        "Each holds for the whole file.",
    )
    .required()],
};

/// Every kind of item, in the order their tags are looked for.
pub(crate) const KINDS: [&Kind; 6] = [&ENGINE, &PLUGINS, &LIST, &MACRO, &RULE, &FEATURES];
