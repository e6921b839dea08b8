//! The shelf: which recordings there are, and which of them have to go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use program::quantity::{Size, Span};
use wire::id::ChannelName;

use super::name::{Name, Stage};

/// A finished recording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finished {
    /// When its last byte was written.
    pub(super) ended: SystemTime,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// A file that is being written, or was left unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) path: PathBuf,
    /// Where it belongs.
    pub(super) whole: PathBuf,
    pub(super) bytes: u64,
    pub(super) changed: SystemTime,
}

/// All recordings of a folder.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) finished: Vec<Finished>,
    pub(super) unfinished: Vec<Unfinished>,
}

impl Shelf {
    /// What is in the folders of channels and is called as recordings are. Anything else is not ours.
    pub(super) fn look(folder: &Path) -> io::Result<Self> {
        let mut shelf = Self::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_channel = name
                .to_str()
                .is_some_and(|name| name.parse::<ChannelName>().is_ok());
            if is_channel && entry.path().is_dir() {
                shelf.look_at_channel(&entry.path())?;
            }
        }
        Ok(shelf)
    }

    fn look_at_channel(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Some((name, stage)) = entry.file_name().to_str().and_then(Name::read) else {
                continue;
            };
            // One that is gone meanwhile was renamed, or removed by somebody else.
            let Ok(data) = entry.metadata() else { continue };
            if !data.is_file() {
                continue;
            }
            let (path, bytes, changed) = (entry.path(), data.len(), data.modified()?);
            match stage {
                Stage::Whole => self.finished.push(Finished {
                    ended: changed,
                    path,
                    bytes,
                }),
                Stage::Part => self.unfinished.push(Unfinished {
                    whole: folder.join(name.at(Stage::Whole)),
                    path,
                    bytes,
                    changed,
                }),
            }
        }
        // One that was finished while we looked has been seen under both its names.
        let finished = &self.finished;
        self.unfinished
            .retain(|file| finished.iter().all(|whole| whole.path != file.whole));
        Ok(())
    }

    /// The recordings that are too old, or that have to make room: the oldest first. The newest makes room only for
    /// one that is being recorded: it would be gone as soon as it ended.
    pub(super) fn surplus(mut self, size: Option<Size>, age: Option<Span>, now: SystemTime) -> Vec<Finished> {
        let unfinished: u64 = self.unfinished.iter().map(|file| file.bytes).sum();
        let finished: u64 = self.finished.iter().map(|file| file.bytes).sum();
        let mut total = unfinished.saturating_add(finished);
        let mut newer = self.finished.len() + self.unfinished.len();
        self.finished.sort_unstable();
        self.finished.retain(|file| {
            newer -= 1;
            let since = now.duration_since(file.ended).unwrap_or(Duration::ZERO);
            let is_too_old = age.is_some_and(|age| since > age.0);
            let is_too_much = newer > 0 && size.is_some_and(|size| total > size.0);
            let goes = is_too_old || is_too_much;
            if goes {
                total -= file.bytes;
            }
            goes
        });
        self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn shelf(in_hand: u64) -> Shelf {
        let unfinished = Unfinished {
            path: "part".into(),
            whole: "whole".into(),
            bytes: in_hand,
            changed: at(400),
        };
        let finished = |ended: u64| Finished {
            ended: at(ended),
            path: format!("{ended}").into(),
            bytes: GB,
        };
        Shelf {
            finished: [300, 100, 200].map(finished).into(),
            unfinished: Vec::from_iter((in_hand > 0).then_some(unfinished)),
        }
    }

    fn gone(shelf: Shelf, size: Option<u64>, age: Option<u64>) -> Vec<u64> {
        let age = age.map(|age| Span(Duration::from_secs(age)));
        let surplus = shelf.surplus(size.map(Size), age, at(400));
        let seconds = |file: &Finished| file.ended.duration_since(at(0)).unwrap().as_secs();
        surplus.iter().map(seconds).collect()
    }

    #[test]
    fn the_oldest_make_room_and_no_more_of_them_than_needed() {
        assert_eq!(gone(shelf(0), Some(3 * GB), None), [0; 0]);
        assert_eq!(gone(shelf(0), Some(2 * GB), None), [100]);
        assert_eq!(gone(shelf(1), Some(2 * GB), None), [100, 200]);
        assert_eq!(
            gone(shelf(9 * GB), Some(GB), None),
            [100, 200, 300],
            "what is being recorded stays"
        );
        assert_eq!(
            gone(shelf(0), Some(GB / 2), None),
            [100, 200],
            "so does the newest"
        );
    }

    #[test]
    fn what_is_too_old_goes_whatever_the_room() {
        assert_eq!(gone(shelf(0), None, Some(250)), [100]);
        assert_eq!(gone(shelf(0), Some(2 * GB), Some(150)), [100, 200]);
        assert_eq!(gone(shelf(0), None, None), [0; 0]);
    }

    #[test]
    fn only_what_is_called_a_recording_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        };
        let name = "2026-11-03T09-15-00Z-12.mp4";
        let part = "2026-11-03T09-15-00Z-13.part.mp4";
        make(&format!("demo/{name}"));
        make(&format!("demo/{part}"));
        make(name);
        make(&format!("No Channel/{name}"));
        make("demo/holiday.mp4");
        make("demo/notes.txt");
        fs::create_dir(folder.path().join("demo/2026-11-03T09-15-00Z-14.mp4")).unwrap();
        std::os::unix::fs::symlink(
            folder.path().join("demo/notes.txt"),
            folder.path().join("demo/2026-11-03T09-15-00Z-15.mp4"),
        )
        .unwrap();

        let shelf = Shelf::look(folder.path()).unwrap();
        assert_eq!(shelf.finished.len(), 1);
        assert!(shelf.finished[0].path.ends_with(format!("demo/{name}")));
        assert_eq!(shelf.unfinished.len(), 1);
        assert!(
            shelf.unfinished[0]
                .whole
                .ends_with("demo/2026-11-03T09-15-00Z-13.mp4")
        );
    }
}
