//! What one run is made of.

use std::time::Duration;

use crate::network::Mbit;

/// The rate of the channel.
pub(crate) const CHANNEL_KILOBITS: u32 = 4000;

/// An ordinary uplink, and a slow one.
pub(crate) const ORDINARY: Mbit = Mbit(10);
pub(crate) const SLOW: Mbit = Mbit(2);

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What it is called in the report.
    pub(crate) title: String,
    /// Its boxes.
    pub(crate) boxes: Vec<BoxPlan>,
    /// How many of them the origin pushes to.
    pub(crate) seeds: u8,
    /// How many packets of a hundred each link loses.
    pub(crate) loss_percent: u32,
    /// How long a packet takes there and back, besides what the machine needs; no detour if that is nothing.
    pub(crate) round_trip: Duration,
}

/// One box.
#[derive(Clone, Debug)]
pub(crate) struct BoxPlan {
    /// What it may send; its budget and its link.
    pub(crate) uplink: Mbit,
    /// What is wrong with it, by the name that the stranger has for it.
    pub(crate) fault: Option<&'static str>,
}

impl Plan {
    /// So many honest boxes with ordinary uplinks.
    pub(crate) fn of(boxes: usize, seeds: u8) -> Self {
        Self {
            title: format!("{boxes} boxes, uplinks of {} Mbit/s", ORDINARY.0),
            boxes: vec![BoxPlan::honest(ORDINARY); boxes],
            seeds,
            loss_percent: 0,
            round_trip: Duration::ZERO,
        }
    }

    /// As [`Plan::of`], every third uplink a slow one.
    pub(crate) fn with_slow_ones(boxes: usize, seeds: u8) -> Self {
        let mut plan = Self::of(boxes, seeds);
        plan.title = format!("{boxes} boxes, a third with uplinks of {} Mbit/s", SLOW.0);
        for slow in plan.boxes.iter_mut().skip(2).step_by(3) {
            slow.uplink = SLOW;
        }
        plan
    }
}

impl BoxPlan {
    /// The program as volunteers run it.
    pub(crate) fn honest(uplink: Mbit) -> Self {
        Self { uplink, fault: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_is_a_third() {
        let plan = Plan::with_slow_ones(30, 3);
        assert_eq!(plan.boxes.iter().filter(|one| one.uplink == SLOW).count(), 10);
    }
}
