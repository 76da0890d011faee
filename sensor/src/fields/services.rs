//! Port numbers and the names of their services.
//!
//! The names come with the sensor instead of from `/etc/services`: a rule
//! means the same on every machine, small images without that file included.

/// The port of a service name; the names are those of most systems.
pub(crate) fn port_of_service(name: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(service, _)| *service == name)
        .map(|(_, port)| *port)
}

/// The name of the service that usually has this port.
pub(super) fn service_of_port(port: u16) -> Option<&'static str> {
    SERVICES
        .iter()
        .find(|(_, service)| *service == port)
        .map(|(name, _)| *name)
}

/// Services by port; of two names for a port, the first is the one shown.
const SERVICES: [(&str, u16); 68] = [
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("whois", 43),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap2", 143),
    ("imap", 143),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("bgp", 179),
    ("irc", 194),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("kpasswd", 464),
    ("submissions", 465),
    ("isakmp", 500),
    ("exec", 512),
    ("login", 513),
    ("shell", 514),
    ("syslog", 514),
    ("printer", 515),
    ("rtsp", 554),
    ("submission", 587),
    ("ipp", 631),
    ("ldaps", 636),
    ("domain-s", 853),
    ("rsync", 873),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("openvpn", 1194),
    ("ms-sql-s", 1433),
    ("radius", 1812),
    ("nfs", 2049),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("svn", 3690),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("xmpp-client", 5222),
    ("mdns", 5353),
    ("postgresql", 5432),
    ("amqp", 5672),
    ("rfb", 5900),
    ("x11", 6000),
    ("redis", 6379),
    ("ircd", 6667),
    ("http-alt", 8080),
    ("memcached", 11211),
    ("mongodb", 27017),
    ("kubelet", 10250),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_by_name_and_by_port() {
        assert_eq!(port_of_service("https"), Some(443));
        assert_eq!(port_of_service("imap"), Some(143));
        assert_eq!(port_of_service("nosuch"), None);
        assert_eq!(service_of_port(53), Some("domain"));
        assert_eq!(service_of_port(143), Some("imap2"));
        assert_eq!(service_of_port(50_000), None);
    }
}
