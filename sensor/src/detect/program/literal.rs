//! A literal's bytes in, a constant of the field's type out, or the reason why
//! they are none.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::compile::Complaint;
use crate::detect::syntax::Op;
use crate::fields::port_of_service;
use crate::fields::{Type, Value};

/// The longest text or buffer literal, in bytes.
const MAX_LITERAL_BYTES: usize = 255;

/// A constant a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    /// For text and buffers.
    Bytes(Box<[u8]>),
    /// For integers of every kind, times and ports: wide enough for all.
    Number(i128),
    /// For truth values.
    Bool(bool),
    /// For floating-point fields.
    Double(f64),
    /// For addresses.
    Ip(IpAddr),
    /// For addresses compared with networks.
    Net(IpNet),
}

/// The integer that a value is, if it is one.
pub(super) fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Signed(n) => Some(n.into()),
        Value::Unsigned(n) => Some(n.into()),
        Value::Port(n) => Some(n.into()),
        _ => None,
    }
}

impl Constant {
    /// Whether the value is equal to this, or lies in it.
    pub(super) fn equals(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Bytes(a), Value::Text(b) | Value::Buffer(b)) => **a == *b,
            (Self::Number(a), value) => number(value) == Some(*a),
            (Self::Bool(a), Value::Bool(b)) => *a == b,
            (Self::Double(a), Value::Double(b)) => a.partial_cmp(&b).is_some_and(Ordering::is_eq),
            (Self::Ip(a), Value::Ip(b)) => *a == b,
            (Self::Net(net), Value::Ip(address)) => net.contains(&address),
            _ => false,
        }
    }
}

/// Converts a literal for a field of type `ty`.
pub(crate) fn constant(op: Op, ty: Type, bytes: &[u8]) -> Result<Constant, Complaint> {
    match ty {
        Type::Text => text(bytes),
        Type::Buffer if matches!(op, Op::BContains | Op::BStartsWith) => {
            limited(hex(bytes)?).map(Constant::Bytes)
        }
        Type::Buffer => limited(bytes.into()).map(Constant::Bytes),
        Type::Signed(bits) => integer(bytes, bits, true),
        Type::Unsigned(bits) => integer(bytes, bits, false),
        Type::AbsTime | Type::RelTime => integer(bytes, 64, false),
        Type::Bool => boolean(bytes),
        Type::Double => double(bytes),
        Type::Port => port(bytes),
        Type::Ip => address(shown(bytes)?).map(Constant::Ip),
        Type::IpNet => network(shown(bytes)?).map(Constant::Net),
    }
}

/// The literal as text for messages and for types whose values are ASCII.
fn shown(bytes: &[u8]) -> Result<&str, Complaint> {
    std::str::from_utf8(bytes).map_err(|_| ("this value is not valid UTF-8".into(), None))
}

fn limited(bytes: Box<[u8]>) -> Result<Box<[u8]>, Complaint> {
    if bytes.len() <= MAX_LITERAL_BYTES {
        return Ok(bytes);
    }
    let message = format!(
        "this value has {} bytes, more than the {MAX_LITERAL_BYTES} allowed",
        bytes.len()
    );
    Err((message, Some("compare with a shorter part of it".into())))
}

fn text(bytes: &[u8]) -> Result<Constant, Complaint> {
    if bytes.contains(&0) {
        return Err(("a text cannot hold a NUL byte".into(), None));
    }
    limited(bytes.into()).map(Constant::Bytes)
}

/// Pairs of hexadecimal digits.
fn hex(bytes: &[u8]) -> Result<Box<[u8]>, Complaint> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = bytes.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| {
        let help = "for example `bcontains 7f454c46`".to_owned();
        let message = "an even number of hexadecimal digits is wanted".to_owned();
        (message, Some(help))
    })
}

/// Decimal digits with optional blanks and sign before them. Unsigned fields
/// take a minus sign and wrap, as rule files expect (`-1` for "none").
fn integer(bytes: &[u8], bits: u8, signed: bool) -> Result<Constant, Complaint> {
    let text = shown(bytes)?;
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let value = trimmed.parse::<i128>().map_err(|_| {
        let message = format!("`{text}` is no decimal whole number");
        (
            message,
            Some(
                "numbers are decimal digits with an optional sign: no fraction, exponent or 0x"
                    .into(),
            ),
        )
    })?;
    let span = 1_i128 << bits.min(64);
    let (low, high) = if signed {
        (-span / 2, span / 2)
    } else {
        (-span / 2, span)
    };
    if value < low || value >= high {
        let message = format!("{value} does not fit into the {bits} bits of this field");
        return Err((message, None));
    }
    let wrapped = if !signed && value < 0 {
        value + span
    } else {
        value
    };
    Ok(Constant::Number(wrapped))
}

fn boolean(bytes: &[u8]) -> Result<Constant, Complaint> {
    match bytes {
        b"true" => Ok(Constant::Bool(true)),
        b"false" => Ok(Constant::Bool(false)),
        _ => Err((
            format!(
                "`{}` is neither true nor false",
                String::from_utf8_lossy(bytes)
            ),
            Some("write `true` or `false`".into()),
        )),
    }
}

fn double(bytes: &[u8]) -> Result<Constant, Complaint> {
    let Constant::Number(number) = integer(bytes, 64, true)? else {
        return Err(("this field wants a whole number".into(), None));
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "the field itself has no more precision"
    )]
    Ok(Constant::Double(number as f64))
}

/// A decimal port, taken modulo 65536 as rule files have it, nothing for 0, or
/// a service's name.
fn port(bytes: &[u8]) -> Result<Constant, Complaint> {
    let text = shown(bytes)?;
    if text.is_empty() {
        return Ok(Constant::Number(0));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i128 = text
            .parse()
            .map_err(|_| (format!("`{text}` is too large for a port"), None))?;
        return Ok(Constant::Number(number % 65_536));
    }
    match port_of_service(text) {
        Some(port) => Ok(Constant::Number(port.into())),
        None => Err((
            format!("`{text}` is neither a port nor the name of a service"),
            Some("write the port as a number".into()),
        )),
    }
}

/// With a dot in it IPv4, else IPv6: IPv4 in IPv6 notation is not taken.
fn address(text: &str) -> Result<IpAddr, Complaint> {
    let parsed = if text.contains('.') {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::from)
    } else {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::from)
    };
    parsed.ok_or_else(|| {
        let help = if text.contains('/') {
            "networks are compared with fields such as fd.snet, fd.cnet or fd.net"
        } else {
            "write an address such as 10.0.0.1 or fe80::1"
        };
        (format!("`{text}` is no IP address"), Some(help.into()))
    })
}

/// An address and its mask; host bits do not matter.
fn network(text: &str) -> Result<IpNet, Complaint> {
    let help = || Some("write a network such as 10.0.0.0/8 or fe80::/10".to_owned());
    let Some((base, mask)) = text.split_once('/') else {
        return Err((format!("`{text}` has no network mask"), help()));
    };
    let base = address(base).map_err(|(message, _)| (message, help()))?;
    let lengths = if base.is_ipv4() { 0..=32 } else { 1..=128 };
    let digits = !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit());
    let net = digits
        .then(|| mask.parse::<u8>().ok())
        .flatten()
        .filter(|len| lengths.contains(len))
        .and_then(|len| IpNet::new(base, len).ok());
    net.map(|net| net.trunc()).ok_or_else(|| {
        let (first, last) = (lengths.start(), lengths.end());
        let message = format!("the mask of this network must be {first} to {last}");
        (message, help())
    })
}
