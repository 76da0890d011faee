//! The Splunk app in `deploy/splunk`: every name in it is one that our alerts, the app
//! itself or Splunk has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use sensor::alert::Priority;
use serde_json::Value;

type Stanza = BTreeMap<String, String>;
type Names = BTreeSet<String>;

/// What Splunk gives every event.
const OWN: [&str; 4] = ["_time", "_indextime", "host", "sourcetype"];
/// The words of Splunk's search language in our searches.
const LANGUAGE: [&str; 27] = [
    "AS",
    "BY",
    "NOT",
    "OR",
    "WHERE",
    "count",
    "dc",
    "dedup",
    "earliest",
    "eval",
    "eventtype",
    "head",
    "latest",
    "max",
    "min",
    "now",
    "round",
    "search",
    "sensor_index",
    "sort",
    "stats",
    "sum",
    "table",
    "timechart",
    "tstats",
    "values",
    "where",
];

fn app() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/splunk/sensor")
}

/// What each match's first group that is there holds.
fn found(pattern: &str, text: &str) -> Vec<String> {
    let regex = Regex::new(pattern).unwrap();
    let groups = regex.captures_iter(text);
    let first = groups.filter_map(|groups| groups.iter().skip(1).flatten().next());
    first.map(|group| group.as_str().to_owned()).collect()
}

/// A configuration file, read strictly: no key and no stanza twice, nothing outside.
fn conf(name: &str) -> BTreeMap<String, Stanza> {
    let path = app().join("default").join(name);
    let text = fs::read_to_string(&path).unwrap();
    let mut stanzas = BTreeMap::new();
    let mut current = String::new();
    for (line, number) in text.lines().zip(1..) {
        let at = format!("{}:{number}: {line}", path.display());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            name.strip_suffix(']').expect(&at).clone_into(&mut current);
            let known = stanzas.insert(current.clone(), Stanza::new());
            assert!(known.is_none(), "{at}: twice");
            continue;
        }
        let (key, value) = line.split_once(" = ").expect(&at);
        assert!(!key.contains(' ') && !value.trim().is_empty(), "{at}");
        let stanza = stanzas.get_mut(&current).expect(&at);
        let known = stanza.insert(key.to_owned(), value.to_owned());
        assert!(known.is_none(), "{at}: twice");
    }
    stanzas
}

/// The keys of the alerts that hold every encoder to its schema, as Splunk names them.
fn encoded(format: &str) -> Names {
    let mut names = Names::new();
    for alert in ["file", "network"] {
        let path = format!("../tests/formats/{alert}.{format}.json");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let object: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for (key, value) in object.as_object().unwrap() {
            let list = if value.is_array() { "{}" } else { "" };
            names.insert(format!("{key}{list}"));
        }
    }
    names
}

/// Whether an event in Falco's JSON can have this.
fn is_falcos(name: &str) -> bool {
    let field = name.strip_prefix("output_fields.");
    field.map_or_else(
        || encoded("falco").contains(name),
        |field| sensor::fields::lookup(field, None).is_ok(),
    )
}

/// `"a b" AS c d AS e`: the pairs.
fn aliases(value: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let pairs = words.chunks(3).map(|words| {
        let [from, "AS", to] = words else {
            panic!("{value}");
        };
        (from.trim_matches('"').to_owned(), (*to).to_owned())
    });
    pairs.collect()
}

/// The fields that events of a sourcetype have at search time: their own keys, and what
/// props.conf makes of them, each from something that is there.
fn searchable(sourcetype: &str, own: &Names, has: impl Fn(&str) -> bool) -> Names {
    let stanza = &conf("props.conf")[sourcetype];
    let mut names = own.clone();
    for (key, value) in stanza {
        if key.starts_with("FIELDALIAS-") {
            for (from, to) in aliases(value) {
                assert!(has(&from), "{sourcetype} has no {from}");
                names.insert(to);
            }
        } else if let Some(name) = key.strip_prefix("EVAL-") {
            for quoted in found("'([^']+)'", value) {
                assert!(has(&quoted), "{sourcetype} has no {quoted}");
            }
            names.insert(name.to_owned());
        } else if key.starts_with("LOOKUP-") {
            let words: Vec<&str> = value.split(' ').collect();
            let [table, input, "OUTPUT", outputs @ ..] = &words[..] else {
                panic!("{value}");
            };
            let file = &conf("transforms.conf")[*table]["filename"];
            let text = fs::read_to_string(app().join("lookups").join(file)).unwrap();
            let columns: Vec<&str> = text.lines().next().unwrap().split(',').collect();
            assert!(has(input) && columns.contains(input), "{value}");
            for output in outputs {
                assert!(columns.contains(output), "{file} has no {output}");
                names.insert((*output).to_owned());
            }
        }
    }
    names
}

/// What every alert has, whichever of the two formats it came in.
fn common() -> Names {
    let falco = searchable("sensor:alert", &encoded("falco"), is_falcos);
    let own = encoded("cim");
    let cim = searchable("sensor:alert:cim", &own, |name| own.contains(name));
    falco.intersection(&cim).cloned().collect()
}

/// Every search of the app, with where it stands.
fn searches() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in ["savedsearches.conf", "eventtypes.conf"] {
        for (name, stanza) in conf(file) {
            found.push((format!("{file} {name}"), stanza["search"].clone()));
        }
    }
    let view = app().join("default/data/ui/views/sensor_overview.xml");
    let view = fs::read_to_string(view).unwrap();
    let (_, definition) = view.split_once("<![CDATA[").unwrap();
    let (definition, _) = definition.split_once("]]>").unwrap();
    let definition: Value = serde_json::from_str(definition).unwrap();
    let sources = definition["dataSources"].as_object().unwrap();
    for (name, source) in sources {
        let query = source["options"]["query"].as_str().unwrap();
        found.push((format!("dashboard {name}"), query.to_owned()));
    }
    for shown in definition["visualizations"].as_object().unwrap().values() {
        let source = shown["dataSources"]["primary"].as_str().unwrap();
        assert!(sources.contains_key(source), "no {source}");
    }
    for item in definition["layout"]["structure"].as_array().unwrap() {
        let item = item["item"].as_str().unwrap();
        assert!(!definition["visualizations"][item].is_null(), "no {item}");
    }
    found
}

#[test]
fn every_search_names_only_what_alerts_have() {
    let fields = common();
    let eventtypes = conf("eventtypes.conf");
    let macros = conf("macros.conf");
    let sourcetypes = conf("props.conf");
    let searches = searches();
    assert!(searches.len() > 15, "{}", searches.len());
    for (place, search) in searches {
        for name in found("`([^`]*)`", &search) {
            assert!(macros.contains_key(&name), "{place}: {name}");
        }
        for name in found(r#"eventtype="([^"]*)""#, &search) {
            assert!(eventtypes.contains_key(&name), "{place}: {name}");
        }
        for name in found(r#"sourcetype="([^"]*)""#, &search) {
            assert!(sourcetypes.contains_key(&name), "{place}: {name}");
        }
        let bare: String = search.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        let made = found(r"\bAS (\w+)|\beval (\w+)=|\b(count)\b", &bare);
        for word in found(r"([A-Za-z_][A-Za-z0-9_.{}]*)", &bare) {
            let word = word.as_str();
            let known = LANGUAGE.contains(&word)
                || OWN.contains(&word)
                || made.iter().any(|name| name == word)
                || fields.contains(word);
            assert!(known, "{place}: alerts have no {word}: {search}");
        }
    }
}

#[test]
fn what_the_files_name_of_each_other_is_there() {
    let eventtypes = conf("eventtypes.conf");
    for stanza in conf("tags.conf").keys() {
        let name = stanza.strip_prefix("eventtype=").unwrap();
        assert!(eventtypes.contains_key(name), "{name}");
    }
    for stanza in conf("props.conf").values() {
        Regex::new(&stanza["LINE_BREAKER"]).unwrap();
        let regexes = r#"(?:match|replace)\(.*?, "([^"]*)""#;
        for (key, value) in stanza.iter().filter(|(key, _)| key.starts_with("EVAL-")) {
            for regex in found(regexes, value) {
                Regex::new(&regex).unwrap_or_else(|error| panic!("{key}: {error}"));
            }
            let quotes = value.matches('"').count();
            let (open, close) = (value.matches('(').count(), value.matches(')').count());
            assert!(quotes % 2 == 0, "{key}: {value}");
            // A bracket within a regex comes in pairs too.
            assert_eq!(open, close, "{key}: {value}");
        }
    }
    let app = conf("app.conf");
    assert_eq!(app["package"]["id"], "sensor");
    assert_eq!(app["launcher"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_priority_has_the_severity_that_the_cim_format_gives_it() {
    let table = fs::read_to_string(app().join("lookups/sensor_severity.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    assert_eq!(rows.len(), Priority::ALL.len());
    for (number, (priority, row)) in Priority::ALL.into_iter().zip(&rows).enumerate() {
        let mut alert = (*crate::outputs::numbered("a", priority, 1)).clone();
        alert.evidence.clear();
        let object = sensor::deliver::format::cim::encode(&alert);
        let severity = object["severity"].as_str().unwrap();
        assert_eq!(row[..], [priority.name(), severity, &number.to_string()]);
        assert_eq!(object["severity_id"], number);
    }
}
