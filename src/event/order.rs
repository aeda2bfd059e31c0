//! The order key of an event.
//!
//! A service that handles events in parallel needs an order for those that concern the same group
//! or account, and not between others. The gateway computes a hash of that group or account once,
//! when it stores the event. The hash modulo a number of lanes is the event's lane. Within a lane
//! events keep the log's order.

use std::borrow::Cow;

/// The group or account whose events have one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey<'a> {
    /// Events of this group.
    Group(Cow<'a, str>),
    /// Events of this account.
    Account(Cow<'a, str>),
    /// All events of the app: those of some commands, and those that name neither.
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

    /// Stored records have these hashes: the function never changes.
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
    }
}
