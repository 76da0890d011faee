//! One connection to a broker: packets out, packets in, and pings between them.
//!
//! Every wait ends at a deadline. After an error the connection is of no use: what
//! was under way is then unknown.

use std::time::Duration;

use prost::bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::packet::{self, Hello, Incoming, Version, Welcome};
use crate::deliver::common::Rest;
use crate::deliver::stream::{self, Duplex, Place};

/// An open connection.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    version: Version,
    unread: BytesMut,
    /// What the broker lets us do.
    pub(super) welcome: Welcome,
    /// A ping is due when nothing was said for so long.
    pub(super) ping_after: Duration,
    said_last: Instant,
}

fn lost(why: impl std::fmt::Display) -> Rest {
    Rest::Retry(why.to_string(), None)
}

impl Connection {
    /// Connects and is let in.
    pub(super) async fn open(
        place: &Place,
        version: Version,
        hello: &Hello,
        timeout: Duration,
    ) -> Result<Self, Rest> {
        let deadline = Instant::now() + timeout;
        let bytes = version.hello(hello).map_err(Rest::Blocked)?;
        let stream = stream::connect(place, timeout).await.map_err(lost)?;
        let mut connection = Self {
            stream,
            version,
            unread: BytesMut::new(),
            welcome: Welcome::default(),
            ping_after: ping_after(hello.keep_alive_s),
            said_last: Instant::now(),
        };
        connection.say(&bytes, deadline).await?;
        match connection.hear(deadline).await? {
            Incoming::Welcome(welcome) => {
                if let Some(wish) = welcome.keep_alive_s.filter(|seconds| *seconds > 0) {
                    connection.ping_after = ping_after(wish);
                }
                connection.welcome = welcome;
                Ok(connection)
            }
            Incoming::Farewell(rest) => Err(rest),
            _ => Err(lost("the broker did not begin with its welcome")),
        }
    }

    /// Sends whole packets.
    pub(super) async fn say(&mut self, packets: &[u8], deadline: Instant) -> Result<(), Rest> {
        let writing = async {
            self.stream.write_all(packets).await?;
            self.stream.flush().await
        };
        match timeout_at(deadline, writing).await {
            Ok(Ok(())) => {
                self.said_last = Instant::now();
                Ok(())
            }
            Ok(Err(why)) => Err(lost(why)),
            Err(_) => Err(lost("the broker took nothing in time")),
        }
    }

    /// The next thing the broker says; pings it when the wait is long.
    pub(super) async fn hear(&mut self, deadline: Instant) -> Result<Incoming, Rest> {
        loop {
            if let Some(length) = packet::length(&self.unread).map_err(lost)?
                && length <= self.unread.len()
            {
                let packet = self.unread.split_to(length);
                return self.version.read(packet).map_err(lost);
            }
            let ping_at = self.said_last + self.ping_after;
            let reading = self.stream.read_buf(&mut self.unread);
            match timeout_at(deadline.min(ping_at), reading).await {
                Ok(Ok(0)) => return Err(lost("the broker closed the connection")),
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return Err(lost(why)),
                Err(_) if Instant::now() >= deadline => {
                    return Err(lost("the broker did not answer in time"));
                }
                Err(_) => self.say(&Version::ping(), deadline).await?,
            }
        }
    }

    /// Asks the broker for a sign of life.
    pub(super) async fn ping(&mut self, deadline: Instant) -> Result<(), Rest> {
        self.say(&Version::ping(), deadline).await?;
        loop {
            match self.hear(deadline).await? {
                Incoming::Pong => return Ok(()),
                Incoming::Farewell(rest) => return Err(rest),
                _ => {}
            }
        }
    }
}

/// Brokers wait half as long again as agreed; half of it leaves room on both sides.
fn ping_after(keep_alive_s: u16) -> Duration {
    Duration::from_secs(keep_alive_s.into()) / 2
}
