//! A receiver of the Forward protocol that keeps to its letter and misbehaves on demand.
//!
//! Written from the specification, version 1.5: `MessagePack` is read here by its own
//! bytes, and what is not as the specification has it panics in the receiver's thread,
//! which fails the test by leaving alerts unacknowledged.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use ring::digest::{SHA512, digest};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Map, Value};

/// What goes wrong with the next chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not taken, the connection closed.
    Close,
    /// Taken, and the connection closed without a word.
    CloseAfter,
    /// Taken, and half a word said of it.
    HalfAck,
    /// Taken, and another chunk acknowledged.
    WrongAck,
    /// Taken, and something said that is no answer.
    Senseless,
}

/// What a login must prove.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) shared_key: String,
    /// Name and password; empty for none.
    pub(crate) user: Option<(String, String)>,
    /// What it proves itself by, when that is another key.
    pub(crate) own_key: Option<String>,
}

/// A record as it came.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) tag: String,
    pub(crate) time_ns: u64,
    pub(crate) record: Value,
    pub(crate) compressed: bool,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) connections: usize,
    pub(crate) logins: usize,
    chunks: Vec<String>,
}

/// A running receiver.
pub(crate) struct Fluentd {
    pub(crate) port: u16,
    inner: Arc<Mutex<Inner>>,
}

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

impl Fluentd {
    pub(crate) fn start(keys: Option<Keys>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Mutex::new(Inner::default()));
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (keys, inner, tls) = (keys.clone(), Arc::clone(&shared), tls.clone());
                inner.lock().unwrap().connections += 1;
                std::thread::spawn(move || match tls {
                    Some(tls) => {
                        let tls = ServerConnection::new(tls).unwrap();
                        serve(&mut StreamOwned::new(tls, stream), keys.as_ref(), &inner);
                    }
                    None => serve(&mut { stream }, keys.as_ref(), &inner),
                });
            }
        });
        Self { port, inner }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The ids of what it has, in the order it came.
    pub(crate) fn uuids(&self) -> Vec<String> {
        let inner = self.lock();
        let uuid = |taken: &Taken| taken.record["uuid"].as_str().unwrap().to_owned();
        inner.taken.iter().map(uuid).collect()
    }
}

fn serve(stream: &mut dyn Both, keys: Option<&Keys>, inner: &Mutex<Inner>) {
    if let Some(keys) = keys {
        if !let_in(stream, keys) {
            return;
        }
        inner.lock().unwrap().logins += 1;
    }
    while let Some(message) = read(stream) {
        let fault = inner.lock().unwrap().faults.pop_front();
        if fault == Some(Fault::Close) {
            return;
        }
        let name = take(message, &mut inner.lock().unwrap());
        let ack = |name: &str| {
            let mut bytes = b"\x81\xa3ack".to_vec();
            string(&mut bytes, name.as_bytes());
            bytes
        };
        let answer = match fault {
            Some(Fault::CloseAfter | Fault::Close) => return,
            Some(Fault::HalfAck) => ack(&name)[..9].to_vec(),
            Some(Fault::WrongAck) => ack("AAAAAAAAAAAAAAAAAAAAAA=="),
            Some(Fault::Senseless) => b"\xc7\x01\x05x".to_vec(),
            None => ack(&name),
        };
        if stream.write_all(&answer).is_err() || fault == Some(Fault::HalfAck) {
            return;
        }
    }
}

/// Takes a message in, which must be a packed forward with a name nobody had before.
fn take(message: Word, inner: &mut Inner) -> String {
    let Word::List(parts) = message else {
        panic!("{message:?}");
    };
    let [Word::Text(tag), Word::Bytes(entries), Word::Map(option)] = &parts[..] else {
        panic!("{parts:?}");
    };
    let tag = String::from_utf8(tag.clone()).unwrap();
    let option = json(&Word::Map(option.clone()));
    let name = option["chunk"].as_str().unwrap().to_owned();
    assert_eq!(STANDARD.decode(&name).unwrap().len(), 16);
    assert!(!inner.chunks.contains(&name), "{name} came twice");
    inner.chunks.push(name.clone());
    let compressed = option.get("compressed").is_some();
    let entries = if compressed {
        assert_eq!(option["compressed"], "gzip");
        let mut plain = Vec::new();
        GzDecoder::new(&entries[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    } else {
        entries.clone()
    };
    let (mut rest, mut count) = (&entries[..], 0);
    while !rest.is_empty() {
        let Some(Word::List(entry)) = read(&mut rest) else {
            panic!("no entry");
        };
        let [Word::Time(seconds, nanoseconds), record @ Word::Map(_)] = &entry[..] else {
            panic!("{entry:?}");
        };
        assert!(*nanoseconds < 1_000_000_000);
        inner.taken.push(Taken {
            tag: tag.clone(),
            time_ns: u64::from(*seconds) * 1_000_000_000 + u64::from(*nanoseconds),
            record: json(record),
            compressed,
        });
        count += 1;
    }
    assert_eq!(option["size"], count);
    name
}

/// The handshake; whether it let the other in.
fn let_in(stream: &mut dyn Both, keys: &Keys) -> bool {
    let nonce = b"\x00\xff nonce of 16b.";
    let salt: &[u8] = if keys.user.is_some() { b"salt" } else { b"" };
    let mut hello = b"\x92\xa4HELO\x83\xa5nonce".to_vec();
    string(&mut hello, nonce);
    hello.extend(b"\xa4auth");
    string(&mut hello, salt);
    hello.extend(b"\xa9keepalive\xc3");
    stream.write_all(&hello).unwrap();
    let Some(Word::List(ping)) = read(stream) else {
        return false;
    };
    let texts: Vec<&[u8]> = ping.iter().map(Word::text).collect();
    let [b"PING", host, shared_salt, proof, user, password] = texts[..] else {
        panic!("{ping:?}");
    };
    let key = keys.shared_key.as_bytes();
    let mut why = "";
    if hex(&[shared_salt, host, nonce, key]).as_bytes() != proof {
        why = "shared_key mismatch";
    }
    if let Some((name, word)) = &keys.user
        && (user != name.as_bytes()
            || hex(&[salt, name.as_bytes(), word.as_bytes()]).as_bytes() != password)
    {
        why = "username/password mismatch";
    }
    let own = keys.own_key.as_ref().map_or(key, |key| key.as_bytes());
    let mut answer = b"\x95\xa4PONG".to_vec();
    answer.push(if why.is_empty() { 0xc3 } else { 0xc2 });
    string(&mut answer, why.as_bytes());
    string(&mut answer, b"fluentd.example");
    string(
        &mut answer,
        hex(&[shared_salt, b"fluentd.example", nonce, own]).as_bytes(),
    );
    stream.write_all(&answer).unwrap();
    why.is_empty()
}

fn hex(parts: &[&[u8]]) -> String {
    let bytes = digest(&SHA512, &parts.concat());
    bytes
        .as_ref()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend([0xd9, u8::try_from(bytes.len()).unwrap()]);
    out.extend(bytes);
}

/// `MessagePack`, as much of it as a sender needs.
#[derive(Debug, Clone)]
enum Word {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Time(u32, u32),
    List(Vec<Word>),
    Map(Vec<(Word, Word)>),
    Plain(Value),
}

impl Word {
    fn text(&self) -> &[u8] {
        let Self::Text(text) = self else {
            panic!("{self:?} is no string");
        };
        text
    }
}

/// Reads one; nothing where the other end is gone.
fn read(from: &mut (impl Read + ?Sized)) -> Option<Word> {
    fn number<const N: usize>(from: &mut (impl Read + ?Sized)) -> Option<usize> {
        let mut bytes = [0; N];
        from.read_exact(&mut bytes).ok()?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    }
    fn bytes(from: &mut (impl Read + ?Sized), length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
    fn list(from: &mut (impl Read + ?Sized), length: usize) -> Option<Word> {
        let words: Option<Vec<Word>> = (0..length).map(|_| read(from)).collect();
        Some(Word::List(words?))
    }
    fn map(from: &mut (impl Read + ?Sized), length: usize) -> Option<Word> {
        let pairs: Option<Vec<_>> = (0..length)
            .map(|_| Some((read(from)?, read(from)?)))
            .collect();
        Some(Word::Map(pairs?))
    }
    let marker = number::<1>(from)?;
    let word = match marker {
        0x00..=0x7f => Word::Plain(marker.into()),
        0x80..=0x8f => map(from, marker & 0x0f)?,
        0x90..=0x9f => list(from, marker & 0x0f)?,
        0xa0..=0xbf => Word::Text(bytes(from, marker & 0x1f)?),
        0xc0 => Word::Plain(Value::Null),
        0xc2 => Word::Plain(false.into()),
        0xc3 => Word::Plain(true.into()),
        0xc4 => number::<1>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Bytes)?,
        0xc5 => number::<2>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Bytes)?,
        0xc6 => number::<4>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Bytes)?,
        0xcb => Word::Plain(f64::from_be_bytes(bytes(from, 8)?.try_into().unwrap()).into()),
        0xcc => Word::Plain(number::<1>(from)?.into()),
        0xcd => Word::Plain(number::<2>(from)?.into()),
        0xce => Word::Plain(number::<4>(from)?.into()),
        0xcf => Word::Plain(number::<8>(from)?.into()),
        0xd3 => Word::Plain(i64::from_be_bytes(bytes(from, 8)?.try_into().unwrap()).into()),
        // An extension of eight bytes; of type 0, a time.
        0xd7 => {
            assert_eq!(number::<1>(from)?, 0, "an extension that is no time");
            let half = |n: usize| u32::try_from(n).unwrap();
            Word::Time(half(number::<4>(from)?), half(number::<4>(from)?))
        }
        0xd9 => number::<1>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Text)?,
        0xda => number::<2>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Text)?,
        0xdb => number::<4>(from)
            .and_then(|n| bytes(from, n))
            .map(Word::Text)?,
        0xdc => number::<2>(from).and_then(|n| list(from, n))?,
        0xde => number::<2>(from).and_then(|n| map(from, n))?,
        0xe0..=0xff => Word::Plain((i64::try_from(marker).unwrap() - 256).into()),
        other => panic!("0x{other:x} is nothing a record holds"),
    };
    Some(word)
}

fn json(word: &Word) -> Value {
    match word {
        Word::Text(text) => String::from_utf8(text.clone()).unwrap().into(),
        Word::Plain(value) => value.clone(),
        Word::List(words) => words.iter().map(json).collect(),
        Word::Map(pairs) => {
            let mut object = Map::new();
            for (key, value) in pairs {
                let key = String::from_utf8(key.text().to_vec()).unwrap();
                assert!(object.insert(key, json(value)).is_none(), "a key twice");
            }
            object.into()
        }
        other => panic!("{other:?} is not in a record"),
    }
}
