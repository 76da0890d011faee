//! What the configuration adds to rules: switches, outputs, constants.

use sensor::config;
use sensor::detect::rules::{Loaded, load_texts};
use sensor::diagnostic::{Diagnostic, render};
use sensor::fields::given::Given;
use serde_json::{Value as Json, json};

const RULES: &str = "\
- rule: one
  desc: d
  condition: evt.type = execve and proc.name = a
  output: o=%proc.name
  priority: NOTICE
  tags: [network, t]
- rule: two
  desc: d
  condition: evt.type = execve and proc.name = b
  output: two %container.info.
  priority: NOTICE
  tags: [t]
";

/// Loads `rules` as a configuration and overrides on the command line say.
fn load_as(config: &str, overrides: &[&str], rules: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let config = config::parse("sensor.yaml", config, &overrides)?;
    load_texts(&[("1.yaml", rules.as_bytes())], &config.load_options())
}

fn names(config: &str, overrides: &[&str]) -> String {
    let loaded = load_as(config, overrides, RULES).unwrap();
    let names: Vec<_> = loaded.rules.rules.iter().map(|rule| &*rule.name).collect();
    names.join(" ")
}

/// Message and fields of a rule for an event.
fn output(loaded: &Loaded, name: &str, event: &Json) -> (String, Json) {
    let rule = loaded.rules.rules.iter().find(|rule| &*rule.name == name);
    let event = Given::from_json(event).unwrap();
    let mut message = String::new();
    rule.unwrap().output.render(&event, &mut message);
    (
        message,
        Json::Object(rule.unwrap().output.output_fields(&event)),
    )
}

#[test]
fn commands_switch_rules_in_order_wherever_they_are_given() {
    for (config, overrides, want) in [
        ("", &[][..], "one two"),
        ("rules: [{disable: {tag: network}}]", &[], "two"),
        (
            "rules: [{disable: {rule: '*'}}, {enable: {rule: 't*'}}]",
            &[],
            "two",
        ),
        (
            "rules: [{enable: {rule: 't*'}}, {disable: {rule: '*'}}]",
            &[],
            "",
        ),
        (
            "",
            &["rules[].disable.tag=t", "rules[].enable.rule=one"],
            "one",
        ),
        (
            "rules: [{disable: {tag: t}}]",
            &["rules[].enable.tag=network"],
            "one",
        ),
        ("rules: [{disable: {rule: two, tag: network}}]", &[], ""),
        (
            "",
            &["rules[].disable.rule=*", "rules[].enable.rule=*wo"],
            "two",
        ),
        // One that is switched off and on again is asked behind the others.
        (
            "rules: [{disable: {rule: one}}, {enable: {rule: '*'}}]",
            &[],
            "two one",
        ),
    ] {
        assert_eq!(names(config, overrides), want, "{config} {overrides:?}");
    }
}

#[test]
fn a_command_that_says_nothing_is_a_mistake() {
    for (config, want) in [
        ("rules: [{}]", "a command says `enable` or `disable`"),
        (
            "rules: [{enable: {}}]",
            "a command names a `rule` or a `tag`",
        ),
        (
            "rules: [{enable: {rule: a}, disable: {rule: a}}]",
            "cannot both",
        ),
        ("rules: [{enable: {name: a}}]", "has no key `name`"),
        ("static_fields: {1st: x}", "`static.1st` cannot be named"),
        (
            "append_output: [{extra_fields: [[a]]}]",
            "is a sequence, not text or a map",
        ),
    ] {
        let shown = render(&load_as(config, &[], "").unwrap_err(), false);
        assert!(
            shown.contains(want) && shown.contains("sensor.yaml:1"),
            "{config}\n{shown}"
        );
    }
}

#[test]
fn outputs_are_added_to_where_they_match_and_in_order() {
    let config = "append_output:\n\
        - extra_output: pid=%proc.pid\n\
        - {match: {tags: [t, network]}, extra_output: net}\n\
        - {match: {rule: two}, extra_fields: [proc.pid, {k: 'v %proc.pname', m: x}]}\n\
        - {match: {source: other}, extra_output: never}\n";
    let loaded = load_as(config, &[], RULES).unwrap();
    let event = json!({"proc.name": "a", "proc.pid": 7});
    let (message, fields) = output(&loaded, "one", &event);
    assert_eq!(message, "o=a pid=7 net");
    assert_eq!(fields, json!({"proc.name": "a", "proc.pid": 7}));
    let (message, fields) = output(&loaded, "two", &event);
    assert_eq!(message, "two . pid=7");
    assert_eq!(fields, json!({"proc.pid": 7, "k": "v <NA>", "m": "x"}));
}

#[test]
fn suggested_fields_say_where_it_happened() {
    let config = "append_output: [{suggested_output: true}]\nstatic_fields: {dc: fra, env: prod}\n";
    let loaded = load_as(config, &[], RULES).unwrap();
    let (message, fields) = output(&loaded, "one", &json!({"container.id": "host"}));
    let want = "o=<NA> container_id=host container_name=<NA> container_image_repository=<NA> \
                container_image_tag=<NA> k8s_pod_name=<NA> k8s_ns_name=<NA> \
                static_dc=fra static_env=prod";
    assert_eq!(message, want);
    assert_eq!(fields["static.env"], "prod");
}

#[test]
fn constants_are_fields_in_conditions_outputs_and_exceptions() {
    let rules = "\
- rule: r
  desc: d
  condition: evt.type = execve and static.env in (prod, stage)
  output: in %static.env
  priority: NOTICE
  exceptions: [{name: e, fields: static.env, values: [stage]}]
";
    let load = |env: &str| load_as(&format!("static_fields: {{env: {env}}}"), &[], rules).unwrap();
    let event = json!({"evt.type": "execve"});
    for (env, want) in [("prod", true), ("stage", false), ("test", false)] {
        let rule = &load(env).rules.rules[0];
        let given = Given::from_json(&event).unwrap();
        assert_eq!(rule.condition.matches(&given), want, "{env}");
    }
    assert_eq!(output(&load("prod"), "r", &event).0, "in prod");
    let found = load_as("", &[], rules).unwrap_err();
    assert!(
        found
            .iter()
            .all(|mistake| mistake.message.contains("static.env")),
        "{found:#?}"
    );
}

#[test]
fn a_mistake_in_an_addition_lets_no_matching_rule_load_and_is_shown_once() {
    let config = "append_output:\n- extra_output: x=%proc.nmae\n- extra_fields: [nofield.x]\n";
    let found = load_as(config, &[], RULES).unwrap_err();
    let shown = render(&found, false);
    assert_eq!(found.len(), 1, "{shown}");
    for expect in [
        "LOAD_ERR_COMPILE_OUTPUT",
        "append_output[0].extra_output:1:4",
        "did you mean `%proc.name`",
        "added to the output of this rule",
    ] {
        assert!(shown.contains(expect), "{shown}");
    }
}

#[test]
fn what_once_meant_the_container_is_left_out_with_a_warning() {
    let loaded = load_as("", &[], RULES).unwrap();
    assert_eq!(output(&loaded, "two", &json!({})).0, "two .");
    let codes: Vec<_> = loaded.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["LOAD_DEPRECATED_ITEM"]);
}
