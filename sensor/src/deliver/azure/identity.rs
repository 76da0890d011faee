//! Who we are to Azure: an application, a workload of a cluster, or the machine itself.

use std::path::PathBuf;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::deliver::common::Rest;
use crate::deliver::identity::{self, Way, form, secret_header, variable};
use crate::deliver::oauth::{Kept, Token};
use crate::deliver::secret::SecretRef;

/// How we prove who we are: by `client_secret`, else by the token file of a workload
/// identity (`AZURE_FEDERATED_TOKEN_FILE`), else by the managed identity of the machine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "AzureCredentials")]
pub struct Credentials {
    /// The tenant's id (default: `AZURE_TENANT_ID`).
    pub tenant: Option<String>,
    /// The application's id, or that of a user-assigned managed identity (default:
    /// `AZURE_CLIENT_ID`).
    pub client_id: Option<String>,
    /// The application's secret, as a reference: `${NAME}` or `file:/path`; read anew for each
    /// token (default none).
    pub client_secret: Option<SecretRef>,
    /// A file whose token is exchanged for ours (default: `AZURE_FEDERATED_TOKEN_FILE`).
    pub token_file: Option<PathBuf>,
    /// Who gives out tokens to applications (default `https://login.microsoftonline.com`).
    pub authority: String,
    /// What the token is for (default `https://monitor.azure.com`).
    pub audience: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            tenant: None,
            client_id: None,
            client_secret: None,
            token_file: None,
            authority: "https://login.microsoftonline.com".to_owned(),
            audience: "https://monitor.azure.com".to_owned(),
        }
    }
}

impl Credentials {
    /// What is wrong, one sentence each; reads the secret.
    pub(super) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(secret) = &self.client_secret {
            let unread = secret.resolve().err();
            wrong.extend(unread.map(|error| format!("credentials.client_secret: {error}")));
        }
        if self.client_secret.is_some() || self.token_file.is_some() {
            for (key, value) in [("tenant", self.tenant()), ("client_id", self.client_id())] {
                if value.is_none() {
                    wrong.push(format!("credentials.{key} is not set, nor is its variable"));
                }
            }
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if self
            .tenant()
            .is_some_and(|tenant| !tenant.chars().all(fits))
        {
            wrong.push("credentials.tenant is no id or domain".to_owned());
        }
        let authority = identity::url(&self.authority).err();
        wrong.extend(authority.map(|why| format!("credentials.authority: {why}")));
        wrong
    }

    fn tenant(&self) -> Option<String> {
        self.tenant.clone().or_else(|| variable("AZURE_TENANT_ID"))
    }

    fn client_id(&self) -> Option<String> {
        let given = self.client_id.clone();
        given.or_else(|| variable("AZURE_CLIENT_ID"))
    }

    fn token_file(&self) -> Option<PathBuf> {
        let given = self.token_file.clone();
        given.or_else(|| variable("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from))
    }
}

/// Where tokens come from.
pub(super) struct Source {
    credentials: Credentials,
    way: Way,
    kept: Kept,
}

impl Source {
    pub(super) fn new(credentials: Credentials, way: Way) -> Self {
        Self {
            credentials,
            way,
            kept: Kept::default(),
        }
    }

    /// The receiver refused the token.
    pub(super) fn forget(&mut self) {
        self.kept.forget();
    }

    /// The header of a request.
    pub(super) async fn header(&mut self) -> Result<HeaderValue, Rest> {
        if let Some(header) = self.kept.header() {
            return Ok(header);
        }
        let token = self.token().await;
        // Who gives tokens out may be away, or not know us: it is asked again.
        let token = token.map_err(|why| Rest::Retry(format!("no token: {why}"), None))?;
        Ok(self.kept.keep(token))
    }

    async fn token(&self) -> Result<Token, String> {
        let it = &self.credentials;
        if let Some(secret) = &it.client_secret {
            let secret = secret.resolve().map_err(|why| why.to_string())?;
            return self
                .of_application(&[("client_secret", secret.expose())])
                .await;
        }
        if let Some(file) = it.token_file() {
            let token = identity::token_in(&file)?;
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let proof = [
                ("client_assertion_type", kind),
                ("client_assertion", &token),
            ];
            return self.of_application(&proof).await;
        }
        self.of_machine().await
    }

    async fn of_application(&self, proof: &[(&str, &str)]) -> Result<Token, String> {
        let it = &self.credentials;
        let tenant = it.tenant().ok_or("credentials.tenant is not set")?;
        let client_id = it.client_id().ok_or("credentials.client_id is not set")?;
        let scope = format!("{}/.default", it.audience);
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &client_id),
            ("scope", &scope),
        ];
        pairs.extend_from_slice(proof);
        let (headers, body) = form(&pairs);
        let mut url = identity::url(&it.authority)?;
        url.set_path(&format!("/{tenant}/oauth2/v2.0/token"));
        let who = "Microsoft Entra";
        let reply = self.way.ask(who, Method::POST, url, headers, body).await?;
        Token::read(who, &reply)
    }

    /// Of an App Service or a function by its own door, else of a virtual machine.
    async fn of_machine(&self) -> Result<Token, String> {
        const METADATA: HeaderName = HeaderName::from_static("metadata");
        const IDENTITY: HeaderName = HeaderName::from_static("x-identity-header");
        let at_door = variable("IDENTITY_ENDPOINT").zip(variable("IDENTITY_HEADER"));
        let (place, version, headers) = match at_door {
            Some((door, key)) => (door, "2019-08-01", secret_header(IDENTITY, &key)?),
            None => (
                "http://169.254.169.254/metadata/identity/oauth2/token".to_owned(),
                "2018-02-01",
                HeaderMap::from_iter([(METADATA, HeaderValue::from_static("true"))]),
            ),
        };
        let mut url: Url = identity::url(&place)?;
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", &self.credentials.audience);
        if let Some(id) = self.credentials.client_id() {
            url.query_pairs_mut().append_pair("client_id", &id);
        }
        let who = "the machine's managed identity";
        let reply = self.way.ask(who, Method::GET, url, headers, Vec::new());
        Token::read(who, &reply.await?)
    }
}
