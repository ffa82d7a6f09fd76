// SPDX-License-Identifier: GPL-3.0-or-later
//! Frames for the guest that no TCP stack writes: answers to ARP and neighbour questions, echo replies,
//! resets, "unreachable", datagrams.
//!
//! In: addresses and data. Out: whole Ethernet frames with their checksums; a datagram that is too long for
//! one frame comes as fragments.

use super::packet::{Tcp, protocol};
use super::plan::{GATEWAY_MAC, MTU, Mac};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a packet that an ICMP error quotes; small enough for both versions' least MTU.
const QUOTE: usize = 548;

/// A sum of 16-bit words as the internet checksum wants it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes; an odd last one counts as if a zero followed, so only the last piece may be odd.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let (pairs, rest) = bytes.as_chunks::<2>();
        for pair in pairs {
            self.0 = self.0.wrapping_add(u64::from(u16::from_be_bytes(*pair)));
        }
        if let [last] = rest {
            self.0 = self.0.wrapping_add(u64::from(*last) << 8);
        }
        self
    }

    /// Adds the header that TCP, UDP and ICMPv6 checksums cover beside their own.
    #[must_use]
    pub fn pseudo(self, src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Self {
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        let sum = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.bytes(&src.octets()).bytes(&dst.octets()),
            (src, dst) => self.bytes(&v6(src).octets()).bytes(&v6(dst).octets()),
        };
        sum.bytes(&len).bytes(&[0, protocol])
    }

    /// The sum, folded to 16 bits and not inverted.
    #[must_use]
    pub fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff).wrapping_add(sum >> 16);
        }
        u16::try_from(sum).unwrap_or(u16::MAX)
    }

    /// The checksum.
    #[must_use]
    pub fn finish(self) -> u16 {
        !self.folded()
    }
}

fn v6(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

fn ethernet(to: Mac, kind: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MTU.saturating_add(14));
    frame.extend(to);
    frame.extend(GATEWAY_MAC);
    frame.extend(kind.to_be_bytes());
    frame
}

/// "`wanted` is at the gateway's address".
#[must_use]
pub fn arp_reply(to: Mac, asker: Ipv4Addr, wanted: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(to, 0x0806);
    frame.extend([0, 1, 8, 0, 6, 4, 0, 2]);
    frame.extend(GATEWAY_MAC);
    frame.extend(wanted.octets());
    frame.extend(to);
    frame.extend(asker.octets());
    frame
}

/// The same for IPv6.
#[must_use]
pub fn neighbour(to: Mac, asker: Ipv6Addr, wanted: Ipv6Addr) -> Vec<u8> {
    // Router, solicited, override.
    let mut body = vec![136, 0, 0, 0, 0xe0, 0, 0, 0];
    body.extend(wanted.octets());
    body.extend([2, 1]);
    body.extend(GATEWAY_MAC);
    icmp6(to, wanted, asker, body, 255)
}

fn icmp6(to: Mac, src: Ipv6Addr, dst: Ipv6Addr, mut body: Vec<u8>, hops: u8) -> Vec<u8> {
    let sum = Sum::default().pseudo(src.into(), dst.into(), protocol::ICMP6, body.len()).bytes(&body);
    set(&mut body, 2, sum.finish());
    let mut frame = ethernet(to, 0x86dd);
    ip6_header(&mut frame, src, dst, protocol::ICMP6, body.len(), hops);
    frame.extend(body);
    frame
}

fn set(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at.saturating_add(2)) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn ip6_header(frame: &mut Vec<u8>, src: Ipv6Addr, dst: Ipv6Addr, next: u8, len: usize, hops: u8) {
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length(len));
    frame.extend([next, hops]);
    frame.extend(src.octets());
    frame.extend(dst.octets());
}

/// Which part of a packet an IPv4 header stands before.
#[derive(Clone, Copy)]
struct Piece {
    ident: u16,
    offset: usize,
    more: bool,
}

fn ip4_header(frame: &mut Vec<u8>, src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, len: usize, piece: Piece) {
    let start = frame.len();
    frame.extend([0x45, 0]);
    frame.extend(length(len.saturating_add(20)));
    frame.extend(piece.ident.to_be_bytes());
    let offset = u16::try_from(piece.offset / 8).unwrap_or(0) & 0x1fff;
    frame.extend((offset | if piece.more { 0x2000 } else { 0 }).to_be_bytes());
    frame.extend([64, protocol, 0, 0]);
    frame.extend(src.octets());
    frame.extend(dst.octets());
    let sum = Sum::default().bytes(frame.get(start..).unwrap_or(&[])).finish();
    set(frame, start.saturating_add(10), sum);
}

/// An IP packet as one frame, or as fragments. Nothing if the versions differ.
#[must_use]
pub fn packets(to: Mac, src: IpAddr, dst: IpAddr, protocol: u8, body: &[u8], ident: u16) -> Vec<Vec<u8>> {
    // Multiples of eight.
    let (most4, most6) = (1480_usize, 1448_usize);
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => pieces(body, most4)
            .map(|(offset, more, part)| {
                let mut frame = ethernet(to, 0x0800);
                ip4_header(&mut frame, src, dst, protocol, part.len(), Piece { ident, offset, more });
                frame.extend(part);
                frame
            })
            .collect(),
        (IpAddr::V6(src), IpAddr::V6(dst)) if body.len() <= MTU.saturating_sub(40) => {
            let mut frame = ethernet(to, 0x86dd);
            ip6_header(&mut frame, src, dst, protocol, body.len(), 64);
            frame.extend(body);
            vec![frame]
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => pieces(body, most6)
            .map(|(offset, more, part)| {
                let mut frame = ethernet(to, 0x86dd);
                ip6_header(&mut frame, src, dst, 44, part.len().saturating_add(8), 64);
                frame.extend([protocol, 0]);
                let field = u16::try_from(offset).unwrap_or(0) & !7;
                frame.extend((field | u16::from(more)).to_be_bytes());
                frame.extend(u32::from(ident).to_be_bytes());
                frame.extend(part);
                frame
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Cuts a body up: offset, whether more follows, the piece.
fn pieces(body: &[u8], most: usize) -> impl Iterator<Item = (usize, bool, &[u8])> {
    let count = body.len().div_ceil(most).max(1);
    (0..count).map(move |n| {
        let offset = n.saturating_mul(most);
        let end = offset.saturating_add(most).min(body.len());
        (offset, end < body.len(), body.get(offset..end).unwrap_or(&[]))
    })
}

/// A plain IP packet without a frame around it. None if it would be too long, or the versions differ.
#[must_use]
pub fn plain(src: IpAddr, dst: IpAddr, protocol: u8, body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > 65_535 - 40 {
        return None;
    }
    let mut packet = Vec::with_capacity(body.len().saturating_add(40));
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let whole = Piece { ident: 0, offset: 0, more: false };
            ip4_header(&mut packet, src, dst, protocol, body.len(), whole);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => ip6_header(&mut packet, src, dst, protocol, body.len(), 64),
        _ => return None,
    }
    packet.extend(body);
    Some(packet)
}

/// The headers of a datagram of the guest's, as an ICMP error quotes them.
#[must_use]
pub fn datagram_header(guest: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let ports = [guest.port().to_be_bytes(), remote.port().to_be_bytes()].concat();
    let body = [ports.as_slice(), &[0, 8, 0, 0]].concat();
    plain(guest.ip(), remote.ip(), protocol::UDP, &body).unwrap_or_default()
}

/// A datagram from `src` to the guest.
#[must_use]
pub fn datagram(to: Mac, src: SocketAddr, dst: SocketAddr, data: &[u8], ident: u16) -> Vec<Vec<u8>> {
    let len = data.len().saturating_add(8);
    let mut body = Vec::with_capacity(len);
    body.extend(src.port().to_be_bytes());
    body.extend(dst.port().to_be_bytes());
    body.extend(length(len));
    body.extend([0, 0]);
    body.extend(data);
    let sum = Sum::default().pseudo(src.ip(), dst.ip(), protocol::UDP, len).bytes(&body).finish();
    // Zero would mean that there is no checksum.
    set(&mut body, 6, if sum == 0 { u16::MAX } else { sum });
    packets(to, src.ip(), dst.ip(), protocol::UDP, &body, ident)
}

/// The answer to a ping.
#[must_use]
pub fn echo_reply(to: Mac, src: IpAddr, dst: IpAddr, ident: u16, seq: u16, data: &[u8]) -> Vec<Vec<u8>> {
    let mut body = vec![if src.is_ipv4() { 0 } else { 129 }, 0, 0, 0];
    body.extend(ident.to_be_bytes());
    body.extend(seq.to_be_bytes());
    body.extend(data);
    let (protocol, sum) = if src.is_ipv4() {
        (protocol::ICMP, Sum::default())
    } else {
        (protocol::ICMP6, Sum::default().pseudo(src, dst, protocol::ICMP6, body.len()))
    };
    let sum = sum.bytes(&body).finish();
    set(&mut body, 2, sum);
    packets(to, src, dst, protocol, &body, seq)
}

/// What can't be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// Nobody is there.
    Host,
    /// Nobody listens there.
    Port,
}

/// "Can't be reached", about a packet of the guest's, from the address that it was for.
#[must_use]
pub fn unreachable(to: Mac, src: IpAddr, dst: IpAddr, about: &[u8], what: Unreachable) -> Vec<Vec<u8>> {
    let quote = about.get(..about.len().min(QUOTE)).unwrap_or(&[]);
    match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            let mut body = vec![3, if what == Unreachable::Host { 1 } else { 3 }, 0, 0, 0, 0, 0, 0];
            body.extend(quote);
            let sum = Sum::default().bytes(&body).finish();
            set(&mut body, 2, sum);
            packets(to, src, dst, protocol::ICMP, &body, 0)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut body = vec![1, if what == Unreachable::Host { 3 } else { 4 }, 0, 0, 0, 0, 0, 0];
            body.extend(quote);
            vec![icmp6(to, src, dst, body, 64)]
        }
        _ => Vec::new(),
    }
}

/// A reset in answer to a segment; none in answer to a reset.
#[must_use]
pub fn reset(to: Mac, segment: &Tcp) -> Vec<Vec<u8>> {
    if segment.reset {
        return Vec::new();
    }
    // With an acknowledgement the other side knows which sequence number we are at; otherwise we acknowledge.
    let (seq, ack, flags) = match segment.ack {
        Some(ack) => (ack, 0, 0x04),
        None => (0, segment.seq.wrapping_add(segment.span), 0x14),
    };
    raw_reset(to, segment.remote, segment.guest, seq, ack, flags)
}

fn raw_reset(to: Mac, src: SocketAddr, dst: SocketAddr, seq: u32, ack: u32, flags: u8) -> Vec<Vec<u8>> {
    let mut body = Vec::with_capacity(20);
    body.extend(src.port().to_be_bytes());
    body.extend(dst.port().to_be_bytes());
    body.extend(seq.to_be_bytes());
    body.extend(ack.to_be_bytes());
    body.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    let sum = Sum::default().pseudo(src.ip(), dst.ip(), protocol::TCP, body.len()).bytes(&body).finish();
    set(&mut body, 16, sum);
    packets(to, src.ip(), dst.ip(), protocol::TCP, &body, 0)
}
