//! What a program's log tells of chunks: when each was kept. All programs go by this machine's one clock, so the
//! time between origin and box is the difference of two lines.

/// What programs log in the lab: who came and went, and each chunk that the store kept.
pub(crate) const LOGGED: &str = "info,libp2p=error,program::store=trace";

/// A line of ours begins after this.
const KEPT: &str = "chunk kept chunk=";

/// A chunk was kept: sealed and stored by the origin, or verified and stored by a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// When, in microseconds since 1970.
    pub(crate) at: u64,
    /// Its id as it is written.
    pub(crate) chunk: String,
    /// Its size, seal and all.
    pub(crate) bytes: u64,
}

/// Every chunk of media that `log` tells of. Posters aside: they are no part of the stream.
pub(crate) fn read(log: &str) -> Vec<Kept> {
    let kept = log.lines().filter_map(read_line);
    kept.filter(|kept| !kept.chunk.contains("/poster/")).collect()
}

fn read_line(line: &str) -> Option<Kept> {
    let (head, tail) = line.split_once(KEPT)?;
    let (chunk, bytes) = tail.split_once(" bytes=")?;
    Some(Kept {
        at: microseconds(head.split(' ').next()?)?,
        chunk: chunk.to_owned(),
        bytes: bytes.trim().parse().ok()?,
    })
}

/// `2026-11-22T23:22:08.123456Z` (RFC 3339) in microseconds since 1970.
fn microseconds(time: &str) -> Option<u64> {
    let (date, time) = time.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.')?;
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        let numbers: Vec<u64> = text.split(between).map_while(|one| one.parse().ok()).collect();
        numbers.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let fraction: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = ((days(year, month, day)? * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

/// Days since 1970 of a date in the Gregorian calendar; years begin in March here, so that the odd day is the last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let month = (month + 9) % 12;
    let before = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day;
    before.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_when_which_chunk_was_kept() {
        let log = "2026-11-22T23:22:08.123456Z TRACE store: program::store: chunk kept chunk=demo/17/v0/3.1 bytes=99\n\
                   2026-11-22T23:22:08.2Z  INFO peer_box::tracker: viewers are sent here\n\
                   2026-11-22T23:22:09.000001Z TRACE store: program::store: chunk kept chunk=demo/17/poster/1.0 bytes=9\n";
        let kept = Kept {
            at: 1_795_389_728_123_456,
            chunk: "demo/17/v0/3.1".into(),
            bytes: 99,
        };
        assert_eq!(read(log), [kept]);
    }

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(microseconds("1970-01-01T00:00:00.0Z"), Some(0));
        assert_eq!(
            microseconds("2000-03-01T00:00:00.000001Z"),
            Some(951_868_800_000_001)
        );
        assert_eq!(
            microseconds("2024-02-29T12:00:00.5Z"),
            Some(1_709_208_000_500_000)
        );
        assert_eq!(microseconds("yesterday"), None);
    }
}
