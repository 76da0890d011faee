//! The way out by a proxy: a tunnel to the receiver, in which it reads nothing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use base64::Engine;

use super::{FAST, account, eventually, finish, send, start};
use crate::stand_in::hec::{Hec, TOKEN};
use crate::stand_in::identity::Authority;
use crate::stand_in::proxy::Proxy;

/// The keys of a sender to a collector that only the proxy finds.
fn keys(directory: &Path, authority: &Authority, proxy: &str) -> String {
    let token = directory.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    format!(
        "type: splunk, url: 'https://siem.example:8088', token: 'file:{}', \
         tls: {{ca_file: '{}'}}, proxy: {{{proxy}}}, {FAST}",
        token.display(),
        authority.ca_file.display()
    )
}

#[test]
fn a_proxy_makes_a_tunnel_and_learns_the_receivers_name_alone() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("siem.example")));
    let proxy = Proxy::start(hec.server.address);
    let url = format!("url: '{}'", proxy.url());
    let delivery = start(&keys(directory.path(), &authority, &url));
    send(&delivery, 5);
    assert_eq!(finish(delivery).delivered, 5);
    let seen = proxy.lock();
    assert_eq!(seen.asked, ["CONNECT siem.example:8088 HTTP/1.1"]);
    let clear = String::from_utf8_lossy(&seen.passed);
    assert!(!clear.contains("Something happened") && !clear.contains(TOKEN));
    assert!(clear.len() > 1000);
}

#[test]
fn the_receiver_proves_itself_through_a_proxy_too() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("else.example")));
    let proxy = Proxy::start(hec.server.address);
    let url = format!("url: '{}'", proxy.url());
    let delivery = start(&keys(directory.path(), &authority, &url));
    send(&delivery, 1);
    eventually("two failures", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).queued, 1);
    assert_eq!(hec.server.taken.load(Ordering::Relaxed), 0);
}

#[test]
fn a_proxy_that_does_not_know_us_keeps_alerts_waiting_and_the_password_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("siem.example")));
    let proxy = Proxy::start(hec.server.address);
    let login = base64::engine::general_purpose::STANDARD.encode("sensor:new password");
    proxy.lock().login = Some(format!("Basic {login}"));
    let password = directory.path().join("password");
    std::fs::write(&password, "old password").unwrap();
    let url = format!(
        "url: '{}', user: sensor, password: 'file:{}'",
        proxy.url(),
        password.display()
    );
    let delivery = start(&keys(directory.path(), &authority, &url));
    send(&delivery, 3);
    let told = || delivery.status()[0].health.clone();
    eventually("the proxy is blamed", || {
        format!("{:?}", told()).contains("the proxy does not know us")
    });
    assert!(!format!("{:?}", told()).contains("old password"));
    assert_eq!(account(&delivery).refused, 0);
    std::fs::write(&password, "new password").unwrap();
    eventually("it is taken", || account(&delivery).delivered == 3);
    finish(delivery);
}

#[test]
fn a_host_the_proxy_refuses_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("siem.example")));
    let proxy = Proxy::start(hec.server.address);
    proxy.lock().refused.push("siem.example".to_owned());
    let url = format!("url: '{}'", proxy.url());
    let delivery = start(&keys(directory.path(), &authority, &url));
    send(&delivery, 1);
    eventually("two failures", || account(&delivery).retries >= 2);
    assert_eq!(account(&delivery).refused, 0);
    proxy.lock().refused.clear();
    eventually("it is taken", || account(&delivery).delivered == 1);
    finish(delivery);
}

/// `sensor outputs test` with these keys and this environment, and what it said.
fn outputs_test(keys: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sensor.yaml");
    std::fs::write(&path, format!("outputs: [{{{keys}}}]")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensor"));
    let command = command.args(["outputs", "test", "-c"]).arg(&path);
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let command = command.envs(environment.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

#[test]
fn the_environment_names_the_proxy_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let hec = Hec::start_with(Some(authority.server("siem.example")));
    let proxy = Proxy::start(hec.server.address);
    let url = proxy.url();
    let keys = |proxy: &str| {
        let keys = keys(directory.path(), &authority, proxy);
        format!("{keys}, timeout_ms: 10000")
    };
    let (good, said) = outputs_test(&keys(""), &[("HTTPS_PROXY", &url)]);
    assert!(good, "{said}");
    assert_eq!(proxy.lock().asked.len(), 1);
    // Its name leads nowhere without the proxy.
    for (key, environment) in [
        ("url: none", vec![("HTTPS_PROXY", url.as_str())]),
        ("", vec![("HTTPS_PROXY", &url), ("NO_PROXY", ".example")]),
        ("", vec![("HTTP_PROXY", url.as_str())]),
    ] {
        let (good, said) = outputs_test(&keys(key), &environment);
        assert!(!good, "{key} {said}");
        assert_eq!(proxy.lock().asked.len(), 1, "{key}");
    }
}

#[test]
fn this_machine_itself_is_reached_without_a_proxy() {
    let hook = crate::stand_in::hook::Hook::start([]);
    let proxy = Proxy::start(hook.server.address);
    let keys = format!("type: webhook, url: '{}'", hook.url());
    let environment = [("HTTP_PROXY", proxy.url()), ("ALL_PROXY", proxy.url())];
    let environment = environment
        .each_ref()
        .map(|(name, url)| (*name, url.as_str()));
    let (good, said) = outputs_test(&keys, &environment);
    assert!(good, "{said}");
    assert_eq!(hook.lock().requests.len(), 1);
    assert!(proxy.lock().asked.is_empty());
}
