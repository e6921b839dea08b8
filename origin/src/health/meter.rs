//! How much there was within the last seconds.

/// Sums of the seconds that went by, and of the one under way: `N` of them.
#[derive(Debug)]
pub(super) struct Meter<const N: usize> {
    seconds: [u64; N],
    newest: u64,
}

impl<const N: usize> Default for Meter<N> {
    fn default() -> Self {
        Self {
            seconds: [0; N],
            newest: 0,
        }
    }
}

impl<const N: usize> Meter<N> {
    /// Adds to a second. It has to be the newest.
    pub(super) fn add(&mut self, second: u64, amount: u64) {
        for passed in (self.newest + 1..=second).rev().take(N) {
            self.seconds[Self::place(passed)] = 0;
        }
        self.newest = self.newest.max(second);
        let sum = &mut self.seconds[Self::place(self.newest)];
        *sum = sum.saturating_add(amount);
    }

    /// How many whole seconds are counted when `second` is under way; at least one, so that anything can be divided by
    /// it.
    pub(super) fn seconds(second: u64) -> u64 {
        second.clamp(1, Self::COUNTED)
    }

    /// The sum of the whole seconds before `second`.
    pub(super) fn total(&self, second: u64) -> u64 {
        let counted = second.saturating_sub(Self::COUNTED)..second;
        let kept = (self.newest + 1).saturating_sub(N as u64)..=self.newest;
        let sums = counted.filter(|second| kept.contains(second));
        sums.map(|second| self.seconds[Self::place(second)])
            .fold(0, u64::saturating_add)
    }

    /// The mean of the whole seconds before `second`.
    pub(super) fn per_second(&self, second: u64) -> u64 {
        self.total(second) / Self::seconds(second)
    }

    const COUNTED: u64 = N as u64 - 1;

    fn place(second: u64) -> usize {
        usize::try_from(second % N as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_counted_and_no_others() {
        let mut meter = Meter::<6>::default();
        for second in 0..20 {
            meter.add(second, second);
            meter.add(second, second);
        }
        assert_eq!(
            (meter.total(19), Meter::<6>::seconds(19)),
            (2 * (14 + 15 + 16 + 17 + 18), 5)
        );
        assert_eq!(meter.total(22), 2 * (17 + 18 + 19), "nothing came since");
        assert_eq!(meter.total(1000), 0);
        meter.add(1000, 7);
        assert_eq!((meter.total(1000), meter.total(1001)), (0, 7));
    }

    #[test]
    fn the_first_seconds_are_divided_by_as_many_as_there_were() {
        let mut meter = Meter::<11>::default();
        meter.add(0, 25);
        meter.add(1, 25);
        assert_eq!((meter.per_second(0), meter.per_second(2)), (0, 25));
    }
}
