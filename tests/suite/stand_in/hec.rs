//! A Splunk HTTP Event Collector that forgives nothing.
//!
//! It checks method, path, authorisation, channel, encoding and every event, keeps
//! a ledger of the alerts it took, acknowledges as an indexer does, and plays a
//! script of faults. What only a wrong sender would do is noted in `wrong`, which
//! a test expects empty.

#[path = "hec/acks.rs"]
mod acks;
#[path = "hec/envelope.rs"]
mod envelope;

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::gate::{self, Faults, Server};
pub(crate) use acks::Acks;
use envelope::{Strict, check_envelope, check_line, id_of, metadata_of};

/// What goes wrong with the next request that carries events.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// HEC's answer with this status and code; nothing taken.
    Code(u16, u64),
    /// The same, after the first events were taken, this many.
    CodeAt(u16, u64, usize),
    /// Everything taken, and answered with this code of success.
    Taken(u64),
    /// Busy, with a `Retry-After` of so many seconds.
    RetryAfter(u64),
    /// The same, said as a date.
    RetryAt(u64),
    /// A proxy's page.
    Html(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// Never answered; nothing taken.
    Hang,
    /// Everything taken, then never answered.
    TakeThenHang,
    /// Everything taken, and the answer breaks off in its middle.
    TakeThenBreak,
    /// Answered as if taken, and lost before it is stored.
    Lose,
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
    /// Those that carried events.
    pub(crate) requests: Vec<Seen>,
    /// What no correct sender does.
    pub(crate) wrong: Vec<String>,
    /// Indexer acknowledgement, where the token has it.
    pub(crate) acks: Option<Acks>,
    /// Health checks so far, each with whether it asked for acknowledgement too.
    pub(crate) checks: Vec<bool>,
    /// What they are answered; at first that all is well.
    pub(crate) health: (u16, u64),
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
            acks: None,
            checks: Vec::new(),
            health: (200, 17),
        }));
        let cut = gate::Cut::default();
        let router = Router::new()
            .fallback(handle)
            .with_state((Arc::clone(&inner), cut.clone()));
        let faults = Faults::default();
        let server = gate::serve_with(router, Arc::clone(&faults), tls, cut);
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

    /// The indexer ends and starts anew: what it had not stored is gone, and its
    /// numbers begin again.
    pub(crate) fn restart(&self) {
        let mut inner = self.lock();
        let lost = inner.acks.as_mut().map(Acks::restart).unwrap_or_default();
        inner
            .taken
            .retain(|envelope| !lost.iter().any(|id| id_of(envelope) == Some(id)));
    }
}

/// A refusal: status, code and, when known, the bad event's number and the number
/// by which those before it are acknowledged.
struct Refusal(u16, u64, Option<usize>, Option<u64>);

impl Refusal {
    fn plain(status: u16, code: u64) -> Self {
        Self(status, code, None, None)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, number, ack_id) = self;
        let mut body = json!({"text": "stand-in", "code": code});
        if let Some(number) = number {
            body["invalid-event-number"] = json!(number);
        }
        if let Some(ack_id) = ack_id {
            body["ackId"] = json!(ack_id);
        }
        (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
    }
}

type Shared = (Arc<Mutex<Inner>>, gate::Cut);

async fn handle(
    State((inner, cut)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (is_post, is_get) = (method == Method::POST, method == Method::GET);
    match uri.path() {
        "/services/collector/event" | "/services/collector/raw" if is_post => {
            take(&inner, &cut, &uri, &headers, &body).await
        }
        "/services/collector/ack" if is_post && uri.query().is_none() => {
            inner.lock().unwrap().tell_acks(&headers, &body)
        }
        "/services/collector/health" if is_get && body.is_empty() => {
            inner.lock().unwrap().tell_health(&uri)
        }
        _ => {
            let mut inner = inner.lock().unwrap();
            inner.wrong.push(format!("{method} {uri}"));
            Refusal::plain(404, 404).into_response()
        }
    }
}

/// Takes events, or does what the script says.
async fn take(
    inner: &Mutex<Inner>,
    cut: &gate::Cut,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let fault = {
        let mut inner = inner.lock().unwrap();
        inner.note(uri, headers);
        inner.script.pop_front()
    };
    let take = |code, most| inner.lock().unwrap().take(uri, headers, body, code, most);
    let all = |code| match take(code, usize::MAX) {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    match fault {
        None => all(0),
        Some(Fault::Taken(code)) => all(code),
        Some(Fault::Code(status, code)) => Refusal::plain(status, code).into_response(),
        Some(Fault::CodeAt(status, code, most)) => {
            assert!(take(0, most).is_ok());
            Refusal(status, code, Some(most), None).into_response()
        }
        Some(Fault::RetryAfter(seconds)) => {
            let headers = [("retry-after", seconds.to_string())];
            (headers, Refusal::plain(503, 9)).into_response()
        }
        Some(Fault::RetryAt(seconds)) => {
            let then = SystemTime::now() + Duration::from_secs(seconds);
            let headers = [("retry-after", httpdate::fmt_http_date(then))];
            (headers, Refusal::plain(429, 26)).into_response()
        }
        Some(Fault::Html(status)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, "<html><h1>Bad Gateway</h1></html>").into_response()
        }
        Some(Fault::Redirect(to)) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::TakeThenHang) => {
            assert!(take(0, usize::MAX).is_ok());
            std::future::pending().await
        }
        Some(Fault::TakeThenBreak) => {
            let response = all(0);
            cut.arm();
            response
        }
        Some(Fault::Lose) => inner.lock().unwrap().lose(headers),
    }
}

impl Inner {
    /// Notes the request and what is wrong with it at first sight.
    fn note(&mut self, uri: &Uri, headers: &HeaderMap) {
        let channel = self.channel(headers);
        if uri.path().ends_with("event") && uri.query().is_some() {
            self.wrong.push(format!("a query {uri}"));
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

    /// The request's channel: one header with a GUID as these are written.
    fn channel(&mut self, headers: &HeaderMap) -> String {
        let channels: Vec<_> = headers.get_all("x-splunk-request-channel").iter().collect();
        let channel = match channels[..] {
            [channel] => channel.to_str().unwrap().to_owned(),
            _ => String::new(),
        };
        let canonical = uuid::Uuid::parse_str(&channel).is_ok_and(|id| id.to_string() == channel);
        if !canonical {
            self.wrong.push(format!("channel {channels:?}"));
        }
        channel
    }

    /// Authorises, decodes and takes a batch, up to its first bad event, `most` at most.
    fn take(
        &mut self,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        code: u64,
        most: usize,
    ) -> Result<Response, Refusal> {
        self.authorise(headers)?;
        let channel = self.channel(headers);
        if self
            .acks
            .as_ref()
            .is_some_and(|acks| acks.is_full(&channel))
        {
            return Err(Refusal::plain(429, 27));
        }
        let plain = self.decode(headers, body)?;
        let (events, refusal) = if uri.path().ends_with("raw") {
            self.lines(uri, &plain)?
        } else {
            self.events(&plain)
        };
        let events: Vec<_> = events.into_iter().take(most).collect();
        let ids = events
            .iter()
            .filter_map(|event| id_of(event).map(str::to_owned));
        let ids: Vec<_> = ids.collect();
        self.taken.extend(events);
        let expect = |acks: &mut Acks| acks.expect(&channel, ids.clone());
        match refusal {
            Some(Refusal(status, code, number, _)) => {
                let acks = self
                    .acks
                    .as_mut()
                    .filter(|acks| acks.partly && !ids.is_empty());
                Err(Refusal(status, code, number, acks.map(expect)))
            }
            None => Ok(success(code, self.acks.as_mut().map(expect))),
        }
    }

    /// Answers as if it had taken the batch, which never is stored.
    fn lose(&mut self, headers: &HeaderMap) -> Response {
        let channel = self.channel(headers);
        let ack_id = self.acks.as_mut().map(|acks| acks.lose(&channel));
        success(0, ack_id)
    }

    fn decode(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        if body.len() > self.max_bytes {
            return Err(Refusal::plain(413, 413));
        }
        let plain = match headers.get("content-encoding") {
            None => body.to_vec(),
            Some(encoding) if encoding == "gzip" => self.gunzip(body)?,
            Some(_) => return Err(Refusal::plain(415, 415)),
        };
        if plain.len() > self.max_bytes {
            return Err(Refusal::plain(413, 413));
        }
        if plain.is_empty() {
            self.wrong.push("empty body".to_owned());
            return Err(Refusal::plain(400, 5));
        }
        Ok(plain)
    }

    fn authorise(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given: Vec<_> = headers.get_all("authorization").iter().collect();
        let [given] = given[..] else {
            return Err(Refusal::plain(401, 2));
        };
        match given.to_str().unwrap().strip_prefix("Splunk ") {
            None => Err(Refusal::plain(401, 3)),
            Some(token) if token == self.token => Ok(()),
            Some(_) => Err(Refusal::plain(403, 4)),
        }
    }

    fn gunzip(&mut self, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut decoder = flate2::bufread::GzDecoder::new(body);
        let mut plain = Vec::new();
        let sound = decoder.read_to_end(&mut plain).is_ok();
        if !sound || !decoder.into_inner().is_empty() {
            self.wrong.push("gzip stream".to_owned());
            return Err(Refusal::plain(400, 6));
        }
        Ok(plain)
    }

    /// The events before the first bad one, and what is said of that.
    fn events(&mut self, plain: &[u8]) -> (Vec<Value>, Option<Refusal>) {
        let mut stream = serde_json::Deserializer::from_slice(plain).into_iter::<Strict>();
        let mut good = Vec::new();
        loop {
            let start = stream.byte_offset();
            let envelope = match stream.next() {
                None => return (good, None),
                Some(Ok(Strict(envelope))) => envelope,
                Some(Err(error)) => {
                    self.wrong.push(error.to_string());
                    let number = Some(good.len());
                    return (good, Some(Refusal(400, 6, number, None)));
                }
            };
            let raw = &plain[start..stream.byte_offset()];
            if let Err(mistake) = check_envelope(&envelope, raw) {
                self.wrong.push(mistake);
            }
            if let Some(code) = self.dislikes(&envelope) {
                let named = envelope["event"]["rule"] != "murky poison";
                let number = named.then_some(good.len());
                return (good, Some(Refusal(400, code, number, None)));
            }
            good.push(envelope);
        }
    }

    /// The code for an event that is refused, as some of the tests' rules ask for.
    fn dislikes(&self, envelope: &Value) -> Option<u64> {
        let index = &envelope["index"];
        let allowed = |indexes: &Vec<String>| indexes.iter().any(|known| index == known);
        // Without one it goes to the token's own.
        if !index.is_null() && !self.indexes.as_ref().is_none_or(allowed) {
            return Some(7);
        }
        match envelope["event"]["rule"].as_str() {
            Some("poison" | "murky poison") => Some(6),
            Some("eventless") => Some(12),
            Some("blank") => Some(13),
            Some("unindexable") if envelope.get("fields").is_some() => Some(15),
            Some("hopeless") => Some(15),
            _ => None,
        }
    }

    /// The lines of a raw request as envelopes; a bad index refuses all of them.
    fn lines(&mut self, uri: &Uri, plain: &[u8]) -> Result<(Vec<Value>, Option<Refusal>), Refusal> {
        let metadata = metadata_of(uri.query().unwrap_or_default());
        let metadata = metadata.unwrap_or_else(|mistake| {
            self.wrong.push(mistake);
            json!({})
        });
        if self.dislikes(&metadata).is_some() {
            return Err(Refusal::plain(400, 7));
        }
        let mut events = Vec::new();
        for line in plain.split_inclusive(|byte| *byte == b'\n') {
            match check_line(line) {
                Ok(event) => {
                    let mut envelope = metadata.clone();
                    envelope["event"] = event;
                    events.push(envelope);
                }
                Err(mistake) => self.wrong.push(mistake),
            }
        }
        Ok((events, None))
    }

    fn tell_acks(&mut self, headers: &HeaderMap, body: &[u8]) -> Response {
        if let Err(refusal) = self.authorise(headers) {
            return refusal.into_response();
        }
        let channel = self.channel(headers);
        let Some(acks) = &mut self.acks else {
            return Refusal::plain(400, 14).into_response();
        };
        match acks.tell(&channel, body) {
            Ok(told) => told.to_string().into_response(),
            Err(mistake) => {
                self.wrong.push(mistake);
                Refusal::plain(400, 6).into_response()
            }
        }
    }

    fn tell_health(&mut self, uri: &Uri) -> Response {
        match uri.query() {
            None => self.checks.push(false),
            Some("ack=true") => self.checks.push(true),
            Some(_) => self.wrong.push(format!("{uri}")),
        }
        let (status, code) = self.health;
        Refusal::plain(status, code).into_response()
    }
}

fn success(code: u64, ack_id: Option<u64>) -> Response {
    let mut body = json!({"text": "Success", "code": code});
    if let Some(ack_id) = ack_id {
        body["ackId"] = json!(ack_id);
    }
    body.to_string().into_response()
}
