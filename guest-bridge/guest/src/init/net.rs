// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's end of its network. In: nothing but what is fixed: a VM is alone with its gateway on a link
//! of its own, so every VM has the same addresses. Out: the interface up, with addresses, routes and a
//! resolver; or why not, and an app that is offline.
//!
//! The interface is there even when the app may not go online: then the gateway takes the link down, and
//! the app sees an outage instead of a machine without a network.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the kernel calls the only network device.
const INTERFACE: &str = "eth0";
/// Our addresses and how long their network part is.
const ADDRESSES: [(IpAddr, u8); 2] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 2, 15)), 24),
    (IpAddr::V6(Ipv6Addr::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 0x15)), 64),
];
/// The way out.
const GATEWAYS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 0, 2, 2)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 2))];
/// The gateway's own name server.
const RESOLVER: &str = "nameserver 10.0.2.3\noptions timeout:3 attempts:2\n";

/// Sets the network up.
pub(super) fn up() -> io::Result<()> {
    std::fs::write("/etc/resolv.conf", RESOLVER)?;
    let Ok(index) = std::fs::read_to_string(format!("/sys/class/net/{INTERFACE}/ifindex")) else {
        // A machine without a gateway has no device; that is the same as an unplugged cable.
        return Ok(());
    };
    let index: u32 = index.trim().parse().map_err(io::Error::other)?;
    let mut kernel = Kernel::open()?;
    for (address, prefix) in ADDRESSES {
        kernel.ask(RouteNetlinkMessage::NewAddress(own_address(index, address, prefix)))?;
    }
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    kernel.ask(RouteNetlinkMessage::SetLink(link))?;
    for gateway in GATEWAYS {
        kernel.ask(RouteNetlinkMessage::NewRoute(default_route(index, gateway)))?;
    }
    Ok(())
}

fn own_address(index: u32, address: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = prefix;
    message.header.family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.attributes.push(AddressAttribute::Address(address));
    if address.is_ipv4() {
        message.attributes.push(AddressAttribute::Local(address));
    } else {
        // Nobody else is on the link: waiting to see whether the address is taken costs a second.
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}

fn default_route(index: u32, gateway: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: if gateway.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 },
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::Static,
        scope: RouteScope::Universe,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    let via = match gateway {
        IpAddr::V4(v4) => RouteAddress::Inet(v4),
        IpAddr::V6(v6) => RouteAddress::Inet6(v6),
    };
    message.attributes.extend([RouteAttribute::Gateway(via), RouteAttribute::Oif(index)]);
    message
}

/// A conversation with the kernel, one question at a time.
struct Kernel {
    socket: Socket,
    sequence: u32,
}

impl Kernel {
    fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    fn ask(&mut self, message: RouteNetlinkMessage) -> io::Result<()> {
        let create = !matches!(message, RouteNetlinkMessage::SetLink(_));
        let mut packet = NetlinkMessage::from(message);
        self.sequence = self.sequence.wrapping_add(1);
        packet.header.sequence_number = self.sequence;
        packet.header.flags = NLM_F_REQUEST | NLM_F_ACK;
        if create {
            packet.header.flags |= NLM_F_CREATE | NLM_F_EXCL;
        }
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let (answer, _) = self.socket.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
        match answer.payload {
            NetlinkPayload::Error(refusal) if refusal.code.is_some() => Err(refusal.to_io()),
            _ => Ok(()),
        }
    }
}
