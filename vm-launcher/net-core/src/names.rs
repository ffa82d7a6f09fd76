// SPDX-License-Identifier: GPL-3.0-or-later
//! Names and the addresses that stand for them inside one VM.
//!
//! In: names that the guest looked up. Out: an address of a private pool for each, and the name of such an
//! address. No question leaves this computer for that: a name is only looked up in the world when a flow to
//! it has been allowed, and anew for each flow, so what stands behind a name is never stale and never the
//! guest's choice. A pool address means nothing outside of the VM.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::{BTreeMap, HashMap};

/// Most names at a time; the one that was not asked for the longest makes room.
pub const NAMES: usize = 4096;
/// How long the guest may keep an answer, in seconds.
pub const TTL: u32 = 60;
/// `198.18.0.0/15`, which is nobody's on any network.
const POOL4: u32 = 0xc612_0000;
/// `fd00:cffe:0:1::/64`.
const POOL6: u128 = 0xfd00_cffe_0000_0001_0000_0000_0000_0000;
/// Addresses in the pool; the first and the last are not given out.
const POOL: u32 = 1 << 17;

/// A name's two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// For questions of type A.
    pub v4: Ipv4Addr,
    /// For questions of type AAAA.
    pub v6: Ipv6Addr,
}

/// The names that have an address.
#[derive(Debug, Default)]
pub struct Names {
    slots: BTreeMap<u32, Slot>,
    by_name: HashMap<String, u32>,
    /// Slots by the time of their last question.
    by_age: BTreeMap<u64, u32>,
    next: u32,
    age: u64,
}

#[derive(Debug)]
struct Slot {
    name: String,
    age: u64,
}

impl Names {
    /// The addresses of a name, the same as long as it is remembered.
    pub fn bind(&mut self, name: &str) -> Pair {
        self.age = self.age.wrapping_add(1);
        let slot = match self.by_name.get(name) {
            Some(slot) => *slot,
            None => self.add(name),
        };
        if let Some(entry) = self.slots.get_mut(&slot) {
            self.by_age.remove(&entry.age);
            entry.age = self.age;
            self.by_age.insert(self.age, slot);
        }
        let v6 = Ipv6Addr::from_bits(POOL6 | u128::from(slot));
        Pair { v4: Ipv4Addr::from_bits(POOL4 | slot), v6 }
    }

    fn add(&mut self, name: &str) -> u32 {
        if self.slots.len() >= NAMES
            && let Some((_, oldest)) = self.by_age.pop_first()
            && let Some(slot) = self.slots.remove(&oldest)
        {
            self.by_name.remove(&slot.name);
        }
        // Far more addresses than names: a used one is passed over soon, a free one comes back late.
        loop {
            self.next = self.next.wrapping_add(1) % POOL;
            if self.next != 0 && self.next != POOL - 1 && !self.slots.contains_key(&self.next) {
                break;
            }
        }
        self.slots.insert(self.next, Slot { name: name.to_owned(), age: self.age });
        self.by_name.insert(name.to_owned(), self.next);
        self.next
    }

    /// The name that an address stands for.
    #[must_use]
    pub fn name(&self, addr: IpAddr) -> Option<&str> {
        self.slots.get(&slot(addr)?).map(|slot| slot.name.as_str())
    }
}

fn slot(addr: IpAddr) -> Option<u32> {
    match addr {
        IpAddr::V4(addr) => {
            let bits = addr.to_bits();
            (bits & !(POOL - 1) == POOL4).then_some(bits & (POOL - 1))
        }
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            let slot = u32::try_from(bits & u128::from(u64::MAX)).ok()?;
            (bits >> 64 == POOL6 >> 64 && slot < POOL).then_some(slot)
        }
    }
}

/// Whether this is an address of the pool, bound or not: it never leads anywhere by itself.
#[must_use]
pub fn in_pool(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(_) => slot(addr).is_some(),
        IpAddr::V6(addr) => addr.to_bits() >> 64 == POOL6 >> 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_keeps_its_addresses() {
        let mut names = Names::default();
        let (a, b) = (names.bind("a.example"), names.bind("b.example"));
        assert_ne!(a, b);
        assert_eq!(names.bind("a.example"), a);
        assert_eq!(names.name(a.v4.into()), Some("a.example"));
        assert_eq!(names.name(b.v6.into()), Some("b.example"));
        for stranger in ["198.18.0.0", "198.18.9.9", "8.8.8.8", "fd00:cffe:0:1::", "fd00:cffe:0:1:1::1"] {
            assert_eq!(names.name(stranger.parse().unwrap()), None, "{stranger}");
        }
        assert!(in_pool("198.19.255.255".parse().unwrap()) && in_pool("fd00:cffe:0:1:f::".parse().unwrap()));
        assert!(!in_pool("198.20.0.0".parse().unwrap()) && !in_pool("fd00:cffe:0:2::1".parse().unwrap()));
    }

    #[test]
    fn a_flood_of_names_pushes_out_the_oldest_and_no_address_changes_its_name_soon() {
        let mut names = Names::default();
        let kept = names.bind("kept.example");
        let lost = names.bind("lost.example");
        for n in 0..20_000 {
            names.bind(&format!("{n}.example"));
            if n % 1000 == 0 {
                assert_eq!(names.bind("kept.example"), kept);
            }
        }
        assert_eq!(names.slots.len(), NAMES);
        assert_eq!(names.name(kept.v4.into()), Some("kept.example"));
        assert_eq!(names.name(lost.v4.into()), None, "forgotten, and nobody else's");
    }

    proptest! {
        #[test]
        fn what_is_bound_is_found_and_the_maps_agree(asked in prop::collection::vec(0_u32..6000, 0..12_000)) {
            let mut names = Names::default();
            for n in asked {
                let name = format!("{n}.example");
                let pair = names.bind(&name);
                prop_assert_eq!(names.name(pair.v4.into()), Some(name.as_str()));
                prop_assert_eq!(names.name(pair.v6.into()), Some(name.as_str()));
            }
            prop_assert!(names.slots.len() <= NAMES);
            prop_assert_eq!(names.slots.len(), names.by_name.len());
            prop_assert_eq!(names.slots.len(), names.by_age.len());
        }
    }
}
