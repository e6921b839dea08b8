//! What of an origin's playlists reaches viewers, and how.

use proptest::prelude::*;

use super::*;

const BASE: &str = "http://t/compat/live/demo/";

const MASTER: &str = r#"#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="URI=http",DEFAULT=YES,URI="a0.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="a"
v0.m3u8
"#;

const MEDIA: &str = r#"#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.75
#EXT-X-PART-INF:PART-TARGET=0.25
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="1/v0/init.m4v"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:2.00000,
1/v0/1.m4v
#EXT-X-PART:DURATION=0.25,URI="1/v0/2.0.m4v",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.25,URI="1/v0/2.1.m4v"
#EXTINF:0.50000,
1/v0/2.m4v
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="9/v0/init.m4v"
#EXT-X-PART:DURATION=0.25,URI="9/v0/1.0.m4v",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="9/v0/1.1.m4v"
#EXT-X-RENDITION-REPORT:URI="a0.m3u8",LAST-MSN=8,LAST-PART=1
"#;

fn playlist(text: &str) -> Playlist {
    Playlist::parse(text.into()).unwrap()
}

fn through() -> Way {
    Way::through(BASE.into(), "http://t/steering/hls/demo".into())
}

fn refusal(lines: &str) -> String {
    let refused = Playlist::parse(format!("#EXTM3U\n{lines}"));
    refused.expect_err(lines).to_string()
}

#[test]
fn playlists_stay_at_the_tracker_and_media_gets_its_way() {
    let steered = MASTER.replace(
        "#EXTM3U\n",
        "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"http://t/steering/hls/demo\"\n",
    );
    assert_eq!(playlist(MASTER).splice(&through()), steered);
    let spliced = playlist(MEDIA).splice(&through());
    let expected = MEDIA
        .replace("1/v0/", "http://t/compat/live/demo/1/v0/")
        .replace("9/v0/", "http://t/compat/live/demo/9/v0/")
        .replace(".m4v", ".mp4");
    assert_eq!(spliced, expected);
}

#[test]
fn media_at_a_box_is_called_as_the_box_calls_it() {
    let at_box = playlist(MEDIA).splice(&Way::box_at("http://192.0.2.1:8090/live/demo/".into()));
    let expected = MEDIA
        .replace("1/v0/", "http://192.0.2.1:8090/live/demo/1/v0/")
        .replace("9/v0/", "http://192.0.2.1:8090/live/demo/9/v0/");
    assert_eq!(at_box, expected);
}

#[test]
fn how_far_a_playlist_has_come_is_counted() {
    assert_eq!(
        playlist(MASTER).progress(),
        None,
        "a list of playlists goes nowhere"
    );
    let expected = Progress {
        next: 9,
        parts: 1,
        parts_before: 2,
        target: Duration::from_secs(2),
        part_target: Some(Duration::from_millis(250)),
        blocks: true,
        ended: false,
    };
    assert_eq!(playlist(MEDIA).progress(), Some(&expected));
    let ended = playlist(&format!("{MEDIA}#EXT-X-ENDLIST\n"));
    assert!(ended.progress().unwrap().ended);
    let plain = playlist("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n1/v0/1.m4v");
    let progress = plain.progress().unwrap();
    assert_eq!(
        (progress.next, progress.blocks, progress.part_target),
        (1, false, None)
    );
}

#[test]
fn an_origin_cannot_lead_viewers_elsewhere() {
    for lines in [
        "http://evil/1/v0/1.m4v",
        "//evil/1/v0/1.m4v",
        "/1/v0/1.m4v",
        "../1/v0/1.m4v",
        "1/v0/../../1.m4v",
        "1/v0/%2e%2e/1.m4v",
        "http://evil/v0.m3u8",
        "..m3u8",
        ".m3u8",
        "v0.m3u8?x=http",
        " 1/v0/1.m4v",
        "1/v0/1.m4v ",
        "data:,x",
        "#EXT-X-MAP:URI=\"http://evil/init.mp4\"",
        "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"//evil/a0.m3u8\"",
        "#EXT-X-PART:DURATION=1,URI=\"1/v0/1.0.mp4\"",
    ] {
        assert!(refusal(lines).contains("URI that is neither"), "{lines}");
    }
    for (lines, why) in [
        ("#EXT-X-KEY:METHOD=AES-128,URI=\"1/v0/1.m4v\"", "does not know"),
        ("#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s\"", "does not know"),
        ("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"", "does not know"),
        ("# a comment", "does not know"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1,URI=\"x\"", "does not know"),
        ("#EXTINF:1,http://evil/", "does not know"),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,X-URI=\"http://evil\",URI=\"a0.m3u8\"",
            "does not know",
        ),
        ("#EXT-X-MAP:BYTERANGE=\"1@1\"", "has no URI"),
        (
            "#EXT-X-MAP:URI=\"1/v0/init.m4v\",URI=\"1/v0/init.m4v\"",
            "malformed",
        ),
        ("#EXT-X-MAP:URI=1/v0/init.m4v", "malformed"),
        ("#EXT-X-MAP:URI=\"1/v0/init.m4v", "malformed"),
        ("#EXT-X-MAP", "malformed"),
        ("#EXT-X-MEDIA-SEQUENCE:-1", "a number"),
        ("#EXT-X-TARGETDURATION:two", "a number"),
        ("#EXT-X-PART-INF:PART-TARGET=-1", "a number"),
        ("1/v0/1.m4v\r", "control"),
        ("#EXTINF:1,\u{7f}", "control"),
    ] {
        assert!(refusal(lines).contains(why), "{lines}: {}", refusal(lines));
    }
    assert!(refusal(&"x".repeat(MAX_LINE_BYTES + 1)).contains("bytes"));
    for text in ["", "#EXTM3U8\n", "\n#EXTM3U\n", "<MPD/>"] {
        assert_eq!(
            Playlist::parse(text.into()).unwrap_err(),
            PlaylistError::NotAPlaylist
        );
    }
    assert!(playlist("#EXTM3U").media.is_empty(), "the witness");
}

proptest! {
    #[test]
    fn any_text_is_parsed_without_harm(text in "(#EXTM3U\n)?[#A-Z:=,\"a-z0-9/.\n\\PC-]{0,200}") {
        if let Ok(playlist) = Playlist::parse(text.clone()) {
            prop_assert_eq!(playlist.splice(&Way::box_at(String::new())).len(), text.len());
        }
    }

    #[test]
    fn any_playlist_cut_or_stuffed_leads_to_media_of_ours_only(
        at in 0..MEDIA.len(),
        cut in 0usize..20,
        stuffing in "[#=,\":/.a-zU-Z0-9\n]{0,12}",
    ) {
        let mut text = MEDIA.to_owned();
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &stuffing);
        if let Ok(playlist) = Playlist::parse(text.clone()) {
            let same = |text: &str| text.replace(".m4v", ".mp4");
            prop_assert_eq!(same(&playlist.splice(&Way::box_at(String::new()))), same(&text));
            let spliced = playlist.splice(&through());
            // Without its target duration it counts as one that lists others, and tells where to ask for steering.
            let steered = usize::from(playlist.progress().is_none());
            prop_assert_eq!(spliced.matches("://").count(), playlist.media.len() + steered);
        }
    }
}
