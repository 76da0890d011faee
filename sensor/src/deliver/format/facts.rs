//! What is known of an alert's event, as the encoders ask for it: by meaning,
//! typed, and absent when it is not known or not what it should be.
//!
//! A value may have been masked on its way here. So a number that is no number
//! and an address that is none are no facts; texts are taken as they are.

use std::net::IpAddr;

use serde_json::Value;

use crate::alert::tags::{self, Meaning};
use crate::alert::{Alert, attack};

/// Reads an alert's evidence, and its fields where there is none.
pub(super) struct Facts<'a>(&'a Alert);

/// What the event was done to.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) path: &'a str,
    /// Where a moved file went, or what a link leads to.
    pub(super) to: Option<&'a str>,
    /// `file`, `directory`, where that is known.
    pub(super) kind: Option<&'a str>,
}

/// Both ends of a connection, and what is spoken.
pub(super) struct Connection<'a> {
    pub(super) client: (Option<IpAddr>, Option<u64>),
    pub(super) server: (Option<IpAddr>, Option<u64>),
    /// The server's domain name, when it was seen.
    pub(super) server_name: Option<&'a str>,
    /// `tcp`, `udp`, `icmp`.
    pub(super) transport: Option<&'a str>,
    /// This machine is the server.
    pub(super) inbound: Option<bool>,
}

/// A technique of ATT&CK that the rule is about.
pub(super) struct Technique {
    pub(super) id: String,
    pub(super) name: Option<&'static str>,
}

impl Technique {
    /// The technique this is a part of, when it is one.
    pub(super) fn whole(&self) -> Option<Self> {
        let (whole, _) = self.id.split_once('.')?;
        Some(Self {
            id: whole.to_owned(),
            name: attack::own_name(whole),
        })
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        Self(alert)
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        let alert = self.0;
        alert
            .evidence
            .get(field)
            .or_else(|| alert.output_fields.get(field))
    }

    /// A text that says something.
    pub(super) fn text(&self, field: &str) -> Option<&'a str> {
        let text = self.value(field)?.as_str()?;
        (!text.is_empty() && text != "<NA>").then_some(text)
    }

    /// A number that is not negative.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.value(field)?.as_u64()
    }

    /// A number as the text that ids are.
    pub(super) fn id(&self, field: &str) -> Option<String> {
        match self.value(field)? {
            Value::Number(number) => Some(number.to_string()),
            _ => self.text(field).map(str::to_owned),
        }
    }

    fn address(&self, field: &str) -> Option<IpAddr> {
        self.text(field)?.parse().ok()
    }

    /// The acting user's id; none when the process is unknown.
    pub(super) fn uid(&self) -> Option<String> {
        self.id("user.uid").filter(|uid| uid != "4294967295")
    }

    /// The user who logged in, whoever the process is now.
    pub(super) fn login(&self) -> Option<(String, Option<&'a str>)> {
        let uid = self.number("user.loginuid")?;
        Some((uid.to_string(), self.text("user.loginname")))
    }

    /// Whether the call did what it was asked to.
    pub(super) fn outcome(&self) -> &'static str {
        match self.text("evt.res") {
            Some("SUCCESS") => "success",
            // The second goes on in the background.
            None | Some("EINPROGRESS") => "unknown",
            Some(_) => "failure",
        }
    }

    /// Major and minor number of the controlling terminal.
    pub(super) fn terminal(&self) -> Option<(u64, u64)> {
        let tty = self.number("proc.tty").filter(|tty| *tty > 0)?;
        // As the kernel puts both into one number.
        let minor = (tty & 0xff) | ((tty >> 12) & 0xf_ff00);
        Some(((tty >> 8) & 0xfff, minor))
    }

    /// The container's id, as long as it is known.
    pub(super) fn container(&self) -> Option<&'a str> {
        let id = |field| self.text(field).filter(|id| *id != "host");
        id("container.full_id").or_else(|| id("container.id"))
    }

    /// The image, without and with its tag.
    pub(super) fn image(&self) -> Option<(&'a str, String)> {
        self.container()?;
        let repository = self.text("container.image.repository")?;
        let with_tag = match self.text("container.image.tag") {
            Some(tag) => format!("{repository}:{tag}"),
            None => repository.to_owned(),
        };
        Some((repository, with_tag))
    }

    /// The file it is about: that of a call on names, or the open one.
    pub(super) fn file(&self) -> Option<Target<'a>> {
        if let Some(path) = self
            .text("fs.path.name")
            .or_else(|| self.text("fs.path.source"))
        {
            let to = self.text("fs.path.target");
            return Some(Target {
                path,
                to,
                kind: None,
            });
        }
        let kind = self.text("fd.type");
        let is_file = matches!(kind, Some("file" | "directory"));
        let path = self.text("fd.name").filter(|_| is_file)?;
        let to = self.text("fd.realpath").filter(|real| *real != path);
        Some(Target { path, to, kind })
    }

    /// The connection it is about.
    pub(super) fn connection(&self) -> Option<Connection<'a>> {
        let end = |ip, port| (self.address(ip), self.number(port));
        let connection = Connection {
            client: end("fd.cip", "fd.cport"),
            server: end("fd.sip", "fd.sport"),
            server_name: self.text("fd.sip.name"),
            transport: self.text("fd.l4proto"),
            inbound: self.value("fd.is_server").and_then(Value::as_bool),
        };
        (connection.client.0.is_some() || connection.server.0.is_some()).then_some(connection)
    }

    /// Ids and names of the tactics that the tags name.
    pub(super) fn tactics(&self) -> Vec<(&'static str, &'static str)> {
        let tactic = |tag| match tags::meaning(tag) {
            Some(Meaning::Tactic(id, _)) => attack::tactic(&id),
            _ => None,
        };
        let mut found: Vec<_> = self.0.tags.iter().filter_map(|tag| tactic(tag)).collect();
        found.sort_by_key(|(id, _)| attack::tactic_order(id));
        found.dedup();
        found
    }

    /// The techniques that the tags name, by id.
    pub(super) fn techniques(&self) -> Vec<Technique> {
        let technique = |tag: &str| match tags::meaning(tag) {
            Some(Meaning::Technique(id)) => Some(id),
            _ => None,
        };
        let mut ids: Vec<_> = self
            .0
            .tags
            .iter()
            .filter_map(|tag| technique(tag))
            .collect();
        ids.sort();
        ids.dedup();
        let named = |id: String| Technique {
            name: attack::own_name(&id),
            id,
        };
        ids.into_iter().map(named).collect()
    }
}

/// What a path ends in.
pub(super) fn file_name(path: &str) -> &str {
    let name = path.trim_end_matches('/').rsplit('/').next();
    name.filter(|name| !name.is_empty()).unwrap_or(path)
}

/// Milliseconds since the epoch.
pub(super) fn millis(time_ns: u64) -> u64 {
    time_ns / 1_000_000
}
