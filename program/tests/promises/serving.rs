//! A client that misbehaves costs its own connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use program::http::{Limits, Patience, serve};
use program::lifecycle::Lifecycle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const DEADLINE: Duration = Duration::from_secs(10);

async fn started(routes: Router, limits: Limits) -> (SocketAddr, Lifecycle) {
    let lifecycle = Lifecycle::default();
    let listener = program::listen::tcp("http", (Ipv4Addr::LOCALHOST, 0).into())
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    serve(listener, routes, limits, &lifecycle.tasks, lifecycle.stop.clone());
    (address, lifecycle)
}

async fn everything_read_from(mut stream: TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    text
}

#[tokio::test]
async fn a_header_that_never_ends_closes_the_connection_and_others_are_served() {
    let limits = Limits {
        header: Duration::from_millis(200),
        ..Limits::default()
    };
    let (address, _lifecycle) = started(Router::new().route("/", get(|| async { "here" })), limits).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-").await.unwrap();
    let silent = TcpStream::connect(address).await.unwrap();

    let body = reqwest::get(format!("http://{address}/"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();

    assert_eq!(body, "here");
    assert!(!everything_read_from(slow).await.contains("200 OK"));
    assert_eq!(everything_read_from(silent).await, "");
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused_before_it_ends() {
    let (address, _lifecycle) = started(
        Router::new().route("/", get(|| async { "here" })),
        Limits::default(),
    )
    .await;
    let ask = async |bytes: usize| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let header = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: {}",
            "x".repeat(bytes)
        );
        // It may be refused before all of it is read.
        let _ = stream.write_all(header.as_bytes()).await;
        let _ = stream.write_all(b"\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer))
            .await
            .unwrap();
        String::from_utf8(answer).unwrap()
    };
    assert!(ask(4 << 10).await.ends_with("here"));
    assert!(!ask(1 << 20).await.contains("200 OK"));
}

#[tokio::test]
async fn a_viewer_that_drips_loses_its_connection_and_others_are_served() {
    let limits = Limits {
        patience: Patience {
            longest: Duration::from_millis(500),
            bytes_per_second: 100_000,
        },
        ..Limits::default()
    };
    let media = Router::new().route("/", get(|| async { vec![7; 16 << 20] }));
    let (address, _lifecycle) = started(media, limits).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    // Now and then a byte, until there is nothing more to come: only what was under way before is read.
    let drips = async {
        let mut read = 0;
        for _ in 0..50 {
            slow.read_exact(&mut [0; 1]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut buffer = vec![0; 64 << 10];
        while let Ok(bytes @ 1..) = slow.read(&mut buffer).await {
            read += bytes;
        }
        read
    };
    let whole = async {
        let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
        answer.bytes().await.unwrap().len()
    };
    let (dripped, whole) = tokio::time::timeout(DEADLINE, async { tokio::join!(drips, whole) })
        .await
        .unwrap();
    assert_eq!(whole, 16 << 20);
    assert!(dripped < whole, "{dripped} bytes came all the same");
}

#[tokio::test]
async fn pages_of_any_site_may_read_every_answer_errors_too() {
    let (address, _lifecycle) = started(Router::new(), Limits::default()).await;

    let missing = reqwest::get(format!("http://{address}/nowhere")).await.unwrap();

    assert_eq!(missing.status(), 404);
    assert_eq!(missing.headers()["access-control-allow-origin"], "*");
    assert_eq!(missing.headers()["content-type"], "application/json");
    assert!(missing.text().await.unwrap().contains("error"));
}

#[tokio::test]
async fn a_request_under_way_is_finished_at_the_end() {
    let (entered, leave) = (
        std::sync::Arc::new(Notify::new()),
        std::sync::Arc::new(Notify::new()),
    );
    let (inner_entered, inner_leave) = (entered.clone(), leave.clone());
    let slow = move || {
        let (entered, leave) = (inner_entered.clone(), inner_leave.clone());
        async move {
            entered.notify_one();
            leave.notified().await;
            "finished"
        }
    };
    let (address, lifecycle) = started(Router::new().route("/", get(slow)), Limits::default()).await;
    let mut viewer = TcpStream::connect(address).await.unwrap();
    viewer
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    entered.notified().await;

    lifecycle.stop.cancel();
    leave.notify_one();

    assert!(everything_read_from(viewer).await.ends_with("finished"));
    assert_eq!(lifecycle.finish().await, std::process::ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_port_that_is_taken_says_which_and_how_to_move_it() {
    let taken = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = taken.local_addr().unwrap();

    let refusal = program::listen::tcp("http", address)
        .await
        .unwrap_err()
        .to_string();

    assert!(
        refusal.contains(&address.to_string()) && refusal.contains("--http HOST:PORT"),
        "{refusal}"
    );
}
