//! HEAD, ranges and conditional requests, as viewers and caches make them.

use super::*;

#[tokio::test]
async fn head_tells_the_size_and_sends_nothing() {
    let server = Server::with(1..=1).await;
    let response = server.request(Method::HEAD, &path("1.m4v")).send().await.unwrap();
    assert_eq!(
        text(response.headers(), header::CONTENT_LENGTH),
        bytes_of(1).len().to_string()
    );
    assert!(response.headers().contains_key(header::ETAG));
    assert!(response.bytes().await.unwrap().is_empty());
    assert_eq!(server.meter.bytes(), 0);
}

#[tokio::test]
async fn a_range_is_answered_with_that_part() {
    let server = Server::with(1..=1).await;
    let whole = bytes_of(1);
    let ask = |range: &'static str| {
        server
            .request(Method::GET, &path("1.m4v"))
            .header(header::RANGE, range)
            .send()
    };
    // From within the first chunk to within the third.
    let (first, last) = (whole.len() / 8, whole.len() * 5 / 8);
    let range = format!("bytes={first}-{last}");
    let response = server
        .request(Method::GET, &path("1.m4v"))
        .header(header::RANGE, range)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        text(response.headers(), header::CONTENT_RANGE),
        format!("bytes {first}-{last}/{}", whole.len())
    );
    assert_eq!(response.bytes().await.unwrap(), whole[first..=last]);

    assert_eq!(
        ask("bytes=-9").await.unwrap().bytes().await.unwrap(),
        whole[whole.len() - 9..]
    );

    for all in ["bytes=0-1,5-6", "bytes=5-4", "lines=1-2"] {
        let response = ask(all).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{all}");
        assert_eq!(response.bytes().await.unwrap(), whole, "{all}");
    }

    let refused = ask("bytes=9999999-").await.unwrap();
    assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        text(refused.headers(), header::CONTENT_RANGE),
        format!("bytes */{}", whole.len())
    );
    assert_eq!(text(refused.headers(), header::CONTENT_TYPE), "application/json");
    assert_eq!(text(refused.headers(), header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
}

#[tokio::test]
async fn a_viewer_that_has_a_segment_is_not_sent_it_again() {
    let server = Server::with(1..=1).await;
    let tag = server.get("1.m4v").await.headers()[header::ETAG].clone();
    let ask = server
        .request(Method::GET, &path("1.m4v"))
        .header(header::IF_NONE_MATCH, &tag);
    let response = ask.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers()[header::ETAG], tag);
    assert!(response.headers().contains_key(header::CACHE_CONTROL));
    assert!(response.bytes().await.unwrap().is_empty());

    let any = server
        .request(Method::HEAD, &path("1.m4v"))
        .header(header::IF_NONE_MATCH, "*");
    assert_eq!(any.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_viewer_goes_on_where_it_stopped_if_the_segment_is_still_the_same() {
    let server = Server::with(1..=1).await;
    let (tag, whole) = (entity_tag(&Sha256::digest(bytes_of(1))), bytes_of(1));
    for (condition, status, bytes) in [
        (tag.as_str(), StatusCode::PARTIAL_CONTENT, &whole[10..]),
        ("\"another\"", StatusCode::OK, &whole[..]),
    ] {
        let ask = server
            .request(Method::GET, &path("1.m4v"))
            .header(header::RANGE, "bytes=10-")
            .header(header::IF_RANGE, condition);
        let response = ask.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.bytes().await.unwrap(), bytes);
    }
}
