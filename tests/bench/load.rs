//! Time and memory to load rules and to make them a program.

use std::time::Instant;

use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, load_texts};

use crate::{Arguments, rules};

pub(crate) fn main(arguments: &Arguments) {
    println!(
        "{:<34} {:>9} {:>10} {:>12} {:>10} {:>12}",
        "rules", "KiB", "load ms", "peak MiB", "engine ms", "peak MiB"
    );
    let sizes: &[usize] = if arguments.quick {
        &[100, 1_000]
    } else {
        &[100, 1_000, 10_000]
    };
    for size in sizes {
        let text = rules::generated(*size);
        measure(&format!("{size} generated"), &[("generated.yaml", &text)]);
    }
    // One file after the other: each has to be sound without those after it.
    let parts: Vec<(String, String)> = (0..20)
        .map(|part| {
            (
                format!("part{part}.yaml"),
                rules::generated(100).replace("generated ", &format!("part {part} rule ")),
            )
        })
        .collect();
    let files: Vec<_> = parts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    measure("20 files of 100", &files);
    let deep = format!(
        "- {{rule: r, desc: d, priority: INFO, output: o, condition: '{}proc.pid = 1{}'}}\n",
        "(".repeat(1_000),
        ")".repeat(1_000)
    );
    measure("one, nested 1,000 deep", &[("deep.yaml", &deep)]);
    let large = rules::generated(100)
        + &"# no more than a remark in a large file\n".repeat(10_000_000 / 40);
    measure("100 in a file of 10 MB", &[("large.yaml", &large)]);
}

fn measure(name: &str, files: &[(&str, &str)]) {
    let bytes: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    let size: usize = bytes.iter().map(|(_, text)| text.len()).sum();
    let (mut loaded, mut engine) = (None, None);
    let begun = Instant::now();
    let loading = allocation_counter::measure(|| {
        loaded = Some(load_texts(&bytes, &LoadOptions::default()));
    });
    let load = begun.elapsed();
    let peak = |info: &allocation_counter::AllocationInfo| info.bytes_max >> 20;
    let Some(Ok(set)) = loaded else {
        let found = loaded.and_then(Result::err).map_or(0, |found| found.len());
        println!(
            "{name:<34} {:>9} {:>10.1} {:>12} refused with {found} mistake(s)",
            size >> 10,
            load.as_secs_f64() * 1e3,
            peak(&loading)
        );
        return;
    };
    let begun = Instant::now();
    let making =
        allocation_counter::measure(|| engine = Some(Engine::new(&set.rules, Matching::All)));
    println!(
        "{name:<34} {:>9} {:>10.1} {:>12} {:>10.1} {:>12}",
        size >> 10,
        load.as_secs_f64() * 1e3,
        peak(&loading),
        begun.elapsed().as_secs_f64() * 1e3,
        peak(&making)
    );
}
