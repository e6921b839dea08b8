//! What came of everything, as a table.

use std::fmt;

/// What came of playing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) pictures: u64,
    /// Seconds behind live, where the player tells.
    pub(crate) latency: Option<f64>,
    pub(crate) complaints: Vec<String>,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) document: &'static str,
    pub(crate) who: String,
    pub(crate) good: bool,
    pub(crate) words: String,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    /// Adds a line, and shows it at once: the whole takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("{row}");
        self.0.push(row);
    }

    pub(crate) fn is_good(&self) -> bool {
        self.0.iter().all(|row| row.good)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.good { "ok" } else { "FAILS" };
        write!(
            out,
            "{:<18} {:<16} {:<6} {}",
            self.document, self.who, verdict, self.words
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<18} {:<16} {:<6} what was seen",
            "document", "checked by", ""
        )?;
        self.0.iter().try_for_each(|row| writeln!(out, "{row}"))
    }
}
