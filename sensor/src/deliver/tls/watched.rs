//! Certificates that are read again when their files change.
//!
//! A configuration comes in; what its files held when they were last sound leaves,
//! for the next handshake. The files are looked at when somebody asks, at most once
//! a second: a rotation needs no restart, an idle output no timer. Files that are
//! broken, or halfway through their change, leave the old in force, said once.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

use super::verify::{AcceptAny, Present, Verify};
use super::{Config, TlsError, provider};

/// How often the files are looked at, at most.
const EVERY: Duration = Duration::from_secs(1);

/// Whom we trust and who we are, at one moment.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) identity: Option<Arc<CertifiedKey>>,
}

/// The files of a configuration, and what they held.
#[derive(Debug)]
pub(crate) struct Watched {
    config: Config,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    material: Arc<Material>,
    /// How often it was replaced.
    generation: u64,
    /// What the files looked like when they were last read, sound or not.
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
}

/// What tells that a path leads to other content: device, inode, size, and the
/// times of the last change of content and of the file itself.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

fn stamp(path: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        (file.mtime(), file.mtime_nsec()),
        (file.ctime(), file.ctime_nsec()),
    ))
}

impl Watched {
    pub(super) fn new(config: Config) -> Result<Self, TlsError> {
        // Before they are read: what changes meanwhile is read again.
        let stamps = stamps(&config);
        let state = State {
            material: Arc::new(material(&config)?),
            generation: 0,
            stamps,
            looked: Instant::now(),
        };
        Ok(Self {
            config,
            state: Mutex::new(state),
        })
    }

    /// A client configuration that follows the files.
    pub(crate) fn client(self: &Arc<Self>) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider());
        let mut client = builder
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verify(Arc::clone(self))))
            .with_client_cert_resolver(Arc::new(Present(Arc::clone(self))));
        if !self.stamps().is_empty() {
            // A resumed session would go on with the old certificates unasked.
            client.resumption = Resumption::disabled();
        }
        Ok(client)
    }

    /// Changes whenever new certificates are in force, so that who keeps
    /// connections knows when to make new ones.
    pub(crate) fn generation(&self) -> u64 {
        self.look().0
    }

    pub(super) fn material(&self) -> Arc<Material> {
        self.look().1
    }

    fn stamps(&self) -> Vec<Option<Stamp>> {
        stamps(&self.config)
    }

    fn look(&self) -> (u64, Arc<Material>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= EVERY {
            state.looked = Instant::now();
            let stamps = self.stamps();
            if stamps != state.stamps {
                state.stamps = stamps;
                self.read_again(&mut state);
            }
        }
        (state.generation, Arc::clone(&state.material))
    }

    fn read_again(&self, state: &mut State) {
        match material(&self.config) {
            Ok(material) => {
                state.material = Arc::new(material);
                state.generation += 1;
                info!("certificates changed; new connections use the new ones");
            }
            Err(error) => warn!("{error}; the certificates read before stay in force"),
        }
    }
}

fn stamps(config: &Config) -> Vec<Option<Stamp>> {
    let files = [
        &config.ca_file,
        &config.client_certificate,
        &config.client_key,
    ];
    files
        .into_iter()
        .flatten()
        .map(|path| stamp(path))
        .collect()
}

fn material(config: &Config) -> Result<Material, TlsError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> =
        if config.accept_any_certificate_without_verification {
            Arc::new(AcceptAny(provider))
        } else {
            let roots = Arc::new(config.roots()?);
            let builder = WebPkiServerVerifier::builder_with_provider(roots, provider);
            builder
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?
        };
    Ok(Material {
        verifier,
        identity: config.certified_key()?,
    })
}
