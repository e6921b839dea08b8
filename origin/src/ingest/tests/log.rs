//! The log, as far as a test of one thread wrote it.

use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Every event and span of this thread while it lives, each as a line, of whatever level.
pub(super) struct Log {
    lines: Arc<Mutex<Vec<(Level, String)>>>,
    _guard: DefaultGuard,
}

impl Log {
    pub(super) fn capture() -> Self {
        prepare();
        let lines = Arc::default();
        let guard = set_default(Collector(Arc::clone(&lines)));
        Self { lines, _guard: guard }
    }

    /// Everything, down to the last trace of a library.
    pub(super) fn all(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = lines
            .iter()
            .map(|(level, line)| format!("{level} {line}"))
            .collect();
        lines.join("\n")
    }

    /// The events that an operator sees, without their level.
    pub(super) fn events(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = lines
            .iter()
            .filter(|(level, line)| *level <= Level::INFO && !line.starts_with("span"));
        seen.map(|(_, line)| line.clone()).collect()
    }
}

/// To be called before anything is logged by a test that does not capture its log. As long as there is at
/// most one subscriber, tracing asks only the thread that reaches an event first whether it will ever be
/// wanted, and that thread may be one that captures nothing. With two, it asks all.
pub(super) fn prepare() {
    static TWO: LazyLock<[Dispatch; 2]> =
        LazyLock::new(|| [(); 2].map(|()| Dispatch::new(Collector(Arc::default()))));
    LazyLock::force(&TWO);
}

struct Collector(Arc<Mutex<Vec<(Level, String)>>>);

impl Collector {
    fn add(&self, level: Level, line: Line) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((level, line.0));
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        self.add(*span.metadata().level(), line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("span".into());
        values.record(&mut line);
        self.add(Level::INFO, line);
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.add(*event.metadata().level(), line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Fields as text: the message first, then `name=value`.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}{}", self.0);
        } else {
            write!(self.0, " {}={value:?}", field.name()).expect("a string takes all");
        }
    }
}
