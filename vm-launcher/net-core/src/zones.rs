// SPDX-License-Identifier: GPL-3.0-or-later
//! Ranges of addresses, places that nobody can be at, and name servers in disguise.
//!
//! In: addresses and names. Out: what they are. The zone that an address by itself says is
//! [`cofferdam_policy::Zone::of`].

use super::plan;
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
        Self::new(base, bits.map_or(Some(most), |bits| bits.parse().ok())?)
    }

    /// The addresses that begin with the same `bits` as `base` does.
    #[must_use]
    pub const fn new(base: IpAddr, bits: u8) -> Option<Self> {
        let most = if base.is_ipv4() { 32 } else { 128 };
        if bits <= most { Some(Self { base, bits }) } else { None }
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
    fn ranges() {
        let loopback = Range::parse("127.0.0.0/8").unwrap();
        assert!(loopback.contains("127.1.2.3".parse().unwrap()));
        assert!(!loopback.contains("::1".parse().unwrap()));
        let subnet = Range::new("2001:db8:1:2:3::9".parse().unwrap(), 64).unwrap();
        assert!(subnet.contains("2001:db8:1:2::1".parse().unwrap()));
        assert!(!subnet.contains("2001:db8:1:3::1".parse().unwrap()));
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
