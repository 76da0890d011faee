//! The files of `deploy/` against the program they start.
//!
//! Whether the tools that read them accept them is asked of those tools, by
//! `cargo xtask test`. Here they must agree with each other and with the sensor.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use sensor::cli::Cli;
use sensor::config;
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::diagnostic;
use serde::Deserialize as _;
use serde_yaml::Value;

/// Where `cargo xtask dist`, the image and the unit have the program.
const PROGRAM: &str = "/usr/bin/sensor";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The object of this kind and name in the manifest.
fn object(kind: &str, name: &str) -> Value {
    serde_yaml::Deserializer::from_str(&read("deploy/kubernetes.yaml"))
        .map(|document| Value::deserialize(document).unwrap())
        .find(|it| it["kind"] == kind && it["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn pod() -> Value {
    object("DaemonSet", "sensor")["spec"]["template"]["spec"].clone()
}

/// One text of every entry of a list, such as the names of all volumes.
fn texts(list: &Value, of: impl Fn(&Value) -> &Value) -> Vec<String> {
    let entries = list.as_sequence().expect("a list");
    let text = |entry| of(entry).as_str().expect("a text").to_owned();
    entries.iter().map(text).collect()
}

#[test]
fn every_mount_has_its_volume_and_every_volume_its_mount() {
    let pod = pod();
    let mounts = texts(&pod["containers"][0]["volumeMounts"], |it| &it["name"]);
    let volumes = texts(&pod["volumes"], |it| &it["name"]);
    let as_set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(as_set(&mounts), as_set(&volumes));
    assert_eq!(
        as_set(&volumes).len(),
        volumes.len(),
        "two volumes of one name"
    );
}

#[test]
fn every_config_map_that_is_mounted_exists() {
    let volumes = pod()["volumes"].as_sequence().expect("volumes").clone();
    let names = volumes
        .iter()
        .filter_map(|it| it["configMap"]["name"].as_str());
    let mounted: Vec<_> = names.map(|name| object("ConfigMap", name)).collect();
    assert_eq!(mounted.len(), 2);
}

#[test]
fn the_rules_in_the_manifest_load_after_the_shipped_ones() {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let shipped = files.iter().map(|path| {
        let name = path.to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    let own = object("ConfigMap", "sensor-rules")["data"]["local.yaml"].clone();
    let own = (
        "local.yaml".to_owned(),
        own.as_str().expect("a text").to_owned(),
    );
    let texts: Vec<_> = shipped.chain([own]).collect();
    let texts: Vec<_> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let loaded = load_texts(&texts, &LoadOptions::default());
    let loaded = loaded.unwrap_or_else(|wrong| panic!("{}", diagnostic::render(&wrong, false)));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert!(
        loaded
            .rules
            .rules
            .iter()
            .any(|rule| &*rule.name == "Shell in a pod")
    );
}

/// The configuration as it is, and with the `#` taken off its lines as its comment says.
#[test]
fn the_configuration_in_the_manifest_is_valid_with_and_without_splunk() {
    let text = object("ConfigMap", "sensor-config")["data"]["sensor.yaml"].clone();
    let text = text.as_str().expect("a text");
    let with_splunk = text.replace("\n#  ", "\n  ");
    let secret = pod()["containers"][0]["volumeMounts"].clone();
    let paths = texts(&secret, |it| &it["mountPath"]);
    let token = "token: file:/etc/sensor/secrets/token";
    assert!(
        with_splunk.contains(&format!("\n    {token}\n")),
        "{with_splunk}"
    );
    assert!(
        paths.iter().any(|path| token.contains(&format!("{path}/"))),
        "{paths:?}"
    );
    // A secret is looked up when the configuration is checked, and there is none here.
    let with_splunk = with_splunk.replace(token, "token: file:/proc/self/comm");
    for (text, outputs) in [(text, 1), (&with_splunk, 2)] {
        let config = config::parse("sensor.yaml", text, &[]);
        let config = config.unwrap_or_else(|wrong| panic!("{}", diagnostic::render(&wrong, false)));
        assert_eq!(config.outputs.len(), outputs);
    }
}

/// What image, unit and manifest tell the program to do is what it can do.
#[test]
fn the_flags_the_program_is_started_with_exist() {
    let pod = pod();
    let container = &pod["containers"][0];
    let manifest = texts(&container["args"], |it| it).join(" ");
    let probe = texts(&container["readinessProbe"]["exec"]["command"], |it| it).join(" ");
    let unit = read("deploy/sensor.service");
    let unit = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let image = read("deploy/Dockerfile");
    let image = image.lines().find_map(|line| line.strip_prefix("CMD "));
    let image: Vec<String> = serde_yaml::from_str(image.expect("a CMD")).unwrap();
    for command in [
        format!("{PROGRAM} {manifest}"),
        probe,
        unit.expect("an ExecStart").to_owned(),
        format!("{PROGRAM} {}", image.join(" ")),
    ] {
        let parsed = Cli::try_parse_from(command.split(' '));
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
    }
}

#[test]
fn image_unit_and_probe_start_the_program_where_it_is_put() {
    let dockerfile = read("deploy/Dockerfile");
    assert!(dockerfile.contains(&format!("ENTRYPOINT [\"{PROGRAM}\"]")));
    assert!(read("deploy/sensor.service").contains(&format!("ExecStart={PROGRAM} run")));
    assert!(read("xtask/src/dist.rs").contains(&format!("\"{}\"", &PROGRAM[1..])));
    let probe = &pod()["containers"][0]["readinessProbe"]["exec"]["command"][0];
    assert_eq!(probe.as_str(), Some(PROGRAM));
}
