//! A figure beside its goal.

use std::fmt;

/// The most that a figure may be.
#[derive(Clone, Copy, Debug)]
pub struct AtMost {
    /// What was measured.
    pub figure: f64,
    /// What it should be.
    pub goal: f64,
    /// Of both; may be empty.
    pub unit: &'static str,
}

impl AtMost {
    /// Whether the figure is no more than its goal.
    pub fn is_met(&self) -> bool {
        self.figure <= self.goal
    }
}

/// The least that a figure may be.
#[derive(Clone, Copy, Debug)]
pub struct AtLeast {
    /// What was measured.
    pub figure: f64,
    /// What it should be.
    pub goal: f64,
    /// Of both; may be empty.
    pub unit: &'static str,
}

impl AtLeast {
    /// Whether the figure is no less than its goal.
    pub fn is_met(&self) -> bool {
        self.figure >= self.goal
    }
}

impl fmt::Display for AtMost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, goal, unit } = *self;
        beside(out, figure, "at most", goal, unit, self.is_met())
    }
}

impl fmt::Display for AtLeast {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, goal, unit } = *self;
        beside(out, figure, "at least", goal, unit, self.is_met())
    }
}

fn beside(
    out: &mut fmt::Formatter<'_>,
    figure: f64,
    bound: &str,
    goal: f64,
    unit: &str,
    met: bool,
) -> fmt::Result {
    let verdict = if met { "met" } else { "missed" };
    let space = if unit.is_empty() { "" } else { " " };
    write!(
        out,
        "{figure:7.2}{space}{unit}   goal: {bound} {goal}{space}{unit}, {verdict}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_its_goal_has_met_it() {
        let (goal, unit) = (5.0, "ms");
        let most = |figure| AtMost { figure, goal, unit }.to_string();
        assert_eq!(most(5.0), "   5.00 ms   goal: at most 5 ms, met");
        assert_eq!(most(5.01), "   5.01 ms   goal: at most 5 ms, missed");
        let least = |figure| AtLeast { figure, goal, unit }.to_string();
        assert_eq!(least(5.0), "   5.00 ms   goal: at least 5 ms, met");
        assert_eq!(least(4.99), "   4.99 ms   goal: at least 5 ms, missed");
    }
}
