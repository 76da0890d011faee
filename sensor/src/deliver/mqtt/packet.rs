//! MQTT's packets, of version 5 and 3.1.1, as one thing.
//!
//! What we have to say comes in and leaves as bytes; a broker's packet comes in,
//! whole, and what it says leaves. The bytes are rumqttc's matter; its event loop is
//! not used, for it does not tell which message was acknowledged, and forgets those
//! under way when a broker has forgotten us.

use prost::bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use super::reason;
use crate::deliver::common::Rest;
use crate::deliver::verdict::{Verdict, shown};

/// No broker has more to say to us, who subscribe to nothing.
const MAX_INCOMING_BYTES: u32 = 64 << 10;

/// Which MQTT is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 3.1.1.
    V4,
    /// 5.
    V5,
}

/// How sure both sides want to be of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qos {
    /// At least once.
    One,
    /// Exactly once.
    Two,
}

/// What a connection begins with.
pub(super) struct Hello {
    pub(super) client_id: String,
    /// Forget what an earlier connection left under way.
    pub(super) clean: bool,
    pub(super) keep_alive_s: u16,
    pub(super) session_expiry_s: u32,
    /// A user's name and password.
    pub(super) login: Option<(String, String)>,
    /// What the broker says for us when we are gone.
    pub(super) will: Option<Message>,
}

/// One message.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// Of version 5 only, as are the next two.
    pub(super) expiry_s: Option<u32>,
    pub(super) content_type: &'static str,
    pub(super) properties: Vec<(String, String)>,
}

/// What a broker says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// It lets us in.
    Welcome(Welcome),
    /// It does not, or it ends the connection.
    Farewell(Rest),
    /// Its word on the message of this number.
    Acknowledged(u16, Verdict),
    /// It has the message of this number and waits for our release.
    Received(u16),
    /// It has what we released.
    Complete(u16),
    /// It is there.
    Pong,
    /// What does not concern us.
    Other,
}

/// What a broker lets us do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Welcome {
    /// It remembers what was under way.
    pub(super) session_present: bool,
    /// Most messages under way at once.
    pub(super) receive_max: Option<u16>,
    /// Most bytes in a packet.
    pub(super) max_packet: Option<u32>,
    pub(super) max_qos: Option<u8>,
    pub(super) no_retain: bool,
    /// Its own wish for our pings.
    pub(super) keep_alive_s: Option<u16>,
}

/// That something cannot be written as a packet.
fn unwritable(error: impl std::fmt::Display) -> String {
    shown(&error.to_string())
}

impl Version {
    /// The packet that begins a connection.
    pub(super) fn hello(self, hello: &Hello) -> Result<BytesMut, String> {
        let mut bytes = BytesMut::new();
        match self {
            Self::V4 => {
                let mut connect = v4::Connect::new(&hello.client_id);
                connect.keep_alive = hello.keep_alive_s;
                connect.clean_session = hello.clean;
                connect.last_will = hello.will.as_ref().map(will_v4);
                if let Some((user, password)) = &hello.login {
                    connect.set_login(user, password);
                }
                connect.write(&mut bytes).map_err(unwritable)?;
            }
            Self::V5 => {
                let mut properties = v5::ConnectProperties::new();
                properties.session_expiry_interval = Some(hello.session_expiry_s);
                properties.max_packet_size = Some(MAX_INCOMING_BYTES);
                let connect = v5::Connect {
                    keep_alive: hello.keep_alive_s,
                    client_id: hello.client_id.clone(),
                    clean_start: hello.clean,
                    properties: Some(properties),
                };
                let login = hello.login.as_ref();
                let login = login.map(|(user, password)| v5::Login::new(user, password));
                let will = hello.will.as_ref().map(will_v5);
                connect
                    .write(&will, &login, &mut bytes)
                    .map_err(unwritable)?;
            }
        }
        Ok(bytes)
    }

    /// The packet that publishes a message, again if a broker may have it.
    pub(super) fn publish(
        self,
        id: u16,
        again: bool,
        message: &Message,
    ) -> Result<BytesMut, String> {
        let mut bytes = BytesMut::new();
        let topic = message.topic.clone();
        let payload = message.payload.clone();
        match self {
            Self::V4 => {
                let mut publish = v4::Publish::from_bytes(topic, message.qos.v4(), payload);
                (publish.pkid, publish.dup, publish.retain) = (id, again, message.retain);
                publish.write(&mut bytes).map_err(unwritable)?;
            }
            Self::V5 => {
                let properties = v5::PublishProperties {
                    // The payload is text.
                    payload_format_indicator: Some(1),
                    message_expiry_interval: message.expiry_s,
                    content_type: Some(message.content_type.to_owned()),
                    user_properties: message.properties.clone(),
                    ..v5::PublishProperties::default()
                };
                let (qos, properties) = (message.qos.v5(), Some(properties));
                let mut publish = v5::Publish::new(topic, qos, payload, properties);
                (publish.pkid, publish.dup, publish.retain) = (id, again, message.retain);
                publish.write(&mut bytes).map_err(unwritable)?;
            }
        }
        Ok(bytes)
    }

    /// The packet that releases what the broker has received: the same in both versions.
    pub(super) fn release(id: u16) -> BytesMut {
        let [high, low] = id.to_be_bytes();
        BytesMut::from([0x62, 2, high, low].as_slice())
    }

    pub(super) fn ping() -> BytesMut {
        BytesMut::from([0xc0, 0].as_slice())
    }

    /// The packet that ends a connection so that the broker says nothing for us.
    pub(super) fn goodbye() -> BytesMut {
        BytesMut::from([0xe0, 0].as_slice())
    }

    /// What a whole packet says; the error tells that it is none.
    pub(super) fn read(self, mut packet: BytesMut) -> Result<Incoming, String> {
        match self {
            Self::V4 => {
                let packet = v4::Packet::read(&mut packet, MAX_INCOMING_BYTES as usize);
                Ok(incoming_v4(packet.map_err(unwritable)?))
            }
            Self::V5 => {
                let packet = v5::Packet::read(&mut packet, Some(MAX_INCOMING_BYTES));
                Ok(incoming_v5(packet.map_err(unwritable)?))
            }
        }
    }
}

impl Qos {
    fn v4(self) -> rumqttc::mqttbytes::QoS {
        match self {
            Self::One => rumqttc::mqttbytes::QoS::AtLeastOnce,
            Self::Two => rumqttc::mqttbytes::QoS::ExactlyOnce,
        }
    }

    fn v5(self) -> rumqttc::v5::mqttbytes::QoS {
        match self {
            Self::One => rumqttc::v5::mqttbytes::QoS::AtLeastOnce,
            Self::Two => rumqttc::v5::mqttbytes::QoS::ExactlyOnce,
        }
    }
}

fn will_v4(will: &Message) -> v4::LastWill {
    v4::LastWill::new(
        &will.topic,
        will.payload.to_vec(),
        will.qos.v4(),
        will.retain,
    )
}

fn will_v5(will: &Message) -> v5::LastWill {
    let (qos, retain) = (will.qos.v5(), will.retain);
    v5::LastWill::new(&will.topic, will.payload.to_vec(), qos, retain, None)
}

fn incoming_v4(packet: v4::Packet) -> Incoming {
    match packet {
        v4::Packet::ConnAck(v4::ConnAck {
            session_present,
            code,
        }) => {
            let welcome = Welcome {
                session_present,
                ..Welcome::default()
            };
            reason::refused_v4(code).map_or(Incoming::Welcome(welcome), Incoming::Farewell)
        }
        v4::Packet::PubAck(ack) => Incoming::Acknowledged(ack.pkid, Verdict::Taken),
        v4::Packet::PubRec(receipt) => Incoming::Received(receipt.pkid),
        v4::Packet::PubComp(complete) => Incoming::Complete(complete.pkid),
        v4::Packet::PingResp => Incoming::Pong,
        _ => Incoming::Other,
    }
}

fn incoming_v5(packet: v5::Packet) -> Incoming {
    match packet {
        v5::Packet::ConnAck(ack) => {
            let words = ack.properties.as_ref();
            let words = words.and_then(|properties| properties.reason_string.as_deref());
            match reason::refused_v5(ack.code, words) {
                Some(rest) => Incoming::Farewell(rest),
                None => Incoming::Welcome(welcome(ack)),
            }
        }
        v5::Packet::PubAck(ack) => {
            let words = ack
                .properties
                .and_then(|properties| properties.reason_string);
            Incoming::Acknowledged(ack.pkid, reason::of_publish(ack.reason, words.as_deref()))
        }
        v5::Packet::PubRec(receipt) => {
            let words = receipt
                .properties
                .and_then(|properties| properties.reason_string);
            match reason::of_receipt(receipt.reason, words.as_deref()) {
                Verdict::Taken => Incoming::Received(receipt.pkid),
                verdict => Incoming::Acknowledged(receipt.pkid, verdict),
            }
        }
        // That it knows nothing of the number means that it was done with it before.
        v5::Packet::PubComp(complete) => Incoming::Complete(complete.pkid),
        v5::Packet::Disconnect(disconnect) => {
            let words = disconnect
                .properties
                .and_then(|properties| properties.reason_string);
            Incoming::Farewell(reason::of_end(disconnect.reason_code, words.as_deref()))
        }
        v5::Packet::PingResp(_) => Incoming::Pong,
        _ => Incoming::Other,
    }
}

fn welcome(ack: v5::ConnAck) -> Welcome {
    let session_present = ack.session_present;
    let Some(limits) = ack.properties else {
        return Welcome {
            session_present,
            ..Welcome::default()
        };
    };
    Welcome {
        session_present,
        receive_max: limits.receive_max,
        max_packet: limits.max_packet_size,
        max_qos: limits.max_qos,
        no_retain: limits.retain_available == Some(0),
        keep_alive_s: limits.server_keep_alive,
    }
}

/// The length of the packet these bytes begin with, once it can be told.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut length = 0_usize;
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return if length <= MAX_INCOMING_BYTES as usize {
                Ok(Some(2 + place + length))
            } else {
                Err(format!("the broker sent a packet of {length} bytes"))
            };
        }
    }
    if bytes.len() > 4 {
        return Err("the broker sent what is no packet".to_owned());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_as_long_as_they_say_within_the_bound() {
        for (bytes, expected) in [
            (&[][..], Ok(None)),
            (&[0x40], Ok(None)),
            (&[0x40, 0x80], Ok(None)),
            (&[0x40, 2], Ok(Some(4))),
            (&[0x40, 0x80, 1], Ok(Some(131))),
            (&[0x40, 0xff, 0xff, 0xff, 0x7f], Err(())),
            (&[0x40, 0xff, 0xff, 0xff, 0xff], Err(())),
        ] {
            assert_eq!(length(bytes).map_err(|_| ()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn acknowledgements_are_read_by_their_number_and_reason() {
        let taken = Incoming::Acknowledged(7, Verdict::Taken);
        for (version, bytes, expected) in [
            (Version::V4, &[0x40, 2, 0, 7][..], Some(&taken)),
            (Version::V5, &[0x40, 2, 0, 7], Some(&taken)),
            (Version::V5, &[0x40, 3, 0, 7, 0x10], Some(&taken)),
            (
                Version::V4,
                &[0x70, 2, 1, 0],
                Some(&Incoming::Complete(256)),
            ),
            (
                Version::V5,
                &[0x50, 2, 1, 0],
                Some(&Incoming::Received(256)),
            ),
            (Version::V5, &[0x40, 3, 0, 7, 0x55], None),
            (Version::V5, &[0x40, 4, 0, 7, 0x97, 9], None),
            (Version::V4, &[0x40, 1, 0], None),
            (Version::V4, &[0xf0, 1, 0], None),
        ] {
            let read = version.read(BytesMut::from(bytes)).ok();
            assert_eq!(read.as_ref(), expected, "{bytes:?}");
        }
        let read = Version::V5.read(BytesMut::from([0x50, 3, 0, 7, 0x87].as_slice()));
        assert!(matches!(
            read,
            Ok(Incoming::Acknowledged(7, Verdict::Blocked(_)))
        ));
    }

    #[test]
    fn no_bytes_of_a_broker_make_us_panic() {
        for first in 0..=255_u8 {
            for length in 0..12_u8 {
                for fill in [0, 1, 0x1f, 0x26, 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![first, length];
                    bytes.extend(std::iter::repeat_n(fill, length.into()));
                    for version in [Version::V4, Version::V5] {
                        let _ = version.read(BytesMut::from(bytes.as_slice()));
                    }
                }
            }
        }
    }
}
