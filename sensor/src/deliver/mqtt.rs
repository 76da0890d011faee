//! Alerts to an MQTT broker, of version 5 or 3.1.1.
//!
//! A batch of alerts comes in, one message for each leaves; each counts as taken when
//! the broker has acknowledged its number, with `QoS` 2 when it has completed it. The
//! [`session`] is driven by whoever sends; between two batches a task pings the
//! broker, so that an idle sensor is not taken for a dead one, and connects where others
//! are to hear that the sensor is there. When the sensor ends,
//! however it ends, the connection just breaks: the broker then publishes the last
//! will, which is what others should know.

mod config;
mod connection;
mod packet;
mod reason;
mod session;

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::alert::Alert;

use super::common::{Output, Sending};
pub use config::Config;
use session::Session;

/// The sender.
struct Mqtt {
    session: Arc<Mutex<Session>>,
}

impl Mqtt {
    fn new(session: Session) -> Self {
        Self {
            session: Arc::new(Mutex::new(session)),
        }
    }
}

impl Output for Mqtt {
    fn begin(&mut self) {
        tokio::spawn(keep_alive(Arc::downgrade(&self.session)));
    }

    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(async move { self.session.lock().await.publish(batch).await })
    }
}

/// Keeps the session alive for as long as there is one; one in use needs no help.
async fn keep_alive(session: Weak<Mutex<Session>>) {
    loop {
        let Some(session) = session.upgrade() else {
            return;
        };
        let pause = match session.try_lock() {
            Ok(mut session) => {
                session.keep().await;
                session.ping_after()
            }
            Err(_) => std::time::Duration::from_secs(1),
        };
        drop(session);
        tokio::time::sleep(pause).await;
    }
}
