//! Facts about this machine.

use std::net::IpAddr;

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
