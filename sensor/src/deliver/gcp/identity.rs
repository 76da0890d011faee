//! Who we are to Google Cloud: a service account by its key, or the machine's own.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::deliver::common::Rest;
use crate::deliver::identity::{self, Way, form, variable};
use crate::deliver::oauth::{Kept, Token};

/// What the token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/logging.write";
/// How long the request for a token is good, seconds.
const LIFE_S: u64 = 3600;

/// How we prove who we are: by a service account's key, else as the machine's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "GcpCredentials")]
pub struct Credentials {
    /// The key file of a service account, read anew for each token (default:
    /// `GOOGLE_APPLICATION_CREDENTIALS`; without either, the metadata server is asked).
    pub key_file: Option<PathBuf>,
}

/// A key file, as much of it as we need.
#[derive(Deserialize)]
struct KeyFile {
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

impl Credentials {
    /// What is wrong, one sentence each; reads the key file.
    pub(super) fn check(&self) -> Vec<String> {
        let Some(path) = self.key_file() else {
            return Vec::new();
        };
        let wrong = read(&path).and_then(|key| {
            identity::url(&key.token_uri)?;
            assertion(&key, 0)
        });
        wrong.err().into_iter().collect()
    }

    fn key_file(&self) -> Option<PathBuf> {
        let given = self.key_file.clone();
        given.or_else(|| variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from))
    }

    /// The project that the key is of.
    pub(super) fn project(&self) -> Result<String, String> {
        let path = self
            .key_file()
            .ok_or("project is not set, and no key file names one")?;
        Ok(read(&path)?.project_id)
    }
}

/// Reads a key file; what an error says of it is its path.
fn read(path: &Path) -> Result<KeyFile, String> {
    let shown = path.display();
    let text = identity::file(path).map_err(|why| format!("cannot read {shown}: {why}"))?;
    serde_json::from_str(&text).map_err(|_| format!("{shown} is no key file of a service account"))
}

/// What the account asks for a token with, signed by its key.
fn assertion(key: &KeyFile, now_s: u64) -> Result<String, String> {
    let encoded = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let head = encoded(json!({"alg": "RS256", "typ": "JWT", "kid": key.private_key_id}));
    let claims = encoded(json!({
        "iss": key.client_email,
        "scope": SCOPE,
        "aud": key.token_uri,
        "iat": now_s,
        "exp": now_s + LIFE_S,
    }));
    let unsigned = format!("{head}.{claims}");
    let unusable = || "private_key of the key file is no RSA key in PKCS#8".to_owned();
    let der = PrivatePkcs8KeyDer::from_pem_slice(key.private_key.as_bytes());
    let der = der.map_err(|_| unusable())?;
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| unusable())?;
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    pair.sign(
        &RSA_PKCS1_SHA256,
        &random,
        unsigned.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the request for a token cannot be signed".to_owned())?;
    Ok(format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature)))
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
        let token = match self.credentials.key_file() {
            Some(path) => self.of_account(&path).await,
            None => self.of_machine().await,
        };
        // Who gives tokens out may be away, or not know us: it is asked again.
        let token = token.map_err(|why| Rest::Retry(format!("no token: {why}"), None))?;
        Ok(self.kept.keep(token))
    }

    async fn of_account(&self, path: &Path) -> Result<Token, String> {
        let key = read(path)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let assertion = assertion(&key, now.as_secs())?;
        let (headers, body) = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ]);
        let who = "Google's token service";
        let url = identity::url(&key.token_uri)?;
        let reply = self.way.ask(who, Method::POST, url, headers, body).await?;
        Token::read(who, &reply)
    }

    async fn of_machine(&self) -> Result<Token, String> {
        const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
        // Where the metadata server is, when it is elsewhere.
        let host = variable("GCE_METADATA_HOST");
        let host = host.unwrap_or_else(|| "metadata.google.internal".to_owned());
        let path = "computeMetadata/v1/instance/service-accounts/default/token";
        let url = identity::url(&format!("http://{host}/{path}"))?;
        let headers = HeaderMap::from_iter([(FLAVOR, HeaderValue::from_static("Google"))]);
        let who = "the metadata server";
        let reply = self.way.ask(who, Method::GET, url, headers, Vec::new());
        Token::read(who, &reply.await?)
    }
}
