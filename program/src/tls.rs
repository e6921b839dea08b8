//! TLS by files: a certificate that is taken anew whenever its files change, and whom to trust besides public authorities.
//!
//! Those who renew certificates replace two files, one after the other: a pair that does not fit together yet is
//! waited out with the last good one. Connections keep the certificate that they began with.

mod authorities;
mod validity;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
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

pub use authorities::Authorities;

use crate::clock;
use crate::lifecycle::now_ms;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// The largest file of certificates or of a key: a chain has a few kilobytes.
const MAX_FILE_BYTES: u64 = 256 << 10;
/// Whoever renews certificates does it earlier than this.
const SOON: Duration = Duration::from_hours(7 * 24);

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
    /// The key is another certificate's.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Nobody takes the certificate any more.
    #[error("the certificate in {} expired at {at}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When, in UTC.
        at: String,
    },
    /// What is in a file of authorities is none.
    #[error("{} holds something that is no certificate of an authority", .0.display())]
    NoAuthority(PathBuf),
    /// TLS has no use for the two.
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
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

/// A certificate that was found good, before anything runs.
pub struct Certificate {
    files: CertificateFiles,
    contents: Contents,
    usable: Usable,
}

/// What TLS is spoken with, and until when.
#[derive(Clone)]
struct Usable {
    config: Arc<ServerConfig>,
    /// Since 1970.
    until: Duration,
}

impl Certificate {
    /// Reads the files.
    pub fn load(files: CertificateFiles) -> Result<Self, BadCertificate> {
        let contents = files.read()?;
        let usable = files.usable(&contents)?;
        Ok(Self {
            files,
            contents,
            usable,
        })
    }

    /// What takes connections in with it, and the task that looks for a newer one.
    pub fn serve(self, stop: CancellationToken) -> (Tls, impl Future<Output = ()>) {
        let (newest, configs) = watch::channel(Arc::clone(&self.usable.config));
        (Tls(configs), self.follow(newest, stop))
    }

    async fn follow(self, newest: watch::Sender<Arc<ServerConfig>>, stop: CancellationToken) {
        let Self {
            files,
            mut contents,
            usable: Usable { mut until, .. },
        } = self;
        let (mut trouble, mut told) = (None, None);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match files.newer_than(&contents) {
                Ok(None) => trouble = None,
                Ok(Some((changed, usable))) => {
                    info!(certificate = %files.certificate.display(), "certificate changed");
                    (contents, until, trouble) = (changed, usable.until, None);
                    newest.send_replace(usable.config);
                }
                Err(error) => {
                    let error = error.to_string();
                    if trouble.as_ref() != Some(&error) {
                        warn!(%error, "certificate not taken, the last one goes on");
                    }
                    trouble = Some(error);
                }
            }
            let word = warning(until.checked_sub(now()));
            if let Some(word) = word
                && told != Some(word)
            {
                let (certificate, at) = (files.certificate.display(), clock::date_time(until));
                warn!(%certificate, until = %at, "{word}");
            }
            told = word;
        }
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.files.fmt(out)
    }
}

impl CertificateFiles {
    fn newer_than(&self, last: &Contents) -> Result<Option<(Contents, Usable)>, BadCertificate> {
        let contents = self.read()?;
        if contents == *last {
            return Ok(None);
        }
        let usable = self.usable(&contents)?;
        Ok(Some((contents, usable)))
    }

    fn read(&self) -> Result<Contents, BadCertificate> {
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    fn usable(&self, contents: &Contents) -> Result<Usable, BadCertificate> {
        let not_pem = |path: &Path, what| {
            let path = path.to_owned();
            move |error| BadCertificate::NotPem { path, what, error }
        };
        let chain = certificates(&contents.certificate).map_err(not_pem(&self.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(not_pem(&self.key, "private key"))?;
        let unusable = |error| match error {
            rustls::Error::InconsistentKeys(_) => BadCertificate::OtherKey {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            error => BadCertificate::Unusable {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                error,
            },
        };
        let malformed = || unusable(rustls::CertificateError::BadEncoding.into());
        let until = validity::until(&chain[0]).ok_or_else(malformed)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let config = Arc::new(config.map_err(unusable)?);
        if until <= now() {
            let (path, at) = (self.certificate.clone(), clock::date_time(until));
            return Err(BadCertificate::Expired { path, at });
        }
        Ok(Usable { config, until })
    }
}

/// What there is to say of a certificate that is good for so long still, or for no time.
fn warning(left: Option<Duration>) -> Option<&'static str> {
    match left {
        None | Some(Duration::ZERO) => Some("certificate has expired, nobody takes it any more"),
        Some(left) if left < SOON => Some("certificate expires within a week"),
        Some(_) => None,
    }
}

fn now() -> Duration {
    Duration::from_millis(now_ms())
}

/// All certificates in a text, one at least.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if found.is_empty() {
        Err(pem::Error::NoItemsFound)
    } else {
        Ok(found)
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
    pub async fn accept<S>(&self, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.0.borrow());
        TlsAcceptor::from(config).accept(socket).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_near_is_told_of() {
        let at = |left| warning(left).unwrap_or_default();
        assert_eq!(at(Some(Duration::from_hours(8 * 24))), "");
        assert!(at(Some(Duration::from_hours(6 * 24))).contains("within a week"));
        for over in [None, Some(Duration::ZERO)] {
            assert!(at(over).contains("has expired"));
        }
    }
}
