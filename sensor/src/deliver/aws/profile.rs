//! The file in which AWS's own tools keep keys.
//!
//! The file's text and a profile's name come in, that profile's keys leave. What is
//! no pair of a key and a value is passed over, as AWS's tools do.

use std::collections::BTreeMap;

/// The keys of this profile, lower-case, or `None` if the file has no such profile.
pub(super) fn read(text: &str, profile: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            inside = name.trim() == profile;
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, Some((key, value)), Some(found)) = (inside, pair(line), found.as_mut())
        {
            found.insert(key, value);
        }
    }
    found
}

fn pair(line: &str) -> Option<(String, String)> {
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim().to_lowercase(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_and_no_other() {
        let text = "# keys\n[default]\naws_access_key_id = A\nAWS_SECRET_ACCESS_KEY=b=/+\n\
                    stray\n\n [ other ]\naws_access_key_id=C\n; x = y\n[default]\nregion = r\n";
        let default = read(text, "default").unwrap();
        assert_eq!(default.len(), 3, "{default:?}");
        assert_eq!(default["aws_access_key_id"], "A");
        assert_eq!(default["aws_secret_access_key"], "b=/+");
        assert_eq!(read(text, "other").unwrap()["aws_access_key_id"], "C");
        for none in ["", "Default", "x"] {
            assert_eq!(read(text, none), None, "{none}");
        }
        assert_eq!(read("", "default"), None);
    }
}
