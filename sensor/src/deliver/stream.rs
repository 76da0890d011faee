//! Bytes to a receiver that reads a stream: TCP, TLS over TCP, a unix socket.
//!
//! A place and the bytes of one batch come in; they leave whole, or the reason
//! they did not is told. Such a receiver says nothing, so "sent" means that our
//! kernel has the bytes. Two things narrow what can be lost with a connection: it
//! is looked at before it is written to, so that a receiver which went away is
//! noticed, and after a break what was written last is written once more.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// What was written last is kept up to this size, to be written again.
const MAX_REPEATED_BYTES: usize = 4 << 20;

/// Where a stream leads.
#[derive(Clone)]
pub(crate) enum Place {
    /// `host:port`, readable by anyone on the path.
    Tcp(String),
    /// `host:port`, and how its certificate is checked.
    Tls(String, Arc<ClientConfig>),
    /// The path of a socket.
    Unix(PathBuf),
}

/// A connection of any kind.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Connects within `timeout`.
pub(crate) async fn connect(place: &Place, timeout: Duration) -> io::Result<Box<dyn Duplex>> {
    let connecting = async {
        let connection: Box<dyn Duplex> = match place {
            Place::Tcp(address) => Box::new(tcp(address).await?),
            Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Place::Tls(address, config) => {
                let name =
                    ServerName::try_from(host_of(address).to_owned()).map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name, tcp(address).await?).await?)
            }
        };
        Ok(connection)
    };
    within(timeout, "connecting", connecting).await
}

async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // A receiver that vanished without a word is found out.
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    rustix::net::sockopt::set_tcp_keepidle(&stream, Duration::from_secs(30))?;
    Ok(stream)
}

/// The host of `host:port` or `[address]:port`.
pub(crate) fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// What `doing` gives, or that it took too long.
pub(crate) async fn within<T>(
    timeout: Duration,
    what: &str,
    doing: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    tokio::time::timeout(timeout, doing)
        .await
        .unwrap_or_else(|_| {
            let why = format!("{what} took longer than {timeout:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        })
}

/// A stream that is connected anew when it broke.
pub(crate) struct Stream {
    place: Place,
    timeout: Duration,
    connection: Option<Box<dyn Duplex>>,
    /// What was written last, of which nobody knows whether it was read.
    last: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(place: Place, timeout: Duration) -> Self {
        Self {
            place,
            timeout,
            connection: None,
            last: Vec::new(),
        }
    }

    /// Writes all of `bytes`, connecting first where needed. After an error none
    /// of them counts as written.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if let Some(connection) = &mut self.connection
            && has_ended(connection.as_mut()).await
        {
            self.connection = None;
        }
        let mut connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let mut connection = connect(&self.place, self.timeout).await?;
            put(connection.as_mut(), &self.last, self.timeout).await?;
            connection
        };
        put(connection.as_mut(), &bytes, self.timeout).await?;
        self.connection = Some(connection);
        self.last = bytes;
        if self.last.len() > MAX_REPEATED_BYTES {
            self.last = Vec::new();
        }
        Ok(())
    }
}

async fn put(connection: &mut dyn Duplex, bytes: &[u8], timeout: Duration) -> io::Result<()> {
    let putting = async {
        connection.write_all(bytes).await?;
        connection.flush().await
    };
    within(timeout, "writing", putting).await
}

/// Whether the receiver has closed its side. What it says is read and forgotten,
/// of this much at a time, so that it is never stuck for being unheard.
pub(crate) async fn has_ended(connection: &mut dyn Duplex) -> bool {
    let mut words = [0; 1024];
    loop {
        let reading = connection.read(&mut words);
        match tokio::time::timeout(Duration::ZERO, reading).await {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
        }
    }
}
