//! The rules this program carries: those in `rules/` when it was built.

/// Name and text of each shipped rule file, in load order.
pub const RULES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/shipped_rules.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_rules_is_carried() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules");
        let on_disk = std::fs::read_dir(directory).unwrap();
        let rules = on_disk.filter(|entry| {
            let path = entry.as_ref().unwrap().path();
            !crate::detect::rules::is_test_file(&path)
        });
        assert_eq!(RULES.len(), rules.count());
        assert!(
            RULES
                .iter()
                .all(|(name, text)| name.starts_with("rules/") && !text.is_empty())
        );
    }
}
