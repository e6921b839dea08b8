//! `peer-box status`: asks the box that runs here, through its page.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use program::folder::{Folder, FolderError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Status;
use crate::settings::{Homeless, Look};

/// The file that tells where the page of the box is that works in a data folder.
pub(crate) const FILE: &str = "page";

/// The longest answer that is read.
const MAX_BYTES: u64 = 1 << 20;

const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum NoStatus {
    /// Nobody said where the data folder is.
    #[error(transparent)]
    Homeless(#[from] Homeless),
    /// The data folder cannot be read.
    #[error("--data-dir: {0}")]
    Folder(#[from] FolderError),
    /// There is no box.
    #[error("no box runs with the data folder {}: start one with peer-box join URL, or name its folder with --data-dir", .0.display())]
    NoBox(PathBuf),
    /// There was one, or it does not answer.
    #[error("the box of the data folder {} does not answer at {page}: {error}; it may have been killed", folder.display())]
    Silent {
        /// The data folder.
        folder: PathBuf,
        /// Where its page was.
        page: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// Something else is where the page was.
    #[error("what answers at {0} is no box")]
    NotOurs(SocketAddr),
}

/// The status of the box that works in a data folder, to be shown.
pub async fn status(look: &Look) -> Result<String, NoStatus> {
    let folder = look.data_dir()?;
    let page = page_of(&folder)?;
    let silent = |error| NoStatus::Silent {
        folder: folder.clone(),
        page,
        error,
    };
    let answer = timeout(PATIENCE, fetch(page)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let json = body(&answer.map_err(silent)?).ok_or(NoStatus::NotOurs(page))?;
    let status: Status = serde_json::from_str(&json).map_err(|_| NoStatus::NotOurs(page))?;
    Ok(if look.json { json } else { status.to_string() })
}

fn page_of(path: &Path) -> Result<SocketAddr, NoStatus> {
    let none = || NoStatus::NoBox(path.into());
    // Only looking makes no folder.
    if !path.is_dir() {
        return Err(none());
    }
    let page = Folder::open(path)?.recall(FILE)?;
    page.and_then(|page| page.trim_end().parse().ok())
        .ok_or_else(none)
}

async fn fetch(page: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(page).await?;
    let request = format!("GET /status.json HTTP/1.0\r\nHost: {page}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}

fn body(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    (head.starts_with("HTTP/1.") && status == "200").then(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_is_one_has_a_body() {
        assert_eq!(body("HTTP/1.0 200 OK\r\na: b\r\n\r\n{}").as_deref(), Some("{}"));
        for other in [
            "",
            "HTTP/1.1 403 Forbidden\r\n\r\n{}",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 200 OK",
        ] {
            assert_eq!(body(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn where_no_box_runs_that_is_said() {
        let home = tempfile::tempdir().unwrap();
        let missing = home.path().join("none");
        let look = |folder: &Path| Look {
            data_dir: Some(folder.into()),
            json: false,
        };
        let said = status(&look(&missing)).await.unwrap_err().to_string();
        assert!(said.contains("no box runs") && said.contains("none"), "{said}");
        assert!(!missing.exists(), "looking makes nothing");

        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let page = gone.local_addr().unwrap();
        drop(gone);
        let folder = Folder::open(home.path()).unwrap();
        folder.keep(FILE, &format!("{page}\n")).unwrap();
        let said = status(&look(home.path())).await.unwrap_err().to_string();
        assert!(
            said.contains("does not answer") && said.contains(&page.to_string()),
            "{said}"
        );
    }
}
