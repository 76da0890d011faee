//! The names of ATT&CK's tactics, and of the enterprise techniques that Linux
//! rules are commonly tagged with. An id that is not here has no name.

/// Id and name of each tactic, in the order of the matrix.
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "Reconnaissance"),
    ("TA0042", "Resource Development"),
    ("TA0001", "Initial Access"),
    ("TA0002", "Execution"),
    ("TA0003", "Persistence"),
    ("TA0004", "Privilege Escalation"),
    ("TA0005", "Defense Evasion"),
    ("TA0006", "Credential Access"),
    ("TA0007", "Discovery"),
    ("TA0008", "Lateral Movement"),
    ("TA0009", "Collection"),
    ("TA0011", "Command and Control"),
    ("TA0010", "Exfiltration"),
    ("TA0040", "Impact"),
];

/// Id and name, sorted; a sub-technique's name stands alone.
const TECHNIQUES: &[(&str, &str)] = &[
    ("T1003", "OS Credential Dumping"),
    ("T1003.007", "Proc Filesystem"),
    ("T1003.008", "/etc/passwd and /etc/shadow"),
    ("T1005", "Data from Local System"),
    ("T1014", "Rootkit"),
    ("T1018", "Remote System Discovery"),
    ("T1020", "Automated Exfiltration"),
    ("T1021", "Remote Services"),
    ("T1021.001", "Remote Desktop Protocol"),
    ("T1021.002", "SMB/Windows Admin Shares"),
    ("T1021.004", "SSH"),
    ("T1027", "Obfuscated Files or Information"),
    ("T1027.004", "Compile After Delivery"),
    ("T1027.011", "Fileless Storage"),
    ("T1033", "System Owner/User Discovery"),
    ("T1036", "Masquerading"),
    ("T1036.005", "Match Legitimate Resource Name or Location"),
    ("T1037", "Boot or Logon Initialization Scripts"),
    ("T1037.004", "RC Scripts"),
    ("T1040", "Network Sniffing"),
    ("T1041", "Exfiltration Over C2 Channel"),
    ("T1046", "Network Service Discovery"),
    ("T1048", "Exfiltration Over Alternative Protocol"),
    ("T1049", "System Network Connections Discovery"),
    ("T1053", "Scheduled Task/Job"),
    ("T1053.003", "Cron"),
    ("T1053.006", "Systemd Timers"),
    ("T1055", "Process Injection"),
    ("T1055.008", "Ptrace System Calls"),
    ("T1055.009", "Proc Memory"),
    ("T1056", "Input Capture"),
    ("T1056.001", "Keylogging"),
    ("T1057", "Process Discovery"),
    ("T1059", "Command and Scripting Interpreter"),
    ("T1059.004", "Unix Shell"),
    ("T1059.006", "Python"),
    ("T1068", "Exploitation for Privilege Escalation"),
    ("T1069", "Permission Groups Discovery"),
    ("T1070", "Indicator Removal"),
    ("T1070.002", "Clear Linux or Mac System Logs"),
    ("T1070.003", "Clear Command History"),
    ("T1070.004", "File Deletion"),
    ("T1070.006", "Timestomp"),
    ("T1071", "Application Layer Protocol"),
    ("T1071.004", "DNS"),
    ("T1072", "Software Deployment Tools"),
    ("T1078", "Valid Accounts"),
    ("T1082", "System Information Discovery"),
    ("T1083", "File and Directory Discovery"),
    ("T1087", "Account Discovery"),
    ("T1090", "Proxy"),
    ("T1090.003", "Multi-hop Proxy"),
    ("T1095", "Non-Application Layer Protocol"),
    ("T1098", "Account Manipulation"),
    ("T1098.001", "Additional Cloud Credentials"),
    ("T1098.004", "SSH Authorized Keys"),
    ("T1098.006", "Additional Container Cluster Roles"),
    ("T1105", "Ingress Tool Transfer"),
    ("T1110", "Brute Force"),
    ("T1133", "External Remote Services"),
    ("T1136", "Create Account"),
    ("T1136.001", "Local Account"),
    ("T1140", "Deobfuscate/Decode Files or Information"),
    ("T1190", "Exploit Public-Facing Application"),
    ("T1195", "Supply Chain Compromise"),
    ("T1195.002", "Compromise Software Supply Chain"),
    ("T1204", "User Execution"),
    ("T1205", "Traffic Signaling"),
    ("T1205.002", "Socket Filters"),
    ("T1210", "Exploitation of Remote Services"),
    ("T1211", "Exploitation for Defense Evasion"),
    ("T1219", "Remote Access Tools"),
    ("T1222", "File and Directory Permissions Modification"),
    (
        "T1222.002",
        "Linux and Mac File and Directory Permissions Modification",
    ),
    ("T1485", "Data Destruction"),
    ("T1486", "Data Encrypted for Impact"),
    ("T1489", "Service Stop"),
    ("T1490", "Inhibit System Recovery"),
    ("T1496", "Resource Hijacking"),
    ("T1505", "Server Software Component"),
    ("T1505.003", "Web Shell"),
    ("T1518", "Software Discovery"),
    ("T1528", "Steal Application Access Token"),
    ("T1529", "System Shutdown/Reboot"),
    ("T1542", "Pre-OS Boot"),
    ("T1543", "Create or Modify System Process"),
    ("T1543.002", "Systemd Service"),
    ("T1546", "Event Triggered Execution"),
    ("T1546.004", "Unix Shell Configuration Modification"),
    ("T1546.016", "Installer Packages"),
    ("T1546.017", "Udev Rules"),
    ("T1547", "Boot or Logon Autostart Execution"),
    ("T1547.006", "Kernel Modules and Extensions"),
    ("T1547.013", "XDG Autostart Entries"),
    ("T1548", "Abuse Elevation Control Mechanism"),
    ("T1548.001", "Setuid and Setgid"),
    ("T1548.003", "Sudo and Sudo Caching"),
    ("T1550", "Use Alternate Authentication Material"),
    ("T1552", "Unsecured Credentials"),
    ("T1552.001", "Credentials In Files"),
    ("T1552.003", "Shell History"),
    ("T1552.004", "Private Keys"),
    ("T1552.005", "Cloud Instance Metadata API"),
    ("T1552.007", "Container API"),
    ("T1553", "Subvert Trust Controls"),
    ("T1553.004", "Install Root Certificate"),
    ("T1554", "Compromise Host Software Binary"),
    ("T1555", "Credentials from Password Stores"),
    ("T1555.003", "Credentials from Web Browsers"),
    ("T1556", "Modify Authentication Process"),
    ("T1556.003", "Pluggable Authentication Modules"),
    ("T1557", "Adversary-in-the-Middle"),
    ("T1557.002", "ARP Cache Poisoning"),
    ("T1558", "Steal or Forge Kerberos Tickets"),
    ("T1560", "Archive Collected Data"),
    ("T1561", "Disk Wipe"),
    ("T1561.001", "Disk Content Wipe"),
    ("T1561.002", "Disk Structure Wipe"),
    ("T1562", "Impair Defenses"),
    ("T1562.001", "Disable or Modify Tools"),
    ("T1562.003", "Impair Command History Logging"),
    ("T1562.004", "Disable or Modify System Firewall"),
    ("T1562.006", "Indicator Blocking"),
    ("T1562.008", "Disable or Modify Cloud Logs"),
    ("T1563", "Remote Service Session Hijacking"),
    ("T1563.001", "SSH Hijacking"),
    ("T1564", "Hide Artifacts"),
    ("T1564.001", "Hidden Files and Directories"),
    ("T1565", "Data Manipulation"),
    ("T1567", "Exfiltration Over Web Service"),
    ("T1569", "System Services"),
    ("T1570", "Lateral Tool Transfer"),
    ("T1571", "Non-Standard Port"),
    ("T1572", "Protocol Tunneling"),
    ("T1574", "Hijack Execution Flow"),
    ("T1574.006", "Dynamic Linker Hijacking"),
    ("T1595", "Active Scanning"),
    ("T1609", "Container Administration Command"),
    ("T1610", "Deploy Container"),
    ("T1611", "Escape to Host"),
    ("T1612", "Build Image on Host"),
    ("T1613", "Container and Resource Discovery"),
    ("T1620", "Reflective Code Loading"),
    ("T1622", "Debugger Evasion"),
];

/// Id and name of the tactic that an upper-case id, or name with underscores,
/// stands for.
pub(crate) fn tactic(word: &str) -> Option<(&'static str, &'static str)> {
    let named = |name: &str| name.to_ascii_uppercase().replace(' ', "_") == word;
    let mut tactics = TACTICS.iter();
    tactics
        .find(|(id, name)| *id == word || named(name))
        .copied()
}

/// The place of a tactic in the matrix; unknown ones come last.
pub(crate) fn tactic_order(id: &str) -> usize {
    let place = TACTICS.iter().position(|(known, _)| *known == id);
    place.unwrap_or(TACTICS.len())
}

/// The name of a technique or sub-technique alone.
pub(crate) fn own_name(id: &str) -> Option<&'static str> {
    let at = TECHNIQUES.binary_search_by_key(&id, |(known, _)| known);
    TECHNIQUES.get(at.ok()?).map(|(_, name)| *name)
}

/// The name of a technique, with that of the technique it is part of; empty
/// when it is not known.
pub(crate) fn technique(id: &str) -> String {
    let Some(own) = own_name(id) else {
        return String::new();
    };
    match id.split_once('.').and_then(|(parent, _)| own_name(parent)) {
        Some(parent) => format!("{parent}: {own}"),
        None => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_every_part_has_its_whole() {
        assert!(TECHNIQUES.is_sorted_by_key(|(id, _)| *id));
        for (id, _) in TECHNIQUES {
            let whole = id.split('.').next().unwrap();
            assert!(TECHNIQUES.iter().any(|(known, _)| *known == whole), "{id}");
        }
        assert_eq!(
            technique("T1059.004"),
            "Command and Scripting Interpreter: Unix Shell"
        );
        assert_eq!(technique("T9999"), "");
    }
}
