// SPDX-License-Identifier: GPL-3.0-or-later
//! The addresses of a VM's network, the same in every VM: each guest is alone on its own.
//!
//! In: nothing. Out: constants, and who answers at an address of the VM's own network.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The guest.
pub const GUEST4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The gateway.
pub const GATEWAY4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The name server, which is the gateway.
pub const DNS4: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// The guest.
pub const GUEST6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 0x15);
/// The gateway.
pub const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 2);
/// The name server, which is the gateway.
pub const DNS6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 3);
/// The gateway's link-local address.
pub const LINK6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// The guest's network card.
pub const GUEST_MAC: Mac = [0x52, 0x54, 0, 0, 0, 1];
/// The gateway's network card.
pub const GATEWAY_MAC: Mac = [0x52, 0x54, 0, 0, 0, 2];

/// Largest IP packet on the wire.
pub const MTU: usize = 1500;
/// The port of name servers.
pub const DNS_PORT: u16 = 53;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Whether the gateway itself answers at this address.
#[must_use]
pub fn is_gateway(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr == GATEWAY4 || addr == DNS4,
        IpAddr::V6(addr) => addr == GATEWAY6 || addr == DNS6 || addr == LINK6,
    }
}

/// Whether the guest may send from this address.
#[must_use]
pub fn is_guest(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr == GUEST4,
        // Its link-local address comes from its MAC address or from chance; it only ever reaches us.
        IpAddr::V6(addr) => addr == GUEST6 || is_link_local(addr),
    }
}

/// Whether this is `fe80::/10`.
#[must_use]
pub const fn is_link_local(addr: Ipv6Addr) -> bool {
    addr.segments()[0] & 0xffc0 == 0xfe80
}
