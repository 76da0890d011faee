//! A mail relay that takes no password and no mail without TLS, and plays a
//! script of refusals.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A mail as it was taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

pub(crate) struct Inner {
    /// The next replies to `MAIL FROM`, such as `451 later`; then all is taken.
    pub(crate) script: VecDeque<&'static str>,
    /// A recipient refused with 550.
    pub(crate) unknown: Option<&'static str>,
    /// `name\0password` that may log in; `None` asks for no login.
    pub(crate) login: Option<String>,
    pub(crate) taken: Vec<Mail>,
    /// What no correct sender does.
    pub(crate) wrong: Vec<String>,
}

/// A running relay.
pub(crate) struct Relay {
    inner: Arc<Mutex<Inner>>,
    pub(crate) port: u16,
    _stop: oneshot::Sender<()>,
}

/// What a session ended with.
enum End {
    Quit,
    StartTls,
}

impl Relay {
    /// Starts a relay that offers STARTTLS with this identity, or none.
    pub(crate) fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            script: VecDeque::new(),
            unknown: None,
            login: None,
            taken: Vec::new(),
            wrong: Vec::new(),
        }));
        let (tell, port) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(tcp.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = accept(tcp, shared, tls.map(TlsAcceptor::from)) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            inner,
            port: port.recv().unwrap(),
            _stop: stop,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

async fn accept(tcp: TcpListener, inner: Arc<Mutex<Inner>>, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = tcp.accept().await.unwrap();
        // A client that hangs up in mid-session is its own business.
        tokio::spawn(serve(stream, Arc::clone(&inner), tls.clone()));
    }
}

async fn serve(
    mut stream: TcpStream,
    inner: Arc<Mutex<Inner>>,
    tls: Option<TlsAcceptor>,
) -> std::io::Result<()> {
    stream.write_all(b"220 relay.test ESMTP\r\n").await?;
    let mut session = Session {
        inner,
        offers_tls: tls.is_some(),
        encrypted: false,
        logged_in: false,
        mail: Mail::default(),
    };
    let mut plain = BufStream::new(stream);
    if let (End::StartTls, Some(tls)) = (session.run(&mut plain).await?, tls) {
        session.encrypted = true;
        let mut encrypted = BufStream::new(tls.accept(plain.into_inner()).await?);
        session.run(&mut encrypted).await?;
    }
    Ok(())
}

struct Session {
    inner: Arc<Mutex<Inner>>,
    offers_tls: bool,
    encrypted: bool,
    logged_in: bool,
    mail: Mail,
}

impl Session {
    async fn run<S>(&mut self, stream: &mut BufStream<S>) -> std::io::Result<End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(End::Quit);
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "QUIT" => return Ok(End::Quit),
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    stream.flush().await?;
                    self.mail.data = read_data(stream).await?;
                    let mail = std::mem::take(&mut self.mail);
                    self.inner.lock().unwrap().taken.push(mail);
                    "250 taken".to_owned()
                }
                _ => self.reply(&verb, line.trim_end()),
            };
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            stream.flush().await?;
            if verb == "STAR" && reply.starts_with("220") {
                return Ok(End::StartTls);
            }
        }
    }

    fn reply(&mut self, verb: &str, line: &str) -> String {
        let mut inner = self.inner.lock().unwrap();
        match verb {
            "EHLO" if !self.encrypted && self.offers_tls => "250-relay.test\r\n250 STARTTLS".into(),
            "EHLO" if inner.login.is_some() => "250-relay.test\r\n250 AUTH PLAIN".into(),
            "EHLO" | "RSET" | "NOOP" => "250 relay.test".into(),
            "STAR" if self.offers_tls && !self.encrypted => "220 go ahead".into(),
            "AUTH" => {
                if self.offers_tls && !self.encrypted {
                    inner.wrong.push("a password before TLS".to_owned());
                }
                let given = line.rsplit(' ').next().unwrap_or_default();
                let given = BASE64_STANDARD.decode(given).unwrap_or_default();
                let wanted = inner
                    .login
                    .as_ref()
                    .map(|login| format!("\0{login}").into_bytes());
                self.logged_in = wanted == Some(given);
                let reply = if self.logged_in {
                    "235 welcome"
                } else {
                    "535 wrong password"
                };
                reply.into()
            }
            "MAIL" if self.offers_tls && !self.encrypted => {
                inner.wrong.push("mail before TLS".to_owned());
                "530 STARTTLS first".into()
            }
            "MAIL" if inner.login.is_some() && !self.logged_in => "530 log in first".into(),
            "MAIL" => {
                self.mail = Mail {
                    from: address(line),
                    ..Mail::default()
                };
                inner.script.pop_front().unwrap_or("250 ok").into()
            }
            "RCPT" if inner.unknown == Some(address(line).as_str()) => "550 no such user".into(),
            "RCPT" => {
                self.mail.to.push(address(line));
                "250 ok".into()
            }
            _ => {
                inner.wrong.push(line.to_owned());
                "502 no".into()
            }
        }
    }
}

fn address(line: &str) -> String {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    rest.split('>').next().unwrap_or_default().to_owned()
}

async fn read_data<S>(stream: &mut BufStream<S>) -> std::io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut data = String::new();
    loop {
        let start = data.len();
        stream.read_line(&mut data).await?;
        if &data[start..] == ".\r\n" || data.len() == start {
            data.truncate(start);
            return Ok(data);
        }
    }
}
