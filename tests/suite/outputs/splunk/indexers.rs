//! Several indexers: the well ones do the work of those that fail.

use std::collections::BTreeMap;

use sensor::deliver::Delivery;

use super::{FAST, account, eventually, finish, send, start};
use crate::stand_in::hec::{Acks, Fault, Hec, TOKEN};
use crate::stand_in::hook::Hook;

/// Some collectors, and URLs where nobody is.
struct Site {
    hecs: Vec<Hec>,
    gone: Vec<String>,
    directory: tempfile::TempDir,
}

impl Site {
    fn new(well: usize, gone: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token"), TOKEN).unwrap();
        Self {
            hecs: (0..well).map(|_| Hec::start()).collect(),
            // Nobody listens on the port of a server that is gone.
            gone: (0..gone)
                .map(|_| Hook::start([]).url().replace("/alerts", ""))
                .collect(),
            directory,
        }
    }

    fn start(&self, more: &str) -> Delivery {
        let urls = self.hecs.iter().map(Hec::url).chain(self.gone.clone());
        let urls: Vec<_> = urls.map(|url| format!("'{url}'")).collect();
        start(&format!(
            "type: splunk, url: [{}], token: 'file:{}', {FAST}, {more}",
            urls.join(", "),
            self.directory.path().join("token").display()
        ))
    }

    /// How often each alert was taken, by all of them together.
    fn ledger(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for hec in &self.hecs {
            assert_eq!(hec.lock().wrong, Vec::<String>::new());
            for (uuid, count) in hec.ledger() {
                *all.entry(uuid).or_default() += count;
            }
        }
        all
    }

    fn each_once(&self, sent: &[String]) {
        let expected = sent.iter().map(|uuid| (uuid.clone(), 1)).collect();
        assert_eq!(self.ledger(), expected);
    }
}

#[test]
fn well_indexers_share_the_work_and_nobody_asks_for_their_health() {
    let site = Site::new(3, 0);
    let delivery = site.start("batch: {max_alerts: 1}");
    let sent = send(&delivery, 30);
    assert_eq!(finish(delivery).retries, 0);
    site.each_once(&sent);
    for hec in &site.hecs {
        let hec = hec.lock();
        assert_eq!((hec.requests.len(), hec.checks.len()), (10, 0));
    }
}

#[test]
fn a_dead_and_a_sick_indexer_cost_no_alert_and_return_when_they_are_well() {
    let site = Site::new(2, 1);
    let sick = &site.hecs[1];
    sick.script(vec![Fault::Code(503, 18); 10_000]);
    sick.lock().health = (503, 18);
    let delivery = site.start("batch: {max_alerts: 10}");
    let mut sent = send(&delivery, 200);
    eventually("all delivered", || account(&delivery).delivered == 200);
    assert_eq!(sick.ledger().len(), 0);
    // Nobody sends it anything while it says that it is not well.
    eventually("asked for its health", || !sick.lock().checks.is_empty());
    let before = sick.lock().requests.len();
    sent.extend(send(&delivery, 50));
    eventually("all delivered", || account(&delivery).delivered == 250);
    assert_eq!(sick.lock().requests.len(), before);
    {
        let mut sick = sick.lock();
        sick.script.clear();
        sick.health = (200, 17);
    }
    eventually("it takes part again", || {
        sent.extend(send(&delivery, 3));
        let so_far = sent.len() as u64;
        eventually("delivered", || account(&delivery).delivered == so_far);
        !sick.ledger().is_empty()
    });
    assert_eq!(finish(delivery).failed(), 0);
    site.each_once(&sent);
    assert!(sick.lock().checks.iter().all(|with_acks| !with_acks));
}

#[test]
fn what_one_indexer_cannot_do_now_another_does_at_once() {
    for fault in [
        Fault::Code(503, 23),
        Fault::Code(503, 9),
        Fault::Code(429, 26),
        Fault::Code(403, 4),
        Fault::Code(400, 28),
        Fault::Html(502),
        Fault::Redirect("http://127.0.0.1:1/".to_owned()),
        // Obeyed only when there is nobody else: it would be longer than any patience.
        Fault::RetryAfter(600),
    ] {
        let site = Site::new(2, 0);
        for hec in &site.hecs {
            hec.script(vec![fault.clone(); 1]);
        }
        site.hecs[1].lock().script.clear();
        // Two rounds, so that the one that fails has its turn wherever it begins.
        let delivery = site.start("batch: {max_alerts: 1}");
        let sent = send(&delivery, 4);
        eventually(&format!("{fault:?}: all delivered"), || {
            account(&delivery).delivered == 4
        });
        let account = finish(delivery);
        assert_eq!((account.retries, account.failed()), (1, 0), "{fault:?}");
        site.each_once(&sent);
    }
}

#[test]
fn alerts_wait_while_all_indexers_are_away() {
    let site = Site::new(2, 1);
    for hec in &site.hecs {
        hec.script(vec![Fault::Code(503, 9); 10_000]);
    }
    let delivery = site.start("");
    let sent = send(&delivery, 20);
    eventually("many failures", || account(&delivery).retries >= 20);
    assert_eq!(account(&delivery).queued, 20);
    site.hecs[0].lock().script.clear();
    eventually("all delivered", || account(&delivery).delivered == 20);
    assert_eq!(finish(delivery).failed(), 0);
    site.each_once(&sent);
}

#[test]
fn acknowledgements_are_asked_for_where_the_events_are() {
    let site = Site::new(3, 1);
    for (hec, after) in site.hecs.iter().zip([0, 2, 5]) {
        hec.lock().acks = Some(Acks::after(after));
    }
    site.hecs[2].script([Fault::Code(503, 23)]);
    let more = "acknowledgement: true, acknowledgement_poll_ms: 10, batch: {max_alerts: 1}";
    let delivery = site.start(more);
    let mut sent = send(&delivery, 12);
    eventually("all delivered", || account(&delivery).delivered == 12);
    eventually("the third takes part again", || {
        sent.extend(send(&delivery, 3));
        let so_far = sent.len() as u64;
        eventually("delivered", || account(&delivery).delivered == so_far);
        !site.hecs[2].ledger().is_empty()
    });
    assert_eq!(finish(delivery).failed(), 0);
    site.each_once(&sent);
    // Its health is asked for together with that of its acknowledgements.
    assert_eq!(site.hecs[2].lock().checks, [true]);
}

#[test]
fn an_indexer_that_loses_what_it_took_is_left_for_another() {
    let site = Site::new(2, 0);
    for hec in &site.hecs {
        hec.lock().acks = Some(Acks::default());
    }
    site.hecs[0].script(vec![Fault::Lose; 1]);
    let delivery = site.start(
        "acknowledgement: true, acknowledgement_poll_ms: 10, acknowledgement_give_up_ms: 200, \
         batch: {max_alerts: 1}",
    );
    let sent = send(&delivery, 4);
    eventually("all delivered", || account(&delivery).delivered == 4);
    let account = finish(delivery);
    assert_eq!((account.retries, account.failed()), (1, 0), "{account:?}");
    site.each_once(&sent);
}
