// SPDX-License-Identifier: GPL-3.0-or-later
//! From the guest's frames to packets.
//!
//! In: bytes of one Ethernet frame, each of which the guest chose. Out: borrowed views whose lengths have
//! been checked once, or a [`Fault`]. Checksums are not: the frames come through memory.

use super::Fault;
use super::plan::Mac;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Most IPv6 extension headers that are followed.
const MAX_EXTENSIONS: usize = 8;

/// IP protocol numbers.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMP6: u8 = 58;
}

/// A frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its sender.
    pub from: Mac,
    /// What is in it.
    pub body: Body<'a>,
}

/// What is in a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Who has this address?
    WhoHas {
        /// The asker's address.
        asker: Ipv4Addr,
        /// The address.
        wanted: Ipv4Addr,
    },
    /// An IP packet, or a fragment of one.
    Ip(Ip<'a>),
    /// Harmless and of no interest.
    Other,
}

/// An IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ip<'a> {
    /// Its sender.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// The protocol inside.
    pub protocol: u8,
    /// What is inside.
    pub payload: &'a [u8],
    /// The whole packet, if it is plain: no fragment, no extension headers, nothing behind its end.
    pub plain: Option<&'a [u8]>,
    /// Which part it is, if it is a fragment.
    pub part: Option<Part>,
}

/// Which part of a packet a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Number of the packet.
    pub ident: u32,
    /// Where the part begins, in bytes.
    pub offset: usize,
    /// Whether more parts come behind it.
    pub more: bool,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Fault> {
    let end = at.checked_add(N).ok_or(Fault::Truncated)?;
    bytes.get(at..end).and_then(|part| part.try_into().ok()).ok_or(Fault::Truncated)
}

fn byte(bytes: &[u8], at: usize) -> Result<u8, Fault> {
    bytes.get(at).copied().ok_or(Fault::Truncated)
}

fn word(bytes: &[u8], at: usize) -> Result<u16, Fault> {
    Ok(u16::from_be_bytes(array(bytes, at)?))
}

/// Reads a frame.
///
/// # Errors
/// The [`Fault`] in it.
pub fn frame(bytes: &[u8]) -> Result<Frame<'_>, Fault> {
    let from: Mac = array(bytes, 6)?;
    let rest = bytes.get(ETHERNET..).ok_or(Fault::Truncated)?;
    let body = match word(bytes, 12)? {
        0x0800 => Body::Ip(ipv4(rest)?),
        0x86dd => Body::Ip(ipv6(rest)?),
        0x0806 => arp(rest)?,
        _ => Body::Other,
    };
    Ok(Frame { from, body })
}

fn arp(bytes: &[u8]) -> Result<Body<'_>, Fault> {
    if array::<6>(bytes, 0)? != [0, 1, 8, 0, 6, 4] {
        return Err(Fault::Malformed);
    }
    if word(bytes, 6)? != 1 {
        return Ok(Body::Other);
    }
    let asker = Ipv4Addr::from(array::<4>(bytes, 14)?);
    Ok(Body::WhoHas { asker, wanted: Ipv4Addr::from(array::<4>(bytes, 24)?) })
}

/// Reads an IPv4 packet.
///
/// # Errors
/// The [`Fault`] in it.
pub fn ipv4(bytes: &[u8]) -> Result<Ip<'_>, Fault> {
    let first = byte(bytes, 0)?;
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(word(bytes, 2)?);
    if first >> 4 != 4 || header < 20 || total < header {
        return Err(Fault::Malformed);
    }
    let packet = bytes.get(..total).ok_or(Fault::Truncated)?;
    let payload = packet.get(header..).ok_or(Fault::Truncated)?;
    let flags = word(packet, 6)?;
    let (more, offset) = (flags & 0x2000 != 0, usize::from(flags & 0x1fff) * 8);
    let ident = u32::from(word(packet, 4)?);
    let part = (more || offset != 0).then_some(Part { ident, offset, more });
    Ok(Ip {
        src: IpAddr::V4(Ipv4Addr::from(array::<4>(packet, 12)?)),
        dst: IpAddr::V4(Ipv4Addr::from(array::<4>(packet, 16)?)),
        protocol: byte(packet, 9)?,
        payload,
        plain: part.is_none().then_some(packet),
        part,
    })
}

/// Reads an IPv6 packet.
///
/// # Errors
/// The [`Fault`] in it.
pub fn ipv6(bytes: &[u8]) -> Result<Ip<'_>, Fault> {
    if byte(bytes, 0)? >> 4 != 6 {
        return Err(Fault::Malformed);
    }
    let end = usize::from(word(bytes, 4)?).checked_add(40).ok_or(Fault::Malformed)?;
    let packet = bytes.get(..end).ok_or(Fault::Truncated)?;
    let src = IpAddr::V6(Ipv6Addr::from(array::<16>(packet, 8)?));
    let dst = IpAddr::V6(Ipv6Addr::from(array::<16>(packet, 24)?));
    let (mut next, mut at, mut part) = (byte(packet, 6)?, 40_usize, None);
    for _ in 0..MAX_EXTENSIONS {
        let length = match next {
            0 | 43 | 60 => usize::from(byte(packet, at.saturating_add(1))?) * 8 + 8,
            44 if part.is_none() => {
                let field = word(packet, at.saturating_add(2))?;
                let ident = u32::from_be_bytes(array(packet, at.saturating_add(4))?);
                part = Some(Part { ident, offset: usize::from(field & !7), more: field & 1 != 0 });
                8
            }
            44 => return Err(Fault::Fragments),
            protocol => {
                let payload = packet.get(at..).ok_or(Fault::Truncated)?;
                let plain = (at == 40).then_some(packet);
                return Ok(Ip { src, dst, protocol, payload, plain, part });
            }
        };
        next = byte(packet, at)?;
        at = at.saturating_add(length);
        // What is behind the header of a later fragment is data.
        if part.is_some_and(|part| part.offset != 0) {
            let payload = packet.get(at..).ok_or(Fault::Truncated)?;
            return Ok(Ip { src, dst, protocol: next, payload, plain: None, part });
        }
    }
    Err(Fault::Malformed)
}

/// The ends of a TCP segment and what matters of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// The guest's end.
    pub guest: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// A new connection: SYN without ACK.
    pub opens: bool,
    /// RST.
    pub reset: bool,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number, if there is one.
    pub ack: Option<u32>,
    /// How much of the sequence the segment takes.
    pub span: u32,
    /// Where in the segment the value of the MSS option is.
    pub mss_at: Option<usize>,
    /// The MSS option's value.
    pub mss: Option<u16>,
}

/// Reads the header of a TCP segment.
///
/// # Errors
/// The [`Fault`] in it.
pub fn tcp(ip: &Ip<'_>) -> Result<Tcp, Fault> {
    let bytes = ip.payload;
    let (src, dst, flags) = (word(bytes, 0)?, word(bytes, 2)?, byte(bytes, 13)?);
    let header = usize::from(byte(bytes, 12)? >> 4) * 4;
    if header < 20 || src == 0 || dst == 0 {
        return Err(Fault::Malformed);
    }
    let data = bytes.get(header..).ok_or(Fault::Truncated)?.len();
    let (fin, syn, reset, ack) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 16 != 0);
    let flags = u32::from(fin) + u32::from(syn);
    let mss_at = mss_option(bytes.get(20..header).unwrap_or(&[])).and_then(|at| at.checked_add(20));
    Ok(Tcp {
        guest: SocketAddr::new(ip.src, src),
        remote: SocketAddr::new(ip.dst, dst),
        opens: syn && !ack && !reset && !fin,
        reset,
        seq: u32::from_be_bytes(array(bytes, 4)?),
        ack: ack.then(|| array(bytes, 8).map(u32::from_be_bytes)).transpose()?,
        span: u32::try_from(data).unwrap_or(u32::MAX).saturating_add(flags),
        mss_at,
        mss: mss_at.and_then(|at| word(bytes, at).ok()),
    })
}

/// Where the value of the MSS option is.
fn mss_option(options: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        match *options.get(at)? {
            0 => return None,
            1 => at = at.checked_add(1)?,
            kind => {
                let length = usize::from(*options.get(at.checked_add(1)?)?);
                if length < 2 {
                    return None;
                }
                if kind == 2 {
                    return (length == 4).then_some(at.checked_add(2)?);
                }
                at = at.checked_add(length)?;
            }
        }
    }
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    /// The guest's end.
    pub guest: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// What is in it.
    pub data: &'a [u8],
}

/// Reads a UDP datagram.
///
/// # Errors
/// The [`Fault`] in it.
pub fn udp<'a>(ip: &Ip<'a>) -> Result<Udp<'a>, Fault> {
    let bytes = ip.payload;
    let (src, dst, length) = (word(bytes, 0)?, word(bytes, 2)?, usize::from(word(bytes, 4)?));
    if length < 8 || dst == 0 {
        return Err(Fault::Malformed);
    }
    let data = bytes.get(8..length).ok_or(Fault::Truncated)?;
    Ok(Udp { guest: SocketAddr::new(ip.src, src), remote: SocketAddr::new(ip.dst, dst), data })
}

/// An ICMP message that is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp<'a> {
    /// An echo request.
    Echo {
        /// Whose.
        ident: u16,
        /// Which.
        seq: u16,
        /// Its data.
        data: &'a [u8],
    },
    /// Who has this address?
    Solicit {
        /// The address.
        wanted: Ipv6Addr,
    },
    /// Anything else.
    Other,
}

/// Reads an ICMP or ICMPv6 message.
///
/// # Errors
/// The [`Fault`] in it.
pub fn icmp<'a>(ip: &Ip<'a>) -> Result<Icmp<'a>, Fault> {
    let bytes = ip.payload;
    match (ip.protocol, byte(bytes, 0)?, byte(bytes, 1)?) {
        (protocol::ICMP, 8, 0) | (protocol::ICMP6, 128, 0) => {
            let data = bytes.get(8..).ok_or(Fault::Truncated)?;
            Ok(Icmp::Echo { ident: word(bytes, 4)?, seq: word(bytes, 6)?, data })
        }
        (protocol::ICMP6, 135, 0) => Ok(Icmp::Solicit { wanted: Ipv6Addr::from(array::<16>(bytes, 8)?) }),
        _ => Ok(Icmp::Other),
    }
}
