//! Two texts in, the words they share and the words only one of them has out.

/// A stretch of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// In both.
    Same(String),
    /// In the first only.
    Gone(String),
    /// In the second only.
    New(String),
}

/// Longer texts are shown whole: comparing takes time that grows with the
/// product of both.
const MOST_WORDS: usize = 1_000;

/// What has to change in the first text to get the second, word by word. The
/// pieces of one side, put together, are that side.
pub fn words(first: &str, second: &str) -> Vec<Piece> {
    let (old, new) = (split(first), split(second));
    if old.len() > MOST_WORDS || new.len() > MOST_WORDS {
        return vec![Piece::Gone(first.to_owned()), Piece::New(second.to_owned())];
    }
    let lengths = common(&old, &new);
    let length = |gone: usize, come: usize| {
        let at = gone * (new.len() + 1) + come;
        lengths.get(at).copied().unwrap_or(0)
    };
    let (mut gone, mut come) = (0, 0);
    let mut out = Vec::new();
    loop {
        match (old.get(gone), new.get(come)) {
            (Some(word), Some(other)) if word == other => {
                push(&mut out, Piece::Same((*word).to_owned()));
                (gone, come) = (gone + 1, come + 1);
            }
            (Some(word), other)
                if other.is_none() || length(gone + 1, come) >= length(gone, come + 1) =>
            {
                push(&mut out, Piece::Gone((*word).to_owned()));
                gone += 1;
            }
            (_, Some(word)) => {
                push(&mut out, Piece::New((*word).to_owned()));
                come += 1;
            }
            (_, None) => return out,
        }
    }
}

/// Words, and the blanks between them, each by itself.
fn split(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // Parts of paths and of `key=value` are words: mostly one of them differs.
        let end = if first.is_alphanumeric() {
            rest.find(|c: char| !(c.is_alphanumeric() || "_.-".contains(c)))
        } else {
            Some(first.len_utf8())
        };
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        out.push(word);
        rest = after;
    }
    out
}

/// Row by row, how many words the rests of both texts share in order.
fn common(old: &[&str], new: &[&str]) -> Vec<usize> {
    let width = new.len() + 1;
    let mut lengths = vec![0; width * (old.len() + 1)];
    for (row, word) in old.iter().enumerate().rev() {
        for (column, other) in new.iter().enumerate().rev() {
            let here = row * width + column;
            let at = |at: usize| lengths.get(at).copied().unwrap_or(0);
            let length = if word == other {
                at(here + width + 1) + 1
            } else {
                at(here + width).max(at(here + 1))
            };
            if let Some(entry) = lengths.get_mut(here) {
                *entry = length;
            }
        }
    }
    lengths
}

/// Neighbours of one kind become one piece.
fn push(out: &mut Vec<Piece>, piece: Piece) {
    match (out.last_mut(), &piece) {
        (Some(Piece::Same(text)), Piece::Same(more))
        | (Some(Piece::Gone(text)), Piece::Gone(more))
        | (Some(Piece::New(text)), Piece::New(more)) => text.push_str(more),
        _ => out.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(first: &str, second: &str) -> String {
        let pieces = words(first, second).into_iter().map(|piece| match piece {
            Piece::Same(text) => text,
            Piece::Gone(text) => format!("[-{text}-]"),
            Piece::New(text) => format!("{{+{text}+}}"),
        });
        pieces.collect()
    }

    #[test]
    fn only_the_words_that_differ_are_marked() {
        for (first, second, want) in [
            ("a b c", "a b c", "a b c"),
            ("a b c", "a x c", "a [-b-]{+x+} c"),
            (
                "file=/etc/x by cat",
                "file=/etc/y by cat",
                "file=/etc/[-x-]{+y+} by cat",
            ),
            ("", "new", "{+new+}"),
            ("user=root uid=0", "user=root", "user=root[- uid=0-]"),
        ] {
            assert_eq!(shown(first, second), want);
        }
    }

    proptest! {
        #[test]
        fn each_side_is_its_pieces(first in "[ab= ]{0,20}", second in "[ab= ä]{0,20}") {
            let (mut a, mut b) = (String::new(), String::new());
            for piece in words(&first, &second) {
                match piece {
                    Piece::Same(text) => { a.push_str(&text); b.push_str(&text); }
                    Piece::Gone(text) => a.push_str(&text),
                    Piece::New(text) => b.push_str(&text),
                }
            }
            prop_assert_eq!((a, b), (first, second));
        }
    }
}
