//! Who may receive: only a server whose certificate proves its name. What proves
//! ours to it, and that both may change while the sensor runs.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{FAST, account, eventually, finish, outputs, send, start};
use crate::stand_in::hec::{Fault, Hec, TOKEN};
use crate::stand_in::identity::Authority;

/// A sender to this collector over TLS, trusting what `tls` says.
fn sender(hec: &Hec, directory: &Path, tls: &str) -> sensor::deliver::Delivery {
    let token = directory.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    start(&format!(
        "type: splunk, url: 'https://{}', token: 'file:{}', tls: {{{tls}}}, {FAST}",
        hec.server.address,
        token.display()
    ))
}

#[test]
fn a_server_our_authority_vouches_for_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("127.0.0.1")));
    let trust = format!("ca_file: '{}'", authority.ca_file.display());
    let delivery = sender(&hec, directory.path(), &trust);
    send(&delivery, 5);
    assert_eq!(finish(delivery).delivered, 5);
    assert_eq!(hec.lock().wrong, Vec::<String>::new());
}

#[test]
fn a_wrong_name_or_an_unknown_authority_gets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let trust = format!("ca_file: '{}'", authority.ca_file.display());
    for (name, tls) in [("siem.example", trust.as_str()), ("127.0.0.1", "")] {
        let hec = Hec::start_with(Some(authority.server(name)));
        // Machines without any authority of their own refuse to start instead.
        if tls.is_empty() && rustls_native_certs::load_native_certs().certs.is_empty() {
            continue;
        }
        let delivery = sender(&hec, directory.path(), tls);
        send(&delivery, 5);
        eventually("two failures", || account(&delivery).retries >= 2);
        assert_eq!(account(&delivery).queued, 5, "{name}");
        drop(delivery);
        assert_eq!(hec.lock().requests.len(), 0, "{name}");
    }
}

#[test]
fn verification_is_off_only_when_told_so_at_length() {
    let directory = tempfile::tempdir().unwrap();
    let hec = Hec::start_with(Some(
        Authority::new(directory.path()).server("siem.example"),
    ));
    let tls = "accept_any_certificate_without_verification: true";
    let delivery = sender(&hec, directory.path(), tls);
    send(&delivery, 5);
    assert_eq!(finish(delivery).delivered, 5);
}

/// Longer than changed files go unnoticed.
const A_LOOK: Duration = Duration::from_millis(1100);

/// The keys that name these files.
fn identity(paths: &(std::path::PathBuf, std::path::PathBuf), authority: &Authority) -> String {
    format!(
        "client_certificate: '{}', client_key: '{}', ca_file: '{}'",
        paths.0.display(),
        paths.1.display(),
        authority.ca_file.display()
    )
}

#[test]
fn a_server_that_asks_who_we_are_is_shown_our_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server_asking("127.0.0.1", &authority)));
    let ours = identity(&authority.client(directory.path()), &authority);
    let delivery = sender(&hec, directory.path(), &ours);
    send(&delivery, 5);
    assert_eq!(finish(delivery).delivered, 5);

    let nameless = format!("ca_file: '{}'", authority.ca_file.display());
    let delivery = sender(&hec, directory.path(), &nameless);
    send(&delivery, 1);
    eventually("two failures", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).queued, 1);
}

#[test]
fn our_certificate_changes_while_the_sensor_runs() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (Authority::new(ours.path()), Authority::new(theirs.path()));
    // It trusts clients of the new authority alone.
    let hec = Hec::start_with(Some(old.server_asking("127.0.0.1", &new)));
    let keys = identity(&old.client(ours.path()), &old);
    let delivery = sender(&hec, ours.path(), &keys);
    send(&delivery, 3);
    eventually("it is refused", || account(&delivery).retries >= 2);
    // The certificate first, the key after it: between them they do not match.
    let (certificate, key) = new.issue("node1.example");
    std::fs::write(ours.path().join("client.pem"), certificate).unwrap();
    std::thread::sleep(A_LOOK);
    std::fs::write(ours.path().join("client.key"), key).unwrap();
    eventually("it is taken", || account(&delivery).delivered == 3);
    assert_eq!(finish(delivery).refused, 0);
}

#[test]
fn the_authority_changes_while_the_sensor_runs_and_old_connections_are_given_up() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (Authority::new(ours.path()), Authority::new(theirs.path()));
    let hec = Hec::start_with(Some(old.server("127.0.0.1")));
    // As Kubernetes mounts a secret: a link to a link, of which the second is swapped.
    let mount = tempfile::tempdir().unwrap();
    let at = |name: &str| mount.path().join(name);
    let link = |to: &Path, from: &str| std::os::unix::fs::symlink(to, at(from)).unwrap();
    link(ours.path(), "..data");
    link(Path::new("..data/ca.pem"), "ca.pem");
    let tls = format!("ca_file: '{}'", at("ca.pem").display());
    let delivery = sender(&hec, ours.path(), &tls);
    let delivered = |n: usize| {
        send(&delivery, 1);
        eventually("it arrives", || account(&delivery).delivered == n as u64);
    };
    delivered(1);
    delivered(2);
    assert_eq!(
        hec.server.taken.load(Ordering::Relaxed),
        1,
        "one connection"
    );
    link(theirs.path(), "..new");
    std::fs::rename(at("..new"), at("..data")).unwrap();
    std::thread::sleep(A_LOOK);
    // The server still has a certificate of the old authority.
    send(&delivery, 1);
    eventually("it is not trusted", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).delivered, 2);
    drop(delivery);

    let hec = Hec::start_with(Some(new.server("127.0.0.1")));
    let delivery = sender(&hec, ours.path(), &tls);
    send(&delivery, 1);
    assert_eq!(finish(delivery).delivered, 1);
}

#[test]
fn broken_files_leave_the_old_certificates_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server_asking("127.0.0.1", &authority)));
    let paths = authority.client(directory.path());
    let delivery = sender(&hec, directory.path(), &identity(&paths, &authority));
    send(&delivery, 1);
    eventually("it arrives", || account(&delivery).delivered == 1);
    std::fs::write(&authority.ca_file, "no certificate").unwrap();
    std::fs::remove_file(&paths.0).unwrap();
    std::fs::write(&paths.1, "").unwrap();
    std::thread::sleep(A_LOOK);
    // Told to come again, we come by a new connection, and are known.
    hec.script([Fault::Code(503, 9)]);
    send(&delivery, 1);
    eventually("it arrives", || account(&delivery).delivered == 2);
    assert_eq!(hec.server.taken.load(Ordering::Relaxed), 2);
    assert_eq!(finish(delivery).refused, 0);
}

#[test]
fn what_is_wrong_with_a_file_is_told_without_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let (certificate, key) = authority.client(directory.path());
    let (_, other) = authority.issue("other");
    let good = std::fs::read_to_string(&key).unwrap();
    let check = |certificate: &Path, key: &Path| {
        let yaml = format!(
            "[{{type: webhook, url: 'https://siem.example/', tls: {{client_certificate: '{}', \
             client_key: '{}'}}}}]",
            certificate.display(),
            key.display()
        );
        outputs(&yaml)[0].check()
    };
    assert_eq!(check(&certificate, &key), Vec::<String>::new());
    for (content, why) in [
        ("hunter2", "it holds no unencrypted private key"),
        ("-----BEGIN hunter2\n", "it is not valid PEM"),
        (
            other.as_str(),
            "it is not the key of tls.client_certificate",
        ),
        (
            &good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            "it holds no unencrypted",
        ),
    ] {
        std::fs::write(&key, content).unwrap();
        let wrong = check(&certificate, &key).concat();
        assert!(
            wrong.contains("tls.client_key") && wrong.contains(why),
            "{wrong}"
        );
        assert!(wrong.contains(&key.display().to_string()), "{wrong}");
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
    let pipe = Path::new("/dev/zero");
    assert!(check(pipe, &key).concat().contains("it is no file"));
    let half = "[{type: webhook, url: 'https://siem.example/', tls: {client_key: /x}}]";
    assert!(outputs(half)[0].check().concat().contains("go together"));
}
