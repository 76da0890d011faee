//! Conditions against events: the semantics, case by case, and against a naive evaluator.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::detect::engine::{Engine, Matching};
use crate::detect::rules::{LoadOptions, RuleSet, load_texts};
use crate::detect::syntax::{self, parse};
use crate::events;
use crate::fields::given::Given;

/// What a condition comes to: its verdict, or the complaints about it, each
/// with the text it underlines.
fn verdict(condition: &str, event: &Json) -> String {
    match Program::compile(&parse(condition).unwrap()) {
        Ok(program) => program
            .matches(&Given::from_json(event).unwrap())
            .to_string(),
        Err(errors) => {
            let shown = errors
                .iter()
                .map(|error| format!("`{}`: {error}", &condition[error.span.range()]));
            shown.collect::<Vec<_>>().join("; ")
        }
    }
}

fn check(event: &Json, cases: &[(&str, bool)]) {
    for (condition, expected) in cases {
        assert_eq!(
            verdict(condition, event),
            expected.to_string(),
            "{condition}"
        );
    }
}

#[test]
fn a_missing_value_makes_every_comparison_false_and_not_only_inverts() {
    let cases = [
        ("proc.name = a", false),
        ("proc.name != a", false),
        ("not proc.name = a", true),
        ("proc.name != allof (a, b)", false),
        ("proc.name in (a)", false),
        ("proc.name contains \"\"", false),
        ("proc.name exists", false),
        ("proc.pid < 5", false),
        ("proc.exe = val(proc.name)", false),
        ("not proc.exe != val(proc.name)", true),
        ("len(proc.name) >= 0", false),
        ("concat(proc.exe, proc.name) startswith \"\"", false),
        ("join(\",\", (proc.exe, proc.name)) exists", false),
        ("proc.exe exists", true),
    ];
    check(&json!({"proc.exe": ""}), &cases);
}

#[test]
fn text_operators_compare_bytes() {
    let event = json!({"proc.name": "Nginx", "proc.cmdline": "a.b/.c"});
    let cases = [
        ("proc.name = Nginx", true),
        ("proc.name = nginx", false),
        ("proc.name contains gin", true),
        ("proc.name contains \"\"", true),
        ("proc.name icontains GIN", true),
        ("proc.name icontains \"\"", true),
        ("proc.name icontains nginxx", false),
        ("proc.name startswith Ng", true),
        ("proc.name endswith Ng", false),
        ("proc.name glob N*x", true),
        ("proc.name glob n*x", false),
        ("proc.name iglob n*X", true),
        ("proc.cmdline glob *c", true),
        ("proc.cmdline pmatch (a.b)", true),
        ("proc.cmdline pmatch (/)", true),
        ("proc.cmdline pmatch (\"\")", true),
        ("proc.cmdline pmatch (//a.b///)", true),
        ("proc.cmdline pmatch (a.b/.c/d)", false),
        ("proc.cmdline pmatch (a*/?c)", true),
        ("proc.cmdline pmatch ()", false),
        ("proc.name > 9", true),
        ("proc.name < 9", false),
        ("proc.name in (a, Nginx)", true),
        ("proc.name intersects (a, Nginx)", true),
        ("proc.name in (a, b, c, d, e, f, g, h, i, Nginx)", true),
        ("proc.name in (a, b, c, d, e, f, g, h, i, j)", false),
    ];
    check(&event, &cases);
}

#[test]
fn numbers_compare_by_their_signedness() {
    let event = json!({
        "proc.pid": 7, "evt.rawres": -2, "user.uid": 4_294_967_295_u32,
        "fd.sport": 443, "thread.cpu": 1.5, "proc.duration": 10,
    });
    let cases = [
        ("proc.pid = 007", true),
        ("proc.pid = \" +7\"", true),
        ("proc.pid in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)", true),
        ("proc.pid = oneof (7, 7)", false),
        ("proc.pid != allof (1, 2)", true),
        ("evt.rawres < 0", true),
        ("evt.rawres = -2", true),
        ("user.uid = -1", true),
        ("user.uid > 0", true),
        ("fd.sport = https", true),
        ("fd.sport = 65979", true),
        ("fd.sport < 1024", true),
        ("fd.sport = \"\"", false),
        ("thread.cpu > 1", true),
        ("thread.cpu = 1", false),
        ("proc.duration >= 10", true),
    ];
    check(&event, &cases);
}

#[test]
fn addresses_and_networks_compare_within_their_family() {
    let event = json!({"fd.sip": "10.1.2.3", "fd.cip": "fe80::1", "fd.snet": "10.1.2.3"});
    let cases = [
        ("fd.sip = 10.1.2.3", true),
        ("fd.cip = 10.1.2.3", false),
        ("fd.cip != 10.1.2.3", true),
        ("fd.cip = \"fe80:0::1\"", true),
        ("fd.snet = 10.9.9.9/8", true),
        ("fd.snet != fe80::/10", true),
        ("fd.snet in (fe80::/10, 10.1.0.0/16)", true),
        ("fd.snet in (0.0.0.0/0)", true),
    ];
    check(&event, &cases);
}

#[test]
fn both_ends_of_a_connection_are_looked_at() {
    let event = json!({"fd.port": [40_000, 443], "fd.ip": ["10.0.0.1", "1.2.3.4"],
        "fd.net": ["10.0.0.1", "1.2.3.4"]});
    let cases = [
        ("fd.port = 443", true),
        ("fd.port != 443", false),
        ("fd.port != 80", true),
        ("fd.port in (80, 443)", true),
        ("fd.port intersects (80, 443)", true),
        ("fd.port = anyof (80, 443)", true),
        ("fd.port != allof (80, 22)", true),
        ("fd.port != allof (80, 443)", false),
        ("fd.port > 1024", true),
        ("fd.ip in (1.2.3.4)", true),
        ("fd.ip = anyof (9.9.9.9, 1.2.3.4)", true),
        ("fd.net in (192.168.0.0/16, 1.0.0.0/8)", true),
        ("fd.net != 10.0.0.0/8", false),
    ];
    check(&event, &cases);
    // A descriptor that is no connection has no ends, but is there.
    let cases = [
        ("fd.port exists", true),
        ("fd.port = 443", false),
        ("fd.port != 443", false),
    ];
    check(&json!({"fd.port": []}), &cases);
}

#[test]
fn one_ancestor_is_enough() {
    let event = json!({"proc.aname": ["bash", "sshd", "init"], "proc.apid": [20, 10, 1]});
    let cases = [
        ("proc.aname = sshd", true),
        ("proc.aname != sshd", true),
        ("not proc.aname = sshd", false),
        ("proc.aname[1] = bash", true),
        ("proc.aname[2] = bash", false),
        ("proc.aname[9] exists", false),
        ("proc.aname = anyof (zzz, init)", true),
        ("proc.aname != allof (bash, sshd, init)", false),
        ("proc.aname startswith in", true),
        ("proc.apid in (1, 2)", true),
        ("proc.apid < 5", true),
    ];
    check(&event, &cases);
}

#[test]
fn list_fields_know_all_and_any() {
    let event = json!({"fd.types": ["file", "ipv6"]});
    let cases = [
        ("fd.types in (file, ipv4)", false),
        ("fd.types in (file, ipv6, x)", true),
        ("fd.types intersects (file, ipv4)", true),
        ("fd.types intersects ()", false),
        ("toupper(fd.types) in (FILE, IPV6)", true),
        ("toupper(fd.types) intersects (file)", false),
        ("len(fd.types) = 2", true),
        ("join(\"+\", fd.types) = file+ipv6", true),
    ];
    check(&event, &cases);
    check(
        &json!({"fd.types": []}),
        &[("fd.types in (x)", true), ("fd.types exists", true)],
    );
}

#[test]
fn buffers_compare_bytes_and_hexadecimal() {
    let event = json!({"evt.buffer": {"hex": "007f454c4600"}});
    let cases = [
        ("evt.buffer bcontains 7F45", true),
        ("evt.buffer bstartswith 007f", true),
        ("evt.buffer bstartswith 7f", false),
        ("evt.buffer contains ELF", true),
        ("evt.buffer endswith \"F\\x00\"", true),
        ("len(evt.buffer) = 6", true),
    ];
    check(&event, &cases);
}

#[test]
fn transformers_make_values_of_values() {
    let event = json!({
        "proc.name": "Sh", "proc.exepath": "/bin/Bash", "proc.cwd": "/tmp/",
        "proc.pid": 7, "proc.cmdline": "cGFzc3dk", "proc.exe": "c2g",
    });
    let cases = [
        ("tolower(proc.name) = sh", true),
        ("toupper(proc.name) = SH", true),
        ("tolower(proc.name) = Sh", false),
        ("basename(proc.exepath) = Bash", true),
        ("basename(proc.cwd) = \"\"", true),
        ("toupper(basename(proc.exepath)) = BASH", true),
        ("b64(proc.cmdline) = passwd", true),
        ("b64(proc.exe) = sh", true),
        ("b64(proc.name) exists", false),
        ("len(proc.name) = 2", true),
        ("concat(proc.name, \"-\", 3) = Sh-3", true),
        (
            "join(\",\", (proc.name, proc.pid, \"x\")) = \"Sh,7,x\"",
            true,
        ),
        ("join(\",\", ()) = \"\"", true),
        ("proc.name = concat(\"S\", \"h\")", true),
        ("proc.name iglob toupper(proc.name)", true),
        ("proc.exepath endswith basename(proc.exepath)", true),
        (
            "getopt((\"-ab\", \"x\", \"-c\"), \"ab:c\") intersects (x)",
            true,
        ),
        ("getopt((\"-ab\", \"x\"), \"ab:c\")[b] = x", true),
        ("getopt((\"-bx\", \"-b\", \"y\"), \"b:\")[b] = y", true),
        ("getopt((\"-a\"), \"a\")[a] = a", true),
        ("getopt((\"-a\"), \"a\")[b] exists", false),
        ("getopt((\"-z\"), \"a\") in (?)", true),
        ("getopt((\"-b\"), \"b:\") in (b, \"\")", true),
        (
            "getopt((\"--long\", \"-a\", \"x\", \"-b\"), \"ab\") in (a)",
            true,
        ),
        ("len(getopt((\"--\", \"-a\"), \"a\")) = 0", true),
    ];
    check(&event, &cases);
}

#[test]
fn a_regular_expression_is_posix_and_covers_the_whole_value() {
    let event =
        json!({"proc.name": "a1\nb", "proc.exe": {"hex": "61ff62"}, "proc.cmdline": "x{2}[&&]"});
    let cases = [
        ("proc.name regex 'a.*'", false),
        ("proc.name regex 'a[[:digit:]][^x]b'", true),
        ("proc.name regex 'a1|b'", false),
        ("proc.name regex 'a1\\\\x0ab'", true),
        ("proc.exe regex 'a.b'", true),
        ("proc.exe regex 'a\u{fffd}b'", true),
        ("proc.cmdline regex 'x\\\\{2}.*'", true),
        ("proc.cmdline regex 'x{2}.*'", false),
        ("proc.cmdline regex 'x{.*'", true),
        ("proc.cmdline regex 'x{2}[[]&&[]]'", false),
        ("proc.cmdline regex '.{4}[[][&]+[]]'", true),
        ("proc.cmdline regex '[x-z][{][0-9][}].*'", true),
    ];
    check(&event, &cases);
}

/// Conditions that read well and mean nothing, with the complaint.
const MISTAKES: &[(&str, &str)] = &[
    ("proc.nam = a", "`proc.nam`: no field is named `proc.nam`"),
    (
        "proc.pid contains 1",
        "`contains`: `contains` does not work on a number",
    ),
    ("proc.pid = x", "`x`: `x` is no decimal whole number"),
    ("proc.pid = 1.0", "`1.0`: `1.0` is no decimal whole number"),
    (
        "user.uid = 4294967296",
        "`4294967296`: 4294967296 does not fit into the 32 bits of this field",
    ),
    (
        "proc.is_exe_upper_layer = yes",
        "`yes`: `yes` is neither true nor false",
    ),
    (
        "proc.is_exe_upper_layer > 1",
        "`>`: `>` does not work on a truth value",
    ),
    (
        "fd.types = file",
        "`=`: `=` does not work on a list of text",
    ),
    (
        "fd.sport = nosuchservice",
        "`nosuchservice`: `nosuchservice` is neither a port nor the name of a service",
    ),
    (
        "fd.sip = ::ffff:1.2.3.4",
        "`::ffff:1.2.3.4`: `::ffff:1.2.3.4` is no IP address",
    ),
    (
        "fd.snet = ::/0",
        "`::/0`: the mask of this network must be 1 to 128",
    ),
    (
        "fd.snet = 10.0.0.0/33",
        "`10.0.0.0/33`: the mask of this network must be 0 to 32",
    ),
    (
        "fd.snet = 10.0.0.1",
        "`10.0.0.1`: `10.0.0.1` has no network mask",
    ),
    (
        "evt.buffer bcontains 7f4",
        "`7f4`: an even number of hexadecimal digits is wanted",
    ),
    (
        "evt.type startswith exec",
        "`exec`: no event is named `exec`",
    ),
    (
        "evt.type = val(proc.name)",
        "`proc.name`: the event type cannot be compared with a field",
    ),
    (
        "tolower(evt.type) = open",
        "`evt.type`: `evt.type` may stand in no transformer",
    ),
    (
        "proc.name = val(proc.pid)",
        "`proc.pid`: both sides must be of one type: left text, right a number",
    ),
    (
        "proc.name regex val(proc.exe)",
        "`proc.exe`: `regex` does not compare with a field",
    ),
    (
        "proc.aname = val(proc.name)",
        "`proc.name`: `proc.aname` cannot be compared with another field",
    ),
    (
        "proc.name = val(proc.aname)",
        "`proc.aname`: `proc.aname` cannot be compared with another field",
    ),
    (
        "tolower(proc.pid) = 1",
        "`tolower(proc.pid)`: `tolower` cannot be given a number",
    ),
    (
        "tolower(proc.aname) = x",
        "`proc.aname`: `proc.aname` may stand in no transformer",
    ),
    (
        "concat(proc.name) = x",
        "`concat(proc.name)`: `concat` cannot be given text",
    ),
    (
        "getopt(proc.args, \"a\") in (a)",
        "`getopt(proc.args, \"a\")`: `getopt` cannot be given text and text",
    ),
    (
        "tolower(proc.name)[1] = x",
        "`tolower(proc.name)[1]`: `tolower` takes no brackets",
    ),
    (
        "proc.name regex 'a\\\\d'",
        "`'a\\\\d'`: classes such as `\\d` do not exist in POSIX regular expressions",
    ),
    (
        "proc.name regex '(?i)a'",
        "`'(?i)a'`: groups that begin with `(?` do not exist in POSIX regular expressions",
    ),
    (
        "proc.name regex 'a*?'",
        "`'a*?'`: lazy quantifiers such as `*?` do not exist in POSIX regular expressions",
    ),
    (
        "proc.name regex 'a\\\\1'",
        "`'a\\\\1'`: escapes such as `\\1` do not exist in POSIX regular expressions",
    ),
    (
        "proc.name regex '[a'",
        "`'[a'`: a bracket of this regular expression is not closed",
    ),
    (
        "proc.name = \"\\x00\"",
        "`\"\\x00\"`: a text cannot hold a NUL byte",
    ),
];

#[test]
fn mistakes_are_told_with_the_text_they_are_about() {
    for (condition, expected) in MISTAKES {
        assert_eq!(verdict(condition, &json!({})), *expected, "{condition}");
    }
}

#[test]
fn all_mistakes_of_a_condition_are_told_at_once() {
    let errors = verdict(
        "proc.nam = a and (proc.pid in (x, 1, y) or not evt.type = opn)",
        &json!({}),
    );
    assert_eq!(errors.matches("; ").count(), 3, "{errors}");
}

#[test]
fn help_names_what_is_valid() {
    let cases = [
        ("proc.nam = a", "did you mean `proc.name`?"),
        ("evt.type = opennat", "did you mean `openat`?"),
        (
            "proc.pid contains 1",
            "a number can be tested with exists <= < >= > = != intersects in",
        ),
        ("concat(proc.name) = x", "usage: concat(TEXT, TEXT, …)"),
        (
            "fd.sip = 10.0.0.0/8",
            "networks are compared with fields such as fd.snet",
        ),
    ];
    for (condition, expected) in cases {
        let errors = Program::compile(&parse(condition).unwrap()).unwrap_err();
        let help = errors[0].help.clone().unwrap_or_default();
        assert!(help.starts_with(expected), "{condition}: {help}");
    }
}

#[test]
fn a_mistake_inside_macros_tells_the_way_there() {
    let resolve = |text: &str, name: &str, body: &Expr| {
        let body = std::sync::Arc::new(body.clone());
        syntax::resolve_macros(&parse(text).unwrap(), &mut |n| {
            (n == name).then(|| body.clone())
        })
    };
    let inner = parse("proc.nam = a").unwrap();
    let middle = resolve("proc.pid = 1 or inner", "inner", &inner).unwrap();
    let outer = resolve("not middle", "middle", &middle).unwrap();
    let errors = Program::compile(&outer).unwrap_err();
    let way: Vec<_> = errors[0]
        .within
        .iter()
        .map(|step| (step.name.as_str(), step.span.range()))
        .collect();
    assert_eq!(way, [("middle", 4..10), ("inner", 16..21)]);
    assert_eq!(errors[0].span.range(), 0..8);
}

#[test]
fn the_fields_of_a_condition_are_listed_once() {
    let text = "proc.name = a and (tolower(proc.name) = b or proc.aname[2] = val(proc.exe))";
    let text = text.replace(
        "proc.aname[2] = val(proc.exe)",
        "proc.pname = val(proc.exe)",
    );
    let program = Program::compile(&parse(&text).unwrap()).unwrap();
    let fields: Vec<_> = program
        .fields()
        .iter()
        .map(|field| &*field.written)
        .collect();
    assert_eq!(fields, ["proc.name", "proc.pname", "proc.exe"]);
}

/// Short texts over few letters, so that comparisons are often true.
fn word() -> impl Strategy<Value = String> {
    "[abA/*?.]{0,4}"
}

/// Conditions over a few fields of every type.
fn condition() -> impl Strategy<Value = String> {
    let quoted = || word().prop_map(|word| format!("\"{word}\""));
    let texts = || {
        prop::collection::vec(quoted(), 0..12).prop_map(|items| format!("({})", items.join(",")))
    };
    let numbers = || {
        prop::collection::vec(0..6, 0..12)
            .prop_map(|items| items.iter().map(ToString::to_string).collect::<Vec<_>>())
            .prop_map(|items| format!("({})", items.join(",")))
    };
    let one = |from: &'static [&'static str]| prop::sample::select(from);
    let text_fields = || {
        one(&[
            "proc.name",
            "proc.exe",
            "proc.aname",
            "tolower(proc.name)",
            "basename(proc.exe)",
        ])
    };
    let text_ops = || {
        one(&[
            "=",
            "!=",
            "contains",
            "icontains",
            "startswith",
            "endswith",
            "glob",
            "iglob",
        ])
    };
    let modifiers = || one(&["oneof", "anyof", "allof"]);
    let number_fields = || {
        one(&[
            "evt.rawres",
            "proc.pid",
            "fd.port",
            "proc.apid",
            "len(proc.name)",
        ])
    };
    let number_ops = || one(&["=", "!=", "<", "<=", ">", ">="]);
    let check = prop_oneof![
        (text_fields(), text_ops(), quoted()).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (text_fields(), one(&["in", "intersects", "pmatch"]), texts())
            .prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (text_fields(), text_ops(), modifiers(), texts())
            .prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        (number_fields(), number_ops(), 0..6).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (number_fields(), one(&["in", "intersects"]), numbers())
            .prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        (number_fields(), one(&["=", "!="]), modifiers(), numbers())
            .prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        (one(&["in", "intersects"]), texts()).prop_map(|(op, v)| format!("fd.types {op} {v}")),
        (text_ops(), one(&["val(proc.exe)", "tolower(proc.exe)"]))
            .prop_map(|(op, right)| format!("proc.name {op} {right}")),
        // Folded away before the event is there, and merged.
        (one(&["=", "!="]), one(&["open", "connect", "execve"]))
            .prop_map(|(op, v)| format!("evt.type {op} {v}")),
        one(&[
            "evt.type in (open, connect)",
            "evt.num = 0",
            "evt.type startswith open"
        ])
        .prop_map(str::to_owned),
        (
            text_fields(),
            prop::collection::vec((text_ops(), quoted()), 2..5)
        )
            .prop_map(|(field, asked)| {
                let parts = asked.iter().map(|(op, v)| format!("{field} {op} {v}"));
                format!("({})", parts.collect::<Vec<_>>().join(" or "))
            }),
        one(&[
            "proc.name exists",
            "fd.port exists",
            "proc.aname exists",
            "fd.types exists"
        ])
        .prop_map(str::to_owned),
    ];
    check.prop_recursive(4, 24, 3, |inner| {
        let many = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            many().prop_map(|parts| format!("({})", parts.join(" or "))),
            many().prop_map(|parts| format!("({})", parts.join(" and "))),
            inner.clone().prop_map(|part| format!("not ({part})")),
        ]
    })
}

/// Events over the same fields, each perhaps missing.
fn event() -> impl Strategy<Value = Json> {
    let text = || prop::option::of(word());
    let number = || prop::option::of(0..6);
    let texts = || prop::option::of(prop::collection::vec(word(), 0..3));
    let numbers = || prop::option::of(prop::collection::vec(0..6, 0..3));
    (
        prop::sample::select(&["open", "connect", "execve", "kill"][..]),
        text(),
        text(),
        texts(),
        texts(),
        number(),
        number(),
        numbers(),
        numbers(),
    )
        .prop_map(|(ty, name, exe, aname, types, result, pid, port, apid)| {
            json!({
                "evt.type": ty, "evt.num": 1,
                "proc.name": name, "proc.exe": exe, "proc.aname": aname, "fd.types": types,
                "evt.rawres": result, "proc.pid": pid, "fd.port": port, "proc.apid": apid,
            })
        })
}

/// Rules of these conditions, named by their places.
fn rules(conditions: &[String]) -> RuleSet {
    let rules = conditions.iter().enumerate().map(|(place, condition)| {
        format!(
            "- {{rule: '{place}', desc: d, priority: INFO, output: o, condition: '{condition}'}}\n"
        )
    });
    let text: String = rules.collect();
    let files = [("rules.yaml", text.as_bytes())];
    load_texts(&files, &LoadOptions::default()).unwrap().rules
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_program_agrees_with_a_naive_reading_of_the_tree(condition in condition(), event in event()) {
        let expr = parse(&condition).unwrap();
        let program = Program::compile(&expr).map_err(|errors| TestCaseError::fail(format!("{condition}: {errors:?}")))?;
        let given = Given::from_json(&event).unwrap();
        prop_assert_eq!(program.matches(&given), naive::holds(&expr, &event), "{}", condition);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_engine_agrees_with_the_programs_of_its_rules(
        // Enough of them that rules are looked up rather than asked one by one.
        conditions in prop::collection::vec(condition(), 1..40),
        events in prop::collection::vec(event(), 1..6),
    ) {
        let set = rules(&conditions);
        let rules = &set.rules;
        let all = Engine::new(&set, Matching::All);
        let first = Engine::new(&set, Matching::First);
        for event in events {
            let given = Given::from_json(&event).unwrap();
            let code = events::by_name(event["evt.type"].as_str().unwrap()).unwrap();
            let hits = |engine: &Engine| {
                let mut hits = Vec::new();
                engine.evaluate(code, &given, |rule| hits.push(rule.name.to_string()));
                hits
            };
            let mut wanted: Vec<_> = rules
                .iter()
                .filter(|rule| rule.condition.matches(&given))
                .map(|rule| rule.name.to_string())
                .collect();
            for rule in rules {
                prop_assert_eq!(rule.condition.matches(&given), naive::holds(&rule.tree, &event));
            }
            prop_assert_eq!(hits(&all), wanted.clone(), "{:?} {}", conditions, event);
            prop_assert!(wanted.is_empty() || all.wants(code));
            wanted.truncate(1);
            prop_assert_eq!(hits(&first), wanted, "{:?} {}", conditions, event);
        }
    }
}
