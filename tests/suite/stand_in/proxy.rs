//! A proxy that makes tunnels and nothing else, and leads every name to one place.
//!
//! It notes each request's first line and whatever it could read of what passed,
//! so that a test can say that it read nothing.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Inner {
    /// The value of `Proxy-Authorization` it wants, if any.
    pub(crate) login: Option<String>,
    /// The hosts it makes no tunnel to.
    pub(crate) refused: Vec<String>,
    /// The first lines of requests.
    pub(crate) asked: Vec<String>,
    /// What clients sent through tunnels.
    pub(crate) passed: Vec<u8>,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Proxy {
    /// One that leads to `target`, whatever it is asked for.
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Mutex::new(Inner::default()));
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that leaves ends its thread, whatever it was at.
                std::thread::spawn(move || drop(serve(client, target, &shared)));
            }
        });
        Self { address, inner }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

fn serve(mut client: TcpStream, target: SocketAddr, inner: &Mutex<Inner>) -> io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let status = judge(&head, &mut inner.lock().unwrap());
    write!(client, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
    if !status.starts_with("200") {
        return Ok(());
    }
    let mut server = TcpStream::connect(target)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || io::copy(&mut answers, &mut back));
    let mut bytes = [0; 4096];
    loop {
        let n = lines.read(&mut bytes)?;
        if n == 0 {
            return server.shutdown(std::net::Shutdown::Both);
        }
        inner.lock().unwrap().passed.extend(&bytes[..n]);
        server.write_all(&bytes[..n])?;
    }
}

/// The status of the answer to a request with these lines.
fn judge(head: &[String], inner: &mut Inner) -> &'static str {
    inner.asked.push(head[0].clone());
    let mut words = head[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let given = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.to_owned())
    });
    if inner.login.is_some() && given != inner.login {
        return "407 Proxy Authentication Required";
    }
    if method != "CONNECT" {
        return "405 Method Not Allowed";
    }
    let host = target.rsplit_once(':').unwrap().0;
    if inner.refused.iter().any(|refused| refused == host) {
        return "403 Forbidden";
    }
    "200 Connection established"
}
