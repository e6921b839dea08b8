//! Who an origin is: what it keeps in its data folder, who may publish, and what it needs besides before any port is
//! bound.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use minicbor::bytes::ByteVec;
use program::folder::{Folder, FolderError, Lock};
use program::lifecycle::now_ms;
use program::tls::{Authorities, BadCertificate, Certificate, CertificateFiles};
use wire::id::ChannelName;
use wire::key::SecretKey;

use crate::filler::{BadFiller, Filler};
use crate::ingest::keys::{Assignment, BadStreamKey, KeyFile, KeyFileError, KeyRing};
use crate::key;
use crate::record::{BadFolder, RecordSettings};
use crate::settings::{self, BadChannels, ChannelSettings, Settings};

/// Channels of one origin, as many as a tracker hears of. A box carries fewer: an origin with more of them serves the
/// rest itself.
pub(crate) const MOST_CHANNELS: usize = 256;

/// A setting that is wrong on this machine.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// The data folder is of no use.
    #[error("--data-dir: {0}")]
    Folder(#[from] FolderError),
    /// A stream key is of no use.
    #[error("--stream-key CHANNEL=KEY: {0}")]
    StreamKey(#[from] BadStreamKey),
    /// The stream keys of the data folder cannot be read or changed.
    #[error("stream-key: {0}")]
    KeyFile(#[from] KeyFileError),
    /// The signing key does not rotate.
    #[error("key rotate: {0}")]
    Rotate(#[from] key::RotateError),
    /// The settings of channels are of no use.
    #[error(transparent)]
    Channel(#[from] BadChannels),
    /// What is to play while a publisher is away.
    #[error("[[channel]] {channel}: {error}")]
    Filler {
        /// Where it was to play.
        channel: ChannelName,
        /// What is wrong with it.
        error: BadFiller,
    },
    /// The folder for recordings is of no use.
    #[error("--record: {0}")]
    Record(#[from] BadFolder),
    /// More channels than are kept.
    #[error("--stream-key: {found} channels are more than {most}")]
    Channels {
        /// So many are set.
        found: usize,
        /// So many may be.
        most: usize,
    },
    /// A part of what TLS takes is missing.
    #[error("--rtmps, --rtmps-cert and --rtmps-key are given together or not at all")]
    Rtmps,
    /// The certificate is of no use.
    #[error("--rtmps-cert, --rtmps-key: {0}")]
    Certificate(#[source] BadCertificate),
    /// Nobody can be trusted by that file.
    #[error("--tracker-ca: {0}")]
    Authorities(#[source] BadCertificate),
}

/// Who this origin is: what it keeps in its data folder, and who may publish.
#[derive(Debug)]
pub struct Identity {
    /// Whom to trust, besides public authorities, where a tracker is.
    pub(crate) authorities: Authorities,
    pub(crate) folder: Arc<Folder>,
    pub(crate) lock: Lock,
    pub(crate) secret: SecretKey,
    pub(crate) keys: KeyRing,
    /// What the settings say of single channels.
    pub(crate) channels: Vec<ChannelSettings>,
    /// What plays into channels while no publisher does.
    pub(crate) fillers: HashMap<ChannelName, Filler>,
    pub(crate) recordings: Option<RecordSettings>,
    pub(crate) certificate: Option<Certificate>,
    /// How the signing key came to follow others that still count, for presentations.
    pub successions: Vec<ByteVec>,
    /// The stream key that was made here, since there never was any.
    pub made: Option<Assignment>,
    /// Whether stream keys are kept in the data folder, which nobody can be told again.
    pub keeps_keys: bool,
}

impl Identity {
    /// Reads the data folder, and makes in it what is missing. No port is bound yet.
    pub fn of(settings: &Settings, channels: Vec<ChannelSettings>) -> Result<Self, BadSetting> {
        settings::check(&channels)?;
        let mut assignments = settings.assignments()?;
        for channel in &channels {
            assignments.extend(channel.assignments()?);
        }
        let certificate = certificate(settings)?;
        let authorities = Authorities::load_any(settings.tracker_ca.as_deref());
        let authorities = authorities.map_err(BadSetting::Authorities)?;
        let fillers = fillers(&channels)?;
        let recordings = settings.recordings();
        recordings.iter().try_for_each(RecordSettings::check)?;
        let folder = Folder::open(&settings.data_dir)?;
        let lock = folder.lock()?;
        key::take_over(&folder, now_ms())?;
        let secret = key::origin_key(&folder)?;
        let successions = key::successions(&folder, secret.public(), now_ms())?;
        let made = if assignments.is_empty() {
            key::first_stream_key(&folder, now_ms() / 1000)?
        } else {
            None
        };
        let stored = KeyFile(&folder).read()?.unwrap_or_default();
        let keys = KeyRing::new(&assignments, rand::random)?.with_stored(&stored);
        let (found, most) = (keys.channels().len(), MOST_CHANNELS);
        if found > most {
            return Err(BadSetting::Channels { found, most });
        }
        Ok(Self {
            folder: Arc::new(folder),
            lock,
            secret,
            keys,
            channels,
            fillers,
            recordings,
            certificate,
            authorities,
            successions,
            made,
            keeps_keys: !stored.is_empty(),
        })
    }
}

/// Opens the channels' fillers, each of which has to be one that plays.
fn fillers(channels: &[ChannelSettings]) -> Result<HashMap<ChannelName, Filler>, BadSetting> {
    let with_filler = |channel: &ChannelSettings| Some((channel.name.clone(), channel.filler.clone()?));
    let open = |(channel, path): (ChannelName, PathBuf)| match Filler::open(&path) {
        Ok(filler) => Ok((channel, filler)),
        Err(error) => Err(BadSetting::Filler { channel, error }),
    };
    channels.iter().filter_map(with_filler).map(open).collect()
}

fn certificate(settings: &Settings) -> Result<Option<Certificate>, BadSetting> {
    let Settings {
        rtmps,
        rtmps_cert,
        rtmps_key,
        ..
    } = settings;
    let file = |path: &Option<PathBuf>| path.clone();
    match (rtmps, file(rtmps_cert), file(rtmps_key)) {
        (None, None, None) => Ok(None),
        (Some(_), Some(certificate), Some(key)) => {
            let loaded = Certificate::load(CertificateFiles { certificate, key });
            loaded.map(Some).map_err(BadSetting::Certificate)
        }
        _ => Err(BadSetting::Rtmps),
    }
}
