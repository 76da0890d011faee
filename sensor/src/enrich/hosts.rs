//! Names of addresses, as they were seen on the wire: DNS answers in, the name of an
//! address out, per network namespace.
//!
//! Nothing is ever looked up. A name stands as long as its answer allowed and at
//! least a minute, because programs keep what they were told; a later answer with
//! the same address replaces it. Memory is bounded: when half of the room is taken,
//! what was not learned again since the last time goes.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::decode::{Dns, Name};

/// Addresses remembered, most.
const CAPACITY: usize = 65_536;

/// How long a name stands, in seconds.
const SHORTEST_S: u32 = 60;
const LONGEST_S: u32 = 86_400;

#[derive(Debug, Clone, Copy)]
struct Known {
    name: Name,
    until_ns: u64,
}

/// What addresses were called.
#[derive(Debug, Default)]
pub struct Hosts {
    recent: HashMap<(u32, IpAddr), Known>,
    before: HashMap<(u32, IpAddr), Known>,
}

impl Hosts {
    /// Takes in an answer seen at that time (nanoseconds since the epoch).
    pub(super) fn learn(&mut self, time_ns: u64, dns: &Dns<'_>) {
        let Some(message) = dns.message.filter(|it| it.is_answer() && it.rcode() == 0) else {
            return;
        };
        let Some((name, _)) = message.question() else {
            return;
        };
        for address in message.addresses() {
            if self.recent.len() >= CAPACITY / 2 {
                self.before = std::mem::take(&mut self.recent);
            }
            let stands_s = address.ttl_s.clamp(SHORTEST_S, LONGEST_S);
            let until_ns = time_ns.saturating_add(u64::from(stands_s) * 1_000_000_000);
            let key = (dns.ends.netns, address.ip.to_canonical());
            self.recent.insert(key, Known { name, until_ns });
        }
    }

    /// The name of an address in a network namespace at a time.
    pub fn name(&self, netns: u32, ip: IpAddr, time_ns: u64) -> Option<&[u8]> {
        let key = (netns, ip.to_canonical());
        let known = self.recent.get(&key).or_else(|| self.before.get(&key))?;
        (time_ns <= known.until_ns).then(|| known.name.as_bytes())
    }
}
