//! Text whose every byte knows where a person wrote it.
//!
//! A condition is glued together from block scalars, list items and exception
//! values before it is parsed. Here the pieces keep their origin, so that a
//! mistake found in the glued text is shown in the file, and a mistake that
//! came out of a list is shown in the list with "used here" beside it.
//! A position outside the text counts as its nearest end; nothing fails.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// A text and the origin of every byte of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traced {
    text: String,
    /// Ascending by `start`; the first starts at 0 unless the text is empty.
    runs: Vec<Run>,
}

/// A stretch of the text that comes from one stretch of a file.
#[derive(Debug, Clone)]
struct Run {
    /// Where it starts in the text.
    start: usize,
    /// Where it starts in the file.
    at: usize,
    /// Bytes of the file that stand for all of it, when it was not written
    /// byte by byte: escapes, added quotes and parentheses.
    fixed: Option<usize>,
    file: Arc<SourceFile>,
    via: Option<Arc<Via>>,
}

/// Why a piece of text stands where it does not belong to.
#[derive(Debug)]
pub(crate) struct Via {
    /// What asked for it: the list's name in the condition.
    pub(crate) place: Place,
    /// The list that was put in.
    pub(crate) list: String,
    /// Why that stands where it does.
    pub(crate) outer: Option<Arc<Via>>,
}

impl Via {
    /// The same reason, with a further one behind its last.
    fn because_of(&self, outer: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            place: self.place.clone(),
            list: self.list.clone(),
            outer: Some(match &self.outer {
                None => Arc::clone(outer),
                Some(inner) => inner.because_of(outer),
            }),
        })
    }
}

impl Traced {
    /// Text that stands for the whole of `place`, none of it byte by byte.
    pub(crate) fn fixed(text: impl Into<String>, place: &Place) -> Self {
        let mut out = Self::default();
        out.glue(&text.into(), place);
        out
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends a piece written byte by byte at `at` in `file`.
    pub(crate) fn push_written(&mut self, piece: &str, file: &Arc<SourceFile>, at: usize) {
        let follows = self.runs.last().is_some_and(|run| {
            run.fixed.is_none()
                && run.via.is_none()
                && Arc::ptr_eq(&run.file, file)
                && run.at + (self.text.len() - run.start) == at
        });
        if !follows {
            self.run(file, at, None);
        }
        self.text.push_str(piece);
    }

    /// Appends a piece that `place` as a whole stands for.
    pub(crate) fn glue(&mut self, piece: &str, place: &Place) {
        let length = place.range.end.saturating_sub(place.range.start);
        self.run(&place.file, place.range.start, Some(length));
        self.text.push_str(piece);
    }

    fn run(&mut self, file: &Arc<SourceFile>, at: usize, fixed: Option<usize>) {
        self.runs.push(Run {
            start: self.text.len(),
            at,
            fixed,
            file: Arc::clone(file),
            via: None,
        });
    }

    /// Appends another text.
    pub(crate) fn push(&mut self, other: &Self) {
        self.push_range(other, 0..other.text.len());
    }

    /// Appends a stretch of another text.
    pub(crate) fn push_range(&mut self, other: &Self, range: Range<usize>) {
        let Some(piece) = other.text.get(range.clone()) else {
            return;
        };
        let base = self.text.len();
        for index in other.covering(&range) {
            let Some(run) = other.runs.get(index) else {
                continue;
            };
            let skipped = range.start.saturating_sub(run.start);
            self.runs.push(Run {
                start: base + run.start.saturating_sub(range.start),
                at: run.at + if run.fixed.is_none() { skipped } else { 0 },
                ..run.clone()
            });
        }
        self.text.push_str(piece);
    }

    /// Appends another text because of `via`.
    pub(crate) fn push_via(&mut self, other: &Self, via: &Arc<Via>) {
        let first = self.runs.len();
        self.push(other);
        for run in self.runs.iter_mut().skip(first) {
            run.via = Some(match &run.via {
                None => Arc::clone(via),
                Some(inner) => inner.because_of(via),
            });
        }
    }

    /// The text without blanks at its ends.
    pub(crate) fn trimmed(&self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        let end = self.text.trim_end().len();
        let mut out = Self::default();
        out.push_range(self, start..end.max(start));
        out
    }

    /// The runs that touch the range, at least one if there are any.
    fn covering(&self, range: &Range<usize>) -> Range<usize> {
        let first = self
            .runs
            .partition_point(|run| run.start <= range.start)
            .saturating_sub(1);
        let end = self.runs.partition_point(|run| run.start < range.end);
        first..end.max(first + 1).min(self.runs.len().max(first))
    }

    /// Where the range was written. A range over pieces of several origins is
    /// shown at its first origin. `None` only for a text that was never
    /// written: the empty one.
    pub(crate) fn place(&self, range: &Range<usize>) -> Option<Place> {
        let covering = self.covering(range);
        let runs = self.runs.get(covering)?;
        let first = runs.first()?;
        let same_origin = |run: &&Run| {
            Arc::ptr_eq(&run.file, &first.file) && same(run.via.as_ref(), first.via.as_ref())
        };
        let start = first.file_at(range.start);
        let last = runs.iter().take_while(same_origin).last()?;
        let end = match last.fixed {
            Some(length) => last.at + length,
            // The end is exclusive, so it is found from the last byte inside.
            None if range.end > range.start => last.file_at(range.end - 1) + 1,
            None => start,
        };
        Some(Place::new(&first.file, start..end.max(start)))
    }

    /// The whole text's place.
    pub(crate) fn whole(&self) -> Option<Place> {
        self.place(&(0..self.text.len()))
    }

    /// Points a diagnostic at a range, with the reasons why the text is there.
    pub(crate) fn locate(&self, diagnostic: Diagnostic, range: &Range<usize>) -> Diagnostic {
        let Some(place) = self.place(range) else {
            return diagnostic;
        };
        let mut diagnostic = diagnostic.at(place);
        let mut via = self
            .runs
            .get(self.covering(range).start)
            .and_then(|run| run.via.as_ref());
        while let Some(reason) = via {
            let label = format!("list `{}` is used here", reason.list);
            diagnostic = diagnostic.related(reason.place.clone(), label);
            via = reason.outer.as_ref();
        }
        diagnostic
    }

    /// The list whose name stood here before it was put in, if one did. Of
    /// lists in lists the outermost.
    pub(crate) fn list(&self, range: &Range<usize>) -> Option<&str> {
        let run = self.runs.get(self.covering(range).start)?;
        let mut via = run.via.as_ref()?;
        while let Some(outer) = &via.outer {
            via = outer;
        }
        Some(&via.list)
    }

    /// The reason a range stands where it does, to hang a new [`Via`] on.
    pub(crate) fn via(&self, range: &Range<usize>) -> Option<Arc<Via>> {
        self.runs
            .get(self.covering(range).start)
            .and_then(|run| run.via.clone())
    }
}

impl Run {
    /// The byte of the file for a byte of the text in this run.
    fn file_at(&self, byte: usize) -> usize {
        match self.fixed {
            Some(_) => self.at,
            None => self.at + byte.saturating_sub(self.start),
        }
    }
}

fn same(a: Option<&Arc<Via>>, b: Option<&Arc<Via>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(file: &Arc<SourceFile>, range: Range<usize>) -> Traced {
        let mut out = Traced::default();
        out.push_written(&file.text[range.clone()], file, range.start);
        out
    }

    #[test]
    fn a_piece_keeps_its_place_wherever_it_is_glued() {
        let file = SourceFile::new("f", "one two three");
        let mut text = written(&file, 8..13);
        text.glue(" (", &Place::new(&file, 0..3));
        text.push(&written(&file, 4..7));
        assert_eq!(text.as_str(), "three (two");
        let place = |range: Range<usize>| text.place(&range).unwrap().range;
        assert_eq!(place(0..5), 8..13);
        assert_eq!(place(1..3), 9..11);
        assert_eq!(place(6..7), 0..3);
        assert_eq!(place(8..9), 5..6);
        assert_eq!(place(10..10), 7..7);
        assert_eq!(place(99..120).start, 96);
        assert_eq!(Traced::default().place(&(0..0)), None);
    }

    #[test]
    fn what_a_list_brought_in_says_where_the_list_was_named() {
        let file = SourceFile::new("f", "list item; condition name");
        let via = Arc::new(Via {
            place: Place::new(&file, 21..25),
            list: "name".to_owned(),
            outer: None,
        });
        let mut text = written(&file, 11..21);
        text.push_via(&written(&file, 5..9), &via);
        let shown = text.locate(Diagnostic::error("E", "m"), &(10..14));
        assert_eq!(shown.place.unwrap().range, 5..9);
        assert_eq!(shown.related[0].0.range, 21..25);
        assert!(
            text.locate(Diagnostic::error("E", "m"), &(0..4))
                .related
                .is_empty()
        );
    }

    #[test]
    fn trimming_keeps_places() {
        let file = SourceFile::new("f", "x   hi \n");
        let text = written(&file, 1..8).trimmed();
        assert_eq!(text.as_str(), "hi");
        assert_eq!(text.whole().unwrap().range, 4..6);
    }
}
