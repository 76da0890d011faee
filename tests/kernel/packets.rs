//! What is seen on the wire: DNS questions and answers with who asked, names of
//! addresses from them, and the servers TLS clients ask for.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use sensor::capture::{Kind, KindSet, Options};
use sensor::decode::{Body, Dns, Event, TYPE_A, TlsHello};

use crate::acts::{act_in, asked};
use crate::capture::Recording;
use crate::harness::{Sensor, until};

/// Where nobody serves names on any machine, but tests one after the other.
const SERVER: &str = "127.83.0.53";

/// What the server answers with.
const NAMED: [u8; 4] = [127, 83, 0, 1];

fn options() -> Options {
    Options {
        ring_bytes: 1 << 20,
        kinds: KindSet::EMPTY.with(Kind::Packet),
        ..Options::default()
    }
}

/// A question for the address of `named.example`.
fn question(id: u8) -> Vec<u8> {
    let head = [0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&head[..], b"\x05Named\x07example\0\0\x01\0\x01"].concat()
}

/// Its answer.
fn answer(question: &[u8]) -> Vec<u8> {
    let mut answer = question.to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04");
    answer.extend_from_slice(&NAMED);
    answer
}

/// A message as it goes over TCP.
fn sized(message: &[u8]) -> Vec<u8> {
    let len = u16::try_from(message.len()).unwrap();
    [&len.to_be_bytes()[..], message].concat()
}

/// Writes these parts, each in a segment of its own.
fn write_apart(stream: &mut TcpStream, parts: &[&[u8]]) {
    stream.set_nodelay(true).unwrap();
    for part in parts {
        stream.write_all(part).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Answers one question over UDP and one over TCP while `act` runs.
fn served<T>(act: impl FnOnce() -> T) -> T {
    let udp = until(|| UdpSocket::bind((SERVER, 53)).ok()).expect("port 53 gets free");
    let tcp = until(|| TcpListener::bind((SERVER, 53)).ok()).expect("port 53 gets free");
    let server = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (len, from) = udp.recv_from(&mut buffer).unwrap();
        udp.send_to(&answer(&buffer[..len]), from).unwrap();
        let (mut stream, _) = tcp.accept().unwrap();
        let len = stream.read(&mut buffer).unwrap();
        stream.write_all(&sized(&answer(&buffer[2..len]))).unwrap();
        // Until the other side has gone.
        let _ = stream.read(&mut buffer);
    });
    let made = act();
    server.join().unwrap();
    made
}

/// Answers three questions of one connection over TCP, the first in three parts and
/// the others at once, while `act` runs.
fn served_in_parts<T>(act: impl FnOnce() -> T) -> T {
    let tcp = until(|| TcpListener::bind((SERVER, 53)).ok()).expect("port 53 gets free");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = tcp.accept().unwrap();
        let mut question = vec![0; sized(&question(0)).len()];
        let mut answers = Vec::new();
        for _ in 0..3 {
            stream.read_exact(&mut question).unwrap();
            answers.push(sized(&answer(&question[2..])));
        }
        let (head, rest) = answers[0].split_at(1);
        let (middle, end) = rest.split_at(20);
        let others = [&answers[1][..], &answers[2]].concat();
        write_apart(&mut stream, &[head, middle, end, &others]);
        let _ = stream.read(&mut question);
    });
    let made = act();
    server.join().unwrap();
    made
}

fn dns<'r>(event: &Event<'r>) -> Option<Dns<'r>> {
    match event.body {
        Body::Dns(dns) => Some(dns),
        _ => None,
    }
}

fn hello<'r>(event: &Event<'r>) -> Option<TlsHello<'r>> {
    match event.body {
        Body::TlsHello(hello) => Some(hello),
        _ => None,
    }
}

#[test]
fn questions_and_answers_are_told_with_who_asked() {
    let (recording, (pid, _)) =
        Recording::of(&options(), |_| served(|| act_in("packets", "ask", "")));
    let told: Vec<Dns<'_>> = recording
        .events(pid)
        .filter_map(|event| dns(&event))
        .collect();
    let netns = std::fs::metadata("/proc/self/ns/net").unwrap().ino();
    let seen: Vec<_> = told
        .iter()
        .map(|dns| {
            let server: IpAddr = SERVER.parse().unwrap();
            assert_eq!(dns.ends.remote, (server, 53));
            assert_eq!(u64::from(dns.ends.netns), netns);
            let message = dns.message.unwrap();
            let (name, ty) = message.question().unwrap();
            assert_eq!((name.as_bytes(), ty), (&b"named.example"[..], TYPE_A));
            let addresses: Vec<_> = message.addresses().map(|it| it.ip).collect();
            (
                dns.ends.protocol,
                message.id(),
                message.is_answer(),
                addresses,
            )
        })
        .collect();
    let named = vec![IpAddr::from(NAMED)];
    assert_eq!(
        seen,
        [
            (17, 1, false, vec![]),
            (17, 1, true, named.clone()),
            (6, 2, false, vec![]),
            (6, 2, true, named),
        ]
    );
    assert!(recording.counters.kind(Kind::Packet).adds_up());
}

#[test]
fn a_tls_client_is_told_once_with_the_server_it_asks_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (recording, (pid, _)) = Recording::of(&options(), |_| {
        act_in("packets", "greet", &port.to_string())
    });
    let told: Vec<_> = recording
        .events(pid)
        .filter_map(|event| hello(&event))
        .collect();
    let [hello] = told.as_slice() else {
        panic!("one greeting expected: {told:?}");
    };
    assert_eq!(hello.server_name, b"named.example");
    assert_eq!(hello.protocols, b"\x02h2");
    assert_eq!(hello.ends.remote, ([127, 0, 0, 1].into(), port));
}

#[test]
fn messages_over_tcp_are_told_once_and_whole_however_they_are_cut() {
    let (recording, (pid, _)) = Recording::of(&options(), |_| {
        served_in_parts(|| act_in("packets", "ask in parts", ""))
    });
    let told: Vec<_> = recording
        .events(pid)
        .filter_map(|event| dns(&event))
        .map(|dns| {
            let message = dns.message.expect("a whole message");
            let (name, _) = message.question().unwrap();
            assert_eq!(name.as_bytes(), b"named.example");
            let addresses = message.addresses().count();
            (message.id(), message.is_answer(), addresses)
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, false, 0),
            (2, false, 0),
            (3, false, 0),
            (1, true, 1),
            (2, true, 1),
            (3, true, 1),
        ]
    );
    assert!(recording.counters.kind(Kind::Packet).adds_up());
}

#[test]
fn a_greeting_in_several_segments_names_its_server_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (recording, pids) = Recording::of(&options(), |_| {
        ["byte by byte", "without end", "with large keys"]
            .map(|how| act_in("packets", how, &port).0)
    });
    let told = pids.map(|pid| {
        let events = recording.events(pid);
        events
            .filter_map(|event| Some(hello(&event)?.server_name.to_vec()))
            .collect::<Vec<_>>()
    });
    let named = vec![b"named.example".to_vec()];
    assert_eq!(told, [named.clone(), vec![], named]);
    assert!(recording.counters.kind(Kind::Packet).adds_up());
}

#[test]
fn rules_see_names_of_addresses_that_were_answered_before() {
    let rules = r"
- rule: Asked
  desc: d
  condition: evt.type = dns and evt.arg.what = answer and evt.arg.name = named.example
  output: asked by=%proc.pid answers=%evt.arg.answers type=%evt.arg.type rcode=%evt.arg.rcode
  priority: NOTICE
- rule: Went
  desc: d
  condition: evt.type = connect and fd.sip.name = named.example
  output: went to=%fd.sip name=%fd.sip.name
  priority: NOTICE
- rule: Greeted
  desc: d
  condition: evt.type = tls_hello and evt.arg.name = named.example
  output: greeted %evt.arg.server alpn=%evt.arg.alpn
  priority: NOTICE
- rule: Through a ring
  desc: d
  condition: evt.type in (open, openat, openat2) and evt.via = io_uring and fd.name = /etc/hostname
  output: ring %evt.type %fd.name
  priority: NOTICE
";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sensor = Sensor::start(rules, "", "");
    let (pid, _) = served(|| act_in("packets", "ask", ""));
    act_in("packets", "greet", &port.to_string());
    act_in("uring", "hide", "");
    let asked = format!("asked by={pid} answers=127.83.0.1 type=A rcode=NOERROR");
    sensor.wait_rule("Asked", &asked);
    sensor.wait_rule("Went", "went to=127.83.0.1 name=named.example");
    sensor.wait_rule("Greeted", &format!("greeted 127.0.0.1:{port} alpn=h2"));
    sensor.wait_rule("Through a ring", "ring openat /etc/hostname");
    let (finished, _) = sensor.stop();
    finished.assert_adds_up();
}

/// The children's side.
#[test]
fn perform() {
    let Some((act, argument)) = asked() else {
        return;
    };
    match act.as_str() {
        "ask" => ask(),
        "greet" => greet(argument.parse().unwrap()),
        "ask in parts" => ask_in_parts(),
        "byte by byte" => {
            let greeting = greeting(0);
            let (head, rest) = greeting.split_at(7);
            let mut parts: Vec<&[u8]> = head.chunks(1).collect();
            parts.extend(rest.chunks(30));
            greet_in_parts(&argument, &parts);
        }
        "without end" => {
            let greeting = greeting(0);
            greet_in_parts(&argument, &[&greeting[..50], b""]);
        }
        "with large keys" => {
            let greeting = greeting(2600);
            let parts: Vec<&[u8]> = greeting.chunks(1400).collect();
            greet_in_parts(&argument, &parts);
        }
        other => panic!("no act {other:?}"),
    }
}

/// Asks over UDP and over TCP, and goes where the answer says.
fn ask() {
    let mut buffer = [0; 512];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&question(1), (SERVER, 53)).unwrap();
    let (len, _) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(buffer[len - 4..len], NAMED);
    let mut stream = TcpStream::connect((SERVER, 53)).unwrap();
    stream.write_all(&sized(&question(2))).unwrap();
    assert!(stream.read(&mut buffer).unwrap() > 0);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect((IpAddr::from(NAMED), 9)).unwrap();
}

/// Asks three times over one connection: in parts, and twice at once.
fn ask_in_parts() {
    let mut stream = TcpStream::connect((SERVER, 53)).unwrap();
    let first = sized(&question(1));
    let others = [sized(&question(2)), sized(&question(3))].concat();
    let (head, rest) = first.split_at(1);
    let (middle, end) = rest.split_at(6);
    write_apart(&mut stream, &[head, middle, end, &others]);
    let mut answers = vec![0; 3 * sized(&answer(&question(1))).len()];
    stream.read_exact(&mut answers).unwrap();
}

/// Greets as a TLS client does, and again, which is no greeting any more.
fn greet(port: u16) {
    let greeting = greeting(0);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&greeting).unwrap();
    stream.write_all(&greeting).unwrap();
}

fn greet_in_parts(port: &str, parts: &[&[u8]]) {
    let port: u16 = port.parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write_apart(&mut stream, parts);
}

/// The first message of a TLS client with keys of that many bytes before the rest.
fn greeting(key_bytes: usize) -> Vec<u8> {
    let names = sized(&[&b"\0"[..], &sized(b"named.example")].concat());
    let extensions = [
        &b"\0\x33"[..],
        &sized(&vec![9; key_bytes]),
        b"\0\0",
        &sized(&names),
        b"\0\x10",
        &sized(&sized(b"\x02h2")),
    ]
    .concat();
    let body = [
        &b"\x03\x03"[..],
        &[7; 32],
        b"\0",
        &sized(b"\x13\x01"),
        b"\x01\0",
        &sized(&extensions),
    ];
    let message = [&b"\x01\0"[..], &sized(&body.concat())].concat();
    [&b"\x16\x03\x01"[..], &sized(&message)].concat()
}
