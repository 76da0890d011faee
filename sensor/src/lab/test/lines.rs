//! Places of one file after another in, their lines and columns out, counted
//! on from the place before: counting from the start of the file for each of
//! many thousand tests would take minutes.

use std::sync::Arc;

use crate::diagnostic::{Place, SourceFile};

/// How far has been counted.
#[derive(Debug, Default)]
pub(super) struct Lines {
    file: Option<Arc<SourceFile>>,
    /// The byte that was asked for last, and its line.
    at: usize,
    line: usize,
}

impl Lines {
    /// Line and column where a place starts, both counted from 1.
    pub(super) fn of(&mut self, place: &Place) -> (usize, usize) {
        let same = self.file.as_ref();
        let same = same.is_some_and(|file| Arc::ptr_eq(file, &place.file));
        let text = &place.file.text;
        let start = text.floor_char_boundary(place.range.start);
        if !same || start < self.at {
            self.file = Some(Arc::clone(&place.file));
            (self.at, self.line) = (0, 1);
        }
        let between = text.get(self.at..start).unwrap_or_default();
        self.line += between.bytes().filter(|byte| *byte == b'\n').count();
        self.at = start;
        let before = text.get(..start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        (self.line, line.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_file_in_any_order() {
        let files = [
            SourceFile::new("a", "ä\n\nb: ö\nc"),
            SourceFile::new("b", "x\ny\n"),
        ];
        let mut lines = Lines::default();
        for (file, start) in [
            (0, 0),
            (0, 4),
            (0, 9),
            (0, 1),
            (1, 3),
            (1, 2),
            (0, 99),
            (1, 4),
        ] {
            let place = Place::new(&files[file], start..start);
            assert_eq!(lines.of(&place), files[file].line_col(start), "{place}");
        }
    }
}
