//! Diagnostics in, workflow commands out: GitHub shows each beside the line of
//! a pull request that it is about.

use std::fmt::Write;

use super::{Diagnostic, escape};

/// One line for each diagnostic.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        command(diagnostic, &mut out);
    }
    out
}

fn command(diagnostic: &Diagnostic, out: &mut String) {
    let mut message = diagnostic.message.clone();
    // Writing to a string cannot fail.
    for (place, label) in &diagnostic.related {
        let _ = write!(message, "\n{label}: {place}");
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    let _ = write!(out, "::{} ", diagnostic.severity.word());
    if let Some(place) = &diagnostic.place {
        let ((line, column), (end_line, end_column)) = place.lines_and_columns();
        let _ = write!(
            out,
            "file={},line={line},endLine={end_line},col={column},",
            property(&place.file.name)
        );
        // A range over several lines has no columns there.
        if end_line == line {
            let _ = write!(out, "endColumn={end_column},");
        }
    }
    let _ = writeln!(
        out,
        "title={}::{}",
        property(diagnostic.code),
        data(&message)
    );
}

/// Text behind the `::`. Line ends must not end the command, and nothing may
/// steer the terminal of who reads the log.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| escape(line)).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Text of a property, which a comma would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, SourceFile};

    #[test]
    fn a_command_is_one_line_and_ends_where_it_should() {
        let file = SourceFile::new("a,b:c.yaml", "one\ntwo\n");
        let shown = github(&[
            Diagnostic::error("LOAD_ERR", "100% wrong\n::error::x\r")
                .at(Place::new(&file, 4..7))
                .related(Place::new(&file, 0..3), "used here")
                .help("do, better"),
            Diagnostic::warning("W", "no place"),
            Diagnostic::warning("W", "long").at(Place::new(&file, 0..6)),
        ]);
        let want = "\
::error file=a%2Cb%3Ac.yaml,line=2,endLine=2,col=1,endColumn=4,title=LOAD_ERR::100%25 wrong\
%0A::error::x\\r%0Aused here: a,b:c.yaml:1:1%0Ahelp: do, better
::warning title=W::no place
::warning file=a%2Cb%3Ac.yaml,line=1,endLine=2,col=1,title=W::long
";
        assert_eq!(shown, want);
    }
}
