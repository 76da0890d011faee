//! Where a syslog receiver is, read from its URL.

use std::path::PathBuf;

use crate::deliver::http::is_loopback_host;
use crate::deliver::stream::host_of;

/// A receiver's place and how it is spoken to. Addresses are `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Udp(String),
    Tcp(String),
    Tls(String),
    Unix(PathBuf),
}

impl Place {
    /// Reads a URL; the error says what is wrong with it.
    pub(super) fn parse(url: &str, allow_unencrypted: bool) -> Result<Self, String> {
        let wrong = || {
            format!(
                "url is `{url}`; write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or \
                 unix:/PATH"
            )
        };
        let (scheme, rest) = url.split_once(':').ok_or_else(wrong)?;
        if scheme == "unix" {
            let path = PathBuf::from(rest.strip_prefix("//").unwrap_or(rest));
            return path
                .is_absolute()
                .then_some(Self::Unix(path))
                .ok_or_else(wrong);
        }
        let rest = rest.strip_prefix("//").ok_or_else(wrong)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (make, port): (fn(String) -> Self, u16) = match scheme {
            "udp" => (Self::Udp, 514),
            "tcp" => (Self::Tcp, 601),
            "tls" => (Self::Tls, 6514),
            _ => return Err(wrong()),
        };
        let address = with_port(rest, port).ok_or_else(wrong)?;
        let open = scheme != "tls" && !allow_unencrypted && !is_loopback_host(host_of(&address));
        if open {
            return Err(format!(
                "url is {scheme}: to another machine, where anyone on the path can read and \
                 change it; use tls: or set allow_unencrypted: true"
            ));
        }
        Ok(make(address))
    }
}

/// `host:port`, the port added where there is none.
fn with_port(text: &str, port: u16) -> Option<String> {
    let name = |c: char| c.is_ascii_alphanumeric() || ".-_:[]%".contains(c);
    if text.is_empty() || !text.chars().all(name) {
        return None;
    }
    // An IPv6 address holds colons itself and stands in brackets.
    let colon = text.rfind(':').filter(|at| text.rfind(']') < Some(*at));
    match colon {
        Some(at) => {
            let (host, given) = text.split_at(at);
            let given: u16 = given.get(1..)?.parse().ok()?;
            let bare = !host.starts_with('[') && host.contains(':');
            (given > 0 && !host.is_empty() && !bare).then(|| text.to_owned())
        }
        None => Some(format!("{text}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_with_their_usual_ports() {
        for (url, expected) in [
            ("udp://127.0.0.1", Place::Udp("127.0.0.1:514".into())),
            ("udp://[::1]:5514", Place::Udp("[::1]:5514".into())),
            ("tcp://localhost/", Place::Tcp("localhost:601".into())),
            ("tls://log.example", Place::Tls("log.example:6514".into())),
            (
                "tls://[2001:db8::1]",
                Place::Tls("[2001:db8::1]:6514".into()),
            ),
            ("unix:/dev/log", Place::Unix("/dev/log".into())),
            ("unix:///dev/log", Place::Unix("/dev/log".into())),
        ] {
            assert_eq!(Place::parse(url, false), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_reached_or_would_be_read_on_its_way_is_refused() {
        for url in [
            "",
            "log.example",
            "http://log.example",
            "udp:log.example",
            "udp://",
            "udp://127.0.0.1:0",
            "udp://127.0.0.1:99999",
            "tls://2001:db8::1:6514",
            "tls://log.example/path",
            "tls://user@log.example",
            "unix:relative",
            "udp://log.example",
            "tcp://192.0.2.1:601",
        ] {
            assert!(Place::parse(url, false).is_err(), "{url}");
        }
        assert!(Place::parse("tcp://192.0.2.1:601", true).is_ok());
    }
}
