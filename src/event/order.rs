//! The order key of an event.
//!
//! A service that handles events in parallel needs an order among events of the same group or account, but
//! not between different ones. The gateway computes a hash of that group or account when it stores the event.
//! The hash modulo a number of lanes is the event's lane. Within a lane, events keep the log's order.

use std::borrow::Cow;

/// Maximum number of lanes.
pub const MAX_LANES: u32 = 64;

/// One of several lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Number of lanes, 1 to [`MAX_LANES`].
    pub count: u32,
    /// Index of the lane, from 0.
    pub index: u32,
}

impl Lane {
    /// Returns whether the lane exists.
    pub fn is_valid(self) -> bool {
        (1..=MAX_LANES).contains(&self.count) && self.index < self.count
    }

    /// Returns whether an event with this order hash is in the lane, which must be valid.
    pub fn has(self, order_hash: u32) -> bool {
        order_hash % self.count == self.index
    }
}

/// Group or account that orders an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey<'a> {
    /// Events of this group.
    Group(Cow<'a, str>),
    /// Events of this account.
    Account(Cow<'a, str>),
    /// All events of the app, for some commands and for events that name neither.
    App,
}

impl OrderKey<'_> {
    /// Returns the CRC-32 over the SDKAppID (4 bytes, little-endian), then `G` or `A`, then the
    /// name; of [`OrderKey::App`], over the SDKAppID alone.
    pub fn hash(&self, sdk_app_id: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&sdk_app_id.to_le_bytes());
        match self {
            Self::Group(name) => {
                hasher.update(b"G");
                hasher.update(name.as_bytes());
            }
            Self::Account(name) => {
                hasher.update(b"A");
                hasher.update(name.as_bytes());
            }
            Self::App => {}
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: u32 = 1_400_000_000;

    /// The hashes are stored in records, so the function must never change.
    #[test]
    fn the_hash_of_a_key_is_fixed() {
        for (key, hash) in [
            (OrderKey::Account("alice".into()), 0x2c3a_47b7),
            (OrderKey::Group("alice".into()), 0xfa63_a4aa),
            (OrderKey::Group("群".into()), 0x49dc_8afa),
            (OrderKey::App, 0xb42b_64ec),
        ] {
            assert_eq!(key.hash(APP), hash, "{key:?}");
        }
        let lane = |index| Lane { count: 8, index };
        let of_alice: Vec<_> = (0..8).filter(|index| lane(*index).has(0x2c3a_47b7)).collect();
        assert_eq!(of_alice, [7]);
    }

    #[test]
    fn a_lane_has_an_index_below_its_count() {
        for (count, index, is_valid) in [
            (1, 0, true),
            (MAX_LANES, MAX_LANES - 1, true),
            (0, 0, false),
            (1, 1, false),
            (8, 8, false),
            (MAX_LANES + 1, 0, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(Lane { count, index }.is_valid(), is_valid, "{index} of {count}");
        }
    }

    #[test]
    fn lanes_are_filled_evenly_by_names_of_every_usual_shape() {
        const NAMES: u32 = 100_000;
        let shapes: [fn(u32) -> String; 4] = [
            |n| format!("user{n}"),
            |n| (10_000_000_000 + 7 * u64::from(n)).to_string(),
            |n| format!("{:032x}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
            |n| format!("@TGS#{:07X}", n.wrapping_mul(2_654_435_761)),
        ];
        for (shape, name) in shapes.into_iter().enumerate() {
            let hashes: Vec<_> = (0..NAMES)
                .map(|n| match shape {
                    3 => OrderKey::Group(name(n).into()).hash(APP),
                    _ => OrderKey::Account(name(n).into()).hash(APP),
                })
                .collect();
            for count in 2..=MAX_LANES {
                let mut sizes = vec![0_u32; count as usize];
                hashes.iter().for_each(|hash| sizes[(hash % count) as usize] += 1);
                let (fullest, mean) = (sizes.iter().max().unwrap(), f64::from(NAMES) / f64::from(count));
                assert!(f64::from(*fullest) <= 1.15 * mean, "shape {shape}: {fullest} of {mean} in {count}");
            }
        }
    }
}
