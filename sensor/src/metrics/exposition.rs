//! Numbers and their names in, the text that Prometheus reads out.
//!
//! The text has two forms that differ in little: `OpenMetrics`, and the older one
//! for readers that do not ask for it. What always holds: each family stands
//! once, with type and help; no label's value can leave its quotes.

use std::fmt::Write;

/// What a number does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows; its samples end in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is one, and its labels are what is told; its samples end in `_info`.
    Info,
}

/// Numbers of one name, told apart by their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name without the ending that its kind asks for.
    pub name: &'static str,
    /// What the numbers do.
    pub kind: Kind,
    /// What they are, one sentence.
    pub help: &'static str,
    /// The numbers.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values; any text is a value.
    pub labels: Vec<(&'static str, String)>,
    /// The number itself.
    pub value: Number,
}

/// A number as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// A measure.
    Real(f64),
}

/// The two forms of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' own, 0.0.4.
    Prometheus,
}

impl Family {
    /// A family without numbers yet.
    pub fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            samples: Vec::new(),
        }
    }

    /// The same with one number, of no labels.
    #[must_use]
    pub fn with(mut self, value: Number) -> Self {
        self.push(&[], value);
        self
    }

    /// Adds a number.
    pub fn push(&mut self, labels: &[(&'static str, &str)], value: Number) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).into()));
        self.samples.push(Sample {
            labels: labels.collect(),
            value,
        });
    }
}

impl Kind {
    fn ending(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Gauge => "",
            Self::Info => "_info",
        }
    }

    /// The type's word, and whether the family's name has the ending too.
    fn word(self, syntax: Syntax) -> (&'static str, bool) {
        match (self, syntax) {
            (Self::Counter, Syntax::OpenMetrics) => ("counter", false),
            (Self::Counter, Syntax::Prometheus) => ("counter", true),
            (Self::Info, Syntax::OpenMetrics) => ("info", false),
            (Self::Info, Syntax::Prometheus) => ("gauge", true),
            (Self::Gauge, _) => ("gauge", false),
        }
    }
}

impl Syntax {
    /// The form that a request accepts, by its `Accept` header.
    pub fn accepted(header: &str) -> Self {
        if header.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// What an answer says it is.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The text of all families.
pub fn text(families: &[Family], syntax: Syntax) -> String {
    let mut out = String::new();
    for family in families {
        let (name, ending) = (family.name, family.kind.ending());
        let (word, has_ending) = family.kind.word(syntax);
        let named = if has_ending { ending } else { "" };
        line(&mut out, format_args!("# TYPE {name}{named} {word}"));
        line(
            &mut out,
            format_args!("# HELP {name}{named} {}", family.help),
        );
        for sample in &family.samples {
            out.push_str(name);
            out.push_str(ending);
            push_labels(&mut out, &sample.labels);
            match sample.value {
                Number::Whole(n) => line(&mut out, format_args!(" {n}")),
                Number::Real(n) => line(&mut out, format_args!(" {n}")),
            }
        }
    }
    if syntax == Syntax::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn push_labels(out: &mut String, labels: &[(&'static str, String)]) {
    let mut before = '{';
    for (name, value) in labels {
        out.push(before);
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('"');
        before = ',';
    }
    if !labels.is_empty() {
        out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let mut alerts = Family::new("sensor_alerts", Kind::Counter, "Alerts.");
        alerts.push(&[("rule", "a\"b\\c\nd"), ("n", "é")], Number::Whole(7));
        let lag = Family::new("sensor_lag_seconds", Kind::Gauge, "Lag.").with(Number::Real(0.25));
        let mut build = Family::new("sensor_build", Kind::Info, "Build.");
        build.push(&[("version", "1")], Number::Whole(1));
        vec![alerts, lag, build]
    }

    #[test]
    fn a_label_cannot_leave_its_quotes_and_endings_are_as_each_form_has_them() {
        let sample = "sensor_alerts_total{rule=\"a\\\"b\\\\c\\nd\",n=\"é\"} 7\n";
        let open = text(&families(), Syntax::OpenMetrics);
        assert!(open.starts_with("# TYPE sensor_alerts counter\n# HELP sensor_alerts Alerts.\n"));
        assert!(open.contains(sample), "{open}");
        assert!(open.contains("# TYPE sensor_build info\n"));
        assert!(open.ends_with("sensor_build_info{version=\"1\"} 1\n# EOF\n"));
        let old = text(&families(), Syntax::Prometheus);
        assert!(old.starts_with("# TYPE sensor_alerts_total counter\n"));
        assert!(old.contains(sample), "{old}");
        assert!(old.contains("# TYPE sensor_build_info gauge\n"));
        assert!(old.contains("\nsensor_lag_seconds 0.25\n"));
        assert!(!old.contains("EOF"));
    }
}
