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
    /// The next replies to a whole mail; then all is taken.
    pub(crate) verdicts: VecDeque<&'static str>,
    /// A recipient refused with 550.
    pub(crate) unknown: Option<&'static str>,
    /// A recipient put off with 452.
    pub(crate) full: Option<&'static str>,
    /// `name\0password` that may log in; `None` asks for no login.
    pub(crate) login: Option<String>,
    /// The one way to log in: `PLAIN` or `LOGIN`.
    pub(crate) mechanism: &'static str,
    pub(crate) taken: Vec<Mail>,
    /// Mails that were whole and then not taken.
    pub(crate) left: Vec<Mail>,
    /// What no correct sender does.
    pub(crate) wrong: Vec<String>,
}

/// A running relay.
pub(crate) struct Relay {
    inner: Arc<Mutex<Inner>>,
    pub(crate) port: u16,
    _stop: oneshot::Sender<()>,
}

const GREETING: &[u8] = b"220 relay.test ESMTP\r\n";

/// What a session ended with.
enum End {
    Quit,
    StartTls,
}

impl Relay {
    /// Starts a relay that offers STARTTLS with this identity, or none.
    pub(crate) fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::serve(tls, false)
    }

    /// Starts a relay that speaks TLS from the first byte.
    pub(crate) fn start_wrapped(tls: Arc<rustls::ServerConfig>) -> Self {
        Self::serve(Some(tls), true)
    }

    fn serve(tls: Option<Arc<rustls::ServerConfig>>, wrapped: bool) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            script: VecDeque::new(),
            verdicts: VecDeque::new(),
            unknown: None,
            full: None,
            login: None,
            mechanism: "PLAIN",
            taken: Vec::new(),
            left: Vec::new(),
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
                    () = accept(tcp, shared, tls.map(TlsAcceptor::from), wrapped) => {}
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

async fn accept(
    tcp: TcpListener,
    inner: Arc<Mutex<Inner>>,
    tls: Option<TlsAcceptor>,
    wrapped: bool,
) {
    loop {
        let (stream, _) = tcp.accept().await.unwrap();
        // A client that hangs up in mid-session is its own business.
        tokio::spawn(serve(stream, Arc::clone(&inner), tls.clone(), wrapped));
    }
}

async fn serve(
    mut stream: TcpStream,
    inner: Arc<Mutex<Inner>>,
    tls: Option<TlsAcceptor>,
    wrapped: bool,
) -> std::io::Result<()> {
    let mut session = Session {
        inner,
        offers_tls: tls.is_some(),
        encrypted: false,
        logged_in: false,
        mail: Mail::default(),
    };
    if let (true, Some(tls)) = (wrapped, &tls) {
        session.encrypted = true;
        let mut encrypted = tls.accept(stream).await?;
        encrypted.write_all(GREETING).await?;
        session.run(&mut BufStream::new(encrypted)).await?;
        return Ok(());
    }
    stream.write_all(GREETING).await?;
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
                    self.judge()
                }
                "AUTH" if line.trim_end().ends_with("LOGIN") => {
                    let mut given = Vec::new();
                    for question in ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"] {
                        stream.write_all(question.as_bytes()).await?;
                        stream.flush().await?;
                        let mut answer = String::new();
                        stream.read_line(&mut answer).await?;
                        given.push(BASE64_STANDARD.decode(answer.trim_end()).unwrap());
                    }
                    self.log_in(&given.join(&0))
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

    /// Takes a whole mail, or does not, as the script says.
    fn judge(&mut self) -> String {
        let mail = std::mem::take(&mut self.mail);
        let mut inner = self.inner.lock().unwrap();
        let verdict = inner.verdicts.pop_front();
        let place = match verdict {
            None => &mut inner.taken,
            Some(_) => &mut inner.left,
        };
        place.push(mail);
        verdict.unwrap_or("250 taken").to_owned()
    }

    /// Judges `name\0password`.
    fn log_in(&mut self, given: &[u8]) -> String {
        let mut inner = self.inner.lock().unwrap();
        if self.offers_tls && !self.encrypted {
            inner.wrong.push("a password before TLS".to_owned());
        }
        self.logged_in = inner.login.as_deref().map(str::as_bytes) == Some(given);
        let reply = if self.logged_in {
            "235 welcome"
        } else {
            "535 wrong password"
        };
        reply.to_owned()
    }

    fn reply(&mut self, verb: &str, line: &str) -> String {
        if verb == "AUTH" {
            let given = line.rsplit(' ').next().unwrap_or_default();
            let given = BASE64_STANDARD.decode(given).unwrap_or_default();
            return self.log_in(given.strip_prefix(b"\0").unwrap_or_default());
        }
        let mut inner = self.inner.lock().unwrap();
        match verb {
            "EHLO" if !self.encrypted && self.offers_tls => "250-relay.test\r\n250 STARTTLS".into(),
            "EHLO" if inner.login.is_some() => {
                format!("250-relay.test\r\n250 AUTH {}", inner.mechanism)
            }
            "EHLO" | "RSET" | "NOOP" => "250 relay.test".into(),
            "STAR" if self.offers_tls && !self.encrypted => "220 go ahead".into(),
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
            "RCPT" if inner.full == Some(address(line).as_str()) => "452 mailbox full".into(),
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
