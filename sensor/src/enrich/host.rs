//! Facts about this machine: its name, its clock, its addresses.
//!
//! Everything is read when the sensor starts and again on a timer, never for
//! an event.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use super::procfs::read;

/// Kept of a table of addresses. The one for IPv4 holds all routes, the local
/// ones among them; a router's may be longer than is worth reading.
const TABLE_LIMIT: u64 = 4 << 20;

/// A clock that moved by less is the same clock, read a moment later.
const CLOCK_NOISE_NS: u64 = 1_000_000;

/// Facts about this machine that change rarely.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The host name (`SENSOR_HOSTNAME`, then `FALCO_HOSTNAME`, override it).
    pub name: String,
    /// Wall clock minus boot clock, nanoseconds.
    pub boot_time_ns: u64,
    /// The addresses of this machine's interfaces.
    pub addresses: Vec<IpAddr>,
}

impl Host {
    /// This machine; `procfs` is where `/proc` is mounted.
    pub fn new(procfs: &Path) -> Self {
        let mut host = Self {
            name: name(|variable| std::env::var(variable).ok()),
            ..Self::default()
        };
        host.refresh_clock();
        host.refresh_addresses(procfs);
        host
    }

    /// Looks at the clock again: the wall clock may have been set. Whether it was.
    pub fn refresh_clock(&mut self) -> bool {
        let boot_time_ns = boot_time_ns();
        let set = boot_time_ns.abs_diff(self.boot_time_ns) > CLOCK_NOISE_NS;
        if set {
            self.boot_time_ns = boot_time_ns;
        }
        set
    }

    /// Looks at the addresses again; whether they are others now.
    pub fn refresh_addresses(&mut self, procfs: &Path) -> bool {
        let table = |name| read(&procfs.join(name), TABLE_LIMIT).unwrap_or_default();
        let (v4, v6) = (table("net/fib_trie"), table("net/if_inet6"));
        let (v4, v6) = (String::from_utf8_lossy(&v4), String::from_utf8_lossy(&v6));
        let v4 = local_v4(&v4).map(IpAddr::V4);
        let mut addresses: Vec<IpAddr> = v4.chain(local_v6(&v6).map(IpAddr::V6)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let changed = addresses != self.addresses;
        self.addresses = addresses;
        changed
    }
}

fn name(variable: impl Fn(&str) -> Option<String>) -> String {
    ["SENSOR_HOSTNAME", "FALCO_HOSTNAME"]
        .into_iter()
        .filter_map(variable)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| {
            let uname = rustix::system::uname();
            uname.nodename().to_string_lossy().into_owned()
        })
}

/// What to add to the boot clock for the wall clock, nanoseconds.
fn boot_time_ns() -> u64 {
    let read = |clock| {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds)
    };
    read(ClockId::Realtime).saturating_sub(read(ClockId::Boottime))
}

/// The local addresses in the kernel's routing trie: a leaf line with the
/// address, then a line that says `host LOCAL`.
fn local_v4(trie: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut leaf = None;
    trie.lines().filter_map(move |line| {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.trim_end().parse().ok();
        }
        line.contains("host LOCAL").then_some(leaf)?
    })
}

/// The addresses in the first column of `if_inet6`, 32 hexadecimal digits.
fn local_v6(table: &str) -> impl Iterator<Item = Ipv6Addr> {
    table.lines().filter_map(|line| {
        let digits = line.split_ascii_whitespace().next()?;
        let whole = digits.len() == 32;
        u128::from_str_radix(digits, 16)
            .ok()
            .filter(|_| whole)
            .map(Ipv6Addr::from_bits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_comes_from_our_variable_then_falcos_then_the_kernel() {
        let given = |ours: &str, falcos: &str| {
            name(|variable| match variable {
                "SENSOR_HOSTNAME" => Some(ours.to_owned()),
                "FALCO_HOSTNAME" => Some(falcos.to_owned()),
                _ => None,
            })
        };
        assert_eq!(given("node-1", "node-2"), "node-1");
        assert_eq!(given("", "node-2"), "node-2");
        let uname = rustix::system::uname();
        assert_eq!(given("", ""), uname.nodename().to_string_lossy());
    }

    #[test]
    fn local_addresses_are_the_leaves_marked_so() {
        let trie = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     |-- 192.0.2.0
        /24 link UNICAST
     |-- 192.0.2.7
        /32 link UNICAST
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- not-an-address
        /32 host LOCAL
";
        let found: Vec<String> = local_v4(trie).map(|ip| ip.to_string()).collect();
        assert_eq!(found, ["127.0.0.0", "127.0.0.1", "192.0.2.7"]);
    }

    #[test]
    fn v6_addresses_are_hexadecimal_digits_without_colons() {
        let table = "\
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
0001 01 80 10 80       short
zz000000000000000000000000000001 01 80 10 80       lo
";
        let found: Vec<String> = local_v6(table).map(|ip| ip.to_string()).collect();
        assert_eq!(found, ["fe80::fc:ff:fe00:1", "::1"]);
    }

    #[test]
    fn the_loopback_address_of_this_machine_is_found() {
        let host = Host::new(Path::new("/proc"));
        assert!(
            host.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)),
            "{host:?}"
        );
    }

    #[test]
    fn a_clock_read_again_is_the_same_clock() {
        let mut host = Host::new(Path::new("/proc"));
        let before = host.boot_time_ns;
        assert!(before > 0, "the machine was not booted in 1970");
        host.refresh_clock();
        assert_eq!(host.boot_time_ns, before);
    }
}
