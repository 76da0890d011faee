//! An intake of some vendor's interface: the test says how it judges a request,
//! it keeps what came.

use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use super::gate::{self, Faults, Server};

/// One request as it came, its body unpacked.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// The body as text; of one that is none, with its stray bytes replaced.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// What a request is answered: a status and a body.
pub(crate) type Judge = Box<dyn FnMut(&Request) -> (u16, String) + Send>;

struct Inner {
    judge: Judge,
    requests: Vec<Request>,
}

/// A running intake.
pub(crate) struct Intake {
    inner: Arc<Mutex<Inner>>,
    server: Server,
}

/// What it was sent; locked while it is looked at.
pub(crate) struct Seen<'a>(MutexGuard<'a, Inner>);

impl std::ops::Deref for Seen<'_> {
    type Target = [Request];

    fn deref(&self) -> &[Request] {
        &self.0.requests
    }
}

impl Intake {
    pub(crate) fn start(judge: impl FnMut(&Request) -> (u16, String) + Send + 'static) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            judge: Box::new(judge),
            requests: Vec::new(),
        }));
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let server = gate::serve(router, Faults::default(), None);
        Self { inner, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// How many connections it has taken.
    pub(crate) fn connections(&self) -> usize {
        self.server.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen(self.inner.lock().unwrap())
    }
}

async fn handle(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> (StatusCode, String) {
    let mut plain = Vec::new();
    let read = match headers.get("content-encoding") {
        Some(gzip) if gzip == "gzip" => {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain)
        }
        Some(_) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, String::new()),
        None => (&bytes[..]).read_to_end(&mut plain),
    };
    if let Err(why) = read {
        return (StatusCode::BAD_REQUEST, why.to_string());
    }
    let request = Request {
        method,
        uri,
        headers,
        body: String::from_utf8_lossy(&plain).into_owned(),
        bytes: plain,
    };
    let mut inner = inner.lock().unwrap();
    let (status, answer) = (inner.judge)(&request);
    inner.requests.push(request);
    (StatusCode::from_u16(status).unwrap(), answer)
}
