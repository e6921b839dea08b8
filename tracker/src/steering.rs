//! Content steering: which of its places a player that is playing should use now (ETSI TS 103 998 for DASH, RFC 8216bis §7
//! for HLS).
//!
//! Places that the player's manifest does not name are made of one that it does name: a clone. In a playlist of HLS none is
//! named, since players that know nothing of steering would open them all: there, each box is a clone of the tracker's own
//! way, whose playlists name the box when they are asked for with its id.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::address::HttpBase;
use wire::id::BoxId;

use crate::document::ORIGIN;
use crate::query::AT;

/// How players of HLS call what a master playlist gives no name: the way through the tracker.
pub const THROUGH_TRACKER: &str = ".";

/// Players ask again after this, in seconds.
const TTL_SECONDS: u32 = 5;

/// What a player is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub struct Steering {
    version: u8,
    ttl: u32,
    /// Where it asks next: all of the URL, as Shaka takes it for no other.
    reload_uri: String,
    /// The places, the one to use at the front.
    pathway_priority: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pathway_clones: Vec<Copied>,
}

/// A place that is like another but for its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Copied {
    base_id: String,
    id: String,
    uri_replacement: Replacement,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Replacement {
    Host(String),
    Params(BTreeMap<&'static str, String>),
}

/// Where a box, or the origin, is.
#[derive(Clone, Debug)]
pub struct Where {
    /// What players call it.
    pub name: String,
    /// Its URL without a path.
    pub http: HttpBase,
}

impl Steering {
    /// For a player of DASH whose manifest named the places `before`, the origin among them, and that should use those of
    /// `now`, the origin last. What is neither named nor can be made of one that is named is left out.
    pub fn dash(reload_uri: String, before: &[Where], now: &[Where]) -> Self {
        let mut steering = Self::none_yet(reload_uri);
        for place in now {
            if before.iter().all(|named| named.name != place.name) {
                // The scheme stays as it is. The origin is in every manifest: whatever the player reads next, that will do.
                let like = |named: &&Where| named.http.tls == place.http.tls;
                let mut alike = before.iter().filter(like);
                let origin = alike.clone().find(|named| named.name == ORIGIN);
                let Some(base) = origin.or_else(|| alike.next()) else {
                    continue;
                };
                steering.pathway_clones.push(Copied {
                    base_id: base.name.clone(),
                    id: place.name.clone(),
                    uri_replacement: Replacement::Host(place.http.authority()),
                });
            }
            steering.pathway_priority.push(place.name.clone());
        }
        steering
    }

    /// For a player of HLS that should use these boxes, and then the way through the tracker.
    pub fn hls(reload_uri: String, boxes: &[BoxId]) -> Self {
        let names = || boxes.iter().map(ToString::to_string);
        let copied = |id: String| Copied {
            base_id: THROUGH_TRACKER.into(),
            uri_replacement: Replacement::Params([(AT, id.clone())].into()),
            id,
        };
        Self {
            pathway_priority: names().chain([THROUGH_TRACKER.to_owned()]).collect(),
            pathway_clones: names().map(copied).collect(),
            ..Self::none_yet(reload_uri)
        }
    }

    fn none_yet(reload_uri: String) -> Self {
        Self {
            version: 1,
            ttl: TTL_SECONDS,
            reload_uri,
            pathway_priority: Vec::new(),
            pathway_clones: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::box_id;

    fn place(name: &str, http: &str) -> Where {
        Where {
            name: name.into(),
            http: http.parse().unwrap(),
        }
    }

    #[test]
    fn a_player_of_dash_is_told_the_order_and_how_to_reach_whom_it_does_not_know() {
        let before = [
            place("box-1", "http://192.0.2.1:8090"),
            place("origin", "http://192.0.2.9:8081"),
        ];
        let now = [
            place("box-2", "http://192.0.2.2:8090"),
            place("box-1", "http://192.0.2.1:8090"),
            place("origin", "http://192.0.2.9:8081"),
        ];
        let steering = serde_json::to_value(Steering::dash("/next".into(), &before, &now)).unwrap();
        assert_eq!(
            steering,
            json!({
                "VERSION": 1, "TTL": 5, "RELOAD-URI": "/next",
                "PATHWAY-PRIORITY": ["box-2", "box-1", "origin"],
                "PATHWAY-CLONES": [{"BASE-ID": "origin", "ID": "box-2", "URI-REPLACEMENT": {"HOST": "192.0.2.2:8090"}}],
            })
        );
    }

    #[test]
    fn a_box_is_like_another_only_with_the_same_scheme() {
        let before = [
            place("box-1", "http://192.0.2.1:8090"),
            place("origin", "https://origin.example"),
        ];
        let plain = place("box-2", "http://192.0.2.2:8090");
        let secure = place("box-3", "https://box.example");
        let both = Steering::dash("/".into(), &before, &[plain.clone(), secure]);
        let bases: Vec<&str> = both.pathway_clones.iter().map(|one| &*one.base_id).collect();
        assert_eq!(bases, ["box-1", "origin"]);
        let neither = Steering::dash("/".into(), &before[1..], &[plain, before[1].clone()]);
        assert_eq!(neither.pathway_priority, ["origin"]);
        assert!(neither.pathway_clones.is_empty());
    }

    #[test]
    fn a_player_of_hls_asks_the_tracker_for_playlists_of_each_box() {
        let id = box_id(1).to_string();
        let steering = serde_json::to_value(Steering::hls("/next".into(), &[box_id(1)])).unwrap();
        assert_eq!(steering["PATHWAY-PRIORITY"], json!([id, "."]));
        let copied = json!([{"BASE-ID": ".", "ID": id, "URI-REPLACEMENT": {"PARAMS": {"at": id}}}]);
        assert_eq!(steering["PATHWAY-CLONES"], copied);
        let nobody = serde_json::to_value(Steering::hls("/".into(), &[])).unwrap();
        assert_eq!(nobody["PATHWAY-PRIORITY"], json!(["."]));
        assert!(nobody.get("PATHWAY-CLONES").is_none());
    }
}
