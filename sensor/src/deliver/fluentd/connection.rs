//! One connection to a receiver: logged in where there is a key, chunks out,
//! acknowledgements in.
//!
//! Every wait ends at a deadline. After an error the connection is of no use.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::login::{self, Known};
use super::word::{self, Unread, Word};
use crate::deliver::common::Rest;
use crate::deliver::stream::{self, Duplex, Place};

/// The longest thing a receiver says, with room.
const MOST: usize = 64 << 10;

/// An open connection.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    unread: Vec<u8>,
    keeps: bool,
}

fn lost(why: impl std::fmt::Display) -> Rest {
    Rest::Retry(why.to_string(), None)
}

impl Connection {
    /// Connects, and logs in where something is `known` to do it with.
    pub(super) async fn open(
        place: &Place,
        known: Option<Known>,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<Self, Rest> {
        let mut connection = Self {
            stream: stream::connect(place, timeout).await.map_err(lost)?,
            unread: Vec::new(),
            keeps: true,
        };
        let Some(known) = known else {
            return Ok(connection);
        };
        let hello = login::hello(&connection.hear(deadline).await?);
        let hello = hello.ok_or_else(|| lost("it did not begin with its greeting"))?;
        let ping = login::ping(&known, &hello).map_err(Rest::Blocked)?;
        connection.say(&ping, deadline).await?;
        let said = connection.hear(deadline).await?;
        login::pong(&known, &hello, &said).map_err(Rest::Blocked)?;
        connection.keeps = hello.keeps;
        Ok(connection)
    }

    /// Whether more may be sent over it later.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Sends a chunk and waits until it is acknowledged by its name.
    pub(super) async fn deliver(
        &mut self,
        name: &str,
        message: &[u8],
        deadline: Instant,
    ) -> Result<(), Rest> {
        self.say(message, deadline).await?;
        loop {
            let word = self.hear(deadline).await?;
            if login::hello(&word).is_some() {
                let why = "the receiver asks for a login: set shared_key";
                return Err(Rest::Blocked(why.to_owned()));
            }
            match word.get("ack").map(Word::bytes) {
                Some(acknowledged) if acknowledged == name.as_bytes() => return Ok(()),
                // Of a chunk before this one, whose wait had ended.
                Some(_) => {}
                None => return Err(lost("what it said is no acknowledgement")),
            }
        }
    }

    async fn say(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Rest> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(deadline, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(lost(why)),
            Err(_) => Err(lost("it took nothing in time")),
        }
    }

    /// The next thing it says.
    async fn hear(&mut self, deadline: Instant) -> Result<Word, Rest> {
        loop {
            let mut rest = &self.unread[..];
            match word::read(&mut rest) {
                Ok(word) => {
                    let read = self.unread.len() - rest.len();
                    self.unread.drain(..read);
                    return Ok(word);
                }
                Err(Unread::Senseless) => return Err(lost("what it said makes no sense")),
                Err(Unread::Torn) if self.unread.len() > MOST => {
                    return Err(lost("what it said has no end"));
                }
                Err(Unread::Torn) => {}
            }
            let reading = self.stream.read_buf(&mut self.unread);
            match timeout_at(deadline, reading).await {
                Ok(Ok(0)) => return Err(lost("it closed the connection")),
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return Err(lost(why)),
                Err(_) => return Err(lost("it did not answer in time")),
            }
        }
    }
}
