//! Ends of connections: whose they were, how long they stood and what went over.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use sensor::capture::{Kind, KindSet, Options};
use sensor::decode::{Body, ConnectionEnd};

use crate::acts::{act_in, asked};
use crate::capture::Recording;
use crate::harness::until;

#[test]
fn the_end_of_a_connection_tells_both_ends_and_what_went_over() {
    let options = Options {
        ring_bytes: 1 << 20,
        kinds: KindSet::EMPTY.with(Kind::Connection),
        ..Options::default()
    };
    let (recording, (pid, port)) = Recording::of(&options, |_| {
        let (pid, said) = act_in("connections", "both sides", "");
        let port: u16 = said
            .lines()
            .find_map(|line| line.strip_prefix("port "))
            .unwrap()
            .parse()
            .unwrap();
        // The kernel ends them in its own time: both are gone when none is left.
        let hex = format!(":{port:04X} ");
        until(|| {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let open = |line: &str| line.contains(&hex) && !line.contains(" 06 ");
            (!table.lines().any(open)).then_some(())
        })
        .expect("the connection ends");
        (pid, port)
    });
    let told: Vec<ConnectionEnd> = recording
        .events(pid)
        .filter_map(|event| match event.body {
            Body::ConnectionEnd(end) => Some(end),
            _ => None,
        })
        .collect();
    let client = told
        .iter()
        .find(|end| !end.accepted)
        .unwrap_or_else(|| panic!("{told:?}"));
    let server = told
        .iter()
        .find(|end| end.accepted)
        .unwrap_or_else(|| panic!("{told:?}"));
    assert_eq!(told.len(), 2, "one refused connection never was: {told:?}");
    assert_eq!(client.ends.remote, ([127, 0, 0, 1].into(), port));
    assert_eq!(server.ends.local, client.ends.remote);
    assert_eq!(server.ends.remote, client.ends.local);
    assert!(client.ends.local.1 != 0);
    assert_eq!((client.sent, client.received), (1000, 7));
    assert_eq!((server.sent, server.received), (7, 1000));
    assert!(client.duration_ns > 0 && server.duration_ns > 0);
    assert!(recording.counters.kind(Kind::Connection).adds_up());
}

/// The child's side: talks with itself, and is refused once.
#[test]
fn perform() {
    if asked().is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&[1; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    server.write_all(&[2; 7]).unwrap();
    client.read_exact(&mut [0; 7]).unwrap();
    drop(client);
    drop(server);
    drop(listener);
    assert!(TcpStream::connect(address).is_err());
    println!("port {}", address.port());
}
