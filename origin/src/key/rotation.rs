//! A new signing key takes the place of the old one, and nobody who trusts the old one has to be told at once.
//!
//! `rotate` makes the next key. The origin takes it at its next start, when nothing sealed by the old one is under way:
//! the old key signs who follows it, and for how long both count. So that time begins when the new key does,
//! however late the restart. Each step may be the last before a crash: the start after it goes on from there.

use std::time::Duration;

use minicbor::bytes::ByteVec;
use program::folder::{Folder, FolderError};
use wire::key::{KEY_BYTES, PublicKey, SecretKey};
use wire::presentation::MAX_SUCCESSIONS;
use wire::succession::{MAX_VALID_MS, Succession};

use super::{ORIGIN_KEY, origin_key};

const NEXT_KEY: &str = "origin.key.next";
const SUCCESSIONS: &str = "successions";

/// Shorter, and the old key would be gone before anybody heard of the new one.
const SHORTEST: Duration = Duration::from_mins(1);

/// Why the key does not rotate.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The folder is of no use.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The two keys would count together for too short or too long.
    #[error("--valid is {} s; the old key may count for {} s to {} s more", .0.as_secs(), SHORTEST.as_secs(), MAX_VALID_MS / 1000)]
    Valid(Duration),
    /// Nobody takes in more.
    #[error("{MAX_SUCCESSIONS} keys were followed by others lately: wait until the oldest counts no more")]
    Often,
}

/// The next key, which an origin takes at its next start; the one before counts for `valid` from then on. It is made
/// if none waits yet.
pub fn rotate(folder: &Folder, valid: Duration, now_ms: u64) -> Result<PublicKey, RotateError> {
    let valid_ms = u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
    if valid < SHORTEST || valid_ms > MAX_VALID_MS {
        return Err(RotateError::Valid(valid));
    }
    let _turn = folder.turn(NEXT_KEY)?;
    let current = origin_key(folder)?.public();
    if successions(folder, current, now_ms)?.len() >= MAX_SUCCESSIONS {
        return Err(RotateError::Often);
    }
    let next = match waiting(folder)? {
        Some((next, _)) => next,
        None => SecretKey::from_seed(rand::random()),
    };
    folder.keep(NEXT_KEY, &format!("{} {valid_ms}\n", hex::encode(next.seed())))?;
    Ok(next.public())
}

/// Lets the next key take the place of the current one, if one waits. To be called while nothing is signed.
pub fn take_over(folder: &Folder, now_ms: u64) -> Result<Option<PublicKey>, FolderError> {
    let _turn = folder.turn(NEXT_KEY)?;
    let Some((next, valid_ms)) = waiting(folder)? else {
        return Ok(None);
    };
    let current = origin_key(folder)?;
    if current.public() != next.public() {
        let succession = Succession {
            version: wire::Version,
            from: current.public(),
            to: next.public(),
            at: now_ms,
            until: now_ms.saturating_add(valid_ms),
        };
        let mut kept = kept(folder)?;
        kept.retain(|(other, _)| other.holds(now_ms) && other.from != succession.from);
        let signed = succession.sign(&current).to_vec();
        kept.push((succession, signed.into()));
        let text: String = kept
            .iter()
            .map(|(_, signed)| hex::encode(signed.as_slice()) + "\n")
            .collect();
        folder.keep(SUCCESSIONS, &text)?;
        folder.keep(ORIGIN_KEY, &format!("{}\n", hex::encode(next.seed())))?;
    }
    folder.forget(NEXT_KEY)?;
    Ok(Some(next.public()))
}

/// How `key` came to follow those before it, as far as they still count: signed statements, the oldest first.
pub fn successions(folder: &Folder, key: PublicKey, now_ms: u64) -> Result<Vec<ByteVec>, FolderError> {
    let kept = kept(folder)?;
    let mut chain = Vec::new();
    let mut to = key;
    while chain.len() < MAX_SUCCESSIONS {
        let before = kept.iter().find(|(one, _)| one.to == to && one.holds(now_ms));
        let Some((one, signed)) = before else { break };
        chain.push(signed.clone());
        to = one.from;
    }
    chain.reverse();
    Ok(chain)
}

fn waiting(folder: &Folder) -> Result<Option<(SecretKey, u64)>, FolderError> {
    let Some(text) = folder.recall(NEXT_KEY)? else {
        return Ok(None);
    };
    let read = || {
        let (digits, valid_ms) = text.trim_end().split_once(' ')?;
        let mut seed = [0; KEY_BYTES];
        hex::decode_to_slice(digits, &mut seed).ok()?;
        Some((SecretKey::from_seed(seed), valid_ms.parse().ok()?))
    };
    let damaged = || folder.damaged(NEXT_KEY, "a key of 64 hexadecimal digits and a time");
    read().ok_or_else(damaged).map(Some)
}

fn kept(folder: &Folder) -> Result<Vec<(Succession, ByteVec)>, FolderError> {
    let text = folder.recall(SUCCESSIONS)?.unwrap_or_default();
    let read = |line: &str| {
        let signed = hex::decode(line).ok()?;
        let succession = Succession::open(&signed).ok()?;
        Some((succession, signed.into()))
    };
    let all: Option<Vec<_>> = text.lines().map(read).collect();
    all.ok_or_else(|| folder.damaged(SUCCESSIONS, "signed statements, a line for each"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    const NOW: u64 = 1_790_000_000_000;

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::open(parent.path()).unwrap();
        (parent, folder)
    }

    fn key(folder: &Folder) -> PublicKey {
        origin_key(folder).unwrap().public()
    }

    fn chain(folder: &Folder, now_ms: u64) -> Vec<Succession> {
        let signed = successions(folder, key(folder), now_ms).unwrap();
        signed.iter().map(|one| Succession::open(one).unwrap()).collect()
    }

    #[test]
    fn the_next_key_is_taken_at_the_next_start_and_the_old_one_says_so() {
        let (_parent, folder) = folder();
        let old = key(&folder);
        assert_eq!(take_over(&folder, NOW).unwrap(), None);

        let next = rotate(&folder, DAY, NOW).unwrap();
        assert_eq!(key(&folder), old, "an origin that runs goes on");
        assert_eq!(
            rotate(&folder, DAY, NOW).unwrap(),
            next,
            "asked twice, it is the same"
        );

        assert_eq!(take_over(&folder, NOW + 5).unwrap(), Some(next));
        assert_eq!(key(&folder), next);
        assert_eq!(take_over(&folder, NOW + 6).unwrap(), None);
        let [succession] = &chain(&folder, NOW + 7)[..] else {
            panic!("one statement")
        };
        assert_eq!((succession.from, succession.to), (old, next));
        assert_eq!((succession.at, succession.until), (NOW + 5, NOW + 5 + DAY_MS));
        assert!(
            chain(&folder, NOW + 5 + DAY_MS).is_empty(),
            "the old key counts no more"
        );
    }

    #[test]
    fn keys_that_followed_each_other_within_the_time_are_a_chain() {
        let (_parent, folder) = folder();
        let mut keys = vec![key(&folder)];
        for start in 0..4 {
            keys.push(rotate(&folder, DAY, NOW + start).unwrap());
            take_over(&folder, NOW + start).unwrap();
        }
        let steps: Vec<_> = chain(&folder, NOW + 10)
            .iter()
            .map(|one| (one.from, one.to))
            .collect();
        let expected: Vec<_> = keys.windows(2).map(|pair| (pair[0], pair[1])).collect();
        assert_eq!(steps, expected);
        let fifth = rotate(&folder, DAY, NOW + 10);
        assert!(matches!(fifth, Err(RotateError::Often)));
        rotate(&folder, DAY, NOW + DAY_MS + 10).unwrap();
    }

    #[test]
    fn a_crash_at_any_step_is_gone_on_from() {
        let (_parent, folder) = folder();
        let old = key(&folder);
        let next = rotate(&folder, DAY, NOW).unwrap();
        let staged = folder.recall(NEXT_KEY).unwrap().unwrap();
        let old_seed = folder.recall(ORIGIN_KEY).unwrap().unwrap();
        take_over(&folder, NOW).unwrap();

        // The statement was kept, the key was not.
        folder.keep(ORIGIN_KEY, &old_seed).unwrap();
        folder.keep(NEXT_KEY, &staged).unwrap();
        assert!(chain(&folder, NOW).is_empty(), "it is not the old key's own past");
        assert_eq!(take_over(&folder, NOW + 1).unwrap(), Some(next));
        assert_eq!(chain(&folder, NOW + 1).len(), 1);

        // The key was kept, and still waits.
        folder.keep(NEXT_KEY, &staged).unwrap();
        assert_eq!(take_over(&folder, NOW + 2).unwrap(), Some(next));
        let [succession] = &chain(&folder, NOW + 2)[..] else {
            panic!("one statement")
        };
        assert_eq!((succession.from, succession.to), (old, next));
    }

    #[test]
    fn a_time_that_makes_no_sense_is_refused() {
        let (_parent, folder) = folder();
        for valid in [Duration::ZERO, Duration::from_hours(24 * 31)] {
            let error = rotate(&folder, valid, NOW).unwrap_err();
            assert!(matches!(error, RotateError::Valid(_)), "{error}");
        }
    }
}
