//! Who a receiver must prove to be.
//!
//! A [`Config`] comes in, a rustls client configuration leaves. Certificates are
//! verified against the machine's own roots and, when given, one more file of
//! authorities. Verification is switched off only by a key that says what it does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;

/// How the receiver's certificate is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A PEM file of certificate authorities to trust beside the machine's own (default none).
    pub ca_file: Option<PathBuf>,
    /// Accept any certificate whatsoever, so that anyone on the path can read and answer for the
    /// receiver (default false). For a first trial only; said in the log at each start.
    pub accept_any_certificate_without_verification: bool,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The authorities' file cannot be read as PEM certificates.
    #[error("cannot read certificates from tls.ca_file {path}: {1}", path = .0.display())]
    CaFile(PathBuf, String),
    /// Neither the machine nor the configuration names an authority.
    #[error("no certificate authority to trust: the machine has none and tls.ca_file is not set")]
    NoRoots,
    /// The crypto library refused the settings.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

impl Config {
    /// What is wrong, one sentence each.
    pub(crate) fn check(&self) -> Vec<String> {
        let file = self.ca_file.as_deref().map(read_authorities);
        file.and_then(Result::err)
            .map(|error| error.to_string())
            .into_iter()
            .collect()
    }

    /// The client configuration these keys ask for.
    pub(crate) fn client(&self) -> Result<ClientConfig, TlsError> {
        if !self.accept_any_certificate_without_verification {
            return Ok(trusting(self.roots()?)?);
        }
        warn_of_blind_trust();
        let mut client = trusting(RootCertStore::empty())?;
        let verifier = AcceptAny(Arc::clone(client.crypto_provider()));
        client
            .dangerous()
            .set_certificate_verifier(Arc::new(verifier));
        Ok(client)
    }

    /// For connections without TLS: the HTTP client wants a configuration all
    /// the same, and this one lets nobody in by mistake.
    pub(crate) fn trusting_nobody() -> Result<ClientConfig, TlsError> {
        Ok(trusting(RootCertStore::empty())?)
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        // A machine's store often holds a certificate or two that nobody can
        // parse; the others are still good.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.ca_file {
            for certificate in read_authorities(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| TlsError::CaFile(path.clone(), error.to_string()))?;
            }
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(roots)
    }
}

/// Said at each start with verification switched off.
pub(crate) fn warn_of_blind_trust() {
    warn!(
        "tls.accept_any_certificate_without_verification is set: anyone on the path can read \
         the alerts and the secrets sent with them"
    );
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates of a PEM file; a file without any is an error.
fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |why: String| TlsError::CaFile(path.to_owned(), why);
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| failed(error.to_string()))?;
    if found.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(found)
}

/// Trusts everyone, for `accept_any_certificate_without_verification` alone.
/// Signatures are still checked, so that a broken handshake fails as one.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
