//! Names and arguments as rules write them

use std::collections::HashSet;
use std::path::Path;

use super::*;

#[test]
fn names_are_unique_documented_and_found_as_themselves() {
    let mut seen = HashSet::new();
    for row in rows() {
        assert!(seen.insert(row.name), "{} is there twice", row.name);
        assert!(
            !row.doc.is_empty() && !row.doc.ends_with('.'),
            "{}",
            row.name
        );
        // Its keys stand in a configuration, and its own tests look them up.
        if row.name == super::statics::CLASS {
            continue;
        }
        let found = match row.arg {
            ArgRule::Required => lookup(row.name, Some("x")),
            ArgRule::DottedOrIndex => lookup(row.name, Some("0")),
            ArgRule::Dotted if row.name == "evt.type.is" => lookup("evt.type.is.open", None),
            ArgRule::Dotted => lookup(&format!("{}.flags", row.name), None),
            _ => lookup(row.name, None),
        };
        assert_eq!(found.unwrap().field.name, row.name);
    }
}

#[test]
fn arguments_are_resolved_or_refused_with_a_reason() {
    let cases: [(&str, Option<&str>, Result<Arg, &str>); 24] = [
        ("proc.name", None, Ok(Arg::None)),
        ("proc.aname", Some("2"), Ok(Arg::Index(2))),
        ("proc.aname", Some("0"), Ok(Arg::Index(0))),
        ("proc.env", Some("HOME"), Ok(Arg::Key("HOME".into()))),
        ("proc.env", Some("007"), Ok(Arg::Key("007".into()))),
        ("evt.arg", Some("1"), Ok(Arg::Index(1))),
        ("evt.arg.flags", None, Ok(Arg::Key("flags".into()))),
        ("evt.arg.data", None, Ok(Arg::Key("data".into()))),
        ("evt.type.is.open", None, Ok(Arg::Key("open".into()))),
        ("evt.abspath", None, Ok(Arg::None)),
        ("evt.abspath.dst", None, Ok(Arg::Key("dst".into()))),
        ("thread.cgroup.cpu", None, Ok(Arg::Key("cpu".into()))),
        (
            "container.mount.dest",
            Some("/proc*"),
            Ok(Arg::Key("/proc*".into())),
        ),
        (
            "proc.name",
            Some("2"),
            Err("the field `proc.name` takes no argument"),
        ),
        (
            "proc.aname",
            Some("x"),
            Err("the field `proc.aname` takes a number in its brackets, as in `proc.aname[1]`"),
        ),
        (
            "proc.aname",
            Some("-1"),
            Err("the field `proc.aname` takes a number in its brackets, as in `proc.aname[1]`"),
        ),
        (
            "container.label",
            None,
            Err(
                "the field `container.label` needs an argument in brackets, as in `container.label[NAME]`",
            ),
        ),
        (
            "evt.arg",
            None,
            Err(
                "the field `evt.arg` needs a parameter: a name after a dot (`evt.arg.flags`) \
                 or a number in brackets (`evt.arg[1]`)",
            ),
        ),
        (
            "evt.arg.nosuch",
            None,
            Err(
                "the field `evt.arg` is followed by the name of a parameter that some event has; \
                 `nosuch` is none",
            ),
        ),
        (
            "evt.type.is.execv",
            None,
            Err(
                "the field `evt.type.is` is followed by the name of an event type; `execv` is none",
            ),
        ),
        (
            "evt.arg.flags",
            Some("1"),
            Err("the field `evt.arg` takes one argument, not two"),
        ),
        (
            "evt.rawarg",
            Some("1"),
            Err("the field `evt.rawarg` takes its argument after a dot, as in `evt.rawarg.res`"),
        ),
        ("proc.nme", None, Err("no field is named `proc.nme`")),
        ("proc.name.", None, Err("no field is named `proc.name.`")),
    ];
    for (name, bracket, want) in cases {
        let found = lookup(name, bracket);
        let got = found
            .map(|field| field.arg)
            .map_err(|error| error.to_string());
        assert_eq!(got, want.map_err(str::to_owned), "{name} {bracket:?}");
    }
}

#[test]
fn a_field_remembers_how_it_was_written_and_how_many_it_means() {
    let written = field("proc.aname[2]");
    assert_eq!(&*written.written, "proc.aname[2]");
    for (name, want) in [
        ("proc.aname", Many::AnyAncestor),
        ("proc.aname[2]", Many::One),
        ("proc.aenv[HOME]", Many::One),
        ("proc.aargs", Many::One),
        ("fd.ip", Many::BothEnds),
        ("fd.types", Many::List),
        ("fd.types[1]", Many::List),
    ] {
        assert_eq!(field(name).many(), want, "{name}");
    }
}

#[test]
fn a_raw_parameter_has_the_type_of_the_first_event_that_has_it() {
    for (name, want) in [
        ("evt.rawarg.res", Type::Signed(64)),
        ("evt.rawarg.fd", Type::Signed(64)),
        ("evt.rawarg.uid", Type::Unsigned(32)),
        ("evt.rawarg.name", Type::Text),
        ("evt.rawarg.args", Type::Buffer),
        ("evt.rawarg.exe_ino_ctime", Type::AbsTime),
        ("evt.rawarg.request", Type::Unsigned(16)),
    ] {
        assert_eq!(field(name).field.ty, want, "{name}");
    }
    for param in crate::events::rows().iter().flat_map(|event| event.params) {
        let name = format!("evt.rawarg.{}", param.name);
        let first = crate::events::param(param.name).unwrap();
        assert_eq!(field(&name).field.ty, first.kind.raw_type(), "{name}");
    }
}

/// One line of a table of fields: name, type, argument, flags.
fn table_row(line: &str) -> Option<[&str; 4]> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some([name, cells.next()?, cells.next()?, cells.next()?])
}

#[test]
fn every_field_of_the_language_is_there_with_its_type_and_flags() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/rule-language.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let tables = text.split("\n## ").filter(|part| {
        ["4.2 ", "4.3 ", "4.4 ", "4.5 "]
            .iter()
            .any(|start| part.starts_with(start))
    });
    let mut count = 0;
    for [name, ty, arg, flags] in tables.flat_map(|table| table.lines().filter_map(table_row)) {
        count += 1;
        let field = match arg {
            _ if name.starts_with("evt.arg.") => lookup(name, None),
            "required" => lookup(name, Some("x")),
            "`.NAME` or `[N]`" => lookup(name, Some("0")),
            "`.NAME`" if name == "evt.type.is" => lookup("evt.type.is.open", None),
            "`.NAME`" => lookup(&format!("{name}.flags"), None),
            _ => lookup(name, None),
        };
        let row = field
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .field;
        let (want_ty, want_many) = match ty {
            "as the parameter" => (row.ty, Many::One),
            "list of string" => (Type::Text, Many::List),
            ty => (type_named(ty), row.many),
        };
        assert_eq!((row.ty, row.many), (want_ty, want_many), "{name}");
        assert_eq!(
            row.arg == ArgRule::OptionalIndex || row.arg == ArgRule::OptionalAny,
            arg == "optional",
            "{name}"
        );
        let has = row.flags;
        let want = Flags {
            filter_only: flags.contains("filter only"),
            output_only: flags.contains("output only"),
            no_transformer: flags.contains("no transformer"),
            no_right_field: flags.contains("no right field"),
            suggested: flags.contains("suggested"),
            deprecated: flags.contains("deprecated"),
            hidden: flags.contains("hidden"),
        };
        assert_eq!(has, want, "{name}");
    }
    assert!(count >= 279, "only {count} rows were read");
}

fn type_named(word: &str) -> Type {
    match word {
        "string" => Type::Text,
        "buffer" => Type::Buffer,
        "bool" => Type::Bool,
        "double" => Type::Double,
        "port" => Type::Port,
        "ip" => Type::Ip,
        "ipnet" => Type::IpNet,
        "abstime" => Type::AbsTime,
        "reltime" => Type::RelTime,
        word => {
            let bits = word[1..].parse().unwrap();
            match &word[..1] {
                "u" => Type::Unsigned(bits),
                "i" => Type::Signed(bits),
                _ => panic!("no such type: {word}"),
            }
        }
    }
}
