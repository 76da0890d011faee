//! A Splunk HTTP Event Collector that forgives nothing.
//!
//! It checks method, path, authorisation, channel, encoding and every envelope,
//! keeps a ledger of the alerts it took, and plays a script of faults. What only
//! a wrong sender would do is noted in `wrong`, which a test expects empty.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use regex::bytes::Regex;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::gate::{self, Faults, Server};

/// What goes wrong with the next request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// HEC's answer with this status and code; nothing taken.
    Code(u16, u64),
    /// Busy, with a `Retry-After` of so many seconds.
    RetryAfter(u64),
    /// A proxy's page.
    Html(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// Never answered; nothing taken.
    Hang,
    /// Everything taken, then never answered.
    TakeThenHang,
}

/// What one request was like.
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) channel: String,
    pub(crate) gzip: bool,
}

pub(crate) struct Inner {
    pub(crate) token: String,
    /// Larger requests are answered 413, by wire size and by decoded size.
    pub(crate) max_bytes: usize,
    /// `None` allows any index.
    pub(crate) indexes: Option<Vec<String>>,
    pub(crate) script: VecDeque<Fault>,
    /// The envelopes taken, in order.
    pub(crate) taken: Vec<Value>,
    pub(crate) requests: Vec<Seen>,
    /// What no correct sender does.
    pub(crate) wrong: Vec<String>,
}

/// A running collector.
pub(crate) struct Hec {
    inner: Arc<Mutex<Inner>>,
    pub(crate) faults: Faults,
    pub(crate) server: Server,
}

/// The token a collector knows at first.
pub(crate) const TOKEN: &str = "00112233-4455-6677-8899-aabbccddeeff";

impl Hec {
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    pub(crate) fn start_with(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            token: TOKEN.to_owned(),
            max_bytes: 1 << 20,
            indexes: None,
            script: VecDeque::new(),
            taken: Vec::new(),
            requests: Vec::new(),
            wrong: Vec::new(),
        }));
        let faults = Faults::default();
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let server = gate::serve(router, Arc::clone(&faults), tls);
        Self {
            inner,
            faults,
            server,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().script.extend(faults);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// How often each alert was taken, by uuid.
    pub(crate) fn ledger(&self) -> BTreeMap<String, usize> {
        let mut ledger = BTreeMap::new();
        for envelope in &self.lock().taken {
            let uuid = id_of(envelope).unwrap_or("none");
            *ledger.entry(uuid.to_owned()).or_default() += 1;
        }
        ledger
    }
}

/// A refusal: status, code and, when known, the bad event's number.
struct Refusal(u16, u64, Option<usize>);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, number) = self;
        let mut body = json!({"text": "stand-in", "code": code});
        if let Some(number) = number {
            body["invalid-event-number"] = json!(number);
        }
        (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
    }
}

async fn handle(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = {
        let mut inner = inner.lock().unwrap();
        inner.note(&method, &uri, &headers);
        inner.script.pop_front()
    };
    let take = || inner.lock().unwrap().take(&headers, &body);
    match fault {
        None => match take() {
            Ok(()) => json!({"text": "Success", "code": 0})
                .to_string()
                .into_response(),
            Err(refusal) => refusal.into_response(),
        },
        Some(Fault::Code(status, code)) => Refusal(status, code, None).into_response(),
        Some(Fault::RetryAfter(seconds)) => {
            let headers = [("retry-after", seconds.to_string())];
            (headers, Refusal(503, 9, None)).into_response()
        }
        Some(Fault::Html(status)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, "<html><h1>Bad Gateway</h1></html>").into_response()
        }
        Some(Fault::Redirect(to)) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::TakeThenHang) => {
            assert!(take().is_ok());
            std::future::pending().await
        }
    }
}

impl Inner {
    /// Notes the request and what is wrong with it at first sight.
    fn note(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap) {
        if method != Method::POST || *uri != "/services/collector/event" {
            self.wrong.push(format!("{method} {uri}"));
        }
        let channels: Vec<_> = headers.get_all("x-splunk-request-channel").iter().collect();
        let channel = match channels[..] {
            [channel] => channel.to_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let canonical = uuid::Uuid::parse_str(&channel).is_ok_and(|id| id.to_string() == channel);
        if !canonical {
            self.wrong.push(format!("channel {channels:?}"));
        }
        if headers
            .get("content-type")
            .is_none_or(|kind| kind != "application/json")
        {
            self.wrong.push("content type".to_owned());
        }
        self.requests.push(Seen {
            at: Instant::now(),
            channel,
            gzip: headers.contains_key("content-encoding"),
        });
    }

    /// Authorises, decodes and takes a batch, up to its first bad event.
    fn take(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
        self.authorise(headers)?;
        if body.len() > self.max_bytes {
            return Err(Refusal(413, 413, None));
        }
        let plain = match headers.get("content-encoding") {
            None => body.to_vec(),
            Some(encoding) if encoding == "gzip" => self.gunzip(body)?,
            Some(_) => return Err(Refusal(415, 415, None)),
        };
        if plain.len() > self.max_bytes {
            return Err(Refusal(413, 413, None));
        }
        if plain.is_empty() {
            self.wrong.push("empty body".to_owned());
            return Err(Refusal(400, 5, None));
        }
        self.take_events(&plain)
    }

    fn authorise(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given: Vec<_> = headers.get_all("authorization").iter().collect();
        let [given] = given[..] else {
            return Err(Refusal(401, 2, None));
        };
        match given.to_str().unwrap().strip_prefix("Splunk ") {
            None => Err(Refusal(401, 3, None)),
            Some(token) if token == self.token => Ok(()),
            Some(_) => Err(Refusal(403, 4, None)),
        }
    }

    fn gunzip(&mut self, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut decoder = flate2::bufread::GzDecoder::new(body);
        let mut plain = Vec::new();
        let sound = decoder.read_to_end(&mut plain).is_ok();
        if !sound || !decoder.into_inner().is_empty() {
            self.wrong.push("gzip stream".to_owned());
            return Err(Refusal(400, 6, None));
        }
        Ok(plain)
    }

    fn take_events(&mut self, plain: &[u8]) -> Result<(), Refusal> {
        let mut stream = serde_json::Deserializer::from_slice(plain).into_iter::<Strict>();
        let mut number = 0;
        loop {
            let start = stream.byte_offset();
            let envelope = match stream.next() {
                None => return Ok(()),
                Some(Ok(Strict(envelope))) => envelope,
                Some(Err(error)) => {
                    self.wrong.push(error.to_string());
                    return Err(Refusal(400, 6, Some(number)));
                }
            };
            let raw = &plain[start..stream.byte_offset()];
            if let Err(mistake) = check_envelope(&envelope, raw) {
                self.wrong.push(mistake);
            }
            if let Some(indexes) = &self.indexes
                && !indexes.iter().any(|index| envelope["index"] == **index)
            {
                return Err(Refusal(400, 7, Some(number)));
            }
            match envelope["event"]["rule"].as_str() {
                Some("poison") => return Err(Refusal(400, 6, Some(number))),
                Some("murky poison") => return Err(Refusal(400, 6, None)),
                Some("unindexable") if envelope.get("fields").is_some() => {
                    return Err(Refusal(400, 15, Some(number)));
                }
                Some("hopeless") => return Err(Refusal(400, 15, Some(number))),
                _ => self.taken.push(envelope),
            }
            number += 1;
        }
    }
}

/// What is wrong with an envelope, by Splunk's description of it.
fn check_envelope(envelope: &Value, raw: &[u8]) -> Result<(), String> {
    let object = envelope.as_object().ok_or("an event that is no object")?;
    let known = [
        "time",
        "host",
        "source",
        "sourcetype",
        "index",
        "event",
        "fields",
    ];
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("unknown key {key}"));
    }
    for key in ["host", "source", "sourcetype"] {
        if envelope[key].as_str().is_none_or(str::is_empty) {
            return Err(format!("{key} is {}", envelope[key]));
        }
    }
    if !envelope["event"].is_object() || id_of(envelope).is_none() {
        return Err("event is no alert".to_owned());
    }
    let flat = |value: &Value| match value {
        Value::Array(items) => items
            .iter()
            .all(|item| item.is_string() || item.is_number()),
        other => other.is_string() || other.is_number() || other.is_boolean(),
    };
    // A sender may leave them out; a wrong form is what no sender may send.
    if let Some(fields) = envelope.get("fields") {
        let fields = fields.as_object().ok_or("fields are no object")?;
        if !fields.values().all(flat) {
            return Err("fields are not flat".to_owned());
        }
    }
    let time = envelope["time"].as_f64().ok_or("time is no number")?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let precise = Regex::new(r#""time":\d{10}\.\d{3,9}[,}]"#).unwrap();
    if (time - now).abs() > 86_400.0 || !precise.is_match(raw) {
        return Err(format!("time is {time}"));
    }
    Ok(())
}

/// JSON in which a key given twice is an error.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(found.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut found = serde_json::Map::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if found.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("key {key} twice")));
            }
        }
        Ok(found.into())
    }
}

/// The alert's id, which the Information Model names `id`.
fn id_of(envelope: &Value) -> Option<&str> {
    let event = &envelope["event"];
    event["uuid"].as_str().or(event["id"].as_str())
}
