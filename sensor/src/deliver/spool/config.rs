//! How an output's backlog is kept: on the disk or in memory, how much of it,
//! and how soon it must be safe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// How alerts are kept while the receiver is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolConfig {
    /// `disk` keeps them in the spool directory, so that they survive the end of the sensor;
    /// `memory` within `queue` only (default disk; memory for the terminal).
    pub store: Option<Store>,
    /// Most bytes of alerts on the disk (1,048,576 to 1,099,511,627,776; default 268,435,456);
    /// the files may take a quarter more. When it is full, the least serious alerts are dropped
    /// first, of these the oldest, and counted by rule.
    pub max_bytes: Option<u64>,
    /// What a power failure may cost (default interval). The end of the sensor, killed or not,
    /// costs nothing with any of them.
    pub sync: Sync,
    /// How often `interval` syncs, in milliseconds (10 to 60,000; default 1,000).
    pub sync_interval_ms: Option<u64>,
}

/// Where alerts wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// In the output's directory below `spool_directory`.
    Disk,
    /// Nowhere else; what is undelivered when the sensor ends is lost, and counted.
    Memory,
}

/// When the disk is told to make sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// After every write, before the alerts are sent: a power failure costs nothing written.
    Always,
    /// Every `sync_interval_ms`: a power failure may cost the alerts since.
    #[default]
    Interval,
    /// When the operating system does.
    Never,
}

impl SpoolConfig {
    /// What is wrong with these values, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !(1 << 20..=1 << 40).contains(&self.max_bytes()) {
            wrong.push(format!(
                "spool.max_bytes is {}; it must be 1048576 to 1099511627776",
                self.max_bytes()
            ));
        }
        let interval = self.sync_interval();
        if !(Duration::from_millis(10)..=Duration::from_mins(1)).contains(&interval) {
            wrong.push(format!(
                "spool.sync_interval_ms is {}; it must be 10 to 60000",
                interval.as_millis()
            ));
        }
        wrong
    }

    /// Bounds that nothing found on the disk exceeds.
    pub(crate) fn for_inspection() -> Self {
        Self {
            max_bytes: Some(1 << 40),
            ..Self::default()
        }
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes.unwrap_or(256 << 20)
    }

    pub(crate) fn sync_interval(&self) -> Duration {
        Duration::from_millis(self.sync_interval_ms.unwrap_or(1000))
    }
}

/// An output's directory below the spool directory. Names that are no plain file
/// names are written as their bytes in hexadecimal where they are not plain.
pub(crate) fn directory_of(spools: &Path, output: &str) -> PathBuf {
    use std::fmt::Write;
    let mut name = String::new();
    for (index, byte) in output.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if plain || (byte == b'.' && index > 0) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02x}");
        }
    }
    spools.join(name)
}

/// The output whose directory it is.
pub(crate) fn output_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().as_encoded_bytes();
    let mut output = Vec::new();
    let mut rest = name;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let hex = more.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if byte.is_some() {
            rest = more.get(2..).unwrap_or_default();
        }
        output.push(byte.unwrap_or(*first));
    }
    String::from_utf8_lossy(&output).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_an_output_is_a_directory_of_its_own_and_back() {
        let spools = Path::new("/spools");
        for (output, directory) in [
            ("splunk", "splunk"),
            ("my siem/2", "my%20siem%2f2"),
            ("..", "%2e."),
            ("Mail.1", "Mail.1"),
            ("über", "%c3%bcber"),
        ] {
            let found = directory_of(spools, output);
            assert_eq!(found, spools.join(directory));
            assert_eq!(output_of(&found), output);
        }
    }
}
