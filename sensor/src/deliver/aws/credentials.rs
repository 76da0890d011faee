//! The keys to sign with, from where AWS puts them.
//!
//! The configuration, the environment and what runs beside us come in, [`Keys`]
//! leave. The places are looked at in the order of AWS's own tools, and the first
//! that has been set up is the one: if it fails then, no other is tried in silence.
//! Keys that end are fetched anew before they do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::identity::{self, Way, secret_header, token_in, variable};
use super::super::secret::{SecretError, SecretRef};
use super::profile;

/// Keys are fetched anew this long before they end.
const MARGIN: Duration = Duration::from_mins(5);
/// Where a container asks, where a virtual machine does.
const CONTAINER: &str = "http://169.254.170.2";
const MACHINE: &str = "http://169.254.169.254";
const NOWHERE: &str = "there are no keys for AWS in the configuration, the environment, the shared \
                       credentials file, a container or web identity, and the instance metadata \
                       service is disabled";

/// Keys for signatures.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session: Option<String>,
    /// When they end; `None` for those that stay.
    expires: Option<SystemTime>,
}

impl Keys {
    pub(crate) fn new(id: String, secret: String, session: Option<String>) -> Self {
        Self {
            id,
            secret,
            session,
            expires: None,
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

/// Keys given in the configuration; without them they are looked for in the
/// environment, `~/.aws/credentials`, the container, web identity and the machine.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Credentials {
    /// The id of an access key, with `secret_access_key` (default: looked for).
    pub access_key_id: Option<SecretRef>,
    /// The secret access key (default: looked for).
    pub secret_access_key: Option<SecretRef>,
    /// The session token of keys that end (default none).
    pub session_token: Option<SecretRef>,
    /// The profile in the shared credentials file (default: `AWS_PROFILE`, else `default`).
    pub profile: Option<String>,
}

impl Credentials {
    /// What is wrong, one sentence each; reads the secrets.
    pub(crate) fn check(&self) -> Vec<String> {
        let given = [&self.access_key_id, &self.secret_access_key];
        if given[0].is_some() != given[1].is_some() {
            let why = "credentials needs both access_key_id and secret_access_key";
            return vec![why.to_owned()];
        }
        if self.session_token.is_some() && given[0].is_none() {
            return vec!["credentials has a session_token without keys".to_owned()];
        }
        let wrong = self.given().err();
        wrong
            .map(|why| format!("credentials: {why}"))
            .into_iter()
            .collect()
    }

    fn given(&self) -> Result<Option<Keys>, SecretError> {
        let (Some(id), Some(secret)) = (&self.access_key_id, &self.secret_access_key) else {
            return Ok(None);
        };
        let session = self.session_token.as_ref().map(SecretRef::resolve);
        Ok(Some(Keys::new(
            id.resolve()?.expose().to_owned(),
            secret.resolve()?.expose().to_owned(),
            session.transpose()?.map(|token| token.expose().to_owned()),
        )))
    }
}

/// Where keys come from, and those that came last.
pub(crate) struct Source {
    config: Credentials,
    pub(crate) region: String,
    way: Way,
    held: Option<Keys>,
}

impl Source {
    pub(crate) fn new(config: Credentials, region: String, way: Way) -> Self {
        Self {
            config,
            region,
            way,
            held: None,
        }
    }

    /// Keys that are still good; the error says why there are none.
    pub(crate) async fn keys(&mut self) -> Result<Keys, String> {
        let now = SystemTime::now();
        let good_until =
            |moment: SystemTime| move |keys: &&Keys| keys.expires.is_none_or(|end| end > moment);
        if let Some(keys) = self.held.as_ref().filter(good_until(now + MARGIN)) {
            return Ok(keys.clone());
        }
        match self.fetch().await {
            Ok(keys) => Ok(self.held.insert(keys).clone()),
            // Those that have not ended yet are better than none.
            Err(why) => self
                .held
                .clone()
                .filter(|keys| good_until(now)(&keys))
                .ok_or(why),
        }
    }

    /// Has keys that were refused fetched anew.
    pub(crate) fn forget(&mut self) {
        self.held = None;
    }

    async fn fetch(&self) -> Result<Keys, String> {
        if let Some(keys) = self.config.given().map_err(|why| why.to_string())? {
            return Ok(keys);
        }
        if let Some(keys) = from_environment() {
            return Ok(keys);
        }
        if let Some(keys) = self.in_file()? {
            return Ok(keys);
        }
        if let Some(url) = container_url()? {
            return self.of_container(url).await;
        }
        if let Some(token) = variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
            return self.of_web_identity(Path::new(&token)).await;
        }
        self.of_machine().await
    }

    /// The shared credentials file. One that is not there is no error, a profile
    /// that was asked for and is not in it is one.
    fn in_file(&self) -> Result<Option<Keys>, String> {
        let home = || Some(PathBuf::from(variable("HOME")?).join(".aws/credentials"));
        let given = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        let asked = self
            .config
            .profile
            .clone()
            .or_else(|| variable("AWS_PROFILE"));
        let name = asked.as_deref().unwrap_or("default");
        let text = given
            .or_else(home)
            .and_then(|path| identity::file(&path).ok());
        let profile = text.and_then(|text| profile::read(&text, name));
        let keys = profile.and_then(|profile| {
            let get = |key: &str| profile.get(key).cloned();
            Some(Keys::new(
                get("aws_access_key_id")?,
                get("aws_secret_access_key")?,
                get("aws_session_token"),
            ))
        });
        match (keys, asked) {
            (Some(keys), _) => Ok(Some(keys)),
            (None, None) => Ok(None),
            (None, Some(name)) => Err(format!(
                "the shared credentials file has no keys in the profile {name}"
            )),
        }
    }

    /// ECS and EKS pod identity: a service on this machine's own link.
    async fn of_container(&self, url: Url) -> Result<Keys, String> {
        const WHO: &str = "the container's credentials";
        let token = match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => Some(token_in(Path::new(&path))?),
            None => variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let headers = token.map(|token| secret_header(AUTHORIZATION, &token));
        let headers = headers.transpose()?.unwrap_or_default();
        let reply = self
            .way
            .ask(WHO, Method::GET, url, headers, Vec::new())
            .await?;
        keys_of(WHO, &reply.body)
    }

    /// A role for a token that somebody else signed, as EKS gives to service accounts.
    async fn of_web_identity(&self, token: &Path) -> Result<Keys, String> {
        const WHO: &str = "the security token service";
        let role = variable("AWS_ROLE_ARN").ok_or("AWS_ROLE_ARN is not set")?;
        let session = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "sensor".into());
        let place = variable("AWS_ENDPOINT_URL_STS")
            .unwrap_or_else(|| format!("https://sts.{}.{}/", self.region, domain(&self.region)));
        let (headers, form) = identity::form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &role),
            ("RoleSessionName", &session),
            ("WebIdentityToken", &token_in(token)?),
        ]);
        let url = identity::url(&place)?;
        let reply = self.way.ask(WHO, Method::POST, url, headers, form).await?;
        let xml = String::from_utf8_lossy(&reply.body);
        let get = |tag: &str| {
            let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
            let (value, _) = rest.split_once(&format!("</{tag}>"))?;
            Some(value.trim().to_owned())
        };
        keys_from(WHO, get, "SessionToken")
    }

    /// The instance metadata service, version 2: a token first, then the role, then
    /// its keys.
    async fn of_machine(&self) -> Result<Keys, String> {
        const WHO: &str = "the instance metadata service";
        const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
        const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
        const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
        if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true")) {
            return Err(NOWHERE.to_owned());
        }
        let place = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let base = identity::url(place.as_deref().unwrap_or(MACHINE))?;
        let ask = async |method, path: &str, headers: HeaderMap| {
            let url = base.join(path).map_err(|why| why.to_string())?;
            let reply = self.way.ask(WHO, method, url, headers, Vec::new()).await?;
            Ok::<_, String>(String::from_utf8_lossy(&reply.body).into_owned())
        };
        let ttl = HeaderMap::from_iter([(TTL, HeaderValue::from_static("21600"))]);
        let token = ask(Method::PUT, "/latest/api/token", ttl).await?;
        let token = secret_header(TOKEN, token.trim())?;
        let roles = ask(Method::GET, ROLES, token.clone()).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() || role.contains(['/', '?', '#']) {
            return Err(format!("{WHO} names no role of this machine"));
        }
        let keys = ask(Method::GET, &format!("{ROLES}{role}"), token).await?;
        keys_of(WHO, keys.as_bytes())
    }
}

/// Keys in JSON, as container and machine give them.
fn keys_of(who: &str, body: &[u8]) -> Result<Keys, String> {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let get = |key: &str| Some(answer.get(key)?.as_str()?.to_owned());
    keys_from(who, get, "Token")
}

/// Keys by the names all of them use, the session's token by one that differs.
fn keys_from(
    who: &str,
    get: impl Fn(&str) -> Option<String>,
    session: &str,
) -> Result<Keys, String> {
    let keys = || {
        let expires: jiff::Timestamp = get("Expiration")?.parse().ok()?;
        Some(Keys {
            expires: Some(expires.into()),
            ..Keys::new(
                get("AccessKeyId")?,
                get("SecretAccessKey")?,
                Some(get(session)?),
            )
        })
    };
    keys().ok_or_else(|| format!("{who}: there are no keys in its answer"))
}

fn from_environment() -> Option<Keys> {
    Some(Keys::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN"),
    ))
}

/// Where this container asks for its keys, if it is told to.
fn container_url() -> Result<Option<Url>, String> {
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let place = match relative {
        Some(path) => Some(format!("{CONTAINER}{path}")),
        None => variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    };
    place.map(|place| identity::url(&place)).transpose()
}

/// The domain of a region's services.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_the_moment_they_end() {
        let json = br#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"S","Token":"T",
                        "Expiration":"2026-11-29T03:00:00Z"}"#;
        let keys = keys_of("it", json).unwrap();
        assert_eq!((&*keys.id, &*keys.secret), ("A", "S"));
        assert_eq!(keys.session.as_deref(), Some("T"));
        let end = SystemTime::UNIX_EPOCH + Duration::from_hours(498_867);
        assert_eq!(keys.expires, Some(end));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"AccessKeyId":"A","SecretAccessKey":"S"}"#,
        ] {
            let why = keys_of("it", bad.as_bytes()).unwrap_err();
            assert_eq!(why, "it: there are no keys in its answer");
        }
    }

    #[test]
    fn half_a_pair_of_keys_is_a_mistake() {
        for (yaml, good) in [
            ("{}", true),
            ("{profile: p}", true),
            (
                "{access_key_id: '${PATH}', secret_access_key: '${PATH}'}",
                true,
            ),
            ("{access_key_id: '${PATH}'}", false),
            ("{session_token: '${PATH}'}", false),
            (
                "{access_key_id: '${PATH}', secret_access_key: '${NOT_SET_HERE}'}",
                false,
            ),
        ] {
            let config: Credentials = serde_yaml::from_str(yaml).unwrap();
            assert_eq!(
                config.check().is_empty(),
                good,
                "{yaml}: {:?}",
                config.check()
            );
        }
    }
}
