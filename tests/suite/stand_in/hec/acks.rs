//! Indexer acknowledgement: numbers for each channel, and what was stored of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What an indexer remembers of requests it took.
#[derive(Default)]
pub(crate) struct Acks {
    /// How often the next requests are asked for in vain before they are stored.
    pub(crate) after: u32,
    /// The most requests of a channel that may wait to be asked for (0: any number).
    pub(crate) most: usize,
    /// Number those, too, that were taken before a bad event.
    pub(crate) partly: bool,
    /// Questions so far.
    pub(crate) asked: usize,
    /// Requests that were numbered so far.
    pub(crate) given: usize,
    channels: BTreeMap<String, Channel>,
}

#[derive(Default)]
struct Channel {
    next: u64,
    waiting: BTreeMap<u64, Request>,
    /// Told once; nobody asks again.
    told: BTreeSet<u64>,
}

struct Request {
    ids: Vec<String>,
    /// `None` when it never is stored.
    after: Option<u32>,
}

impl Acks {
    /// Requests are stored after so many questions in vain.
    pub(crate) fn after(questions: u32) -> Self {
        Self {
            after: questions,
            ..Self::default()
        }
    }

    pub(super) fn is_full(&self, channel: &str) -> bool {
        let waiting = self.channels.get(channel).map_or(0, |it| it.waiting.len());
        self.most > 0 && waiting >= self.most
    }

    /// Numbers a request with these alerts.
    pub(super) fn expect(&mut self, channel: &str, ids: Vec<String>) -> u64 {
        let after = Some(self.after);
        self.number(channel, Request { ids, after })
    }

    /// Numbers a request that is lost.
    pub(super) fn lose(&mut self, channel: &str) -> u64 {
        let ids = Vec::new();
        self.number(channel, Request { ids, after: None })
    }

    fn number(&mut self, channel: &str, request: Request) -> u64 {
        let channel = self.channels.entry(channel.to_owned()).or_default();
        let number = channel.next;
        channel.next += 1;
        channel.waiting.insert(number, request);
        self.given += 1;
        number
    }

    /// The answer to a question for some numbers of a channel.
    pub(super) fn tell(&mut self, channel: &str, body: &[u8]) -> Result<Value, String> {
        self.asked += 1;
        let question: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let object = question.as_object().filter(|object| object.len() == 1);
        let numbers = object.and_then(|object| object.get("acks")?.as_array());
        let numbers: Option<Vec<u64>> = numbers
            .filter(|numbers| !numbers.is_empty())
            .and_then(|numbers| numbers.iter().map(Value::as_u64).collect());
        let numbers =
            numbers.ok_or_else(|| format!("no question for acknowledgements: {question}"))?;
        let known = self.channels.get_mut(channel);
        // After a restart the indexer knows no channel.
        let mut nothing = Channel::default();
        let channel = known.unwrap_or(&mut nothing);
        let mut told = Map::new();
        for number in numbers {
            if channel.told.contains(&number) {
                return Err(format!("{number} was told before"));
            }
            told.insert(number.to_string(), channel.is_stored(number).into());
        }
        Ok(json!({"acks": told}))
    }

    /// What waits, and what comes, is stored at once from now on.
    pub(crate) fn store_all(&mut self) {
        self.after = 0;
        let channels = self.channels.values_mut();
        for request in channels.flat_map(|channel| channel.waiting.values_mut()) {
            request.after = request.after.map(|_| 0);
        }
    }

    /// Forgets everything; the alerts that were not stored.
    pub(super) fn restart(&mut self) -> Vec<String> {
        let channels = std::mem::take(&mut self.channels).into_values();
        let waiting = channels.flat_map(|channel| channel.waiting.into_values());
        waiting.flat_map(|request| request.ids).collect()
    }
}

impl Channel {
    fn is_stored(&mut self, number: u64) -> bool {
        let Some(Request {
            after: Some(after), ..
        }) = self.waiting.get_mut(&number)
        else {
            return false;
        };
        if *after > 0 {
            *after -= 1;
            return false;
        }
        self.waiting.remove(&number);
        self.told.insert(number);
        true
    }
}
