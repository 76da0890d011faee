//! Rules switched on and off from outside the rule files.

/// One command: switches on or off the rules that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// On or off.
    pub enable: bool,
    /// Which rules.
    pub which: Which,
}

/// Which rules a [`Selector`] means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of this name; `*` stands for any text.
    Rule(String),
    /// Those with exactly this tag.
    Tag(String),
}

impl Selector {
    /// Whether it means the rule.
    pub(super) fn means<'a>(&self, name: &str, mut tags: impl Iterator<Item = &'a str>) -> bool {
        match &self.which {
            Which::Rule(pattern) => matches(pattern, name),
            Which::Tag(tag) => tags.any(|other| other == tag),
        }
    }
}

/// Whether the whole text matches a pattern whose `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    // The last piece must end the text; the first place is right for the others.
    let Some(last) = pieces.pop() else {
        return true;
    };
    for piece in pieces {
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, want) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*foo", "foofoo", true),
            ("*foo", "foo bar", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
