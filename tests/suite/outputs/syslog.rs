//! Syslog, to rsyslog itself where it is installed, and to sockets that look at
//! each byte.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sensor::alert::Priority;
use sensor::deliver::Delivery;
use serde_json::Value;

use super::{FAST, account, alert_of, eventually, finish, free_port, send, start};
use crate::stand_in::identity::Authority;

/// A running rsyslogd with one input of each kind; ended by its own pid.
struct Rsyslog {
    child: Child,
    home: tempfile::TempDir,
    udp: u16,
    tcp: u16,
    tls: Option<u16>,
    authority: Authority,
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Rsyslog {
    /// Starts one, or says why there is none.
    fn start() -> Option<Self> {
        let daemon = Path::new("/usr/sbin/rsyslogd");
        if !daemon.exists() {
            super::missing("rsyslog");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::new(home.path());
        let tls = Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so").exists();
        let tls = tls.then(free_port);
        let (udp, tcp) = (free_port(), free_port());
        let config = home.path().join("rsyslog.conf");
        std::fs::write(
            &config,
            configuration(home.path(), udp, tcp, tls, &authority),
        )
        .unwrap();
        let child = Command::new(daemon)
            .args(["-n", "-f"])
            .arg(&config)
            .arg("-i")
            .arg(home.path().join("pid"))
            .spawn()
            .unwrap();
        let rsyslog = Self {
            child,
            home,
            udp,
            tcp,
            tls,
            authority,
        };
        eventually("rsyslog listens", || {
            let ports = [Some(tcp), tls];
            let open = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
            rsyslog.socket().exists() && ports.into_iter().flatten().all(open)
        });
        Some(rsyslog)
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// What it took, parsed by its own parser.
    fn taken(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join("out")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

fn configuration(
    home: &Path,
    udp: u16,
    tcp: u16,
    tls: Option<u16>,
    authority: &Authority,
) -> String {
    let home = home.display();
    let mut text = format!(
        "global(workDirectory=\"{home}\" maxMessageSize=\"512k\")\n\
         module(load=\"imudp\")\nmodule(load=\"imptcp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         template(name=\"seen\" type=\"list\" option.jsonf=\"on\") {{\n"
    );
    for property in [
        "pri",
        "hostname",
        "app-name",
        "procid",
        "msgid",
        "structured-data",
        "msg",
    ] {
        text.extend([format!(
            "property(name=\"{property}\" outname=\"{property}\" format=\"jsonf\")\n"
        )]);
    }
    text.extend([format!(
        "property(name=\"timereported\" outname=\"time\" dateFormat=\"rfc3339\" format=\"jsonf\")\n}}\n\
         input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\")\n\
         input(type=\"imptcp\" address=\"127.0.0.1\" port=\"{tcp}\")\n\
         input(type=\"imuxsock\" Socket=\"{home}/log\" CreatePath=\"off\" \
               RateLimit.Interval=\"0\")\n\
         input(type=\"imuxsock\" Socket=\"{home}/log.5424\" CreatePath=\"off\" \
               UseSpecialParser=\"off\" RateLimit.Interval=\"0\")\n"
    )]);
    if let Some(port) = tls {
        let (certificate, key) = authority.issue("127.0.0.1");
        let write = |name: &str, text: &str| {
            std::fs::write(Path::new(&home.to_string()).join(name), text).unwrap();
        };
        write("server.pem", &certificate);
        write("server.key", &key);
        text.extend([format!(
            "module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" \
             StreamDriver.AuthMode=\"anon\")\n\
             global(DefaultNetstreamDriver=\"ossl\" DefaultNetstreamDriverCAFile=\"{home}/ca.pem\" \
             DefaultNetstreamDriverCertFile=\"{home}/server.pem\" \
             DefaultNetstreamDriverKeyFile=\"{home}/server.key\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
        )]);
    }
    text.extend([format!(
        "*.* action(type=\"omfile\" file=\"{home}/out\" template=\"seen\")\n"
    )]);
    text
}

/// Sends an alert of a hostile rule name and three more; rsyslog must take
/// each as it was meant.
fn all_arrive(rsyslog: &Rsyslog, yaml: &str) {
    let delivery: Delivery = start(&format!("type: syslog, {yaml}, {FAST}"));
    let before = rsyslog.taken().len();
    let hostile = alert_of(r#"Rule "with" [all] \of it"#, Priority::Critical);
    delivery.send(&hostile);
    let mut sent = vec![hostile.id.to_string()];
    sent.extend(send(&delivery, 3));
    assert_eq!(finish(delivery).delivered, 4);
    eventually("rsyslog has written all", || {
        rsyslog.taken().len() >= before + 4
    });
    let taken = rsyslog.taken().split_off(before);
    let mut uuids = Vec::new();
    for seen in &taken {
        assert_eq!(seen["hostname"], "node1", "{seen}");
        assert_eq!(seen["app-name"], "sensor");
        assert_eq!(seen["procid"], std::process::id().to_string());
        assert_eq!(seen["msgid"], "alert");
        // Facility authpriv (10), severity as the priority.
        let body: Value = serde_json::from_str(seen["msg"].as_str().unwrap().trim()).unwrap();
        let severity = if body["priority"] == "Critical" { 2 } else { 4 };
        assert_eq!(seen["pri"], (10 * 8 + severity).to_string());
        let data = seen["structured-data"].as_str().unwrap();
        let uuid = body["uuid"].as_str().unwrap();
        assert!(data.contains(&format!("id=\"{uuid}\"")), "{data}");
        uuids.push(uuid.to_owned());
    }
    assert_eq!(uuids, sent);
    let data = taken[0]["structured-data"].as_str().unwrap();
    assert!(
        data.contains(r#"rule="Rule \"with\" [all\] \\of it""#),
        "{data}"
    );
}

/// What is sent to `/dev/log` must be read as that of any program.
fn as_programs_write(rsyslog: &Rsyslog) {
    let before = rsyslog.taken().len();
    let socket = rsyslog.socket();
    let delivery = start(&format!("type: syslog, url: 'unix:{}'", socket.display()));
    let sent = send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
    eventually("rsyslog has written it", || rsyslog.taken().len() > before);
    let seen = &rsyslog.taken()[before];
    let body: Value = serde_json::from_str(seen["msg"].as_str().unwrap().trim()).unwrap();
    assert_eq!(body["uuid"], sent[0]);
    assert_eq!(seen["app-name"], "sensor");
    assert_eq!(seen["procid"], std::process::id().to_string());
    assert_eq!(seen["pri"], "84");
}

#[test]
fn rsyslog_takes_every_message_on_every_road_as_it_was_meant() {
    let Some(rsyslog) = Rsyslog::start() else {
        return;
    };
    all_arrive(&rsyslog, &format!("url: 'udp://127.0.0.1:{}'", rsyslog.udp));
    all_arrive(&rsyslog, &format!("url: 'tcp://127.0.0.1:{}'", rsyslog.tcp));
    all_arrive(
        &rsyslog,
        &format!("url: 'tcp://127.0.0.1:{}', framing: newline", rsyslog.tcp),
    );
    all_arrive(
        &rsyslog,
        &format!(
            "url: 'unix:{}.5424', layout: rfc5424",
            rsyslog.socket().display()
        ),
    );
    as_programs_write(&rsyslog);
    match rsyslog.tls {
        Some(port) => all_arrive(
            &rsyslog,
            &format!(
                "url: 'tls://127.0.0.1:{port}', tls: {{ca_file: '{}'}}",
                rsyslog.authority.ca_file.display()
            ),
        ),
        None => super::missing("rsyslog-openssl"),
    }
}

/// Reads frames of octet counting until the peer stops.
fn frames(mut stream: impl Read, n: usize) -> Vec<String> {
    let mut frames = Vec::new();
    for _ in 0..n {
        let (mut length, mut byte) = (0, [0]);
        loop {
            stream.read_exact(&mut byte).unwrap();
            match byte[0] {
                b' ' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut frame = vec![0; length];
        stream.read_exact(&mut frame).unwrap();
        frames.push(String::from_utf8(frame).unwrap());
    }
    frames
}

#[test]
fn a_receiver_that_closes_gets_what_was_written_last_once_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let delivery = start(&format!(
        "type: syslog, url: 'tcp://127.0.0.1:{port}', body: text, {FAST}"
    ));
    send(&delivery, 1);
    let (first, _) = listener.accept().unwrap();
    let before = frames(&first, 1);
    eventually("it is written", || account(&delivery).delivered == 1);
    drop(first);
    // The end of the connection must have come before the next alert does.
    std::thread::sleep(std::time::Duration::from_millis(200));
    send(&delivery, 1);
    let (second, _) = listener.accept().unwrap();
    let after = frames(&second, 2);
    assert_eq!(after[0], before[0], "perhaps it was never read");
    assert_ne!(after[1], before[0]);
    assert_eq!(finish(delivery).delivered, 2);
}

#[test]
fn a_closed_port_and_a_missing_socket_are_failures_to_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let udp = free_port();
    let unix = start(&format!(
        "type: syslog, url: 'unix:{}', {FAST}",
        path.display()
    ));
    let net = start(&format!(
        "type: syslog, url: 'udp://127.0.0.1:{udp}', {FAST}"
    ));
    send(&unix, 1);
    eventually("no socket", || account(&unix).retries > 1);
    let socket = UnixDatagram::bind(&path).unwrap();
    assert_eq!(finish(unix).delivered, 1);
    let mut bytes = [0; 4096];
    let n = socket.recv(&mut bytes).unwrap();
    assert!(bytes[..n].starts_with(b"<84>"));
    // The first datagram to a closed port is lost before anybody can say so.
    send(&net, 1);
    eventually("the first is gone", || account(&net).queued == 0);
    send(&net, 1);
    eventually("the port is closed", || account(&net).retries > 0);
    drop(net);
}

#[test]
fn a_datagram_is_no_longer_than_allowed_and_says_what_is_missing() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let delivery = start(&format!(
        "type: syslog, url: 'udp://127.0.0.1:{port}', max_bytes: 1024, body: text"
    ));
    let mut alert = (*alert_of("rule", Priority::Notice)).clone();
    alert.output = "ä".repeat(5000);
    delivery.send(&alert.into());
    let mut bytes = [0; 10_000];
    let n = socket.recv(&mut bytes).unwrap();
    let message = std::str::from_utf8(&bytes[..n]).unwrap();
    let (head, kept) = message.split_once("] ").unwrap();
    assert!(n <= 1024);
    assert!(
        head.ends_with(&format!(" cut=\"{}\"", 10_000 - kept.len())),
        "{head}"
    );
    assert_eq!(finish(delivery).delivered, 1);
}

#[test]
fn a_server_with_an_unknown_certificate_gets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let server = authority.server("log.example");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let delivery = start(&format!(
        "type: syslog, url: 'tls://127.0.0.1:{port}', tls: {{ca_file: '{}'}}, {FAST}",
        authority.ca_file.display()
    ));
    send(&delivery, 1);
    for _ in 0..2 {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut tls = rustls::ServerConnection::new(server.clone()).unwrap();
        // Its name is another: the sender ends the handshake.
        assert!(tls.complete_io(&mut tcp).is_err());
        let _ = tcp.flush();
    }
    eventually("it is told", || account(&delivery).retries > 0);
    assert_eq!(account(&delivery).delivered, 0);
    drop(delivery);
}
