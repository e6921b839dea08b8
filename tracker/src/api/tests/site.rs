//! Pages, clock, health: what is served to everybody.

use super::rig::Rig;
use crate::testing::NOW;

#[tokio::test]
async fn pages_run_scripts_of_their_own_only() {
    let rig = Rig::start().await;
    for path in ["/", "/watch/demo", "/status"] {
        let response = rig.get(path).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'self'; connect-src *; media-src blob: *"),
            "{policy}"
        );
        assert!(policy.ends_with("; frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-cache");
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn the_player_alone_may_be_framed_by_any_site_and_nothing_else() {
    let rig = Rig::start().await;
    let policy = |response: &reqwest::Response| {
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        policy.split_once("; frame-ancestors ").unwrap().1.to_owned()
    };
    assert_eq!(policy(&rig.get("/embed/demo").await), "*");
    assert_eq!(policy(&rig.get("/watch/demo").await), "'none'");
    let missing = rig.as_a_person("/embed/No-Such").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(policy(&missing), "'none'");
}

#[tokio::test]
async fn a_person_is_told_of_an_error_by_a_page_and_a_program_as_json() {
    let rig = Rig::start().await;
    for path in ["/a/b/c", "/watch/No-Such", "/live/none/manifest.mpd"] {
        let response = rig.as_a_person(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8",
            "{path}"
        );
        assert_eq!(response.headers()["vary"], "Accept");
        let page = response.text().await.unwrap();
        assert!(page.contains(r#"name="error-status" content="404""#), "{page}");
        let told = rig.json(path).await["error"]
            .as_str()
            .unwrap()
            .replace('"', "&quot;");
        assert!(page.contains(&told), "{told} in {page}");
    }
    let healthy = rig.as_a_person("/api/v1/channels").await;
    assert_eq!(healthy.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn what_was_asked_for_is_text_on_the_page_of_its_error() {
    let rig = Rig::start().await;
    let page = rig
        .as_a_person("/live/%3Cscript%3E%22%7Bstatus%7D/manifest.mpd")
        .await;
    let page = page.text().await.unwrap();
    assert!(page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script>"), "{page}");
    assert!(page.contains("&#123;status}"), "{page}");
}

#[tokio::test]
async fn nothing_but_the_pages_is_served_as_a_file() {
    let rig = Rig::start().await;
    for path in [
        "/watch/No-Such",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/package.json",
        "/assets/%2e%2e%2f%2e%2e%2fpackage.json",
        "/package.json",
        "/..%2fpackage.json",
        "/a/b/c",
    ] {
        let response = rig.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        let body: serde_json::Value = response.json().await.unwrap();
        assert!(body["error"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_as_json() {
    let rig = Rig::start().await;
    for path in ["/watch/%ff", "/live/%ff/manifest.mpd", "/assets/%ff", "/%ff"] {
        let response = rig.get(path).await;
        assert_eq!(response.status(), 400, "{path}");
        let body: serde_json::Value = response.json().await.unwrap();
        assert!(body["error"].as_str().unwrap().contains("UTF-8"), "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_as_json() {
    let rig = Rig::start().await;
    let (status, body) = rig.post("/healthz", "").await;
    assert_eq!(status, 405);
    assert!(body["error"].is_string());
    assert_eq!(rig.get(wire::announcement::PATH).await.status(), 405);
}

#[tokio::test]
async fn any_page_may_ask_and_may_ask_beforehand() {
    let rig = Rig::start().await;
    let url = |path: &str| format!("{}{path}", rig.base);
    for path in ["/live/demo/manifest.mpd", "/time", "/api/v1/channels"] {
        let options = rig
            .client
            .request(reqwest::Method::OPTIONS, url(path))
            .send()
            .await
            .unwrap();
        assert!(options.status().is_success());
        assert_eq!(options.headers()["access-control-allow-origin"], "*");
    }
    let head = rig.client.head(url("/time")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["access-control-allow-origin"], "*");
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn the_clock_says_what_manifests_are_timed_by() {
    let rig = Rig::start().await;
    let response = rig.get("/time").await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.text().await.unwrap(), crate::clock::iso8601(NOW));
}

#[tokio::test]
async fn the_tracker_says_how_it_is() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/healthz").await.status(), 200);
    rig.on_air().await;
    rig.add_box(1).await;
    rig.watch("/live/demo/manifest.mpd").await;
    rig.post(wire::announcement::PATH, "nonsense").await;
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    for line in [
        "boxes_alive 1",
        "boxes_listed 1",
        "channels_live 1",
        "registry_away 0",
        "manifests_total 1",
        "announcements_total{result=\"accepted\"} 1",
        "announcements_total{result=\"malformed\"} 1",
        "presentations_total{result=\"accepted\"} 1",
        "probes_total{result=\"proved\"} 1",
    ] {
        assert!(
            metrics.contains(&format!("\nboxmesh_tracker_{line}\n")),
            "{line} in {metrics}"
        );
    }
}

#[tokio::test]
async fn lists_say_what_people_and_programs_need() {
    let rig = Rig::start().await;
    rig.on_air().await;
    rig.add_box(1).await;
    let channel = rig.json("/api/v1/channels").await["channels"][0].clone();
    assert_eq!(channel["name"], "demo");
    assert_eq!(channel["live"], true);
    assert_eq!(channel["epoch"], NOW);
    assert_eq!(channel["since"], NOW);
    assert_eq!(channel["boxes"], 1);
    assert_eq!(channel["origin"]["http"], "http://127.0.0.1:8081");
    let boxes = rig.json("/api/v1/boxes").await;
    let known = &boxes["boxes"][0];
    assert_eq!(known["channels"], serde_json::json!(["demo"]));
    assert_eq!(known["listed"], true);
    for number in [
        "viewers",
        "upload_bits_per_second",
        "sending_bits_per_second",
        "viewer_bytes",
        "neighbour_bytes",
    ]
    .iter()
    .chain(&["accepted_chunks", "refused_chunks", "age_ms"])
    {
        assert!(known[number].is_u64(), "{number}");
    }
}

#[tokio::test]
async fn every_metric_of_the_dashboard_is_there_and_every_metric_is_in_it() {
    let dashboard = include_str!("../../../../deploy/grafana-trackers.json");
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    let names = |text: &'static str| -> std::collections::BTreeSet<String> {
        let named = text.split("boxmesh_tracker_").skip(1);
        let name = |rest: &str| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_')
                .next()
                .unwrap()
                .to_owned()
        };
        named.map(name).collect()
    };
    let rig = Rig::start().await;
    let metrics = rig.get("/metrics").await.text().await.unwrap();
    let told = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE boxmesh_tracker_"));
    let told: std::collections::BTreeSet<_> = told
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(names(dashboard), told);
}
