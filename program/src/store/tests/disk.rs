//! A store with a disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::window::Limits;
use crate::window::samples::{facts, sealed};

const LIMIT: Duration = Duration::from_secs(10);

/// A chunk of these tests, with its seal, and what keeping its books takes.
const CHUNK_BYTES: usize = 10_600;
const BOOKS: usize = 1024;
const ALL: usize = 1000;

fn large(number: u32) -> Vec<Chunk> {
    let name = video(number);
    let chunk = |index| sealed(facts(name.chunk(index)), &vec![index.to_le_bytes()[0]; 10_000]);
    (0..CHUNKS).map(chunk).collect()
}

struct OnDisk {
    store: Store,
    tasks: TaskTracker,
    stop: CancellationToken,
    folder: PathBuf,
    memory: usize,
}

impl OnDisk {
    /// With room in memory for so many chunks, and the books of forty; on disk for so many.
    fn start(storage: &Path, in_memory: usize, on_disk: usize) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let memory = in_memory * CHUNK_BYTES + 40 * BOOKS;
        let window = Window::new(Limits {
            bytes: memory,
            disk_bytes: on_disk * CHUNK_BYTES,
            ..Limits::default()
        });
        let shelf = Shelf::open(storage).unwrap();
        let store = Store::on_disk(&tasks, stop.clone(), window, shelf);
        Self {
            store,
            tasks,
            stop,
            folder: storage.join("chunks"),
            memory,
        }
    }

    async fn insert(&self, number: u32) {
        for chunk in large(number) {
            self.store.insert(chunk).await.unwrap();
            assert!(self.store.bytes().await <= self.memory);
        }
    }

    /// Inserts a segment, and waits until all that is here is on disk.
    async fn insert_and_file(&self, number: u32) {
        self.insert(number).await;
        self.until("the files", async || {
            self.store.disk_bytes().await >= self.store.held().await.len() * 10_000
        })
        .await;
    }

    /// Inserts segment after segment, each of which is told at once, until `wanted`. The number of the next.
    async fn insert_until(&self, first: u32, wanted: impl Fn() -> bool) -> u32 {
        let mut number = first;
        let inserted = timeout(LIMIT, async {
            while !wanted() {
                self.insert(number).await;
                assert!(self.tells(number).await, "{number}");
                number += 1;
            }
        });
        inserted.await.expect("it comes to that");
        number
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.folder).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.extension().is_some()).collect()
    }

    async fn until(&self, what: &str, wanted: impl AsyncFn() -> bool) {
        let ended = timeout(LIMIT, async {
            while !wanted().await {
                tokio::task::yield_now().await;
            }
        });
        ended
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    /// Whether a segment is told whole. If it is, it has the bytes that it was inserted with.
    async fn tells(&self, number: u32) -> bool {
        let Some(told) = self.store.segment(video(number)).await else {
            return false;
        };
        for (told, expected) in told.chunks().iter().zip(&large(number)) {
            assert_eq!(told.bytes(), expected.bytes());
        }
        told.is_whole()
    }
}

#[tokio::test]
async fn what_has_left_memory_is_told_from_disk() {
    let storage = TempDir::new().unwrap();
    let on_disk = OnDisk::start(storage.path(), 12, ALL);
    for number in 1..=10 {
        on_disk.insert_and_file(number).await;
    }
    for number in 1..=10 {
        assert!(on_disk.tells(number).await, "{number}");
        assert!(on_disk.store.bytes().await <= on_disk.memory);
    }
    assert!(on_disk.store.part(video(1), 3).await.is_some());
}

#[tokio::test]
async fn the_disk_is_given_what_was_said_and_no_more() {
    let storage = TempDir::new().unwrap();
    let on_disk = OnDisk::start(storage.path(), 40, 20);
    for number in 1..=10 {
        on_disk.insert(number).await;
        on_disk
            .until("the files to be as many as are held", async || {
                let held = on_disk.store.held().await.len();
                on_disk.files().len() == held && on_disk.store.disk_bytes().await / 10_000 == held
            })
            .await;
        assert!(on_disk.store.disk_bytes().await <= 20 * CHUNK_BYTES);
    }
    assert!(!on_disk.tells(5).await, "the oldest left");
    assert!(on_disk.tells(6).await && on_disk.tells(10).await);
}

#[tokio::test]
async fn a_damaged_file_is_told_to_nobody_and_its_chunk_may_come_again() {
    let storage = TempDir::new().unwrap();
    let on_disk = OnDisk::start(storage.path(), 6, ALL);
    on_disk.insert_and_file(1).await;
    let first = on_disk.files();
    on_disk.insert_and_file(2).await;
    on_disk.insert_and_file(3).await;
    assert!(on_disk.tells(1).await, "before");
    // The others are asked for, and the first segment leaves memory.
    assert!(on_disk.tells(2).await && on_disk.tells(3).await);
    for (number, file) in first.iter().enumerate() {
        let mut bytes = fs::read(file).unwrap();
        if number % 2 == 0 {
            bytes.truncate(5000);
        } else {
            bytes[5000] ^= 1;
        }
        fs::write(file, bytes).unwrap();
    }
    let told = on_disk.store.segment(video(1)).await.unwrap();
    assert!(told.chunks().is_empty() && !told.is_whole());
    for index in 1..CHUNKS {
        assert!(on_disk.store.chunk(video(1).chunk(index)).await.is_none());
    }
    for chunk in large(1) {
        assert_eq!(on_disk.store.insert(chunk).await, Ok(Verdict::New));
    }
    assert!(on_disk.tells(1).await);
}

#[tokio::test]
async fn a_disk_that_goes_and_comes_back_costs_nothing_that_fits_in_memory() {
    let storage = TempDir::new().unwrap();
    let on_disk = OnDisk::start(storage.path(), 12, ALL);
    on_disk.insert_and_file(1).await;
    let aside = storage.path().join("aside");
    fs::rename(&on_disk.folder, &aside).unwrap();
    for number in 2..=8 {
        on_disk.insert(number).await;
        assert!(on_disk.tells(number).await, "{number}");
    }
    fs::rename(&aside, &on_disk.folder).unwrap();
    let before = on_disk.store.disk_bytes().await;
    for number in 9..=12 {
        on_disk.insert(number).await;
        assert!(on_disk.tells(number).await, "{number}");
    }
    on_disk
        .until("chunks on disk again", async || {
            on_disk.store.disk_bytes().await > before
        })
        .await;
}

/// A file system of a few kilobytes; none where that takes more rights than we have.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(kilobytes: u32) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let size = format!("size={kilobytes}k,mode=700");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    /// Whether there is no room for another chunk.
    fn is_full(&self) -> bool {
        let mut df = Command::new("df");
        let told = df
            .args(["--block-size=1", "--output=avail"])
            .arg(self.0.path())
            .output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        let free: usize = told.lines().last().unwrap().trim().parse().unwrap();
        free < CHUNK_BYTES
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_truncates_nothing_and_is_used_again_when_there_is_space() {
    let Some(disk) = SmallDisk::mount(300) else {
        eprintln!("skipped: mounting a file system takes root");
        return;
    };
    let on_disk = OnDisk::start(disk.0.path(), 12, ALL);
    let others = disk.0.path().join("others");
    fs::write(&others, vec![0; 200 << 10]).unwrap();
    let first = on_disk.insert_until(1, || disk.is_full()).await;
    let is_whole = |file: &PathBuf| fs::metadata(file).is_ok_and(|file| file.len() > 10_000);
    on_disk
        .until("a disk with whole files only", async || {
            on_disk.files().iter().all(is_whole)
        })
        .await;

    let before = on_disk.files();
    fs::remove_file(others).unwrap();
    let is_used_again = || on_disk.files().iter().any(|file| !before.contains(file));
    on_disk.insert_until(first, is_used_again).await;
}

#[tokio::test]
async fn nothing_is_left_behind_and_what_an_earlier_run_left_is_removed() {
    let storage = TempDir::new().unwrap();
    let on_disk = OnDisk::start(storage.path(), 40, ALL);
    on_disk.insert_and_file(1).await;
    assert!(!on_disk.files().is_empty());
    assert!(matches!(
        Shelf::open(storage.path()),
        Err(crate::folder::FolderError::InUse(_))
    ));
    on_disk.stop.cancel();
    on_disk.tasks.close();
    timeout(LIMIT, on_disk.tasks.wait()).await.unwrap();
    assert_eq!(on_disk.files(), [] as [PathBuf; 0]);

    let left = ["a".repeat(64) + ".chunk", "b".repeat(64) + ".part"];
    let not_ours = ["notes.txt".to_owned(), "c.chunk".to_owned(), "d".repeat(64)];
    for name in left.iter().chain(&not_ours) {
        fs::write(on_disk.folder.join(name), "text").unwrap();
    }
    let _shelf = Shelf::open(storage.path()).unwrap();
    assert!(left.iter().all(|name| !on_disk.folder.join(name).exists()));
    assert!(not_ours.iter().all(|name| on_disk.folder.join(name).exists()));
}
