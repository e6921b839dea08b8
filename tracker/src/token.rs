//! Who may give orders: whoever shows the token that is in a file of the operator's.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Anything shorter can be guessed.
const SHORTEST: usize = 16;
const MAX_FILE_BYTES: u64 = 4096;

/// What is kept of the token: enough to know it by.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// It cannot be read.
    #[error("cannot read the token in {} (--admin-token-file): {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// What is in it is too short.
    #[error("the token in {} (--admin-token-file) has fewer than {SHORTEST} characters", .0.display())]
    Short(PathBuf),
}

impl Token {
    /// The token in a file: its first line.
    pub fn read(path: &Path) -> Result<Self, BadToken> {
        let token = line_of(path)?;
        Ok(Self::of(&token))
    }

    fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether that is the token. How long this takes tells nothing of how much of it is right.
    pub fn is(&self, shown: &str) -> bool {
        let Self(shown) = Self::of(shown);
        let differs = self
            .0
            .iter()
            .zip(shown)
            .fold(0, |differs, (mine, it)| differs | (mine ^ it));
        std::hint::black_box(differs) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token(secret)")
    }
}

/// The token itself, for whoever shows it.
pub(crate) fn line_of(path: &Path) -> Result<String, BadToken> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    read.map_err(|error| BadToken::Unreadable {
        path: path.into(),
        error,
    })?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.len() < SHORTEST {
        return Err(BadToken::Short(path.into()));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token::of("correct-horse-battery");
        assert!(token.is("correct-horse-battery"));
        for other in [
            "",
            "correct-horse-batter",
            "correct-horse-battery ",
            "Correct-horse-battery",
        ] {
            assert!(!token.is(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(secret)");
    }

    #[test]
    fn the_first_line_of_the_file_counts_and_a_short_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "correct-horse-battery\nnotes\n").unwrap();
        assert!(Token::read(&path).unwrap().is("correct-horse-battery"));
        std::fs::write(&path, "short\n").unwrap();
        assert!(matches!(Token::read(&path), Err(BadToken::Short(_))));
        assert!(matches!(
            Token::read(&folder.path().join("none")),
            Err(BadToken::Unreadable { .. })
        ));
    }
}
