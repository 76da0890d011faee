//! Outputs as the configuration has them: the keys all share, and each type's own.
//!
//! YAML comes in; what is wrong with it, told without touching the network, or a
//! checked [`OutputConfig`] leaves.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;

use super::common::{Keys, Settings};
use super::spool::config::Store;
use crate::alert::Priority;

/// One output: the keys all have, and those of its type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutputConfig {
    /// What every output has.
    #[serde(flatten)]
    pub keys: Keys,
    /// What it is.
    #[serde(flatten)]
    pub kind: OutputKind,
}

/// The enum of all types, and what each is called: its module's name.
macro_rules! output_kinds {
    ($($(#[$built:meta])? $kind:ident $module:ident,)*) => {
        /// The types of output, by `type`.
        #[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
        #[serde(tag = "type", rename_all = "lowercase")]
        #[expect(missing_docs, reason = "each is documented as its module's Config")]
        pub enum OutputKind {
            $($(#[$built])? $kind(super::$module::Config),)*
        }

        impl OutputKind {
            fn word_and_settings(&self) -> (&'static str, &dyn Settings) {
                match self {
                    $($(#[$built])? Self::$kind(config) => (stringify!($module), config),)*
                }
            }
        }
    };
}

output_kinds! {
    Terminal terminal,
    File file,
    Webhook webhook,
    Splunk splunk,
    Mail mail,
    Syslog syslog,
    Socket socket,
    Program program,
    Loki loki,
    Elasticsearch elasticsearch,
    Otlp otlp,
    Alertmanager alertmanager,
    Datadog datadog,
    Influxdb influxdb,
    Fluentd fluentd,
    Azure azure,
    Gcp gcp,
    #[cfg(feature = "mqtt")]
    Mqtt mqtt,
    #[cfg(feature = "nats")]
    Nats nats,
    #[cfg(feature = "kafka")]
    Kafka kafka,
    #[cfg(feature = "cloudwatch")]
    Cloudwatch cloudwatch,
    #[cfg(feature = "amqp")]
    Amqp amqp,
}

impl OutputKind {
    pub(super) fn settings(&self) -> &dyn Settings {
        self.word_and_settings().1
    }
}

impl OutputConfig {
    /// An output with nothing configured but what it is.
    pub fn new(kind: OutputKind) -> Self {
        Self {
            keys: Keys::default(),
            kind,
        }
    }

    /// The same for a machine of that name, which alerts will carry as well: an output that
    /// tells others it is there can do so before the first alert.
    #[must_use]
    #[cfg_attr(
        not(feature = "mqtt"),
        expect(unused_mut, unused_variables, reason = "only MQTT does")
    )]
    pub fn on_host(mut self, host: &str) -> Self {
        #[cfg(feature = "mqtt")]
        if let OutputKind::Mqtt(mqtt) = &mut self.kind {
            mqtt.host = Some(host.to_owned());
        }
        self
    }

    /// The output's name in logs and accounts.
    pub fn name(&self) -> &str {
        let kind = || self.kind.word_and_settings().0;
        self.keys.name.as_deref().unwrap_or_else(kind)
    }

    /// Less serious alerts are not for this output.
    pub fn min_priority(&self) -> Priority {
        let default = || self.kind.settings().default_priority();
        self.keys.min_priority.unwrap_or_else(default)
    }

    /// Whether what it sends tells more of an event than the rule's own fields.
    pub fn needs_evidence(&self) -> bool {
        self.kind.settings().needs_evidence()
    }

    /// Where its alerts wait.
    pub(crate) fn store(&self) -> Store {
        let default = || self.kind.settings().default_store();
        self.keys.spool.store.unwrap_or_else(default)
    }

    /// What is wrong with this output, one sentence each, without touching the
    /// network. Secrets and files it names are read.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.name().is_empty() || self.name().chars().any(char::is_control) {
            wrong.push("name is empty or holds control characters".to_owned());
        }
        wrong.extend(self.keys.queue.check());
        wrong.extend(self.keys.spool.check());
        let most = self.kind.settings().max_concurrency();
        if !(1..=most).contains(&self.keys.concurrency()) {
            wrong.push(match most {
                1 => "concurrency must be 1 with this type".to_owned(),
                most => format!("concurrency must be 1 to {most}"),
            });
        }
        wrong.extend(self.keys.retry.check());
        wrong.extend(self.kind.settings().check());
        wrong
    }
}

/// Each type's own keys and, among them, those that all have.
impl JsonSchema for OutputConfig {
    fn schema_name() -> Cow<'static, str> {
        "OutputConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = OutputKind::json_schema(generator);
        let shared = Keys::json_schema(generator);
        let shared = shared.get("properties").and_then(Value::as_object);
        let kinds = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for kind in kinds.into_iter().flatten() {
            if let Some(Value::Object(keys)) = kind.get_mut("properties") {
                keys.extend(shared.cloned().into_iter().flatten());
            }
        }
        schema
    }
}

/// What is wrong with the outputs together: their names must differ.
pub fn check_names(outputs: &[OutputConfig]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    outputs
        .iter()
        .filter(|output| !seen.insert(output.name()))
        .map(|output| {
            format!(
                "two outputs are named `{}`; give one a `name`",
                output.name()
            )
        })
        .collect()
}
