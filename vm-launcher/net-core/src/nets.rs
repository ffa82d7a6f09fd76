// SPDX-License-Identifier: GPL-3.0-or-later
//! Which networks this computer is in, as the kernel tells it: a neighbour with a public address is at home all
//! the same.
//!
//! In: messages of the kernel about its addresses. Out: ranges. Addresses come and go while a VM runs.

use super::zones::Range;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

/// Kinds of messages.
const ERROR: u16 = 2;
const NEW_ADDRESS: u16 = 20;
const DEL_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;
/// A request for all there is.
const DUMP: u16 = 0x301;
/// Families of addresses.
const INET: u8 = 2;
const INET6: u8 = 10;
/// Bytes of a message's header, of an address's, of an attribute's.
const HEADER: usize = 16;
const ABOUT: usize = 8;
const ATTRIBUTE: usize = 4;
/// The attribute with the address; on a line between two it is the other end's.
const ADDRESS: u16 = 1;
/// Most addresses that are remembered.
const MOST: usize = 4096;
/// Bits of an IPv6 network: an address that was handed out alone is still in one.
const NETWORK6: u8 = 64;

/// The addresses of this computer.
#[derive(Debug, Clone, Default)]
pub struct Nets {
    /// By interface: address and length of its network.
    known: BTreeSet<(u32, IpAddr, u8)>,
}

/// The question for all addresses.
#[must_use]
pub fn question() -> Vec<u8> {
    let mut bytes = 24_u32.to_ne_bytes().to_vec();
    bytes.extend(GET_ADDRESS.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.resize(HEADER + ABOUT, 0);
    bytes
}

impl Nets {
    /// Reads a packet of the kernel; whether something is different now.
    pub fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut changed = false;
        while let Some((kind, body, rest)) = message(bytes) {
            changed |= match (kind, about(body)) {
                (NEW_ADDRESS, Some(found)) if self.known.len() < MOST => self.known.insert(found),
                (DEL_ADDRESS, Some(found)) => self.known.remove(&found),
                _ => false,
            };
            bytes = rest;
        }
        changed
    }

    /// Whether a packet of the kernel says that it does not tell.
    #[must_use]
    pub fn is_refusal(mut bytes: &[u8]) -> bool {
        while let Some((kind, _, rest)) = message(bytes) {
            if kind == ERROR {
                return true;
            }
            bytes = rest;
        }
        false
    }

    /// Forgets everything: the kernel is asked anew.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// The networks around these addresses.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range> {
        let range = |(_, addr, bits): &(u32, IpAddr, u8)| {
            let bits = if addr.is_ipv6() { (*bits).min(NETWORK6) } else { *bits };
            // A network of everything would be no network.
            Range::new(*addr, bits).filter(|_| bits > 0)
        };
        self.known.iter().filter_map(range).collect()
    }
}

/// The first of some messages: its kind, its body, the others.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER..len)?;
    Some((kind, body, bytes.get(len.next_multiple_of(4)..).unwrap_or(&[])))
}

fn about(body: &[u8]) -> Option<(u32, IpAddr, u8)> {
    let [family, bits, ..] = *body.first_chunk::<ABOUT>()?;
    let interface = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let mut rest = body.get(ABOUT..)?;
    loop {
        let len = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        let value = rest.get(ATTRIBUTE..len)?;
        if kind == ADDRESS {
            let addr = match family {
                INET => Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into(),
                INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into(),
                _ => return None,
            };
            return Some((interface, addr, bits));
        }
        rest = rest.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(kind: u16, interface: u32, addr: &str, bits: u8) -> Vec<u8> {
        let (family, addr) = match addr.parse().unwrap() {
            IpAddr::V4(addr) => (INET, addr.octets().to_vec()),
            IpAddr::V6(addr) => (INET6, addr.octets().to_vec()),
        };
        let mut body = vec![family, bits, 0, 0];
        body.extend(interface.to_ne_bytes());
        // An attribute of an odd length before the address.
        body.extend([5, 0, 3, 0, b'e', 0, 0, 0]);
        body.extend(u16::try_from(addr.len() + 4).unwrap().to_ne_bytes());
        body.extend(ADDRESS.to_ne_bytes());
        body.extend(addr);
        let mut bytes = u32::try_from(HEADER + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    fn is_in(nets: &Nets, addr: &str) -> bool {
        nets.ranges().iter().any(|range| range.contains(addr.parse().unwrap()))
    }

    #[test]
    fn a_refusal_is_heard_behind_other_words() {
        let words = said(NEW_ADDRESS, 1, "192.0.2.7", 24);
        assert!(!Nets::is_refusal(&words));
        assert!(Nets::is_refusal(&[words, said(ERROR, 1, "192.0.2.7", 24)].concat()));
    }

    #[test]
    fn neighbours_come_and_go() {
        let mut nets = Nets::default();
        let both = [
            said(NEW_ADDRESS, 2, "203.0.113.9", 24),
            said(NEW_ADDRESS, 2, "2001:db8:1:2::9", 128),
            said(NEW_ADDRESS, 3, "203.0.113.9", 24),
            said(NEW_ADDRESS, 4, "198.51.100.1", 0),
        ]
        .concat();
        assert!(nets.read(&both) && !nets.read(&both));
        assert!(is_in(&nets, "203.0.113.1") && is_in(&nets, "2001:db8:1:2::1"));
        assert!(!is_in(&nets, "203.0.114.1") && !is_in(&nets, "2001:db8:1:3::1"));
        assert!(nets.read(&said(DEL_ADDRESS, 2, "203.0.113.9", 24)));
        assert!(is_in(&nets, "203.0.113.1"), "the other interface is still there");
        nets.read(&said(DEL_ADDRESS, 3, "203.0.113.9", 24));
        assert!(!is_in(&nets, "203.0.113.1"));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..60) {
            let mut nets = Nets::default();
            nets.read(&bytes);
            let mut good = said(NEW_ADDRESS, 2, "2001:db8::1", 64);
            good.truncate(good.len() - cut.min(good.len()));
            nets.read(&good);
            let _ = nets.ranges();
        }
    }
}
