//! Whom a client trusts besides public authorities: whoever runs a mesh of their own may have one of their own.

use std::path::Path;

use reqwest::{Certificate, Client, ClientBuilder};

use super::{BadCertificate, certificates, read};

/// Certificates of authorities, from a file.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// Those in a PEM file, one at least.
    pub fn load(path: &Path) -> Result<Self, BadCertificate> {
        let found = certificates(&read(path)?).map_err(|error| BadCertificate::NotPem {
            path: path.into(),
            what: "certificate",
            error,
        })?;
        let known = found
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect::<Result<_, _>>();
        // Only whoever makes a client of them looks into them.
        let usable = known
            .map(Self)
            .and_then(|known| known.teach(Client::builder()).build().map(|_| known));
        usable.map_err(|_| BadCertificate::NoAuthority(path.into()))
    }

    /// Those in a file, if there is one to be read.
    pub fn load_any(path: Option<&Path>) -> Result<Self, BadCertificate> {
        path.map_or_else(|| Ok(Self::default()), Self::load)
    }

    /// A client that trusts them too.
    pub fn teach(&self, client: ClientBuilder) -> ClientBuilder {
        let known = self.0.iter().cloned();
        known.fold(client, ClientBuilder::add_root_certificate)
    }
}
