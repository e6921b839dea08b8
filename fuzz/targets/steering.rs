//! Whatever a player asks for steering with is read or not, nothing comes of it that it could not know, and the answer is JSON.
#![no_main]

use tracker::query::Query;
use tracker::session::{MAX_BOXES, Session, SessionKey};
use tracker::steering::{Steering, Where};
use wire::id::BoxId;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let query = Query::read(text);
    for said in [query.session, query.now, query.at, query.segment, query.part] {
        assert!(said.is_none_or(|said| text.contains(said) && !said.contains('&')));
    }
    let (key, channel) = (SessionKey::from_bytes([1; 32]), "demo".parse().expect("a name"));
    let session =
        |token: Option<&str>| Session::read(token?, &key, &channel).filter(|it| it.boxes.len() <= MAX_BOXES);
    let (before, now) = (
        session(query.session).unwrap_or_default(),
        session(query.now).unwrap_or_default(),
    );
    let at = query.at.and_then(|at| at.parse::<BoxId>().ok());

    let http = |tls: bool| {
        format!("http{}://192.0.2.1", if tls { "s" } else { "" })
            .parse()
            .expect("a base")
    };
    let place = |id: &BoxId| Where {
        name: id.to_string(),
        http: http(id.bytes()[0] & 1 == 1),
    };
    let places = |session: &Session| session.boxes.iter().map(place).collect::<Vec<_>>();
    let steering = Steering::dash("/".into(), &places(&before), &places(&now));
    let told = serde_json::to_value(&steering).expect("JSON");
    let order = told["PATHWAY-PRIORITY"].as_array().expect("a list");
    assert!(order.len() <= MAX_BOXES);
    let boxes: Vec<BoxId> = at.into_iter().chain(now.boxes).collect();
    let told = serde_json::to_value(Steering::hls("/".into(), &boxes)).expect("JSON");
    assert_eq!(
        told["PATHWAY-PRIORITY"].as_array().map(Vec::len),
        Some(boxes.len() + 1)
    );
});
