//! The tokens of one output, and which of them is in use.
//!
//! A token that is refused is read anew, and when it is still the same the next
//! one is taken: so a rotation needs neither a restart nor a moment without one.

use reqwest::header::HeaderValue;

use crate::deliver::common::BuildError;
use crate::deliver::secret::SecretRef;
use crate::deliver::webhook::secret_value;

/// The header that a token is sent in.
pub(super) fn header(token: &SecretRef) -> Result<HeaderValue, BuildError> {
    secret_value(token, "Splunk ")
}

/// The tokens.
pub(super) struct Tokens {
    references: Vec<SecretRef>,
    /// Which of them is in use.
    current: usize,
    header: HeaderValue,
    /// Refusals since one was accepted, of tokens that had not changed.
    refusals: usize,
}

impl Tokens {
    /// Begins with the first; all must be readable.
    pub(super) fn new(references: Vec<SecretRef>) -> Result<Self, BuildError> {
        let headers: Vec<_> = references.iter().map(header).collect::<Result<_, _>>()?;
        let first = headers.into_iter().next();
        Ok(Self {
            header: first.ok_or_else(|| BuildError::Value("no token".to_owned()))?,
            references,
            current: 0,
            refusals: 0,
        })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    pub(super) fn accepted(&mut self) {
        self.refusals = 0;
    }

    /// The token in use was refused. Whether there is another to try at once: a
    /// new one in the same place, or the next that was not refused yet.
    pub(super) fn refused(&mut self) -> bool {
        if self.read() {
            return true;
        }
        self.refusals = self.refusals.saturating_add(1);
        self.current = (self.current + 1) % self.references.len().max(1);
        self.read();
        !self.refusals.is_multiple_of(self.references.len().max(1))
    }

    /// Reads the current one anew; whether it is another than before. The old one
    /// stays when there is none to be read.
    fn read(&mut self) -> bool {
        let token = self.references.get(self.current);
        match token.map(header) {
            Some(Ok(new)) if new != self.header => {
                self.header = new;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_tried_once_a_round_and_a_changed_one_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str, value: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, value).unwrap();
            SecretRef::File(path)
        };
        let mut tokens = Tokens::new(vec![place("a", "one"), place("b", "two")]).unwrap();
        let mut shown = vec![tokens.header()];
        let mut more = Vec::new();
        for _ in 0..4 {
            more.push(tokens.refused());
            shown.push(tokens.header());
        }
        assert_eq!(more, [true, false, true, false]);
        assert_eq!(
            shown,
            [
                "Splunk one",
                "Splunk two",
                "Splunk one",
                "Splunk two",
                "Splunk one"
            ]
        );
        place("a", "three");
        assert!(tokens.refused());
        assert_eq!(tokens.header(), "Splunk three");
        assert_eq!(format!("{:?}", tokens.header()), "Sensitive");
    }
}
