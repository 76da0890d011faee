//! The HTTP endpoint of metrics and health.
//!
//! `GET /metrics`, `/healthz` and `/readyz` come in; what the walk says leaves.
//! The walk is asked between two batches of records and at most once a second,
//! however many ask here. What always holds: only so many connections are open;
//! a request is small and must come soon, an answer must be taken soon, and each
//! connection ends with its answer.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use super::exposition::{self, Family, Syntax};

/// Connections served at a time; others wait to be accepted.
const CONNECTIONS: usize = 16;
/// How long the head of a request may take.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a connection may last in all.
const CONNECTION: Duration = Duration::from_secs(15);
/// The largest head of a request, bytes: the least that hyper allows.
const HEAD: usize = 8192;
/// How long the walk may take to answer.
const WALK: Duration = Duration::from_secs(5);
/// How long an answer of the walk is good for.
const FRESH: Duration = Duration::from_secs(1);
/// How long to wait when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

type Answer = Response<String>;

/// What the walk answers with: its counters, copied, and how to name them.
pub type Telling = Box<dyn FnOnce() -> Vec<Family> + Send>;

/// Asks the walk for its numbers; `None` when there is no walk any more.
pub type Ask = Box<dyn Fn() -> Option<oneshot::Receiver<Telling>> + Send + Sync>;

/// A bound address nobody is answered at yet.
#[derive(Debug)]
pub struct Door(TcpListener);

/// The endpoint at work; ends when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Site {
    ask: Ask,
    /// What the walk said last, and when.
    said: Mutex<Option<(Instant, Arc<Vec<Family>>)>>,
    ending: Arc<AtomicBool>,
}

impl Door {
    /// Binds the address.
    ///
    /// # Errors
    /// When it is taken, not ours or not allowed.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Answers from now on, on a thread of its own.
    ///
    /// # Errors
    /// When thread or runtime cannot be made.
    pub fn serve(self, ask: Ask) -> io::Result<Server> {
        let address = self.0.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let ending = Arc::new(AtomicBool::new(false));
        let site = Arc::new(Site {
            ask,
            said: Mutex::default(),
            ending: Arc::clone(&ending),
        });
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    // Told, or the server was dropped.
                    _ = stopped => {}
                    () = listen(self.0, site) => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        Ok(Server {
            address,
            ending,
            stop: Some(stop),
            thread: Some(thread.spawn(run)?),
        })
    }
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sensor ends: it is still alive, and not ready any more.
    pub fn ending(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread of the metrics endpoint ended by a panic");
        }
    }
}

async fn listen(listener: TcpListener, site: Arc<Site>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the metrics endpoint cannot listen");
            return;
        }
    };
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection to the metrics endpoint failed");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let _seat = seat;
            let answer = service_fn(|request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.answer(&request).await) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST)
                .max_buf_size(HEAD)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever hung up or was too slow needs no answer.
            let _ = timeout(CONNECTION, served).await;
        });
    }
}

impl Site {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refused.headers_mut().insert(ALLOW, allowed);
            return refused;
        }
        let is_ending = self.ending.load(Ordering::Relaxed);
        match request.uri().path() {
            "/metrics" => self.metrics(request).await,
            // Outputs are flushed: the walk does not answer, and should not be killed.
            "/healthz" if is_ending => plain(StatusCode::OK, "ending\n"),
            "/readyz" if is_ending => plain(StatusCode::SERVICE_UNAVAILABLE, "ending\n"),
            "/healthz" | "/readyz" => match self.numbers().await {
                Some(_) => plain(StatusCode::OK, "watching\n"),
                None => plain(StatusCode::SERVICE_UNAVAILABLE, "the walk stands still\n"),
            },
            _ => plain(
                StatusCode::NOT_FOUND,
                "there are /metrics, /healthz and /readyz\n",
            ),
        }
    }

    async fn metrics(&self, request: &Request<Incoming>) -> Answer {
        let Some(families) = self.numbers().await else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "the walk stands still\n");
        };
        let accept = request.headers().get(ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let syntax = Syntax::accepted(accept.unwrap_or_default());
        let mut answer = plain(StatusCode::OK, "");
        let content_type = HeaderValue::from_static(syntax.content_type());
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
        *answer.body_mut() = exposition::text(&families, syntax);
        answer
    }

    /// What the walk says, not older than [`FRESH`]; `None` when it says nothing.
    async fn numbers(&self) -> Option<Arc<Vec<Family>>> {
        // Others who ask meanwhile wait here for the same answer.
        let mut said = self.said.lock().await;
        let fresh = said.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        if let Some((_, families)) = fresh {
            return Some(Arc::clone(families));
        }
        let answer = (self.ask)()?;
        let tell = timeout(WALK, answer).await.ok()?.ok()?;
        let families = Arc::new(tell());
        *said = Some((Instant::now(), Arc::clone(&families)));
        Some(families)
    }
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(text.to_owned());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::super::exposition::{Kind, Number};
    use super::*;

    /// An endpoint whose walk counts how often it was asked, and answers or not.
    fn served(answers: bool) -> Server {
        let asked = std::sync::atomic::AtomicU64::new(0);
        let ask = move || {
            let (answer, answered) = oneshot::channel::<Telling>();
            let times = asked.fetch_add(1, Ordering::Relaxed) + 1;
            let family = Family::new("asked", Kind::Gauge, "Asked.").with(Number::Whole(times));
            // Dropped, it is a walk that is gone.
            let _ = answers.then(|| answer.send(Box::new(|| vec![family])));
            Some(answered)
        };
        let door = Door::open(([127, 0, 0, 1], 0).into()).unwrap();
        door.serve(Box::new(ask)).unwrap()
    }

    /// Status and all of the answer.
    fn get(server: &Server, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        (status, answer)
    }

    fn path(server: &Server, path: &str) -> (u16, String) {
        get(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    #[test]
    fn metrics_come_in_the_form_that_is_asked_for_and_the_connection_ends() {
        let server = served(true);
        let (status, old) = path(&server, "/metrics");
        assert_eq!(status, 200);
        assert!(old.contains("text/plain; version=0.0.4"), "{old}");
        assert!(old.ends_with("\nasked 1\n"), "{old}");
        let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}\r\n\r\n");
        let (_, open) = get(&server, &request);
        assert!(open.ends_with("# EOF\n"), "{open}");
        assert!(open.contains("application/openmetrics-text; version=1.0.0"));
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        let server = served(true);
        assert_eq!(path(&server, "/").0, 404);
        assert_eq!(path(&server, "/metrics/../etc/passwd").0, 404);
        let post = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(get(&server, post).0, 405);
        let long = format!("/{}", "x".repeat(2 * HEAD));
        assert_eq!(path(&server, &long).0, 431);
    }

    #[test]
    fn readiness_ends_with_the_watching_and_health_with_the_walk() {
        let server = served(true);
        assert_eq!(path(&server, "/healthz").0, 200);
        assert_eq!(path(&server, "/readyz").0, 200);
        server.ending();
        assert_eq!(path(&server, "/healthz").0, 200);
        assert_eq!(path(&server, "/readyz").0, 503);
        let stuck = served(false);
        for path_of in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(path(&stuck, path_of).0, 503, "{path_of}");
        }
    }

    #[test]
    fn those_who_say_nothing_are_let_go_and_keep_nobody_out() {
        let server = served(true);
        let silent: Vec<_> = (0..CONNECTIONS + 4)
            .map(|_| TcpStream::connect(server.address()).unwrap())
            .collect();
        // Answered when the first of them are let go.
        assert_eq!(path(&server, "/healthz").0, 200);
        drop(silent);
    }
}
