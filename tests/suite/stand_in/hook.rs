//! A webhook receiver: answers by script, keeps what it took.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::gate::{self, Faults, Server};

/// One request as it came.
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) answered: u16,
}

#[derive(Default)]
pub(crate) struct Inner {
    /// The next answers' statuses; 204 when none is left.
    pub(crate) script: VecDeque<u16>,
    pub(crate) requests: Vec<Seen>,
}

/// A running receiver.
pub(crate) struct Hook {
    inner: Arc<Mutex<Inner>>,
    pub(crate) server: Server,
}

impl Hook {
    pub(crate) fn start(script: impl IntoIterator<Item = u16>) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            script: script.into_iter().collect(),
            requests: Vec::new(),
        }));
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let server = gate::serve(router, Faults::default(), None);
        Self { inner, server }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/alerts", self.server.address)
    }
}

async fn handle(
    State(inner): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut inner = inner.lock().unwrap();
    let answered = inner.script.pop_front().unwrap_or(204);
    let is_text = headers["content-type"] == "text/plain; charset=utf-8";
    inner.requests.push(Seen {
        headers,
        body: if is_text {
            String::from_utf8(body.into()).unwrap().into()
        } else {
            serde_json::from_slice(&body).unwrap()
        },
        answered,
    });
    // Only a sender that follows redirects minds the header.
    (
        StatusCode::from_u16(answered).unwrap(),
        [("location", "/elsewhere")],
    )
}
