//! A status as people read it in a terminal. Pure.

use std::fmt::{self, Display, Formatter};

use super::{Neighbour, Port, Status};
use crate::budget::Given;

impl Display for Status {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} (peer-box {})", self.id, self.version)?;
        for tracker in &self.trackers {
            let url = &tracker.url;
            match (&tracker.why, tracker.listed) {
                (_, true) => writeln!(out, "tracker     {url} sends viewers here")?,
                (Some(why), _) => writeln!(out, "tracker     {url} sends no viewers here: {why}")?,
                (None, _) => writeln!(out, "tracker     {url} sends no viewers here")?,
            }
        }
        for port in &self.ports {
            writeln!(out, "{port}")?;
        }
        for mapped in &self.router {
            writeln!(out, "router      {}", mapped.text)?;
        }
        if let Some(closed) = &self.closed {
            writeln!(out, "serves      nobody: {closed}")?;
        } else {
            writeln!(
                out,
                "serves      {} now, {} of {}; room for {} more",
                plural(self.viewers.into(), "viewer"),
                rate(self.sending_bits_per_second),
                rate(self.upload_bits_per_second),
                self.room
            )?;
        }
        writeln!(out, "today       {}", given(&self.today))?;
        writeln!(out, "this month  {} (UTC)", given(&self.month))?;
        if let Some(quota) = self.quota {
            writeln!(
                out,
                "quota       {} left of {} a month",
                bytes(quota.left),
                bytes(quota.bytes)
            )?;
        }
        if let Some(hours) = &self.hours {
            writeln!(out, "hours       {hours}, by this machine's clock")?;
        }
        let carried: Vec<_> = self.carried.iter().map(|one| one.channel.to_string()).collect();
        let carried = if carried.is_empty() {
            "no channel".into()
        } else {
            carried.join(", ")
        };
        writeln!(out, "keeps       {} of {carried}", bytes(self.window_bytes))?;
        writeln!(
            out,
            "health      {} accepted, {} refused; {} banned; clock {} ms from the tracker's",
            plural(self.accepted_chunks, "chunk"),
            self.refused_chunks,
            plural(self.banned_neighbours, "neighbour"),
            self.clock_ahead_ms
        )?;
        writeln!(out, "neighbours  {}", self.neighbours.len())?;
        for neighbour in &self.neighbours {
            writeln!(out, "  {neighbour}")?;
        }
        Ok(())
    }
}

impl Display for Port {
    /// "viewers     0.0.0.0:8090: reached from outside"
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:<11} {}: ", self.whom, self.address)?;
        match (&self.seen.why, self.seen.ok) {
            (_, true) => write!(out, "reached from outside"),
            (Some(why), _) => write!(out, "not reached from outside: {why}"),
            (None, _) => write!(out, "no tracker has tried it yet"),
        }
    }
}

impl Display for Neighbour {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (delivered, taken) = (bytes(self.delivered), bytes(self.taken));
        write!(out, "{}  delivered {delivered}, took {taken}", self.id)?;
        match self.round_trip_ms {
            Some(ms) => write!(out, ", {ms:.1} ms there and back"),
            None => Ok(()),
        }
    }
}

fn given(given: &Given) -> String {
    let (viewers, boxes) = (bytes(given.viewers), bytes(given.neighbours));
    format!(
        "{} given: {viewers} to viewers, {boxes} to boxes",
        bytes(given.total())
    )
}

fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn rate(bits_per_second: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let mbit = bits_per_second as f64 / 1e6;
    format!("{mbit:.1} Mbit/s")
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
fn bytes(bytes: u64) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let fits = units.iter().find(|(_, size)| bytes as f64 >= *size);
    match fits {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / size),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reach::Seen;

    #[test]
    fn sizes_are_shown_as_people_say_them() {
        let shown = [0, 999, 1000, 2_500_000, 1_234_000_000, 7_000_000_000_000].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "2.5 MB", "1.2 GB", "7.0 TB"]);
    }

    #[test]
    fn a_port_tells_what_a_tracker_found_and_no_more() {
        let port = |seen| {
            let address = "0.0.0.0:8090".parse().unwrap();
            let whom = "viewers".to_owned();
            Port { whom, address, seen }.to_string()
        };
        assert!(port(Seen::default()).contains("no tracker has tried"));
        assert!(port(Seen::yes()).ends_with("8090: reached from outside"));
        assert!(port(Seen::no("nobody answers")).contains("not reached from outside: nobody answers"));
    }
}
