//! fd.* of connect

use super::*;

#[test]
fn the_caller_of_connect_is_the_client_and_the_local_end() {
    let local = Some(("10.0.0.1", 40_000));
    let body = Body::Connect(connect(0, local, ("93.184.216.34", 443)));
    Scene::new().check(
        &body,
        &[
            ("fd.num", "6"),
            ("fd.type", "ipv4"),
            ("fd.typechar", "4"),
            ("fd.name", "10.0.0.1:40000->93.184.216.34:443"),
            ("fd.nameraw", ""),
            ("fd.directory", "-"),
            ("fd.filename", "-"),
            ("fd.realpath", "-"),
            ("fd.cip", "10.0.0.1"),
            ("fd.sip", "93.184.216.34"),
            ("fd.lip", "10.0.0.1"),
            ("fd.rip", "93.184.216.34"),
            ("fd.cport", "40000"),
            ("fd.sport", "443"),
            ("fd.lport", "40000"),
            ("fd.rport", "443"),
            ("fd.ip", "(10.0.0.1,93.184.216.34)"),
            ("fd.net", "(10.0.0.1,93.184.216.34)"),
            ("fd.snet", "93.184.216.34"),
            ("fd.cnet", "10.0.0.1"),
            ("fd.lnet", "10.0.0.1"),
            ("fd.rnet", "93.184.216.34"),
            ("fd.port", "(40000,443)"),
            ("fd.proto", "(40000,443)"),
            ("fd.cproto", "40000"),
            ("fd.sproto", "https"),
            ("fd.lproto", "40000"),
            ("fd.rproto", "https"),
            ("fd.l4proto", "tcp"),
            ("fd.sockfamily", "ip"),
            ("fd.connected", "true"),
            ("fd.is_server", "false"),
            ("fd.ino", "0"),
            ("fd.dev", "0"),
            ("fd.is_lower_layer", "false"),
            ("fd.sip.name", "-"),
            ("fs.path.name", "-"),
        ],
    );
}

#[test]
fn a_connect_that_failed_or_goes_on_still_says_where_to() {
    for (result, connected) in [(-111, "false"), (-115, "true"), (0, "true")] {
        let body = Body::Connect(connect(result, None, ("10.9.8.7", 80)));
        Scene::new().check(
            &body,
            &[
                ("fd.connected", connected),
                ("fd.name", "0.0.0.0:0->10.9.8.7:80"),
                ("fd.sip", "10.9.8.7"),
                ("fd.ip", "(10.9.8.7)"),
                ("fd.cip", "-"),
                ("fd.lport", "-"),
                ("fd.num", "6"),
            ],
        );
    }
}

#[test]
fn ipv6_is_shown_without_brackets_and_mapped_ipv4_is_ipv4() {
    let body = Body::Connect(connect(0, Some(("::1", 5)), ("fe80::1", 22)));
    Scene::new().check(
        &body,
        &[
            ("fd.type", "ipv6"),
            ("fd.typechar", "6"),
            ("fd.name", "::1:5->fe80::1:22"),
            ("fd.sproto", "ssh"),
        ],
    );
    let local = Some(("::ffff:10.0.0.1", 5));
    let body = Body::Connect(connect(0, local, ("::ffff:10.0.0.2", 22)));
    Scene::new().check(
        &body,
        &[
            ("fd.type", "ipv4"),
            ("fd.name", "10.0.0.1:5->10.0.0.2:22"),
            ("fd.snet", "10.0.0.2"),
        ],
    );
}

#[test]
fn protocols_are_told_by_number_and_raw_sockets_by_their_kind() {
    for (protocol, socket_type, want, letter) in [
        (6, 1, "tcp", "<4t>"),
        (17, 2, "udp", "<4u>"),
        (1, 2, "icmp", "<4i>"),
        (1, 3, "raw", "<4r>"),
        (132, 5, "<NA>", "<4>"),
    ] {
        let mut connect = connect(0, Some(("10.0.0.1", 5)), ("10.0.0.2", 6));
        connect.protocol = protocol;
        connect.socket_type = socket_type;
        let described = format!("{letter}10.0.0.1:5->10.0.0.2:6");
        Scene::new().check(
            &Body::Connect(connect),
            &[("fd.l4proto", want), ("evt.arg.fd", described.as_str())],
        );
    }
}

#[test]
fn unix_and_other_sockets_have_no_addresses() {
    let mut unix = connect(0, None, ("::", 0));
    unix.protocol = 0;
    unix.peers = Peers::Unix {
        path: b"/run/docker.sock",
        source: 0xffff_8880_0000_1000,
        peer: 0xabc,
    };
    let mut netlink = unix.clone();
    netlink.peers = Peers::Numbered {
        family: 16,
        local: [612, 0x11],
        remote: [0, 0],
    };
    netlink.protocol = 16;
    let mut vsock = netlink.clone();
    vsock.peers = Peers::Numbered {
        family: 40,
        local: [u32::MAX, 7000],
        remote: [2, 1024],
    };
    let mut packet = unix.clone();
    unix.peer = Some(sensor_ebpf::call::Peer {
        pid: 31,
        uid: 33,
        gid: 34,
        reserved: 0,
    });
    packet.peers = Peers::Other(17);
    Scene::new().check(
        &Body::Connect(unix),
        &[
            ("fd.type", "unix"),
            ("fd.typechar", "u"),
            ("fd.name", "ffff888000001000->abc /run/docker.sock"),
            ("fd.sockfamily", "unix"),
            ("fd.l4proto", "<NA>"),
            ("fd.ip", "()"),
            ("fd.sip", "-"),
            ("fd.port", "()"),
            ("fd.connected", "true"),
            ("evt.arg.addr", "/run/docker.sock"),
            ("fd.peer.pid", "31"),
            ("fd.peer.uid", "33"),
            ("fd.peer.gid", "34"),
            ("fd.peer.name", "-"),
            ("evt.arg.tuple", "ffff888000001000->abc /run/docker.sock"),
        ],
    );
    Scene::new().check(
        &Body::Connect(netlink),
        &[
            ("fd.type", "netlink"),
            ("fd.typechar", "n"),
            ("fd.name", ""),
            ("fd.sockfamily", "-"),
            ("fd.netlink.protocol", "generic"),
            ("fd.netlink.portid", "612"),
            ("fd.netlink.groups", "17"),
            ("fd.vsock.lcid", "-"),
            ("fd.peer.pid", "-"),
            ("evt.arg.addr", "0"),
        ],
    );
    Scene::new().check(
        &Body::Connect(vsock),
        &[
            ("fd.type", "vsock"),
            ("fd.vsock.lcid", "4294967295"),
            ("fd.vsock.lport", "7000"),
            ("fd.vsock.rcid", "2"),
            ("fd.vsock.rport", "1024"),
            ("fd.netlink.protocol", "-"),
            ("evt.arg.addr", "2:1024"),
        ],
    );
    Scene::new().check(
        &Body::Connect(packet),
        &[
            ("fd.type", "packet"),
            ("fd.typechar", "o"),
            ("evt.arg.addr", "<NA>"),
        ],
    );
}
