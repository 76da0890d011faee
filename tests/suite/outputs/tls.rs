//! Who may receive: only a server whose certificate proves its name.

use std::path::Path;

use super::{FAST, account, eventually, finish, send, start};
use crate::stand_in::hec::{Hec, TOKEN};
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
