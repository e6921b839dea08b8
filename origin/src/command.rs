//! What an origin does instead of running: its keys are shown, made and removed.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use program::folder::Folder;
use program::lifecycle::now_ms;

use crate::BadSetting;
use crate::ingest::keys::{KeyFile, StoredKey, StreamKey};
use crate::key;
use crate::package::date_time;
use crate::settings::{Instead, KeyCommand, StreamKeyCommand};

/// Longer than any stream key.
const MAX_INPUT_BYTES: u64 = 4096;

/// Does what was asked for, in the data folder at that path. Answers go to standard output, advice to standard error.
pub fn run(instead: Instead, data_dir: &Path) -> Result<(), BadSetting> {
    let folder = Folder::open(data_dir)?;
    match instead {
        Instead::Key { and: None } => say(key::origin_key(&folder)?.public()),
        Instead::Key {
            and: Some(KeyCommand::Rotate { valid }),
        } => {
            let next = key::rotate(&folder, valid.0, now_ms())?;
            advise(format_args!(
                "the origin takes this key at its next start; give it to every tracker as --trust-origin, beside the old one, \
                 within {valid} of that"
            ));
            say(next);
        }
        Instead::StreamKey(command) => stream_key(command, KeyFile(&folder))?,
    }
    Ok(())
}

fn stream_key(command: StreamKeyCommand, file: KeyFile) -> Result<(), BadSetting> {
    match command {
        StreamKeyCommand::Add { channel, key } => {
            let now_s = now_ms() / 1000;
            if let Some(key) = key {
                let key = if key == "-" { from_input() } else { key };
                let added = file.add_own(channel, &key.parse()?, now_s, rand::random())?;
                advise(format_args!(
                    "added as {} for channel {}",
                    added.id, added.channel
                ));
            } else {
                let key = StreamKey::made_of(rand::random());
                let added = file.add(channel, &key, now_s, rand::random())?;
                advise(format_args!(
                    "added as {} for channel {}; the key is shown this once",
                    added.id, added.channel
                ));
                say(key.reveal());
            }
        }
        StreamKeyCommand::List => file.read()?.unwrap_or_default().iter().for_each(list),
        StreamKeyCommand::Remove { which } => file.remove(&which)?.iter().for_each(list),
    }
    Ok(())
}

fn list(
    StoredKey {
        id, channel, added, ..
    }: &StoredKey,
) {
    let added = date_time(UNIX_EPOCH + Duration::from_secs(*added));
    say(format_args!("{channel} {id} {added}"));
}

/// The first line of standard input; what cannot be read is no key either.
fn from_input() -> String {
    let mut text = String::new();
    let _ = io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    text.lines().next().unwrap_or_default().to_owned()
}

/// Whoever closed standard output does not want it, which is no error.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn advise(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
