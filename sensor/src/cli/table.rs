//! Rows of cells in, aligned and coloured lines out.
//!
//! Colours are written always; whoever owns the stream takes them out where
//! they are not wanted (`anstream` does, for pipes and `NO_COLOR`).

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// A heading.
pub(super) const HEADING: Style = Style::new().bold();
/// A name a person may type.
pub(super) const NAME: Style = AnsiColor::Cyan.on_default();
/// Something that works.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Something that does not.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something of less interest.
pub(super) const DIM: Style = Style::new().dimmed();
/// Neither.
pub(super) const PLAIN: Style = Style::new();

/// One cell.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Cell {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// Writes the rows in columns of equal width, two blanks apart. The last
/// column is as long as it is.
pub(super) fn write<const COLUMNS: usize>(
    out: &mut dyn Write,
    header: [&str; COLUMNS],
    rows: &[[Cell; COLUMNS]],
) -> io::Result<()> {
    let mut widths = header.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    line(out, widths, &header.map(|title| Cell::new(DIM, title)))?;
    rows.iter().try_for_each(|row| line(out, widths, row))
}

/// One line; blanks at its end are left out.
fn line<const COLUMNS: usize>(
    out: &mut dyn Write,
    widths: [usize; COLUMNS],
    cells: &[Cell; COLUMNS],
) -> io::Result<()> {
    let mut owed = 2;
    for (width, Cell { text, style }) in widths.into_iter().zip(cells) {
        if !text.is_empty() {
            write!(out, "{:owed$}{style}{text}{style:#}", "")?;
            owed = 0;
        }
        owed += width - text.chars().count() + 2;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let row = |a: &str, b: &str, c: &str| [a, b, c].map(|text| Cell::new(PLAIN, text));
        let mut out = Vec::new();
        let rows = [
            row("a", "long", "x"),
            row("näme", "", "y"),
            row("b", "c", ""),
        ];
        write(&mut out, ["n", "type", "m"], &rows).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        assert_eq!(
            text,
            "  n     type  m\n  a     long  x\n  näme        y\n  b     c\n"
        );
    }
}
