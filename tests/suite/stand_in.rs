//! Receivers to send to: strict, scriptable, on loopback.
//!
//! They are written from the protocols' descriptions, apart from the senders'
//! code, and refuse rather than forgive: a sender that is only nearly right
//! fails its test here, not at a user's receiver.

#[cfg(feature = "cloudwatch")]
#[path = "stand_in/aws.rs"]
pub(crate) mod aws;
#[path = "stand_in/fluentd.rs"]
pub(crate) mod fluentd;
#[path = "stand_in/gate.rs"]
pub(crate) mod gate;
#[path = "stand_in/hec.rs"]
pub(crate) mod hec;
#[path = "stand_in/hook.rs"]
pub(crate) mod hook;
#[path = "stand_in/identity.rs"]
pub(crate) mod identity;
#[path = "stand_in/intake.rs"]
pub(crate) mod intake;
#[cfg(feature = "kafka")]
#[path = "stand_in/kafka.rs"]
pub(crate) mod kafka;
#[cfg(feature = "mqtt")]
#[path = "stand_in/mqtt.rs"]
pub(crate) mod mqtt;
#[path = "stand_in/proxy.rs"]
pub(crate) mod proxy;
#[cfg(feature = "kafka")]
#[path = "stand_in/scram.rs"]
mod scram;
#[path = "stand_in/smtp.rs"]
pub(crate) mod smtp;
