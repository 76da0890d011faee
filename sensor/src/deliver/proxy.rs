//! The way out of a network that has no other.
//!
//! Keys come in, what the HTTP client must know leaves. To an https URL a proxy is
//! asked for a tunnel (`CONNECT`), so it learns the receiver's name and port, no
//! alert and no secret; verification of the receiver's certificate is as without it.
//! Requests to this machine itself never take one.

use reqwest::{ClientBuilder, Url};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::BuildError;
use super::http;
use super::secret::SecretRef;

/// Through which proxy requests go; to this machine itself, through none.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `environment` takes the one that `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` names, but for
    /// hosts in `NO_PROXY`; `none` takes none; else the proxy's URL, such as
    /// `http://proxy.example:3128` (default environment).
    pub url: String,
    /// The user's name at the proxy (default none).
    pub user: Option<String>,
    /// The user's password there, as a reference: `${NAME}` or `file:/path` (default none).
    pub password: Option<SecretRef>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "environment".to_owned(),
            user: None,
            password: None,
        }
    }
}

impl Config {
    /// What is wrong, one sentence each; reads the password.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let named = !matches!(self.url.as_str(), "environment" | "none");
        if named && let Err(why) = parse(&self.url) {
            wrong.push(why);
        }
        if self.user.is_some() != self.password.is_some() {
            wrong.push("proxy needs both user and password".to_owned());
        }
        if self.user.is_some() && !named {
            wrong.push("proxy.user is for a proxy that proxy.url names".to_owned());
        }
        if self.user.as_ref().is_some_and(|user| user.contains(':')) {
            wrong.push("proxy.user holds a colon, which no name may".to_owned());
        }
        let password = self.password.as_ref().map(SecretRef::resolve);
        wrong.extend(
            password
                .and_then(Result::err)
                .map(|error| format!("proxy.password: {error}")),
        );
        wrong
    }

    /// A builder of clients that reach `target` in this way; the password is read anew.
    pub(crate) fn apply(
        &self,
        builder: ClientBuilder,
        target: &Url,
    ) -> Result<ClientBuilder, BuildError> {
        if self.url == "none" || http::is_loopback(target) {
            return Ok(builder.no_proxy());
        }
        if self.url == "environment" {
            return Ok(builder);
        }
        let url = parse(&self.url).map_err(BuildError::Value)?;
        let mut proxy = reqwest::Proxy::all(url)
            .map_err(|_| BuildError::Value("proxy.url cannot be used".to_owned()))?;
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            proxy = proxy.basic_auth(user, password.resolve()?.expose());
        }
        Ok(builder.no_proxy().proxy(proxy))
    }
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        format!("proxy.url is neither environment, none nor a valid URL: {error}")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "proxy.url begins with {}:; use http: or https:",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "proxy.url holds a user name or password; use proxy.user and proxy.password".into(),
        );
    }
    if url.path() != "/" || url.query().is_some() {
        return Err("proxy.url holds more than a host and a port".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_by_its_url_and_its_password_by_reference() {
        for (yaml, good) in [
            ("{}", true),
            ("{url: none}", true),
            ("{url: environment}", true),
            ("{url: 'http://proxy.example:3128'}", true),
            ("{url: 'https://proxy.example'}", true),
            ("{url: 'socks5://proxy.example'}", false),
            ("{url: 'http://user:hunter2@proxy.example'}", false),
            ("{url: 'http://proxy.example/path'}", false),
            ("{url: nowhere}", false),
            ("{url: 'http://p.example', user: a}", false),
            (
                "{url: 'http://p.example', user: a, password: '${PATH}'}",
                true,
            ),
            (
                "{url: 'http://p.example', user: 'a:b', password: '${PATH}'}",
                false,
            ),
            ("{user: a, password: '${PATH}'}", false),
        ] {
            let config: Config = serde_yaml::from_str(yaml).unwrap();
            let wrong = config.check();
            assert_eq!(wrong.is_empty(), good, "{yaml}: {wrong:?}");
            assert!(!wrong.concat().contains("hunter2"), "{wrong:?}");
        }
    }
}
