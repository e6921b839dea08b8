//! All documents of a presentation, checked.

use std::collections::BTreeMap;

use wire::presentation;

use super::{Mpd, MpdError, Playlist, PlaylistError, Progress};

/// The manifests and playlists of a channel by the names that URLs give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents(BTreeMap<String, Document>);

/// A document that can be spliced for a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A manifest of DASH.
    Mpd(Mpd),
    /// A playlist of HLS.
    Playlist(Playlist),
}

/// Why an origin's documents are not handed to viewers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// One of the manifests.
    #[error("{name}: {why}")]
    Mpd {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        why: MpdError,
    },
    /// One of the playlists.
    #[error("{name}: {why}")]
    Playlist {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        why: PlaylistError,
    },
    /// Two under one name.
    #[error("there are two documents called {0}")]
    Twice(String),
    /// Neither a manifest nor a playlist.
    #[error("{0:?} is neither an MPD nor a playlist")]
    Unknown(String),
}

impl Documents {
    /// Checks all documents of a presentation.
    pub fn parse(texts: Vec<presentation::Document>) -> Result<Self, DocumentError> {
        let mut documents = BTreeMap::new();
        for presentation::Document { name, text } in texts {
            let document = match name.rsplit_once('.').map(|(_, extension)| extension) {
                Some("mpd") => match Mpd::parse(text) {
                    Ok(mpd) => Document::Mpd(mpd),
                    Err(why) => return Err(DocumentError::Mpd { name, why }),
                },
                Some("m3u8") => match Playlist::parse(text) {
                    Ok(playlist) => Document::Playlist(playlist),
                    Err(why) => return Err(DocumentError::Playlist { name, why }),
                },
                _ => return Err(DocumentError::Unknown(name)),
            };
            if documents.contains_key(&name) {
                return Err(DocumentError::Twice(name));
            }
            documents.insert(name, document);
        }
        Ok(Self(documents))
    }

    /// The document of that name.
    pub fn get(&self, name: &str) -> Option<&Document> {
        self.0.get(name)
    }

    /// How far the playlists that grow have come.
    pub fn progress(&self) -> impl Iterator<Item = &Progress> {
        self.0.values().filter_map(|document| match document {
            Document::Playlist(playlist) => playlist.progress(),
            Document::Mpd(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MPD;

    fn parse(documents: &[(&str, &str)]) -> Result<Documents, DocumentError> {
        let documents = documents.iter();
        let documents = documents.map(|(name, text)| presentation::Document::new(*name, *text));
        Documents::parse(documents.collect())
    }

    #[test]
    fn each_document_is_read_as_what_its_name_says() {
        let documents = parse(&[("compat.mpd", MPD), ("master.m3u8", "#EXTM3U\nv0.m3u8\n")]).unwrap();
        assert!(matches!(documents.get("compat.mpd"), Some(Document::Mpd(_))));
        assert!(matches!(
            documents.get("master.m3u8"),
            Some(Document::Playlist(_))
        ));
        assert_eq!(documents.get("manifest.mpd"), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_name_of_the_document() {
        for (documents, why) in [
            (
                &[("manifest.mpd", MPD), ("v0.m3u8", MPD)][..],
                "v0.m3u8: the playlist",
            ),
            (&[("low-latency.mpd", "<MPD")], "low-latency.mpd: the MPD"),
            (&[("a.mpd", MPD), ("a.mpd", MPD)], "two documents called a.mpd"),
            (&[("a.html", "")], "neither"),
        ] {
            let error = parse(documents).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
