//! Certificates by an authority that nobody knows but who is told of it.

use std::{fs, path::Path};

use anyhow::Result;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};

/// An authority.
pub struct Authority {
    own: Certificate,
    key: KeyPair,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// When there is no randomness for a key.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        Ok(Self { own, key })
    }

    /// Its own certificate, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.own.pem()
    }

    /// Writes a new certificate for 127.0.0.1 and its key, and returns the first as TLS shows it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn issue(&self, certificate: &Path, key: &Path) -> Result<Vec<u8>> {
        let params = CertificateParams::new(["127.0.0.1".to_owned()])?;
        let own = KeyPair::generate()?;
        let issued = params.signed_by(&own, &self.own, &self.key)?;
        fs::write(certificate, issued.pem())?;
        fs::write(key, own.serialize_pem())?;
        Ok(issued.der().to_vec())
    }
}
