//! Who a receiver must prove to be, and how we prove who we are.
//!
//! A [`Config`] comes in, a rustls client configuration leaves. Certificates are
//! verified against the machine's own roots and, when given, one more file of
//! authorities. Verification is switched off only by a key that says what it does.
//! The files are read again when they change ([`watched`]); what an error says of
//! them is their path and what is wrong, never what they hold.

mod verify;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;

use super::files;
pub(crate) use watched::Watched;

/// No bundle of authorities is larger; more is a mistaken path.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// How the receiver's certificate is checked, and what proves who we are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A PEM file of certificate authorities to trust beside the machine's own, read again when it
    /// changes (default none).
    pub ca_file: Option<PathBuf>,
    /// A PEM file of our own certificate, followed by those between it and the authority, for
    /// receivers that ask for one; read again when it changes (default none).
    pub client_certificate: Option<PathBuf>,
    /// The PEM file of that certificate's private key, unencrypted: PKCS#8, SEC1 or RSA; read again
    /// when it changes (default none).
    pub client_key: Option<PathBuf>,
    /// Accept any certificate whatsoever, so that anyone on the path can read and answer for the
    /// receiver (default false). For a first trial only; said in the log at each start.
    pub accept_any_certificate_without_verification: bool,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used: the key that names it, its path, what is wrong with it.
    #[error("cannot use tls.{0} {path}: {2}", path = .1.display())]
    File(&'static str, PathBuf, String),
    /// A certificate without its key, or a key without its certificate.
    #[error("tls.client_certificate and tls.client_key go together; one of them is missing")]
    HalfIdentity,
    /// Neither the machine nor the configuration names an authority.
    #[error("no certificate authority to trust: the machine has none and tls.ca_file is not set")]
    NoRoots,
    /// The crypto library refused the settings.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// What proves who we are, for clients that read it themselves.
pub(crate) struct Identity {
    /// Our certificate, then those between it and the authority.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The same as the file has it, in PEM.
    #[expect(dead_code, reason = "for clients that read PEM themselves")]
    pub(crate) certificate_pem: Vec<u8>,
    /// The private key as the file has it, in PEM.
    pub(crate) key_pem: Vec<u8>,
}

impl Config {
    /// What is wrong, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let authorities = self.authorities().err();
        let identity = self.certified_key().err();
        let wrong = authorities.into_iter().chain(identity);
        wrong.map(|error| error.to_string()).collect()
    }

    /// The client configuration these keys ask for. It reads their files again when
    /// they change.
    pub(crate) fn client(&self) -> Result<ClientConfig, TlsError> {
        self.watched()?.client()
    }

    /// The same for who wants to know when the files change.
    pub(crate) fn watched(&self) -> Result<Arc<Watched>, TlsError> {
        if self.accept_any_certificate_without_verification {
            warn_of_blind_trust();
        }
        Ok(Arc::new(Watched::new(self.clone())?))
    }

    /// For connections without TLS: the HTTP client wants a configuration all
    /// the same, and this one lets nobody in by mistake.
    pub(crate) fn trusting_nobody() -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(RootCertStore::empty());
        Ok(builder.with_no_client_auth())
    }

    /// The authorities in PEM, read anew each time; `None` where only the machine's count.
    pub(crate) fn authorities_pem(&self) -> Result<Option<Vec<u8>>, TlsError> {
        let Some(path) = &self.ca_file else {
            return Ok(None);
        };
        let (pem, _) = certificates("ca_file", path)?;
        Ok(Some(pem))
    }

    /// What proves who we are, read anew each time; `None` where nothing is to.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, TlsError> {
        Ok(self.read_identity()?.map(|(identity, _)| identity))
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        // A machine's store often holds a certificate or two that nobody can
        // parse; the others are still good.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for (path, certificate) in self.authorities()? {
            roots
                .add(certificate)
                .map_err(|error| TlsError::File("ca_file", path, error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(roots)
    }

    /// The certificates of `ca_file`, each with its path.
    fn authorities(&self) -> Result<Vec<(PathBuf, CertificateDer<'static>)>, TlsError> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let (_, found) = certificates("ca_file", path)?;
        Ok(found.into_iter().map(|it| (path.clone(), it)).collect())
    }

    fn certified_key(&self) -> Result<Option<Arc<CertifiedKey>>, TlsError> {
        Ok(self.read_identity()?.map(|(_, key)| key))
    }

    fn read_identity(&self) -> Result<Option<(Identity, Arc<CertifiedKey>)>, TlsError> {
        let (certificate, key) = match (&self.client_certificate, &self.client_key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            _ => return Err(TlsError::HalfIdentity),
        };
        let (certificate_pem, chain) = certificates("client_certificate", certificate)?;
        let failed = |why: &str| TlsError::File("client_key", key.clone(), why.to_owned());
        let key_pem =
            files::read_bounded(key, MAX_FILE_BYTES).map_err(|error| failed(&error.to_string()))?;
        let signing = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| {
            failed(match error {
                pem::Error::NoItemsFound => "it holds no unencrypted private key",
                _ => "it is not valid PEM",
            })
        })?;
        let signing = provider().key_provider.load_private_key(signing);
        let signing = signing.map_err(|_| failed("its private key is of no known kind"))?;
        let certified = CertifiedKey::new(chain.clone(), signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(failed("it is not the key of tls.client_certificate")),
        }
        let identity = Identity {
            chain,
            certificate_pem,
            key_pem,
        };
        Ok(Some((identity, Arc::new(certified))))
    }
}

/// Said at each start with verification switched off.
pub(crate) fn warn_of_blind_trust() {
    warn!(
        "tls.accept_any_certificate_without_verification is set: anyone on the path can read \
         the alerts and the secrets sent with them"
    );
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A PEM file and its certificates; a file without any is an error.
fn certificates(
    key: &'static str,
    path: &Path,
) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), TlsError> {
    let failed = |why: &str| TlsError::File(key, path.to_owned(), why.to_owned());
    let bytes =
        files::read_bounded(path, MAX_FILE_BYTES).map_err(|error| failed(&error.to_string()))?;
    // rustls' own words repeat the line, which in a mistaken file may be a secret.
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| failed("it is not valid PEM"))?;
    if found.is_empty() {
        return Err(failed("it holds no certificate"));
    }
    Ok((bytes, found))
}
