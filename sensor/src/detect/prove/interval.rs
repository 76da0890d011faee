//! Sets of numbers and addresses as intervals: every question about them has
//! an exact answer.
//!
//! Numbers, truth values and ports are family 0, addresses are of the family
//! of their protocol. Intervals of a set are sorted, apart and never empty.

use std::net::IpAddr;

use ipnet::IpNet;

/// The family of everything that is no address.
const NUMBER: u8 = 0;

/// Values from `low` to `high`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    family: u8,
    low: u128,
    high: u128,
}

/// A set of values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Intervals(Vec<Interval>);

/// A number's place in the order of unsigned numbers.
fn place(number: i128) -> u128 {
    number.cast_unsigned() ^ (1 << 127)
}

fn address(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(v4) => (4, v4.to_bits().into()),
        IpAddr::V6(v6) => (6, v6.to_bits()),
    }
}

impl Intervals {
    /// The numbers from `low` to `high`, both included.
    pub(super) fn numbers(low: i128, high: i128) -> Self {
        Self::of(vec![Interval {
            family: NUMBER,
            low: place(low),
            high: place(high),
        }])
    }

    /// One address.
    pub(super) fn address(ip: IpAddr) -> Self {
        let (family, at) = address(ip);
        Self::of(vec![Interval {
            family,
            low: at,
            high: at,
        }])
    }

    /// The addresses of a network.
    pub(super) fn network(net: &IpNet) -> Self {
        let (family, low) = address(net.network());
        // The broadcast address is the last one of the network, in both families.
        let (_, high) = address(net.broadcast());
        Self::of(vec![Interval { family, low, high }])
    }

    /// Every address there is.
    pub(super) fn addresses() -> Self {
        let all = |family, high| Interval {
            family,
            low: 0,
            high,
        };
        Self::of(vec![all(4, u32::MAX.into()), all(6, u128::MAX)])
    }

    /// Sorted and merged.
    fn of(mut intervals: Vec<Interval>) -> Self {
        intervals.retain(|interval| interval.low <= interval.high);
        intervals.sort_unstable();
        let mut out: Vec<Interval> = Vec::with_capacity(intervals.len());
        for interval in intervals {
            match out.last_mut() {
                Some(last)
                    if last.family == interval.family
                        && interval.low <= last.high.saturating_add(1) =>
                {
                    last.high = last.high.max(interval.high);
                }
                _ => out.push(interval),
            }
        }
        Self(out)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).copied().collect())
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        let pairs = self
            .0
            .iter()
            .flat_map(|a| other.0.iter().map(move |b| (a, b)));
        Self::of(
            pairs
                .filter(|(a, b)| a.family == b.family)
                .map(|(a, b)| Interval {
                    family: a.family,
                    low: a.low.max(b.low),
                    high: a.high.min(b.high),
                })
                .collect(),
        )
    }

    /// What is in this set and not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for hole in &other.0 {
            let mut next = Vec::with_capacity(left.len() + 1);
            for piece in left {
                if piece.family != hole.family || hole.high < piece.low || piece.high < hole.low {
                    next.push(piece);
                    continue;
                }
                if let Some(high) = hole.low.checked_sub(1).filter(|high| *high >= piece.low) {
                    next.push(Interval { high, ..piece });
                }
                if let Some(low) = hole.high.checked_add(1).filter(|low| *low <= piece.high) {
                    next.push(Interval { low, ..piece });
                }
            }
            left = next;
        }
        Self::of(left)
    }

    /// Whether everything in this set is in the other.
    pub(super) fn within(&self, other: &Self) -> bool {
        self.without(other).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_numbers_are_taken_apart_exactly() {
        let small = Intervals::numbers(-3, 10);
        let middle = Intervals::numbers(0, 5);
        let rest = small.without(&middle);
        assert_eq!(
            rest,
            Intervals::numbers(-3, -1).union(&Intervals::numbers(6, 10))
        );
        assert!(middle.within(&small) && !small.within(&middle));
        assert!(rest.intersect(&middle).is_empty());
        assert_eq!(rest.union(&middle), small);
        assert!(Intervals::numbers(4, 3).is_empty());
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other_family() {
        let net = |text: &str| Intervals::network(&text.parse().unwrap());
        let ip = |text: &str| Intervals::address(text.parse().unwrap());
        assert!(ip("10.255.255.255").within(&net("10.0.0.0/8")));
        assert!(!ip("11.0.0.0").within(&net("10.0.0.0/8")));
        assert!(!ip("::a00:1").within(&net("10.0.0.0/8")));
        assert!(net("10.0.0.0/9").union(&net("10.128.0.0/9")) == net("10.0.0.0/8"));
        assert!(net("fe80::/10").within(&Intervals::addresses()));
    }
}
