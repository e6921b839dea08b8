//! Settings: flags win over environment, environment over file.
//!
//! A program declares its flags once, as a `clap` struct. The file's values become clap's defaults and every flag gets an
//! environment variable, so clap's own order of precedence is ours. All is known, or refused with
//! exit code 64, before any port is bound.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, Parser};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// `EX_USAGE` of sysexits(3): a setting is unknown or wrong.
pub const EXIT_USAGE: i32 = 64;

const CONFIG: &str = "config";

/// Why the settings file was refused.
#[derive(Debug, thiserror::Error)]
enum BadFile {
    #[error("cannot read the settings file {} (--config): {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("the settings file {} is not TOML: {error}", path.display())]
    NotToml {
        path: PathBuf,
        error: Box<toml::de::Error>,
    },
    #[error("unknown setting {key:?} in {}; known are: {known}", path.display())]
    Unknown {
        path: PathBuf,
        key: String,
        known: String,
    },
    #[error("setting {key:?} in {} is {found}; it takes text, a number, true, false or a list of these", path.display())]
    Shape {
        path: PathBuf,
        key: String,
        found: &'static str,
    },
}

/// Why the tables of the settings file were refused.
#[derive(Debug, thiserror::Error)]
enum BadTable {
    #[error("setting {key:?} of the settings file is a list of tables, each under [[{key}]]")]
    Shape { key: String },
    #[error("[[{key}]] number {place} of the settings file: {}", error.message())]
    Content {
        key: String,
        place: usize,
        error: Box<toml::de::Error>,
    },
}

/// Reads the settings of this process, or ends it: 0 after `--help` and `--version`, 64 when something is wrong.
pub fn load<S: Parser>() -> S {
    read::<S>(std::env::args_os().collect(), None)
        .unwrap_or_else(|refusal| end(&refusal))
        .0
}

/// As [`load`], with a file that may also hold tables under `[[key]]`: what no flag could say.
pub fn load_with_tables<S: Parser, T: DeserializeOwned>(key: &str) -> (S, Vec<T>) {
    let (settings, tables) =
        read::<S>(std::env::args_os().collect(), Some(key)).unwrap_or_else(|refusal| end(&refusal));
    let tables = read_tables(key, tables).unwrap_or_else(|bad| refuse::<S>(bad));
    (settings, tables)
}

fn end(refusal: &clap::Error) -> ! {
    let code = if refusal.use_stderr() { EXIT_USAGE } else { 0 };
    // Nobody is left to tell when the terminal is gone.
    let _ = refusal.print();
    std::process::exit(code)
}

/// Ends the process with 64 for a setting that is only found wrong when it is put to use.
pub fn refuse<S: Parser>(why: impl std::fmt::Display) -> ! {
    let _ = S::command()
        .error(clap::error::ErrorKind::ValueValidation, why)
        .print();
    std::process::exit(EXIT_USAGE)
}

/// The settings, and what the file says under `tables`.
fn read<S: Parser>(
    arguments: Vec<OsString>,
    tables: Option<&str>,
) -> Result<(S, Option<Value>), clap::Error> {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .global(true)
        .help("Settings as TOML: each flag's name without the dashes is a key");
    let mut command = with_environment(S::command().arg(config));
    let mut found = None;
    if let Some(path) = config_path(&arguments) {
        (command, found) = with_file(command, &path, tables)
            .map_err(|bad| S::command().error(clap::error::ErrorKind::ValueValidation, bad))?;
    }
    let matches = command
        .try_get_matches_from(arguments)
        .map_err(|refusal| with_remedy(S::command(), refusal))?;
    Ok((S::from_arg_matches(&matches)?, found))
}

/// The tables of the file under `[[key]]`; unknown keys in them are refused by their type.
fn read_tables<T: DeserializeOwned>(key: &str, tables: Option<Value>) -> Result<Vec<T>, BadTable> {
    let tables = match tables {
        None => return Ok(Vec::new()),
        Some(Value::Array(tables)) => tables,
        Some(_) => return Err(BadTable::Shape { key: key.into() }),
    };
    let read = |(place, table): (usize, Value)| {
        table.try_into().map_err(|error| BadTable::Content {
            key: key.into(),
            place: place + 1,
            error: Box::new(error),
        })
    };
    tables.into_iter().enumerate().map(read).collect()
}

/// Says beside a wrong value what the setting takes: a parser's "invalid digit found" is no help.
///
/// `command` is as it was declared: its defaults are good examples, those out of a file may be the very mistake.
fn with_remedy(mut command: Command, mut refusal: clap::Error) -> clap::Error {
    command.build();
    let Some(ContextValue::String(shown)) = refusal.get(ContextKind::InvalidArg) else {
        return refusal;
    };
    let Some(arg) = find_setting(&command, shown) else {
        return refusal;
    };
    let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let usual: Vec<_> = arg
        .get_default_values()
        .iter()
        .filter_map(|value| value.to_str())
        .collect();
    let example = if usual.is_empty() {
        String::new()
    } else {
        format!(" (for example {})", usual.join(", "))
    };
    let remedy = format!(
        "{} takes {}{example}: {about}",
        setting_shown(arg),
        values_shown(arg)
    );
    refusal.insert(
        ContextKind::Suggested,
        ContextValue::StyledStrs(vec![remedy.into()]),
    );
    refusal
}

/// The setting that clap's message calls `shown`.
fn find_setting<'a>(command: &'a Command, shown: &str) -> Option<&'a Arg> {
    let inner = || {
        command
            .get_subcommands()
            .find_map(|inner| find_setting(inner, shown))
    };
    command
        .get_arguments()
        .find(|arg| arg.to_string() == shown)
        .or_else(inner)
}

fn setting_shown(arg: &Arg) -> String {
    if arg.get_long().is_some() {
        format!("--{}", setting(arg))
    } else {
        setting(arg)
    }
}

fn values_shown(arg: &Arg) -> String {
    arg.get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where the file is, before the other settings can be read.
fn config_path(arguments: &[OsString]) -> Option<PathBuf> {
    let mut words = arguments.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    std::env::var_os("BOXMESH_CONFIG").map(PathBuf::from)
}

/// Gives every flag its variable: `--data-dir` is `BOXMESH_DATA_DIR`.
fn with_environment(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let variable = format!("BOXMESH_{}", setting(&arg).to_uppercase().replace('-', "_"));
            // A variable can be set once only: what may be repeated is a list with commas there.
            let arg = if matches!(arg.get_action(), ArgAction::Append) {
                arg.value_delimiter(',')
            } else {
                arg
            };
            // Values may be keys: help shows the variable's name only.
            arg.env(variable).hide_env_values(true)
        })
        .mut_subcommands(with_environment)
}

fn with_file(
    mut command: Command,
    path: &Path,
    tables: Option<&str>,
) -> Result<(Command, Option<Value>), BadFile> {
    let text = std::fs::read_to_string(path).map_err(|error| BadFile::Unreadable {
        path: path.into(),
        error,
    })?;
    let mut table: Table = text.parse().map_err(|error| BadFile::NotToml {
        path: path.into(),
        error: Box::new(error),
    })?;
    let found = tables.and_then(|key| table.remove(key));
    for (key, value) in &table {
        let mut known = Vec::new();
        collect_settings(&command, &mut known);
        known.extend(tables.map(|key| format!("[[{key}]]")));
        if !known.contains(key) {
            return Err(BadFile::Unknown {
                path: path.into(),
                key: key.clone(),
                known: known.join(", "),
            });
        }
        let texts = texts(value).map_err(|found| BadFile::Shape {
            path: path.into(),
            key: key.clone(),
            found,
        })?;
        command = with_default(command, key, &texts);
    }
    Ok((command, found))
}

fn with_default(command: Command, key: &str, texts: &[String]) -> Command {
    command
        .mut_args(|arg| {
            if setting(&arg) == key {
                arg.default_values(texts.to_vec()).required(false)
            } else {
                arg
            }
        })
        .mut_subcommands(|inner| with_default(inner, key, texts))
}

fn collect_settings(command: &Command, known: &mut Vec<String>) {
    for name in command.get_arguments().map(setting) {
        if name != CONFIG && !known.contains(&name) {
            known.push(name);
        }
    }
    for inner in command.get_subcommands() {
        collect_settings(inner, known);
    }
}

/// A setting's name: that of its flag, or of its place on the command line.
fn setting(arg: &Arg) -> String {
    arg.get_long().unwrap_or(arg.get_id().as_str()).replace('_', "-")
}

fn texts(value: &Value) -> Result<Vec<String>, &'static str> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        other => Err(other.type_str()),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        single => text(single).map(|text| vec![text]),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "thing", version)]
    struct Sample {
        /// Where to listen
        #[arg(long, default_value = "0.0.0.0:8080", value_name = "HOST:PORT")]
        http: SocketAddr,
        #[arg(long, required = true)]
        trust_origin: Vec<String>,
        #[arg(long)]
        allow_private_boxes: bool,
    }

    fn read_with(file: &str, flags: &[&str]) -> Result<Sample, clap::Error> {
        read_all(file, flags).map(|(sample, _)| sample)
    }

    fn read_all(file: &str, flags: &[&str]) -> Result<(Sample, Result<Vec<Room>, String>), clap::Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, file).unwrap();
        let start = ["thing".into(), "--config".into(), path.into_os_string()];
        read(
            start
                .into_iter()
                .chain(flags.iter().map(OsString::from))
                .collect(),
            Some("room"),
        )
        .map(|(sample, rooms)| {
            let rooms = read_tables::<Room>("room", rooms);
            (sample, rooms.map_err(|bad| bad.to_string()))
        })
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Room {
        name: String,
        most_people: u8,
    }

    #[test]
    fn a_file_may_hold_tables_that_no_flag_could_say() {
        let file = "trust-origin = 'a'\n[[room]]\nname = 'hall'\nmost-people = 9";
        let (_, rooms) = read_all(file, &[]).unwrap();
        let hall = Room {
            name: "hall".into(),
            most_people: 9,
        };
        assert_eq!(rooms, Ok(vec![hall]));

        for (wrong, words) in [
            (
                "[[room]]\nname = 'hall'\nmost-people = 9\ncolour = 'red'",
                "colour",
            ),
            ("[[room]]\nname = 'hall'\nmost-people = 300", "300"),
            ("room = 'hall'", "[[room]]"),
        ] {
            let (_, rooms) = read_all(&format!("trust-origin = 'a'\n{wrong}"), &[]).unwrap();
            let refusal = rooms.unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "http = '127.0.0.1:1'\ntrust-origin = ['a', 'b']\nallow-private-boxes = true";
        let from_file = read_with(file, &[]).unwrap();
        assert_eq!(from_file.http.port(), 1);
        assert_eq!(from_file.trust_origin, ["a", "b"]);
        assert!(from_file.allow_private_boxes);

        let with_flags = read_with(file, &["--http", "127.0.0.1:2", "--trust-origin", "c,d"]).unwrap();
        assert_eq!(with_flags.http.port(), 2);
        assert_eq!(
            with_flags.trust_origin,
            ["c", "d"],
            "a list may be written in one, as a variable has to"
        );
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name_and_value() {
        for (file, flags, words) in [
            (
                "htttp = 'x'",
                &[][..],
                &["\"htttp\"", "known are", "trust-origin"][..],
            ),
            (
                "trust-origin = 'a'\nhttp = 'nonsense'",
                &[],
                &["--http", "nonsense"],
            ),
            (
                "trust-origin = 'a'",
                &["--http", "1.2.3.4"],
                &["--http", "1.2.3.4"],
            ),
            ("http = [[1]]", &[], &["\"http\"", "array"]),
            ("http = ", &[], &["not TOML"]),
            ("", &[], &["--trust-origin"]),
        ] {
            let refusal = read_with(file, flags).unwrap_err();
            assert!(refusal.use_stderr());
            let message = refusal.to_string();
            assert!(
                words.iter().all(|word| message.contains(word)),
                "{file:?} {flags:?}: {message}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let refusal =
            read::<Sample>(vec!["thing".into(), "--config=/nowhere.toml".into()], None).unwrap_err();
        assert!(refusal.to_string().contains("/nowhere.toml"), "{refusal}");
    }
}
