//! RTMPS: the same bytes inside TLS, with a certificate that is taken anew whenever its files change.
//!
//! Those who renew certificates replace two files, one after the other: a pair that does not fit together yet is
//! waited out with the last good one. Connections keep the certificate that they began with.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::ended::Ended;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// The largest file of certificates or of a key: a chain has a few kilobytes.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Why a certificate is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no PEM of that kind in a file.
    #[error("{} holds no {what} in PEM: {error}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why it is not.
        error: pem::Error,
    },
    /// The two do not fit together, or TLS has no use for them.
    #[error("{} and {} are no use for TLS: {error}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
}

/// A certificate and its key, in two files.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate, and those that lead from it to one that everybody trusts.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What the files held.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Takes TLS connections in, with whatever certificate is the newest.
#[derive(Clone, Debug)]
pub(crate) struct Tls(watch::Receiver<Arc<ServerConfig>>);

/// A certificate that was found good, before anything runs.
pub struct Certificate {
    files: CertificateFiles,
    contents: Contents,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// Reads the files.
    pub fn load(files: CertificateFiles) -> Result<Self, BadCertificate> {
        let contents = files.read()?;
        let config = files.config(&contents)?;
        Ok(Self {
            files,
            contents,
            config,
        })
    }

    /// What takes connections in with it, and the task that looks for a newer one.
    pub(crate) fn serve(self, stop: CancellationToken) -> (Tls, impl Future<Output = ()>) {
        let (newest, configs) = watch::channel(Arc::clone(&self.config));
        (Tls(configs), self.follow(newest, stop))
    }

    async fn follow(self, newest: watch::Sender<Arc<ServerConfig>>, stop: CancellationToken) {
        let Self {
            files, mut contents, ..
        } = self;
        let mut trouble = None;
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match files.newer_than(&contents) {
                Ok(None) => trouble = None,
                Ok(Some((changed, config))) => {
                    info!(certificate = %files.certificate.display(), "certificate changed");
                    (contents, trouble) = (changed, None);
                    newest.send_replace(config);
                }
                Err(error) => {
                    let error = error.to_string();
                    if trouble.as_ref() != Some(&error) {
                        warn!(%error, "certificate not taken, the last one goes on");
                    }
                    trouble = Some(error);
                }
            }
        }
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.files.fmt(out)
    }
}

impl CertificateFiles {
    fn newer_than(&self, last: &Contents) -> Result<Option<(Contents, Arc<ServerConfig>)>, BadCertificate> {
        let contents = self.read()?;
        if contents == *last {
            return Ok(None);
        }
        let config = self.config(&contents)?;
        Ok(Some((contents, config)))
    }

    fn read(&self) -> Result<Contents, BadCertificate> {
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    fn config(&self, contents: &Contents) -> Result<Arc<ServerConfig>, BadCertificate> {
        let not_pem = |path: &Path, what| {
            let path = path.to_owned();
            move |error| BadCertificate::NotPem { path, what, error }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents.certificate).collect();
        let some = |chain: Vec<_>| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        };
        let chain = chain.and_then(some);
        let chain = chain.map_err(not_pem(&self.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(not_pem(&self.key, "private key"))?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        config.map(Arc::new).map_err(|error| BadCertificate::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            error,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BadCertificate> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| BadCertificate::Unreadable {
        path: path.into(),
        error,
    })
}

impl Tls {
    /// Shakes hands. For how long is the caller's to limit.
    pub(super) async fn accept(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>, Ended> {
        let config = Arc::clone(&self.0.borrow());
        let accepted = TlsAcceptor::from(config).accept(socket).await;
        accepted.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Ended::Closed,
            // What TLS itself finds wrong; it knows its words, whoever connects does not choose them.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Ended::Tls(error.to_string()),
            kind => Ended::Broke(kind),
        })
    }
}
