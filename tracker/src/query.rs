//! What the query of a viewer's URL may say.

use wire::id::BoxId;

use crate::roster::Told;

/// What the URL of a media playlist calls the box that its media is at.
pub const AT: &str = "at";

/// Tokens and numbers, in which nothing has to be written otherwise: each as it stands in the URL, the first of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// The viewer's session, as its manifest has it.
    pub session: Option<&'a str>,
    /// The same as steering has changed it.
    pub now: Option<&'a str>,
    /// The box at which a playlist's media is to be.
    pub at: Option<&'a str>,
    /// The segment that a playlist is to hold.
    pub segment: Option<&'a str>,
    /// The part of that segment.
    pub part: Option<&'a str>,
    /// The places that a player used since it asked last.
    pub pathway: Option<&'a str>,
    /// How fast each of them was, in bits per second.
    pub throughput: Option<&'a str>,
    /// The boxes that failed the page's own player since.
    pub failed: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// Reads what is behind the question mark.
    pub fn read(text: &'a str) -> Self {
        let mut query = Self::default();
        for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            let place = match name {
                "session" => &mut query.session,
                "now" => &mut query.now,
                AT => &mut query.at,
                "_HLS_msn" => &mut query.segment,
                "_HLS_part" => &mut query.part,
                "_DASH_pathway" | "_HLS_pathway" => &mut query.pathway,
                "_DASH_throughput" | "_HLS_throughput" => &mut query.throughput,
                "failed" => &mut query.failed,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        query
    }

    /// What a player tells of boxes when it asks for steering.
    pub fn told(&self) -> impl Iterator<Item = (BoxId, Told)> {
        let served = places(self.pathway)
            .zip(places(self.throughput))
            .filter_map(|(name, rate)| {
                let rate = rate.parse().ok().filter(|rate| *rate > 0)?;
                Some((name.parse().ok()?, Told::Served(rate)))
            });
        let failed = places(self.failed).filter_map(|name| Some((name.parse().ok()?, Told::Failed)));
        // Whoever failed and serves again has served last, but a player that says both says it of the worse.
        served.chain(failed)
    }
}

/// The items of a list, in the quotation marks of DASH or without, percent signs or not.
fn places(list: Option<&str>) -> impl Iterator<Item = &str> {
    let list = list.unwrap_or_default();
    let quoted = |list: &'_ str| list.strip_prefix("%22").or(list.strip_prefix('"')).map(str::len);
    let list = quoted(list).map_or(list, |left| &list[list.len() - left..]);
    let list = list
        .strip_suffix("%22")
        .or(list.strip_suffix('"'))
        .unwrap_or(list);
    list.split(',').flat_map(|item| item.split("%2C"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::box_id;

    #[test]
    fn the_first_of_each_name_counts_and_what_is_not_known_is_let_be() {
        let query = Query::read("x&=y&session=a&_DASH_pathway=%22b%22&session=c&_HLS_msn=7&at=box-1&now=");
        let expected = Query {
            session: Some("a"),
            now: Some(""),
            at: Some("box-1"),
            segment: Some("7"),
            pathway: Some("%22b%22"),
            ..Query::default()
        };
        assert_eq!(query, expected);
    }

    #[test]
    fn what_players_tell_is_read_in_the_ways_that_they_write_it() {
        let (one, other) = (box_id(1), box_id(2));
        let told = |text: &str| Query::read(text).told().collect::<Vec<_>>();
        let served = |id, rate| (id, Told::Served(rate));
        assert_eq!(
            told(&format!(
                "_DASH_pathway=%22{one},origin,{other}%22&_DASH_throughput=5,6,7"
            )),
            [served(one, 5), served(other, 7)]
        );
        assert_eq!(
            told(&format!(
                "_DASH_pathway=\"{one}%2C{other}\"&_DASH_throughput=5%2C&failed={other}"
            )),
            [served(one, 5), (other, Told::Failed)]
        );
        assert_eq!(
            told(&format!("_HLS_pathway={one}&_HLS_throughput=9")),
            [served(one, 9)]
        );
        for nothing in [
            "",
            "_HLS_pathway=.&_HLS_throughput=9",
            "failed=%22,%22",
            "_DASH_throughput=1",
        ] {
            assert_eq!(told(nothing), [], "{nothing}");
        }
    }
}
