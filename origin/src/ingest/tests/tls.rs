//! RTMP inside TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use program::tls::{Certificate, CertificateFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::encoder::{Encoder, KEY, KEYFRAME, VIDEO_CONFIG};
use super::log::Log;
use super::origin::{Caller, Origin, soon};
use super::sockets::rest;

fn files(folder: &TempDir) -> CertificateFiles {
    CertificateFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    }
}

/// Writes a new certificate for `localhost`.
fn renew(folder: &TempDir) -> CertificateDer<'static> {
    let CertifiedKey { cert, key_pair } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = files(folder);
    let write = |path: &Path, text: String| std::fs::write(path, text).unwrap();
    write(&files.certificate, cert.pem());
    write(&files.key, key_pair.serialize_pem());
    cert.der().clone()
}

/// An origin that listens for TLS too, and where.
async fn origin_with(folder: &TempDir) -> (Origin, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = Certificate::load(files(folder)).unwrap();
    let origin = Origin::open_with(|entrance, tasks, stop| {
        let (tls, renewal) = certificate.serve(stop.clone());
        tasks.spawn(renewal);
        entrance.rtmps = Some((listener, tls));
    });
    (origin.await, address)
}

/// Connects, trusting nothing but that certificate.
async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(address).await?;
    soon("TLS", TlsConnector::from(Arc::new(config)).connect(name, socket)).await
}

#[tokio::test]
async fn a_stream_comes_through_tls_and_a_new_certificate_does_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(&folder);
    let (mut origin, address) = origin_with(&folder).await;

    let mut caller = Caller::over(connect(address, &first).await.unwrap(), Encoder::publisher(KEY));
    caller.until("publishing", |encoder| encoder.publishing).await;
    let mut publisher = origin.publisher().await;

    let second = renew(&folder);
    soon("the new certificate", async {
        while connect(address, &second).await.is_err() {}
    })
    .await;
    assert!(
        connect(address, &first).await.is_err(),
        "the old one is not shown any more"
    );

    caller.encoder.video(0, VIDEO_CONFIG);
    caller.encoder.video(0, KEYFRAME);
    caller.send().await;
    for _ in 0..2 {
        assert!(soon("a unit", publisher.units.recv()).await.is_some());
    }
    drop(caller);
    rest(&mut publisher).await;
    origin.finish().await;
}

#[tokio::test]
async fn a_pair_that_does_not_fit_together_is_waited_out() {
    let log = Log::capture();
    let folder = tempfile::tempdir().unwrap();
    let first = renew(&folder);
    let (origin, address) = origin_with(&folder).await;
    let other = tempfile::tempdir().unwrap();
    renew(&other);
    std::fs::copy(files(&other).certificate, files(&folder).certificate).unwrap();
    soon("the refusal of the pair", async {
        while !log
            .events()
            .iter()
            .any(|event| event.contains("certificate not taken"))
        {
            connect(address, &first).await.unwrap();
        }
    })
    .await;
    connect(address, &first).await.unwrap();
    origin.finish().await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_let_go_and_logged_once() {
    let log = Log::capture();
    let folder = tempfile::tempdir().unwrap();
    renew(&folder);
    let (origin, address) = origin_with(&folder).await;
    let mut socket = soon("a connection", TcpStream::connect(address)).await.unwrap();
    socket.write_all(&Encoder::publisher(KEY).outbox).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end", socket.read_to_end(&mut answer)).await;
    // And one that says nothing at all, which the origin's end does not wait for.
    let _silent = soon("a connection", TcpStream::connect(address)).await.unwrap();
    origin.finish().await;
    let refused: Vec<_> = log
        .events()
        .into_iter()
        .filter(|event| event.contains("no TLS"))
        .collect();
    assert_eq!(refused.len(), 1, "{:?}", log.events());
}

#[tokio::test]
async fn ffmpeg_publishes_inside_tls() {
    let folder = tempfile::tempdir().unwrap();
    renew(&folder);
    let (mut origin, address) = origin_with(&folder).await;
    let child = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=25:duration=1",
        ])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "flv",
        ])
        .arg(format!("rtmps://localhost:{}/live/{KEY}", address.port()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let Ok(child) = child else {
        return eprintln!("skipped: there is no ffmpeg on the path");
    };
    let units = async { rest(&mut origin.publisher().await).await };
    let (output, units) = tokio::join!(soon("ffmpeg", child.wait_with_output()), units);
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(units, 1 + 25, "a configuration and every picture");
    origin.finish().await;
}
