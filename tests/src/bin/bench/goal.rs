//! A figure beside its goal.

use std::fmt;

/// The most that a figure may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtMost {
    pub(crate) figure: f64,
    pub(crate) goal: f64,
    pub(crate) unit: &'static str,
}

impl fmt::Display for AtMost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, goal, unit } = self;
        let verdict = if figure <= goal { "met" } else { "missed" };
        let space = if unit.is_empty() { "" } else { " " };
        write!(
            out,
            "{figure:7.2}{space}{unit}   goal: at most {goal}{space}{unit}, {verdict}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_its_goal_has_met_it() {
        let of = |figure| {
            let unit = "ms";
            AtMost {
                figure,
                goal: 5.0,
                unit,
            }
            .to_string()
        };
        assert_eq!(of(5.0), "   5.00 ms   goal: at most 5 ms, met");
        assert_eq!(of(5.01), "   5.01 ms   goal: at most 5 ms, missed");
    }
}
