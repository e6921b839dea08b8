//! A running origin takes the keys of its data folder as they come and go.

use std::sync::Arc;
use std::time::Duration;

use program::folder::{Folder, FolderError};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::file::KeyFile;
use super::ring::KeyRing;

/// How often the file is read: some kilobytes at most, out of the system's cache.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps `ring` as the folder says, until `stop`. While the file cannot be read the keys stay as they were.
pub(crate) async fn follow(folder: Arc<Folder>, ring: watch::Sender<Arc<KeyRing>>, stop: CancellationToken) {
    let (mut seen, mut trouble) = (None, None);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let looked = look(&folder, &mut seen, &ring).map_err(|error| error.to_string());
        if let Err(error) = &looked
            && trouble.as_ref() != Some(error)
        {
            warn!(%error, "stream keys cannot be read, the last ones go on");
        }
        trouble = looked.err();
    }
}

/// Takes the keys of the file if it does not say what was `seen`.
fn look(
    folder: &Folder,
    seen: &mut Option<String>,
    ring: &watch::Sender<Arc<KeyRing>>,
) -> Result<(), FolderError> {
    let file = KeyFile(folder);
    // Where there is no file there are no keys.
    let text = file.text()?.unwrap_or_default();
    if seen.as_ref() == Some(&text) {
        return Ok(());
    }
    let stored = file.parse(&text)?;
    // The first look is at what the origin started with.
    if seen.replace(text).is_some() {
        info!(stored = stored.len(), "stream keys changed");
    }
    ring.send_modify(|ring| *ring = Arc::new(ring.with_stored(&stored)));
    Ok(())
}
