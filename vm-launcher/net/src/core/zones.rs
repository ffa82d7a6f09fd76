// SPDX-License-Identifier: GPL-3.0-or-later
//! Which network an address belongs to, and which of them are name servers in disguise.
//!
//! In: addresses and names. Out: a [`Zone`], which is a grant of its own: a name on the internet whose
//! address turns out to lie in the local network needs the local grant.

use super::plan;
use cofferdam_policy::Zone;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses as a base and a number of leading bits, such as `127.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    base: IpAddr,
    bits: u8,
}

impl Range {
    /// Reads `address/bits`, or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/').map_or((text, None), |(base, bits)| (base, Some(bits)));
        let base: IpAddr = base.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { base, bits })
    }

    /// Whether `addr` is in it.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.base, addr) {
            (IpAddr::V4(base), IpAddr::V4(addr)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == addr.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(addr)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == addr.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// The zone of an address, as far as the address itself says; whether it is one of this computer's own, the
/// caller finds out. `internet` are ranges that a test wants to count as the internet.
#[must_use]
pub fn zone(addr: IpAddr, internet: &[Range]) -> Zone {
    let addr = addr.to_canonical();
    if internet.iter().any(|range| range.contains(addr)) {
        return Zone::Internet;
    }
    match addr {
        IpAddr::V4(addr) => zone4(addr),
        IpAddr::V6(addr) => zone6(addr, internet),
    }
}

const fn zone4(addr: Ipv4Addr) -> Zone {
    match addr.octets() {
        [0 | 127, ..] => Zone::Host,
        [10, 0, 2, _] => Zone::Vm,
        // Private, shared, link-local, special and benchmark ranges, multicast, reserved, broadcast.
        [10, ..]
        | [100, 64..=127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 0, 0, _]
        | [192, 168, ..]
        | [198, 18..=19, ..]
        | [224..=255, ..] => Zone::Local,
        _ => Zone::Internet,
    }
}

fn zone6(addr: Ipv6Addr, internet: &[Range]) -> Zone {
    let words = addr.segments();
    let last = Ipv4Addr::from_bits((u32::from(words[6]) << 16) | u32::from(words[7]));
    match words {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Zone::Host,
        // Addresses that a translator turns into IPv4 ones, and those that only look compatible.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => zone(IpAddr::V4(last), internet),
        [0xfd00, 0xcffe, ..] => Zone::Vm,
        // Global unicast; without tunnels, whose inner address may be anybody's.
        [0x2002, ..] | [0x2001, 0, ..] => Zone::Local,
        [0x2000..=0x3fff, ..] => Zone::Internet,
        _ => Zone::Local,
    }
}

/// Whether an address can be the other end of a flow at all.
#[must_use]
pub fn is_place(addr: IpAddr) -> bool {
    let broadcast =
        addr == IpAddr::V4(Ipv4Addr::BROADCAST) || addr == IpAddr::V4(Ipv4Addr::new(10, 0, 2, 255));
    !addr.is_unspecified() && !addr.is_multicast() && !broadcast && !plan::is_guest(addr)
}

/// Names of public resolvers that speak HTTPS or TLS. Incomplete by nature: a resolver at an unknown name is
/// a site like any other, and its answers are literal addresses, each of which is asked about.
const RESOLVER_NAMES: [&str; 20] = [
    "dns.google",
    "dns.google.com",
    "dns64.dns.google",
    "cloudflare-dns.com",
    "cloudflare-gateway.com",
    "one.one.one.one",
    "1dot1dot1dot1.cloudflare-dns.com",
    "dns.quad9.net",
    "doh.opendns.com",
    "dns.opendns.com",
    "dns.adguard.com",
    "dns.adguard-dns.com",
    "dns.nextdns.io",
    "doh.cleanbrowsing.org",
    "dns0.eu",
    "doh.dns.sb",
    "dns.mullvad.net",
    "doh.mullvad.net",
    "freedns.controld.com",
    "doh.libredns.gr",
];

/// Their addresses.
const RESOLVER_ADDRS: [IpAddr; 18] = [
    IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)),
    IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4)),
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V4(Ipv4Addr::new(1, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)),
    IpAddr::V4(Ipv4Addr::new(149, 112, 112, 112)),
    IpAddr::V4(Ipv4Addr::new(208, 67, 222, 222)),
    IpAddr::V4(Ipv4Addr::new(208, 67, 220, 220)),
    IpAddr::V4(Ipv4Addr::new(94, 140, 14, 14)),
    IpAddr::V4(Ipv4Addr::new(94, 140, 15, 15)),
    IpAddr::V4(Ipv4Addr::new(194, 242, 2, 2)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001)),
    IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe)),
    IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2620, 0x119, 0x35, 0, 0, 0, 0, 0x35)),
];

/// Whether this name, or one it lies under, is a public resolver's.
#[must_use]
pub fn is_resolver_name(name: &str) -> bool {
    RESOLVER_NAMES
        .iter()
        .any(|known| name.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether something at this address and port resolves names behind our back. Plain questions at port 53 are
/// not meant: those are answered by us wherever they were sent.
#[must_use]
pub fn is_resolver(addr: IpAddr, port: u16) -> bool {
    port == 853 || (port == 443 && RESOLVER_ADDRS.contains(&addr.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        for (addr, expected) in [
            ("93.184.216.34", Zone::Internet),
            ("2606:2800:220:1::1", Zone::Internet),
            ("127.0.0.1", Zone::Host),
            ("0.0.0.0", Zone::Host),
            ("::1", Zone::Host),
            ("::ffff:127.0.0.1", Zone::Host),
            ("::ffff:192.168.1.1", Zone::Local),
            ("64:ff9b::7f00:1", Zone::Host),
            ("64:ff9b::5db8:d822", Zone::Internet),
            ("10.0.2.16", Zone::Vm),
            ("fd00:cffe::16", Zone::Vm),
            ("10.1.2.3", Zone::Local),
            ("172.16.0.1", Zone::Local),
            ("172.32.0.1", Zone::Internet),
            ("192.168.0.1", Zone::Local),
            ("169.254.169.254", Zone::Local),
            ("100.64.0.1", Zone::Local),
            ("198.18.0.7", Zone::Local),
            ("224.0.0.251", Zone::Local),
            ("255.255.255.255", Zone::Local),
            ("fe80::1", Zone::Local),
            ("fc00::1", Zone::Local),
            ("ff02::1", Zone::Local),
            ("2002:7f00:1::1", Zone::Local),
            ("2001:0:1::1", Zone::Local),
            ("::7f00:1", Zone::Local),
        ] {
            assert_eq!(zone(addr.parse().unwrap(), &[]), expected, "{addr}");
        }
    }

    #[test]
    fn a_test_may_call_loopback_the_internet() {
        let ranges = [Range::parse("127.0.0.0/8").unwrap()];
        assert_eq!(zone("127.1.2.3".parse().unwrap(), &ranges), Zone::Internet);
        assert_eq!(zone("::1".parse().unwrap(), &ranges), Zone::Host);
        assert!(Range::parse("0.0.0.0/0").unwrap().contains("1.2.3.4".parse().unwrap()));
        for bad in ["", "127.0.0.0/33", "x/8", "127.0.0.0/", "::/129"] {
            assert_eq!(Range::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn resolvers() {
        assert!(is_resolver_name("dns.google") && is_resolver_name("mozilla.cloudflare-dns.com"));
        assert!(!is_resolver_name("notdns.google") && !is_resolver_name("google"));
        assert!(is_resolver("8.8.8.8".parse().unwrap(), 443));
        assert!(is_resolver("93.184.216.34".parse().unwrap(), 853));
        assert!(!is_resolver("8.8.8.8".parse().unwrap(), 80));
    }
}
