//! Mail through a real relay: postfix, run from a directory of its own.
//!
//! Runs as root where postfix is installed; says so where it cannot.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{FAST, eventually, finish, send, start};
use crate::stand_in::identity::Authority;

const MASTER: &str = "/usr/lib/postfix/sbin/master";

/// A running postfix; ended by its own pid when dropped.
struct Postfix(Child);

impl Drop for Postfix {
    fn drop(&mut self) {
        // TERM lets master end its own children.
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// The numeric ids of an account in a passwd-like file.
fn ids(name: &str) -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Writes the configuration of a relay that delivers to `home/mail/` and
/// nowhere else, and starts it.
fn run(home: &Path, port: u16, identity: (String, String), owner: (u32, u32)) -> Postfix {
    let (config, queue, data) = (home.join("etc"), home.join("queue"), home.join("data"));
    for directory in [&config, &queue, &data, &home.join("mail")] {
        fs::create_dir(directory).unwrap();
    }
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    chown(&data, Some(owner.0), Some(owner.1)).unwrap();
    chown(home.join("mail"), Some(owner.0), Some(owner.1)).unwrap();
    fs::write(config.join("identity.pem"), identity.1 + &identity.0).unwrap();
    let (home, etc) = (home.display(), config.display());
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {home}/queue\ndata_directory = {home}/data\n\
         mail_owner = postfix\nsetgid_group = postdrop\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nmyhostname = relay.test.example\nmydestination =\n\
         mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n\
         virtual_mailbox_domains = test.example\nvirtual_mailbox_maps = static:box/\n\
         virtual_mailbox_base = {home}/mail\nvirtual_minimum_uid = 1\n\
         virtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\n\
         default_transport = error:outside mail is off\nalias_maps =\nlocal_recipient_maps =\n\
         smtpd_tls_chain_files = {etc}/identity.pem\nsmtpd_tls_security_level = encrypt\n\
         maillog_file = {home}/log\nmaillog_file_prefixes = {home}\n",
        uid = owner.0,
        gid = owner.1,
    );
    fs::write(config.join("main.cf"), main).unwrap();
    let service = |name: &str, kind: &str, wakeup: &str, limit: &str, command: &str| {
        format!("{name} {kind} - - n {wakeup} {limit} {command}\n")
    };
    let services = [
        service(&format!("127.0.0.1:{port}"), "inet", "-", "-", "smtpd")
            .replace(" - - n", " n - n"),
        service("cleanup", "unix", "-", "0", "cleanup").replace(" - - n", " n - n"),
        service("qmgr", "unix", "300", "1", "qmgr").replace(" - - n", " n - n"),
        service("rewrite", "unix", "-", "-", "trivial-rewrite"),
        service("tlsmgr", "unix", "1000?", "1", "tlsmgr"),
        service("bounce", "unix", "-", "0", "bounce"),
        service("defer", "unix", "-", "0", "bounce"),
        service("trace", "unix", "-", "0", "bounce"),
        service("error", "unix", "-", "-", "error"),
        service("virtual", "unix", "-", "-", "virtual").replace(" - - n", " - n n"),
        service("anvil", "unix", "-", "1", "anvil"),
        service("scache", "unix", "-", "1", "scache"),
        service("proxymap", "unix", "-", "-", "proxymap"),
        service("postlog", "unix-dgram", "-", "1", "postlogd").replace(" - - n", " n - n"),
    ];
    fs::write(config.join("master.cf"), services.concat()).unwrap();
    let made = Command::new("postfix")
        .arg("-c")
        .arg(&config)
        .arg("check")
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut master = Command::new(MASTER);
    master.arg("-c").arg(&config).arg("-d");
    Postfix(
        master
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    )
}

#[test]
fn a_real_postfix_takes_our_mail_over_starttls() {
    let owner = ids("postfix");
    if !Path::new(MASTER).exists() || !rustix::process::geteuid().is_root() || owner.is_none() {
        println!("skipped: needs root and postfix (apt-get install postfix)");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let authority = Authority::new(home.path());
    let port = free_port();
    let _postfix = run(
        home.path(),
        port,
        authority.issue("127.0.0.1"),
        owner.unwrap(),
    );
    eventually("postfix listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let delivery = start(&format!(
        "type: mail, relay: 127.0.0.1, port: {port}, tls: {{ca_file: '{}'}}, \
         from: 'Sensor <sensor@test.example>', to: [soc@test.example], {FAST}",
        authority.ca_file.display()
    ));
    let sent = send(&delivery, 3);
    let account = finish(delivery);
    let log = fs::read_to_string(home.path().join("log")).unwrap_or_default();
    assert_eq!(
        (account.delivered, account.failed()),
        (3, 0),
        "{account:?}\n{log}"
    );
    let boxed = || -> String {
        let mails = fs::read_dir(home.path().join("mail/box/new"))
            .into_iter()
            .flatten();
        mails
            .map(|mail| fs::read_to_string(mail.unwrap().path()).unwrap())
            .collect()
    };
    eventually("all alerts are in the mailbox", || {
        let text = boxed();
        sent.iter().all(|uuid| text.contains(uuid))
    });
    assert!(boxed().contains("with ESMTPS"), "{}", boxed());
}
