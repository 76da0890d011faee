//! Alerts to Amazon `CloudWatch` Logs.
//!
//! A batch of alerts comes in, one request for each stream leaves, in the order of
//! time, within the service's limits ([`request`]). What it takes it says by index
//! ([`answer`]): an alert that is too old becomes a dead letter alone. Keys that it
//! refuses are fetched anew once before a person is asked.

mod answer;
mod request;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::alert::Alert;

use super::aws::credentials::{self, Credentials, Source};
use super::aws::{self, Call};
use super::common::{self, Answer, Batch, BuildError, ItemFate, Output, Rest, Sending, Settings};
use super::format::Format;
use super::http::{self, Client, Reply, Route};
use super::identity::{Way, variable};
use super::pattern::Pattern;
use super::queue::Batching;
use super::{proxy, tls};
use answer::Said;
use request::Part;

/// Sends alerts to Amazon `CloudWatch` Logs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The log group, which may hold values of the alert, such as `/sensor/{priority}`.
    pub group: Pattern,
    /// The log stream, which may hold values of the alert (default `{host}`).
    #[serde(default = "default_stream")]
    pub stream: Pattern,
    /// Make groups and streams that are not there (default false).
    #[serde(default)]
    pub create: bool,
    /// The region, such as `eu-central-1` (default: `AWS_REGION` or `AWS_DEFAULT_REGION`).
    #[serde(default)]
    pub region: Option<String>,
    /// Another address of the service, such as that of a VPC endpoint
    /// (default `https://logs.REGION.amazonaws.com`).
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The keys that requests are signed with.
    #[serde(default)]
    pub credentials: Credentials,
    /// How alerts are written (default `falco`).
    #[serde(default)]
    pub format: Format,
    /// How alerts are grouped into requests.
    #[serde(default)]
    pub batch: Batch,
    /// How the receiver's certificate is checked.
    #[serde(default)]
    pub tls: tls::Config,
    /// Through which proxy requests go.
    #[serde(default)]
    pub proxy: proxy::Config,
    /// Allow `http:` to another machine, readable by anyone on the path (default false).
    #[serde(default)]
    pub allow_unencrypted: bool,
    /// Longest time for one request, in milliseconds (1 to 600,000; default 15,000).
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_stream() -> Pattern {
    Pattern::preset("{host}")
}

fn default_timeout_ms() -> u64 {
    15_000
}

impl Settings for Config {
    fn needs_evidence(&self) -> bool {
        let names = self.group.names_fields() || self.stream.names_fields();
        names || self.format.needs_evidence()
    }

    fn batching(&self) -> Batching {
        self.batch.batching()
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = self.tls.check();
        wrong.extend(self.proxy.check());
        wrong.extend(self.batch.check());
        wrong.extend(common::check_timeout(self.timeout_ms));
        wrong.extend(self.credentials.check());
        wrong.extend(self.region().and_then(|region| self.url(&region)).err());
        wrong.extend(request::check("group", &self.group, request::group_name));
        wrong.extend(request::check("stream", &self.stream, request::stream_name));
        wrong
    }

    fn build(&self) -> Result<Box<dyn Output>, BuildError> {
        let region = self.region().map_err(BuildError::Value)?;
        let url = self.url(&region).map_err(BuildError::Value)?;
        let keys = self.credentials.clone();
        Ok(Box::new(CloudWatch {
            client: Client::new(url.clone(), self.route())?,
            source: Source::new(keys, region, Way::new(self.route())),
            url,
            config: self.clone(),
        }))
    }
}

impl Config {
    fn route(&self) -> Route<'_> {
        Route {
            tls: &self.tls,
            proxy: &self.proxy,
            timeout: Duration::from_millis(self.timeout_ms),
        }
    }

    fn region(&self) -> Result<String, String> {
        let given = self.region.clone();
        let found = given
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"));
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let region = found.ok_or("region is not set, nor is AWS_REGION")?;
        if region.is_empty() || !region.chars().all(fits) {
            return Err(format!(
                "region is `{region}`; it must be such as eu-central-1"
            ));
        }
        Ok(region)
    }

    fn url(&self, region: &str) -> Result<Url, String> {
        let default = || format!("https://logs.{region}.{}/", credentials::domain(region));
        let place = self.endpoint.clone().unwrap_or_else(default);
        let url = http::parse_url(&place, self.allow_unencrypted);
        let url = url.map_err(|why| format!("endpoint: {why}"))?;
        if url.path() != "/" || url.query().is_some() {
            return Err("endpoint has a path; the service has none".to_owned());
        }
        Ok(url)
    }
}

/// The sender.
struct CloudWatch {
    client: Client,
    source: Source,
    url: Url,
    config: Config,
}

impl CloudWatch {
    async fn put(&mut self, batch: &[Arc<Alert>]) -> Answer {
        let plan = request::plan(&self.config, batch);
        let mut fates = Fates::unsent(batch.len());
        for (place, why) in plan.refused {
            fates.settle(place, ItemFate::Refused(why));
        }
        let alone = plan.parts.len() == 1;
        for part in plan.parts {
            match self.put_part(&part).await {
                Ok(given) => {
                    for (place, fate) in part.places().zip(given) {
                        fates.settle(place, fate);
                    }
                }
                // Nobody halves one stream among several: what is left of it comes alone.
                Err(Rest::Split(why)) if !alone => fates.fail(&part, &why),
                Err(rest) if fates.any_settled => {
                    fates.fail(&part, rest.why().unwrap_or_default());
                    break;
                }
                Err(rest) => return Answer::none(rest),
            }
        }
        Answer::none(Rest::Each(fates.of))
    }

    /// One request, and its alerts' fates; the error is what happens to all of them.
    async fn put_part(&mut self, part: &Part) -> Result<Vec<ItemFate>, Rest> {
        let body = part.body();
        let mut said = self.call("PutLogEvents", &body).await?;
        if let (Said::Missing(_), true) = (&said, self.config.create) {
            self.create(part).await?;
            said = self.call("PutLogEvents", &body).await?;
        }
        match said {
            Said::Done(answer) => Ok(answer::fates(&answer, part, SystemTime::now())),
            // A sensor of the same name may be at work, and it is there by now.
            Said::Exists => Err(Rest::Retry("it is being made".to_owned(), None)),
            Said::Missing(why) => Err(Rest::Blocked(format!(
                "{why}: make the log group {} and its stream {}, or set create: true",
                part.group, part.stream
            ))),
            Said::Stranger(why) => Err(Rest::Blocked(why)),
            Said::Other(rest) => Err(rest),
        }
    }

    /// Makes the stream, and before it the group if that is not there either.
    async fn create(&mut self, part: &Part) -> Result<(), Rest> {
        let group = json!({"logGroupName": part.group});
        let stream = json!({"logGroupName": part.group, "logStreamName": part.stream});
        let mut said = self.call("CreateLogStream", &stream).await?;
        if let Said::Missing(_) = said {
            match self.call("CreateLogGroup", &group).await? {
                Said::Done(_) | Said::Exists => {}
                other => return Err(other.rest()),
            }
            said = self.call("CreateLogStream", &stream).await?;
        }
        match said {
            Said::Done(_) | Said::Exists => Ok(()),
            other => Err(other.rest()),
        }
    }

    /// One call; keys that are refused are fetched anew, once.
    async fn call(&mut self, action: &str, body: &Value) -> Result<Said, Rest> {
        let body = body.to_string().into_bytes();
        let first = answer::said(&self.post(action, &body).await?);
        if !matches!(first, Said::Stranger(_)) {
            return Ok(first);
        }
        self.source.forget();
        Ok(answer::said(&self.post(action, &body).await?))
    }

    async fn post(&mut self, action: &str, body: &[u8]) -> Result<Reply, Rest> {
        let later = |why: String| Rest::Retry(why, None);
        let keys = self.source.keys().await.map_err(later)?;
        let call = Call {
            url: &self.url,
            service: "logs",
            region: &self.source.region,
            target: &format!("Logs_20140328.{action}"),
            content_type: "application/x-amz-json-1.1",
            body,
        };
        let headers = aws::signed(&call, &keys, SystemTime::now());
        let headers = headers.ok_or_else(|| later("the keys cannot stand in a header".into()))?;
        let reply = self.client.post(headers, body.to_vec()).await;
        reply.map_err(|why| http::no_reply(why).rest)
    }
}

/// What became of each alert of a batch.
struct Fates {
    of: Vec<ItemFate>,
    any_settled: bool,
}

impl Fates {
    fn unsent(n: usize) -> Self {
        let unsent = || ItemFate::Again("it was not sent yet".to_owned());
        Self {
            of: std::iter::repeat_with(unsent).take(n).collect(),
            any_settled: false,
        }
    }

    fn settle(&mut self, place: usize, fate: ItemFate) {
        self.any_settled |= !matches!(fate, ItemFate::Again(_));
        if let Some(of) = self.of.get_mut(place) {
            *of = fate;
        }
    }

    /// A request failed: what it held is sent again.
    fn fail(&mut self, part: &Part, why: &str) {
        for place in part.places() {
            self.settle(place, ItemFate::Again(why.to_owned()));
        }
    }
}

impl Output for CloudWatch {
    fn send<'a>(&'a mut self, batch: &'a [Arc<Alert>]) -> Sending<'a> {
        Box::pin(self.put(batch))
    }
}
