//! Which keys an origin's word counts by: those that the operator trusts, and those that these name as their successors.
//!
//! An origin sends with each presentation the statements that lead to its key, so nothing of this has to be kept.
//! A key that was followed is never given a channel back: whoever stole it may still have it.

use wire::key::PublicKey;
use wire::presentation::Presentation;
use wire::seal::Refusal;
use wire::succession::Succession;

/// How a key came to follow others: each of the statements names the key that made the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<Succession>);

/// Why statements are no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChain {
    /// One of them does not open.
    #[error(transparent)]
    Statement(#[from] Refusal),
    /// One names another key than the one that goes on.
    #[error("the successions do not lead from one to the next: {0} is named, and then {1} speaks")]
    Broken(Box<PublicKey>, Box<PublicKey>),
}

impl Chain {
    /// The chain that leads to a presentation's key.
    pub fn of(presentation: &Presentation) -> Result<Self, BadChain> {
        let statements = presentation.successions.iter();
        let statements = statements.map(|signed| Succession::open(signed));
        let statements: Vec<Succession> = statements.collect::<Result<_, _>>()?;
        let nexts = statements.iter().skip(1).map(|next| next.from);
        for (statement, next) in statements.iter().zip(nexts.chain([presentation.key])) {
            if statement.to != next {
                return Err(BadChain::Broken(Box::new(statement.to), Box::new(next)));
            }
        }
        Ok(Self(statements))
    }

    /// Whether the chain's key follows that one, however long ago.
    pub fn follows(&self, key: &PublicKey) -> bool {
        self.0.iter().any(|statement| statement.from == *key)
    }

    /// Until when the chain's key counts because one of `trusted` names it, in milliseconds since 1970.
    pub fn trusted_until(&self, trusted: &[PublicKey]) -> Option<u64> {
        // The chain is as strong as its weakest statement; from the newest trusted key it is the shortest.
        let from = self.0.iter().rposition(|one| trusted.contains(&one.from))?;
        self.0[from..].iter().map(|statement| statement.until).min()
    }

    /// The older keys that still count at `now`, the newest first.
    pub fn still_good(&self, now: u64) -> impl Iterator<Item = PublicKey> {
        let holding = self.0.iter().rev().take_while(move |one| one.holds(now));
        holding.map(|statement| statement.from)
    }

    /// Whether that key has been followed by another, and the time for both is over at `now`.
    pub fn retires(&self, key: &PublicKey, now: u64) -> bool {
        self.0
            .iter()
            .any(|statement| statement.from == *key && !statement.holds(now))
    }
}

/// Whether the key counts at `now`, by itself or by the chain that leads to it.
pub fn trusts(trusted: &[PublicKey], key: &PublicKey, chain: &Chain, now: u64) -> bool {
    trusted.contains(key) || chain.trusted_until(trusted).is_some_and(|until| now < until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, key, presentation, succession};

    fn chain(keys: &[(u8, u8, u64)], presenter: u8) -> Result<Chain, BadChain> {
        let mut presentation = presentation(presenter, NOW);
        presentation.successions = keys
            .iter()
            .map(|(from, to, until)| succession(*from, *to, NOW - 1000, *until).into())
            .collect();
        Chain::of(&presentation)
    }

    #[test]
    fn a_chain_leads_from_key_to_key_and_ends_at_the_one_that_speaks() {
        assert_eq!(chain(&[], 1), Ok(Chain::default()));
        let good = chain(&[(1, 2, NOW), (2, 3, NOW)], 3).unwrap();
        assert!(good.follows(&key(1).public()) && good.follows(&key(2).public()));
        assert!(!good.follows(&key(3).public()));
        for (links, presenter) in [
            (&[(1, 2, NOW)][..], 3),
            (&[(1, 2, NOW), (3, 4, NOW)], 4),
            (&[(2, 3, NOW), (1, 2, NOW)], 3),
        ] {
            assert!(matches!(chain(links, presenter), Err(BadChain::Broken(_, _))));
        }
        let mut forged = presentation(2, NOW);
        forged.successions = vec![vec![1, 2, 3].into()];
        assert!(matches!(Chain::of(&forged), Err(BadChain::Statement(_))));
    }

    #[test]
    fn a_chain_is_trusted_while_all_of_it_from_a_trusted_key_on_holds() {
        let keys = |n: &[u8]| n.iter().map(|n| key(*n).public()).collect::<Vec<_>>();
        let chain = chain(&[(1, 2, NOW + 10), (2, 3, NOW + 20)], 3).unwrap();
        assert_eq!(chain.trusted_until(&keys(&[1])), Some(NOW + 10));
        assert_eq!(chain.trusted_until(&keys(&[1, 2])), Some(NOW + 20));
        assert_eq!(chain.trusted_until(&keys(&[3, 4])), None, "trusted by itself");
        let last = key(3).public();
        assert!(trusts(&keys(&[1]), &last, &chain, NOW + 9));
        assert!(!trusts(&keys(&[1]), &last, &chain, NOW + 10));
        assert!(trusts(&keys(&[3]), &last, &chain, NOW + 99));
        assert!(!trusts(&keys(&[4]), &last, &chain, NOW));
    }

    #[test]
    fn an_old_key_counts_until_its_time_is_over_and_is_retired_then() {
        let chain = chain(&[(1, 2, NOW + 10), (2, 3, NOW + 20)], 3).unwrap();
        let good = |now| chain.still_good(now).collect::<Vec<_>>();
        assert_eq!(good(NOW), [key(2).public(), key(1).public()]);
        assert_eq!(good(NOW + 10), [key(2).public()]);
        assert_eq!(good(NOW + 20), []);
        assert!(!chain.retires(&key(1).public(), NOW + 9));
        assert!(chain.retires(&key(1).public(), NOW + 10));
        assert!(!chain.retires(&key(3).public(), NOW + 99));
    }
}
