//! How many single tests the cargo steps ran.
//!
//! In: the logs of the steps. Out: one line that sums the lines with which the
//! test harness ends each binary.

/// Tests that passed, failed and were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Count {
    /// Adds what a log of `cargo test` reports.
    pub(super) fn add(&mut self, log: &str) {
        for line in log.lines() {
            let Some(result) = line.strip_prefix("test result: ") else {
                continue;
            };
            // "ok. 12 passed; 0 failed; 1 ignored; …"
            let words: Vec<&str> = result.split([' ', ';']).filter(|w| !w.is_empty()).collect();
            for pair in words.windows(2) {
                if let [number, what] = pair
                    && let Ok(number) = number.parse::<u64>()
                {
                    match *what {
                        "passed" => self.passed += number,
                        "failed" => self.failed += number,
                        "ignored" => self.ignored += number,
                        _ => {}
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        write!(
            f,
            "tests: {passed} passed, {failed} failed, {ignored} skipped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_binaries_are_summed() {
        let mut count = Count::default();
        count.add(
            "running 2 tests\ntest a ... ok\n\
             test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
             test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out\n\
             the test result: ok. 100 passed is no result\n",
        );
        assert_eq!(count.to_string(), "tests: 15 passed, 2 failed, 1 skipped");
    }
}
