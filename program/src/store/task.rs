//! The task that owns the window.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::trace;
use wire::chunk::Chunk;
use wire::id::ChunkId;

use super::Request;
use crate::disk::{Disk, Written};
use crate::window::{Kept, Refused, Verdict, Window};

/// Who may wait for chunks at a time, all together.
const MAX_WAITING: usize = 16_384;

/// How often the window lets go of what time alone has made old.
const TIDY: Duration = Duration::from_secs(1);

/// The window, and who waits for what is not in it.
pub(super) struct Task {
    window: Window,
    arrivals: broadcast::Sender<Chunk>,
    waiting: HashMap<ChunkId, Vec<oneshot::Sender<Kept>>>,
    disk: Option<(Disk, mpsc::Receiver<Written>)>,
}

impl Task {
    pub(super) fn new(
        window: Window,
        arrivals: broadcast::Sender<Chunk>,
        disk: Option<(Disk, mpsc::Receiver<Written>)>,
    ) -> Self {
        Self {
            window,
            arrivals,
            waiting: HashMap::new(),
            disk,
        }
    }

    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        // Without its store a program is an empty shell: whatever ends the task ends the program.
        let _end = stop.clone().drop_guard();
        let mut tidy = interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                request = requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                Some(written) = next_written(&mut self.disk) => self.window.filed(&written.id, written.file),
                _ = tidy.tick() => self.tidy(),
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Insert(chunk, reply) => {
                // Who offered it may have gone.
                let _ = reply.send(self.insert(chunk));
            }
            Request::Wait(id, reply) => match self.window.chunk(&id) {
                Some(kept) => {
                    let _ = reply.send(kept.clone());
                }
                None => self.keep_waiting(id, reply),
            },
            Request::Look(look) => look(&mut self.window),
        }
    }

    fn insert(&mut self, chunk: Chunk) -> Result<Verdict, Refused> {
        let now = SystemTime::now();
        let verdict = self.window.insert(chunk.clone(), now)?;
        if verdict == Verdict::New {
            trace!(chunk = %chunk.id(), bytes = chunk.bytes().len(), "chunk kept");
            if let Some((disk, _)) = &self.disk
                && self.window.make_room_on_disk(&chunk, now)
            {
                disk.write(chunk.clone());
            }
            self.tell(chunk);
        }
        Ok(verdict)
    }

    fn tell(&mut self, chunk: Chunk) {
        for waiting in self.waiting.remove(chunk.id()).unwrap_or_default() {
            let _ = waiting.send(Kept::of(chunk.clone()));
        }
        // Nobody follows: nobody has to be told.
        let _ = self.arrivals.send(chunk);
    }

    fn keep_waiting(&mut self, id: ChunkId, reply: oneshot::Sender<Kept>) {
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        if waiting < MAX_WAITING {
            self.waiting.entry(id).or_default().push(reply);
        }
    }

    fn tidy(&mut self) {
        self.window.expire(SystemTime::now());
        self.waiting.retain(|_, waiting| {
            waiting.retain(|reply| !reply.is_closed());
            !waiting.is_empty()
        });
    }
}

/// The next chunk that is on disk; never, where there is no disk.
async fn next_written(disk: &mut Option<(Disk, mpsc::Receiver<Written>)>) -> Option<Written> {
    match disk {
        Some((_, written)) => written.recv().await,
        None => std::future::pending().await,
    }
}
