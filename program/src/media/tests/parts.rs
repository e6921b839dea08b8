//! Parts and posters.

use super::*;

#[tokio::test]
async fn a_part_is_its_chunk_and_may_be_cached_for_ever() {
    let server = Server::with(1..=1).await;
    let second = chunk(video(1).chunk(1));
    let response = server.get("1.1.m4v").await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(text(&headers, header::ETAG), entity_tag(&second.record().sha256));
    assert_eq!(
        text(&headers, header::CACHE_CONTROL),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(text(&headers, header::CONTENT_TYPE), "video/mp4");
    assert_eq!(response.bytes().await.unwrap(), second.bytes());
    assert_eq!(server.meter.channel_bytes(&demo()), second.bytes().len() as u64);

    let ask = |name, value: String| {
        server
            .request(Method::GET, &path("1.1.m4v"))
            .header(name, value)
            .send()
    };
    let range = ask(header::RANGE, "bytes=-7".into()).await.unwrap();
    assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        range.bytes().await.unwrap(),
        second.bytes()[second.bytes().len() - 7..]
    );
    let again = ask(header::IF_NONE_MATCH, text(&headers, header::ETAG).into())
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn the_parts_of_a_segment_make_it_whole() {
    let server = Server::with(1..=1).await;
    let mut parts = Vec::new();
    for index in 0..CHUNKS {
        parts.extend(server.get(&format!("1.{index}.m4v")).await.bytes().await.unwrap());
    }
    assert_eq!(parts, bytes_of(1));
    let asked = Instant::now();
    let beyond = server.get(&format!("1.{CHUNKS}.m4v")).await;
    assert_eq!(beyond.status(), StatusCode::NOT_FOUND);
    let why = beyond.json::<serde_json::Value>().await.unwrap()["error"].to_string();
    assert!(why.contains("part 4 of segment 1 of track v0"), "{why}");
    assert!(
        asked.elapsed() < Duration::from_millis(300),
        "nobody waits for what will never be"
    );
}

#[tokio::test]
async fn who_asks_for_the_next_part_is_held_until_it_is_there() {
    let server = Server::with(1..=1).await;
    server.insert(&video(2), 0..1).await;
    for (file, number, index) in [("2.1.m4v", 2, 1), ("2.2.m4v", 2, 2), ("3.0.m4v", 3, 0)] {
        if number == 3 {
            server.insert(&video(2), 3..CHUNKS).await;
        }
        let name = video(number);
        let (response, ()) = tokio::join!(server.get(file), async {
            assert_eq!(server.get("4.0.m4v").await.status(), StatusCode::NOT_FOUND);
            server.insert(&name, index..index + 1).await;
        });
        assert_eq!(response.bytes().await.unwrap(), chunk(name.chunk(index)).bytes());
    }
}

#[tokio::test]
async fn who_asks_for_a_part_in_vain_is_told_after_a_second() {
    let server = Server::with(1..=1).await;
    let asked = Instant::now();
    assert_eq!(server.get("2.0.m4v").await.status(), StatusCode::NOT_FOUND);
    assert!(asked.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_part_that_a_neighbour_promised_is_waited_for() {
    let promises: Promises = Arc::new(|name| {
        let is_promised = name.number == 1;
        Box::pin(async move { Duration::from_secs(if is_promised { 10 } else { 0 }) })
    });
    let server = Server::start(|media| media.waiting(promises)).await;
    // The newest came first; the one before it is on its way.
    server.insert(&video(1), 2..3).await;
    let first = video(1);
    let (response, ()) = tokio::join!(server.get("1.0.m4v"), server.insert(&first, 0..1));
    assert_eq!(response.bytes().await.unwrap(), chunk(first.chunk(0)).bytes());
}

#[tokio::test]
async fn a_poster_is_told_as_a_picture_and_its_seal_beside_it() {
    let server = Server::with(1..=5).await;
    server.store.insert(poster(1)).await.unwrap();
    let ask = |file: &str| {
        let path = format!("/live/{}/{EPOCH}/poster/{file}", demo());
        server.request(Method::GET, &path)
    };
    let told = [
        ("1.jpg", "image/jpeg", poster(1).jpeg().unwrap()),
        ("1.seal", "application/cose", poster(1).seal().bytes().clone()),
    ];
    for (file, kind, bytes) in told {
        let response = ask(file).send().await.unwrap();
        let headers = response.headers().clone();
        let tag = text(&headers, header::ETAG);
        assert_eq!(text(&headers, header::CONTENT_TYPE), kind);
        assert_eq!(tag.len(), 66);
        assert!(text(&headers, header::CACHE_CONTROL).ends_with("immutable"));
        assert_eq!(response.bytes().await.unwrap(), bytes);

        let again = ask(file).header(header::IF_NONE_MATCH, tag);
        assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }

    let next = ask("2.jpg").send().await.unwrap();
    assert_eq!(next.status(), StatusCode::NOT_FOUND);
}
