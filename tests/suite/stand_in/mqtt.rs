//! An MQTT 5 broker that answers as a test tells it to.
//!
//! It reads packets by the specification's own bytes and says no more than its
//! script; what it was sent is kept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A packet as it came.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// The upper half of its first byte: 1 CONNECT, 3 PUBLISH, 6 PUBREL, 12 PINGREQ.
    pub(crate) kind: u8,
    /// The number of a message, of PUBLISH and PUBREL.
    pub(crate) number: u16,
    pub(crate) body: Vec<u8>,
}

/// The broker; its threads end with its connections.
pub(crate) struct Broker {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Packet>>>,
}

impl Broker {
    /// Answers each packet with what `script` makes of it and of how many came
    /// before; nothing at all ends the connection.
    pub(crate) fn start(
        script: impl Fn(usize, &Packet) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                while let Some(packet) = read(&mut stream) {
                    let before = kept.lock().unwrap().len();
                    kept.lock().unwrap().push(packet.clone());
                    let Some(answer) = script(before, &packet) else {
                        break;
                    };
                    if stream.write_all(&answer).is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Packet> {
        self.seen.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Packet> {
    let mut first = [0];
    stream.read_exact(&mut first).ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let kind = first[0] >> 4;
    let at = match kind {
        // After the topic.
        3 => Some(2 + usize::from(u16::from_be_bytes([body[0], body[1]]))),
        6 => Some(0),
        _ => None,
    };
    let number = at.map_or(0, |at| u16::from_be_bytes([body[at], body[at + 1]]));
    Some(Packet { kind, number, body })
}

/// A CONNACK: whether it remembers us, the reason, and properties by their bytes.
pub(crate) fn welcome(session_present: bool, reason: u8, properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    let mut packet = vec![0x20, 3 + length, session_present.into(), reason, length];
    packet.extend_from_slice(properties);
    packet
}

/// A word on the message of this number: 4 PUBACK, 5 PUBREC, 7 PUBCOMP.
pub(crate) fn word(kind: u8, number: u16, reason: u8) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![kind << 4, 3, high, low, reason]
}
