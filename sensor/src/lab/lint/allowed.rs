//! Findings that their authors know of: `# sensor-lint: allow CODE, CODE …` in
//! the comment above an item allows them anywhere in the item.

use crate::diagnostic::Diagnostic;

const MARK: &str = "sensor-lint: allow";

/// Whether the comment above the item a finding is in allows it.
pub(super) fn is_allowed(finding: &Diagnostic) -> bool {
    let Some(place) = &finding.place else {
        return false;
    };
    let text = &place.file.text;
    let end = text.floor_char_boundary(place.range.start.min(text.len()));
    let end = text
        .get(end..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |newline| end + newline);
    let mut lines = text.get(..end).unwrap_or_default().lines().rev();
    let Some(item) = lines.find(|line| starts_item(line)) else {
        return false;
    };
    allows(item, finding.code)
        || lines
            .take_while(|line| line.trim_start().starts_with('#'))
            .any(|line| allows(line, finding.code))
}

fn starts_item(line: &str) -> bool {
    let line = line.trim_start();
    ["- rule:", "- macro:", "- list:"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Whether a line's comment names the code. Behind the codes there may be a reason.
fn allows(line: &str, code: &str) -> bool {
    let Some((_, comment)) = line.split_once('#') else {
        return false;
    };
    let Some(list) = comment.trim_start().strip_prefix(MARK) else {
        return false;
    };
    list.split([',', ' ', '\t']).any(|word| word == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, SourceFile};

    #[test]
    fn a_comment_above_an_item_holds_for_all_of_it_and_no_other() {
        let text = "\
# sensor-lint: allow LINT_A, LINT_B: both are meant
# more words
- rule: one
  condition: here

- rule: two # sensor-lint: allow LINT_C
  condition: there
";
        let file = SourceFile::new("f", text);
        for (word, code, want) in [
            ("here", "LINT_A", true),
            ("here", "LINT_C", false),
            ("one", "LINT_A", true),
            ("there", "LINT_A", false),
            ("there", "LINT_C", true),
            ("there", "LINT", false),
        ] {
            let at = text.find(word).unwrap();
            let finding = Diagnostic::warning(code, "m").at(Place::new(&file, at..at + 1));
            assert_eq!(is_allowed(&finding), want, "{code} at {word}");
        }
    }
}
