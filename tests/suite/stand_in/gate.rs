//! The door of a stand-in HTTP server: TLS when asked, and the faults that
//! happen below HTTP.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// What goes wrong with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Accepted, then reset.
    Reset,
    /// Reset in the middle of the answer's head.
    HalfAnswer,
}

/// Faults for the next connections, in order; none left means all goes well.
pub(crate) type Faults = Arc<Mutex<VecDeque<Fault>>>;

/// A running server; ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// How many connections it has taken.
    pub(crate) taken: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

/// Breaks a connection in the middle of what is written to it next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

impl Cut {
    pub(crate) fn arm(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_due(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// Serves `router` on a free loopback port, on a thread of its own.
pub(crate) fn serve(
    router: Router,
    faults: Faults,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Server {
    serve_with(router, faults, tls, Cut::default())
}

/// The same, with what breaks its answers.
pub(crate) fn serve_with(
    router: Router,
    faults: Faults,
    tls: Option<Arc<rustls::ServerConfig>>,
    cut: Cut,
) -> Server {
    let (tell, address) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(tcp.local_addr().unwrap()).unwrap();
            let tls = tls.map(TlsAcceptor::from);
            let gate = Gate {
                tcp,
                faults,
                tls,
                count,
                cut,
            };
            let app = router.layer(DefaultBodyLimit::disable());
            tokio::select! {
                _ = axum::serve(gate, app).into_future() => {}
                _ = stopped => {}
            }
        });
    });
    Server {
        address: address.recv().unwrap(),
        taken,
        _stop: stop,
    }
}

struct Gate {
    tcp: TcpListener,
    faults: Faults,
    tls: Option<TlsAcceptor>,
    count: Arc<AtomicUsize>,
    cut: Cut,
}

impl axum::serve::Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, peer) = self.tcp.accept().await.unwrap();
            let fault = self.faults.lock().unwrap().pop_front();
            match (fault, &self.tls) {
                (Some(fault), _) => fail(stream, fault).await,
                (None, None) => return (self.connection(stream), peer),
                (None, Some(tls)) => {
                    // A client that does not trust us ends the handshake.
                    if let Ok(stream) = tls.accept(stream).await {
                        return (self.connection(stream), peer);
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Gate {
    fn connection(&self, stream: impl Stream + 'static) -> Connection {
        self.count.fetch_add(1, Ordering::Relaxed);
        Connection {
            stream: Box::new(stream),
            cut: self.cut.clone(),
            broken: false,
        }
    }
}

async fn fail(mut stream: TcpStream, fault: Fault) {
    let mut request = [0; 1024];
    let _ = stream.read(&mut request).await;
    if fault == Fault::HalfAnswer {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
    }
    // Closing with unread bytes or without lingering resets the connection.
    let linger = Some(std::time::Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(&stream, linger).unwrap();
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection, encrypted or not.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    cut: Cut,
    broken: bool,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.cut.is_due() {
            self.broken = true;
            let half = &bytes[..bytes.len() / 2];
            return Pin::new(&mut self.stream).poll_write(cx, half);
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
