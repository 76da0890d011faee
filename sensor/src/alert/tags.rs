//! A tag in, what it ties a rule to out.

use super::attack;

/// What a tag says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A technique's id.
    Technique(String),
    /// A tactic's id and name; the tag itself and no name when it is unknown.
    Tactic(String, String),
    /// The standard that a control belongs to.
    Control(&'static str),
}

/// How tags for controls begin, and the standard.
const STANDARDS: [(&str, &str); 11] = [
    ("PCI_DSS_", "PCI DSS"),
    ("NIST_800-53_", "NIST SP 800-53"),
    ("NIST_800-171_", "NIST SP 800-171"),
    ("NIST_800-190_", "NIST SP 800-190"),
    ("NIST_CSF_", "NIST CSF"),
    ("ISO_27001_", "ISO/IEC 27001"),
    ("SOC2_", "SOC 2"),
    ("HIPAA_", "HIPAA"),
    ("GDPR_", "GDPR"),
    ("FEDRAMP_", "FedRAMP"),
    ("CIS_", "CIS"),
];

/// What a tag means, if it is of a known form.
pub(crate) fn meaning(tag: &str) -> Option<Meaning> {
    let upper = tag.to_ascii_uppercase();
    let bare = ["MITRE_", "MITRE.", "ATTACK.", "ATTACK_"]
        .iter()
        .find_map(|prefix| upper.strip_prefix(prefix));
    let id = bare.unwrap_or(&upper);
    if is_technique(id) {
        return Some(Meaning::Technique(id.to_owned()));
    }
    if let Some((id, name)) = attack::tactic(id).filter(|_| bare.is_some() || is_tactic(id)) {
        return Some(Meaning::Tactic(id.to_owned(), name.to_owned()));
    }
    if bare.is_some() || is_tactic(id) {
        return Some(Meaning::Tactic(tag.to_owned(), String::new()));
    }
    let standard = STANDARDS
        .iter()
        .find(|(prefix, _)| upper.starts_with(prefix) && upper.len() > prefix.len());
    standard.map(|(_, standard)| Meaning::Control(standard))
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `T1059` or `T1059.004`.
fn is_technique(id: &str) -> bool {
    let Some(number) = id.strip_prefix('T') else {
        return false;
    };
    match number.split_once('.') {
        None => digits(number, 4),
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
    }
}

/// `TA0002`.
fn is_tactic(id: &str) -> bool {
    id.strip_prefix("TA")
        .is_some_and(|number| digits(number, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_public_rule_sets_are_understood() {
        let technique = |id: &str| Some(Meaning::Technique(id.into()));
        let tactic = |id: &str, name: &str| Some(Meaning::Tactic(id.into(), name.into()));
        for (tag, want) in [
            ("T1059.004", technique("T1059.004")),
            ("t1611", technique("T1611")),
            ("attack.t1003", technique("T1003")),
            (
                "mitre_privilege_escalation",
                tactic("TA0004", "Privilege Escalation"),
            ),
            ("TA0003", tactic("TA0003", "Persistence")),
            ("mitre_execution", tactic("TA0002", "Execution")),
            ("mitre_of_my_own", tactic("mitre_of_my_own", "")),
            ("TA9999", tactic("TA9999", "")),
            ("PCI_DSS_10.2.5", Some(Meaning::Control("PCI DSS"))),
            ("NIST_800-53_AC-2", Some(Meaning::Control("NIST SP 800-53"))),
            ("CIS_", None),
            ("execution", None),
            ("cis", None),
            ("T10", None),
            ("T1059.4", None),
            ("host", None),
        ] {
            assert_eq!(meaning(tag), want, "{tag}");
        }
    }
}
