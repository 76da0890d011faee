//! Sensor, room by room, in the order an event meets them.
//!
//! ```text
//! kernel ─record bytes→ capture ─&[u8]→ decode ─Event→ enrich ─Observation→ detect ─Hit→ alert ─Alert→ deliver ─request→ world
//! ```
//!
//! One thread walks capture → alert as plain calls in kernel order, without
//! locks or channels. Alerts, and only alerts, cross into the asynchronous
//! side ([`deliver`]) through one bounded queue per output. [`pipeline`] is the
//! walk itself; `main` and [`cli`] are the only places that know all rooms.

pub mod alert;
pub mod capture;
pub mod decode;
pub mod deliver;
pub mod detect;
pub mod enrich;
pub mod fields;

pub mod config;
pub mod diagnostic;
pub mod events;
pub mod lab;
pub mod metrics;
pub mod pipeline;
pub mod privileges;
pub mod recording;
pub mod redact;
pub mod shipped;
pub(crate) mod yaml;

pub mod cli;
