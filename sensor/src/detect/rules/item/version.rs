//! What a rules file requires: an engine version and plugin versions.

use super::keys::{Keys, Reader};
use super::{Name, OneOrMany, table};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u64, pub(crate) u64, pub(crate) u64);

/// The Falco engine whose rule language this is.
pub(crate) const ENGINE: Version = Version(0, 63, 0);

/// Falco plugins whose fields this sensor answers by itself, and the version
/// whose fields it follows.
const BUILT_IN: [(&str, Version); 1] = [("container", Version(0, 7, 0))];

impl Version {
    /// Reads `x.y.z`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        });
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Whether something of this version does where `required` is asked for.
    pub(crate) fn satisfies(self, required: Self) -> bool {
        self.0 == required.0 && self >= required
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One plugin a file wants, with what would do instead.
#[derive(Debug)]
pub(crate) struct PluginEntry {
    /// The plugin first asked for.
    name: Name,
    /// It and its alternatives.
    choices: Vec<(String, Version)>,
}

impl PluginEntry {
    /// Names and versions: the plugin first asked for, then what would do instead.
    pub(crate) fn choices(&self) -> Vec<(String, String)> {
        let choices = self.choices.iter();
        choices
            .map(|(name, version)| (name.clone(), version.to_string()))
            .collect()
    }

    /// What is wrong with running these rules here, if anything. Asked when
    /// all files are read.
    pub(crate) fn check(&self) -> Option<Diagnostic> {
        let code = "LOAD_ERR_VALIDATE";
        let known = |name: &str| BUILT_IN.iter().find(|(plugin, _)| *plugin == name);
        let first = self
            .choices
            .iter()
            .find_map(|(name, wanted)| known(name).map(|(_, have)| (name, wanted, have)));
        match first {
            Some((_, wanted, have)) if have.satisfies(*wanted) => None,
            Some((name, wanted, have)) => Some(
                Diagnostic::error(
                    code,
                    format!("plugin `{name}` {wanted} is required; its fields here are of {have}"),
                )
                .at(self.name.place.clone()),
            ),
            None => Some(
                Diagnostic::error(code, format!("plugin `{}` is required", self.name.text))
                    .at(self.name.place.clone())
                    .help("this sensor loads no plugins; it answers `container` fields by itself"),
            ),
        }
    }
}

impl Reader<'_> {
    /// Reads and checks the engine version a file requires.
    pub(super) fn engine_version(&mut self, keys: &Keys<'_>) -> Option<Version> {
        let key = table::ENGINE.tag;
        self.unknown_keys(keys, &table::ENGINE);
        let node = keys.get(key)?;
        let text = self.text(node, key)?;
        // A bare number is the minor version.
        let minor = text.as_str().parse().ok().map(|minor| Version(0, minor, 0));
        let Some(version) = minor.or_else(|| Version::parse(text.as_str())) else {
            self.invalid(format!("`{}` is no version", text.as_str()), node)
                .set_help("a version is three numbers, as in `0.57.0`");
            return None;
        };
        if !ENGINE.satisfies(version) {
            let message = format!(
                "the file requires engine version {version}; this engine is compatible with {ENGINE}"
            );
            self.report("LOAD_ERR_VALIDATE", message, node);
        }
        Some(version)
    }

    /// Reads the plugins a file requires.
    pub(super) fn plugin_versions(&mut self, keys: &Keys<'_>) -> Option<Vec<PluginEntry>> {
        let key = table::PLUGINS.tag;
        self.unknown_keys(keys, &table::PLUGINS);
        let nodes = keys.get(key).and_then(|node| self.sequence(node, key))?;
        Some(nodes.iter().filter_map(|node| self.plugin(node)).collect())
    }

    fn plugin(&mut self, node: &Node) -> Option<PluginEntry> {
        let keys = self.keys(node, "a required plugin")?;
        self.unknown_keys(&keys, &table::PLUGIN);
        let (name, version) = self.plugin_choice(&keys)?;
        let mut choices = vec![(name.text.clone(), version)];
        let alternatives = match keys.get("alternatives") {
            Some(node) => self.sequence(node, "alternatives")?,
            None => &[],
        };
        for node in alternatives {
            let keys = self.keys(node, "an alternative")?;
            self.unknown_keys(&keys, &table::ALTERNATIVE);
            let (other, version) = self.plugin_choice(&keys)?;
            if choices.iter().any(|(name, _)| *name == other.text) {
                let message = format!("plugin `{}` stands twice in one entry", other.text);
                self.report("LOAD_ERR_VALIDATE", message, node);
                return None;
            }
            choices.push((other.text, version));
        }
        Some(PluginEntry { name, choices })
    }

    fn plugin_choice(&mut self, keys: &Keys<'_>) -> Option<(Name, Version)> {
        self.required(keys, "name", "plugin")?;
        let name = self.name(keys, "name")?;
        let node = self.required(keys, "version", "plugin")?;
        let text = self.text(node, "version")?;
        let version = Version::parse(text.as_str());
        if version.is_none() {
            let message = format!("`{}` is no version", text.as_str());
            self.report("LOAD_ERR_VALIDATE", message, node)
                .set_help("a version is three numbers, as in `0.4.0`");
        }
        Some((name, version?))
    }
}

impl OneOrMany {
    /// The texts, however many.
    pub(crate) fn texts(&self) -> &[super::Traced] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}
