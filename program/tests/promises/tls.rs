//! HTTP inside TLS, with a certificate that is taken anew when its files change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use program::http::{Door, Limits, serve};
use program::lifecycle::Lifecycle;
use program::tls::{Authorities, BadCertificate, Certificate, CertificateFiles};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::tls::TlsInfo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DEADLINE: Duration = Duration::from_secs(20);

fn files(folder: &TempDir) -> CertificateFiles {
    CertificateFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    }
}

/// Writes a new certificate for `localhost`, good until that year.
fn renew(folder: &TempDir, year: i32) -> Vec<u8> {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let CertificateFiles {
        certificate,
        key: path,
    } = files(folder);
    std::fs::write(certificate, made.pem()).unwrap();
    std::fs::write(path, key.serialize_pem()).unwrap();
    made.der().to_vec()
}

fn refused(folder: &TempDir) -> BadCertificate {
    Certificate::load(files(folder)).unwrap_err()
}

/// A client that trusts what is in a file, and connects anew for each request.
fn trusting(path: &Path) -> reqwest::Client {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_info(true)
        .pool_max_idle_per_host(0);
    Authorities::load(path).unwrap().teach(client).build().unwrap()
}

/// What a server shows to a client, if they agree.
async fn shown(client: &reqwest::Client, port: u16) -> Option<Vec<u8>> {
    let answer = client
        .get(format!("https://localhost:{port}/"))
        .send()
        .await
        .ok()?;
    let shown = answer.extensions().get::<TlsInfo>()?.peer_certificate()?.to_vec();
    (answer.text().await.ok()? == "hello").then_some(shown)
}

struct Served {
    folder: TempDir,
    first: Vec<u8>,
    port: u16,
    life: Lifecycle,
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = renew(&folder, 2999);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let life = Lifecycle::default();
        let (tls, renewal) = Certificate::load(files(&folder))
            .unwrap()
            .serve(life.stop.clone());
        life.tasks.spawn(renewal);
        let routes = Router::new().route("/", get(|| async { "hello" }));
        let door = Door::new(listener, Some(tls));
        serve(door, routes, Limits::default(), &life.tasks, life.stop.clone());
        Self {
            folder,
            first,
            port,
            life,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.life.stop.cancel();
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let served = Served::start().await;
    let certificate = files(&served.folder).certificate;
    let client = trusting(&certificate);
    assert_eq!(shown(&client, served.port).await.as_ref(), Some(&served.first));
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(
        shown(&stranger, served.port).await,
        None,
        "it trusts public authorities alone"
    );

    // One that nobody would take changes nothing; the one after it is taken, so the first was looked at.
    renew(&served.folder, 2001);
    let keeps = tokio::time::timeout(Duration::from_secs(5), async {
        while shown(&client, served.port).await.as_ref() == Some(&served.first) {}
    });
    assert!(keeps.await.is_err(), "the last good one goes on");

    let second = renew(&served.folder, 2998);
    let client = trusting(&certificate);
    let renewed = async {
        while shown(&client, served.port).await.as_ref() != Some(&second) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, renewed).await.unwrap();
}

#[tokio::test]
async fn who_speaks_no_tls_is_let_go_and_holds_nobody_up() {
    let served = Served::start().await;
    let _silent = TcpStream::connect(("127.0.0.1", served.port)).await.unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", served.port)).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(DEADLINE, plain.read_to_end(&mut said));
    let _ = ended.await.unwrap();
    assert!(!said.windows(5).any(|bytes| bytes == b"hello"), "{said:?}");
    let client = trusting(&files(&served.folder).certificate);
    assert!(shown(&client, served.port).await.is_some());
}

#[test]
fn files_that_are_of_no_use_are_named_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refused(&folder), BadCertificate::Unreadable { .. }));

    renew(&folder, 2999);
    let CertificateFiles { certificate, key } = files(&folder);
    let secret = std::fs::read_to_string(&key).unwrap();
    for nothing in ["", "nothing"] {
        std::fs::write(&certificate, nothing).unwrap();
        let words = refused(&folder).to_string();
        assert!(
            words.contains("certificate.pem holds no certificate in PEM"),
            "{words}"
        );
    }
    std::fs::write(
        &certificate,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let words = refused(&folder).to_string();
    assert!(words.contains("certificate.pem"), "{words}");

    renew(&folder, 2999);
    std::fs::write(&key, &secret).unwrap();
    let words = refused(&folder).to_string();
    assert!(
        words.contains("key.pem is not that of the certificate in"),
        "{words}"
    );

    std::fs::write(&key, secret.replace("PRIVATE KEY", "")).unwrap();
    let words = refused(&folder).to_string();
    assert!(words.contains("key.pem holds no private key"), "{words}");
    assert!(!words.contains(secret.lines().nth(1).unwrap()), "{words}");

    renew(&folder, 2001);
    let words = refused(&folder).to_string();
    assert!(
        words.contains("certificate.pem expired at 2001-01-01T00:00:00Z"),
        "{words}"
    );
}

#[test]
fn a_file_of_authorities_that_holds_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("ca.pem");
    let words = || Authorities::load(&path).unwrap_err().to_string();
    assert!(words().contains("cannot read"), "{}", words());
    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&path, bad).unwrap();
        assert!(words().contains("ca.pem holds "), "{}", words());
    }
}
