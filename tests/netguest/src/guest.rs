// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's TCP/IP, on any wire.
//!
//! In: frames. Out: connections, datagrams, pings. Its clock can be put forward.

use cofferdam_patience::Deadline;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress, IpAddress, IpCidr, IpProtocol,
    Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, TcpPacket,
};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// How often the stack gets its turn when no frame comes.
const TURN: Duration = Duration::from_millis(5);

/// A wire for frames.
pub trait Wire {
    /// Sends a frame; false if there is no room.
    fn send(&mut self, frame: &[u8]) -> bool;
    /// The next frame; false if there is none.
    fn receive(&mut self, into: &mut Vec<u8>) -> bool;
    /// Becomes readable when there are frames again.
    fn readable(&self) -> BorrowedFd<'_>;
    /// Takes the readiness back.
    fn acknowledge(&mut self);
}

impl Wire for Box<dyn Wire> {
    fn send(&mut self, frame: &[u8]) -> bool {
        (**self).send(frame)
    }
    fn receive(&mut self, into: &mut Vec<u8>) -> bool {
        (**self).receive(into)
    }
    fn readable(&self) -> BorrowedFd<'_> {
        (**self).readable()
    }
    fn acknowledge(&mut self) {
        (**self).acknowledge();
    }
}

/// Whether a frame says by ICMP that something can't be reached.
fn is_unreachable(frame: &[u8]) -> bool {
    let Ok(ethernet) = EthernetFrame::new_checked(frame) else { return false };
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => Ipv4Packet::new_checked(ethernet.payload())
            .is_ok_and(|ip| ip.next_header() == IpProtocol::Icmp && ip.payload().first() == Some(&3)),
        EthernetProtocol::Ipv6 => Ipv6Packet::new_checked(ethernet.payload())
            .is_ok_and(|ip| ip.next_header() == IpProtocol::Icmpv6 && ip.payload().first() == Some(&1)),
        _ => false,
    }
}

/// Whether a frame is the end of a TCP connection and carries nothing.
fn is_bare_reset(frame: &[u8]) -> bool {
    let segment =
        |packet: &[u8]| TcpPacket::new_checked(packet).is_ok_and(|tcp| tcp.rst() && tcp.payload().is_empty());
    let Ok(ethernet) = EthernetFrame::new_checked(frame) else { return false };
    match ethernet.ethertype() {
        EthernetProtocol::Ipv4 => Ipv4Packet::new_checked(ethernet.payload())
            .is_ok_and(|ip| ip.next_header() == IpProtocol::Tcp && segment(ip.payload())),
        EthernetProtocol::Ipv6 => Ipv6Packet::new_checked(ethernet.payload())
            .is_ok_and(|ip| ip.next_header() == IpProtocol::Tcp && segment(ip.payload())),
        _ => false,
    }
}

/// A wire as the stack wants it.
struct Phy<W> {
    wire: W,
    mtu: usize,
    checksum: Checksum,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    frames: u64,
    resets: u64,
    unreachable: u64,
}

struct Rx<'a>(&'a [u8]);
struct Tx<'a, W: Wire> {
    wire: &'a mut W,
    buffer: &'a mut Vec<u8>,
}

impl RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl<W: Wire> TxToken for Tx<'_, W> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.buffer.clear();
        self.buffer.resize(len, 0);
        let result = f(self.buffer);
        // Lost without room; the stack sends it again.
        let _ = self.wire.send(self.buffer);
        result
    }
}

impl<W: Wire> Device for Phy<W> {
    type RxToken<'a>
        = Rx<'a>
    where
        W: 'a;
    type TxToken<'a>
        = Tx<'a, W>
    where
        W: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Rx<'_>, Tx<'_, W>)> {
        if !self.wire.receive(&mut self.incoming) {
            return None;
        }
        self.frames += 1;
        self.resets += u64::from(is_bare_reset(&self.incoming));
        self.unreachable += u64::from(is_unreachable(&self.incoming));
        Some((Rx(&self.incoming), Tx { wire: &mut self.wire, buffer: &mut self.outgoing }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Tx<'_, W>> {
        Some(Tx { wire: &mut self.wire, buffer: &mut self.outgoing })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + 14;
        // A card that leaves checksums to us has none on the wire.
        capabilities.checksum.tcp = self.checksum;
        capabilities
    }
}

/// A connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp(SocketHandle);

/// A UDP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp(SocketHandle);

/// A ping under way: its socket, where it goes, what it carries.
#[derive(Debug)]
pub struct Ping(SocketHandle, Ipv4Address, Vec<u8>);

/// A guest.
pub struct Guest<W: Wire> {
    phy: Phy<W>,
    interface: Interface,
    sockets: SocketSet<'static>,
    start: std::time::Instant,
    /// How far its clock was put forward.
    ahead: Duration,
    port: u16,
    ident: u16,
    /// Bytes of the buffers of new connections, in and out.
    pub buffers: (usize, usize),
}

impl<W: Wire> Guest<W> {
    /// A guest with the addresses that all guests have. `mtu`: largest packet it writes; more than 1,500 for a
    /// wire that takes large segments, which then have no checksums.
    #[must_use]
    pub fn new(wire: W, mtu: usize) -> Self {
        let checksum = if mtu > 1500 { Checksum::None } else { Checksum::Both };
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        let mut phy = Phy { wire, mtu, checksum, incoming, outgoing, frames: 0, resets: 0, unreachable: 0 };
        let mac = EthernetAddress([0x52, 0x54, 0, 0, 0, 1]);
        let mut config = Config::new(HardwareAddress::Ethernet(mac));
        config.random_seed = 7;
        #[expect(clippy::disallowed_methods, reason = "the other ends of its connections live in real time")]
        let start = std::time::Instant::now();
        let mut interface = Interface::new(config, &mut phy, Instant::ZERO);
        interface.update_ip_addrs(|addrs| {
            addrs.push(IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24)).unwrap();
            addrs.push(IpCidr::new(IpAddress::v6(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 0x15), 64)).unwrap();
        });
        let routes = interface.routes_mut();
        routes.add_default_ipv4_route(Ipv4Address::new(10, 0, 2, 2)).unwrap();
        let gateway = Ipv6Address::new(0xfd00, 0xcffe, 0, 0, 0, 0, 0, 2);
        routes.add_default_ipv6_route(gateway).unwrap();
        let sockets = SocketSet::new(Vec::new());
        let buffers = (256 * 1024, 256 * 1024);
        Self { phy, interface, sockets, start, ahead: Duration::ZERO, port: 20_000, ident: 1, buffers }
    }

    /// The wire.
    pub const fn wire(&mut self) -> &mut W {
        &mut self.phy.wire
    }

    /// Sends a raw frame.
    pub fn wire_send(&mut self, frame: &[u8]) {
        self.until("room for a frame", |guest| guest.phy.wire.send(frame).then_some(()));
    }

    /// Takes the wire back.
    #[must_use]
    pub fn into_wire(self) -> W {
        self.phy.wire
    }

    /// Frames that came in.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.phy.frames
    }

    /// Frames that came in and say something: not the resets without data which answer segments of this guest
    /// that were on their way when their connection ended.
    #[must_use]
    pub const fn telling_frames(&self) -> u64 {
        self.phy.frames - self.phy.resets
    }

    /// How often the guest was told that something can't be reached, which its stack does not heed.
    #[must_use]
    pub const fn unreachable(&self) -> u64 {
        self.phy.unreachable
    }

    #[expect(clippy::disallowed_methods, reason = "the other ends of its connections live in real time")]
    fn now(&self) -> Instant {
        let now = self.start.elapsed() + self.ahead;
        Instant::from_micros(i64::try_from(now.as_micros()).unwrap())
    }

    /// Puts its clock forward: what its stack does after a while, it does at once.
    pub fn advance(&mut self, span: Duration) {
        self.ahead += span;
        self.poll();
    }

    /// Lets the stack do what it has to.
    pub fn poll(&mut self) {
        let now = self.now();
        self.interface.poll(now, &mut self.phy, &mut self.sockets);
    }

    /// Waits until `f` has something.
    ///
    /// # Panics
    /// If it never has.
    pub fn until<T>(&mut self, what: &str, mut f: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Deadline::new(what);
        loop {
            self.poll();
            if let Some(result) = f(self) {
                // What it did may have something to say.
                self.poll();
                return result;
            }
            let now = self.now();
            let delay = self.interface.poll_delay(now, &self.sockets).map(Duration::from);
            deadline.pause(self.phy.wire.readable(), delay.map_or(TURN, |delay| delay.min(TURN)));
            self.phy.wire.acknowledge();
        }
    }

    /// Begins a connection.
    pub fn connect(&mut self, to: SocketAddr) -> Tcp {
        let (rx, tx) = self.buffers;
        let mut socket =
            tcp::Socket::new(tcp::SocketBuffer::new(vec![0; rx]), tcp::SocketBuffer::new(vec![0; tx]));
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        self.port = self.port.checked_add(1).unwrap_or(20_000);
        socket.connect(self.interface.context(), (to.ip(), to.port()), self.port).unwrap();
        let handle = Tcp(self.sockets.add(socket));
        self.poll();
        handle
    }

    /// A connection's socket.
    pub fn tcp(&mut self, handle: Tcp) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle.0)
    }

    /// Waits until a connection stands (true) or has failed.
    pub fn established(&mut self, handle: Tcp) -> bool {
        self.until("a connection", |guest| match guest.tcp(handle).state() {
            tcp::State::SynSent => None,
            state => Some(state == tcp::State::Established || state == tcp::State::CloseWait),
        })
    }

    /// Sends all of it.
    pub fn send(&mut self, handle: Tcp, mut bytes: &[u8]) {
        self.until("sending", |guest| {
            let n = guest.tcp(handle).send_slice(bytes).expect("the connection is gone");
            bytes = &bytes[n..];
            bytes.is_empty().then_some(())
        });
    }

    /// What has come so far, and at least `least` bytes; fewer if the connection has ended.
    pub fn receive(&mut self, handle: Tcp, least: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.until("receiving", |guest| {
            let socket = guest.tcp(handle);
            while socket.can_recv() {
                socket
                    .recv(|part| {
                        bytes.extend_from_slice(part);
                        (part.len(), ())
                    })
                    .unwrap();
            }
            (bytes.len() >= least || !socket.may_recv()).then_some(())
        });
        bytes
    }

    /// Forgets a connection without a word.
    pub fn forget(&mut self, handle: Tcp) {
        self.sockets.remove(handle.0);
    }

    /// A UDP socket.
    pub fn udp(&mut self) -> Udp {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 64], vec![0; 256 * 1024]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        self.port = self.port.checked_add(1).unwrap_or(20_000);
        socket.bind(self.port).unwrap();
        Udp(self.sockets.add(socket))
    }

    /// Sends a datagram.
    pub fn send_to(&mut self, handle: Udp, to: SocketAddr, bytes: &[u8]) {
        self.sockets.get_mut::<udp::Socket<'_>>(handle.0).send_slice(bytes, to).unwrap();
        self.poll();
    }

    /// The datagram that has come, if one has.
    pub fn try_receive_from(&mut self, handle: Udp) -> Option<(Vec<u8>, SocketAddr)> {
        let (bytes, from) = self.sockets.get_mut::<udp::Socket<'_>>(handle.0).recv().ok()?;
        Some((bytes.to_vec(), SocketAddr::new(from.endpoint.addr.into(), from.endpoint.port)))
    }

    /// The next datagram.
    pub fn receive_from(&mut self, handle: Udp) -> (Vec<u8>, SocketAddr) {
        self.until("a datagram", |guest| guest.try_receive_from(handle))
    }

    /// The address that a name has for the guest; None if it has none. Asks `server`.
    pub fn lookup_at(&mut self, server: SocketAddr, name: &str, v6: bool) -> Option<IpAddr> {
        let question = crate::world::question(77, name, v6);
        let socket = self.udp();
        self.send_to(socket, server, &question);
        let (bytes, from) = self.receive_from(socket);
        assert_eq!(from, server, "the answer came from elsewhere");
        self.sockets.remove(socket.0);
        crate::world::answer(&bytes)
    }

    /// The IPv4 address that a name has for the guest.
    pub fn lookup(&mut self, name: &str) -> IpAddr {
        let server = "10.0.2.3:53".parse().unwrap();
        self.lookup_at(server, name, false).unwrap_or_else(|| panic!("{name} has no address"))
    }

    /// Sends a ping.
    pub fn begin_ping(&mut self, to: Ipv4Address, data: &[u8]) -> Ping {
        let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 8192]);
        let mut socket = icmp::Socket::new(buffer(), buffer());
        self.ident += 1;
        socket.bind(icmp::Endpoint::Ident(self.ident)).unwrap();
        let mut message = vec![8, 0, 0, 0];
        message.extend(self.ident.to_be_bytes());
        message.extend([0, 1]);
        message.extend(data);
        let sum = message.chunks(2).fold(0_u32, |sum, pair| {
            sum + (u32::from(pair[0]) << 8) + u32::from(pair.get(1).copied().unwrap_or(0))
        });
        let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(0);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        socket.send_slice(&message, IpAddress::Ipv4(to)).unwrap();
        let handle = self.sockets.add(socket);
        self.poll();
        Ping(handle, to, data.to_vec())
    }

    /// Whether the answer to a ping, with the same data, has come.
    pub fn is_answered(&mut self, Ping(handle, to, data): &Ping) -> bool {
        let socket = self.sockets.get_mut::<icmp::Socket<'_>>(*handle);
        socket.recv().is_ok_and(|(bytes, from)| {
            from == IpAddress::Ipv4(*to) && bytes.first() == Some(&0) && bytes.get(8..) == Some(data)
        })
    }

    /// Sends a ping and waits for its answer.
    pub fn ping(&mut self, to: Ipv4Address, data: &[u8]) {
        let ping = self.begin_ping(to, data);
        self.until("the answer to a ping", |guest| guest.is_answered(&ping).then_some(()));
        self.sockets.remove(ping.0);
    }
}
