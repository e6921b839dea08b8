//! What a child says on its standard error.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most that is kept: the newest words count.
const MOST_BYTES: usize = 2048;

/// The longest line that is told.
const LINE_CHARS: usize = 160;

/// The last words of a child.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<u8>);

impl Complaints {
    /// Hears the child out, and keeps its newest words. May be given up at any time.
    pub(crate) async fn hear(&mut self, pipe: &mut (impl AsyncRead + Unpin)) {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            self.note(&buffer[..read]);
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let old = self.0.len().saturating_sub(MOST_BYTES);
        self.0.drain(..old);
    }

    /// The newest whole line, fit for a log; `None` where nothing was said.
    pub(crate) fn last(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        let printable = line.chars().filter(|char| !char.is_control());
        Some(printable.take(LINE_CHARS).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_words_are_kept_and_no_more() {
        let mut complaints = Complaints::default();
        assert_eq!(complaints.last(), None);
        let much = format!("{}\nthe first\nthe \u{1b}[31mlast\n\n", "x".repeat(100_000));
        complaints.hear(&mut much.as_bytes()).await;
        assert_eq!(complaints.last().unwrap(), "the [31mlast");
        assert!(complaints.0.len() <= MOST_BYTES);

        complaints.hear(&mut "y".repeat(5000).as_bytes()).await;
        assert_eq!(complaints.last().unwrap().len(), LINE_CHARS);
    }
}
