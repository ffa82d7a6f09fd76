// SPDX-License-Identifier: GPL-3.0-or-later
//! One flow's view of the wire, as the TCP stack wants it.
//!
//! In: one packet of the guest's at a time. Out: the stack's segments as frames: in the guest's segment size,
//! or, if the guest takes those, up to 64 KiB long and without checksums.

use crate::link::Link;
use crate::vhost::Offload;
use cofferdam_net_core::build::Sum;
use cofferdam_net_core::packet::{ETHERNET, protocol};
use cofferdam_net_core::plan::{GATEWAY_MAC, MTU, Mac};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// The MTU that the stack sees where the guest takes large segments.
pub(super) const LARGE: usize = 65_535;

/// What the stack is told about the wire.
pub(super) fn capabilities(large: bool) -> DeviceCapabilities {
    let mut checksum = ChecksumCapabilities::ignored();
    checksum.ipv4 = Checksum::Tx;
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ip;
    capabilities.max_transmission_unit = if large { LARGE } else { MTU };
    capabilities.checksum = checksum;
    capabilities
}

/// The wire for one flow, for a moment.
pub(super) struct Port<'a> {
    pub(super) link: &'a mut dyn Link,
    /// The packet that comes in.
    pub(super) packet: Option<&'a [u8]>,
    /// Where frames are built.
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) mac: Mac,
    pub(super) large: bool,
    /// The guest's segment size.
    pub(super) mss: u16,
    /// Most bytes of the next segment.
    pub(super) most: usize,
    /// A segment found no room.
    pub(super) starved: bool,
}

/// The packet that comes in.
pub(super) struct Incoming<'a>(&'a [u8]);

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// A place for a segment.
pub(super) struct Outgoing<'b> {
    link: &'b mut dyn Link,
    scratch: &'b mut Vec<u8>,
    mac: Mac,
    mss: u16,
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { link, scratch, mac, mss } = self;
        scratch.clear();
        scratch.extend(mac);
        scratch.extend(GATEWAY_MAC);
        scratch.extend([0, 0]);
        scratch.resize(len.saturating_add(ETHERNET), 0);
        let (ethernet, packet) = scratch.split_at_mut(ETHERNET);
        let result = f(packet);
        let v4 = packet.first().is_some_and(|first| first >> 4 == 4);
        if let Some(kind) = ethernet.get_mut(12..) {
            kind.copy_from_slice(if v4 { &[0x08, 0x00] } else { &[0x86, 0xdd] });
        }
        let checksum = link.abilities().checksum;
        let offload = finish(packet, v4, mss, checksum).unwrap_or_default();
        // Without room it is lost; the stack sends it again.
        let _ = link.send(scratch, offload);
        result
    }
}

/// Fills the TCP checksum in, or says where the guest is to find it.
fn finish(packet: &mut [u8], v4: bool, mss: u16, offload: bool) -> Option<Offload> {
    let header = if v4 { 20 } else { 40 };
    let (src, dst, inside) = if v4 {
        let src = Ipv4Addr::from(*packet.get(12..16)?.first_chunk::<4>()?);
        let dst = Ipv4Addr::from(*packet.get(16..20)?.first_chunk::<4>()?);
        (IpAddr::V4(src), IpAddr::V4(dst), *packet.get(9)?)
    } else {
        let src = Ipv6Addr::from(*packet.get(8..24)?.first_chunk::<16>()?);
        let dst = Ipv6Addr::from(*packet.get(24..40)?.first_chunk::<16>()?);
        (IpAddr::V6(src), IpAddr::V6(dst), *packet.get(6)?)
    };
    if inside != protocol::TCP {
        return None;
    }
    let segment = packet.get_mut(header..)?;
    let sum = Sum::default().pseudo(src, dst, protocol::TCP, segment.len());
    let own = usize::from(*segment.get(12)? >> 4) * 4;
    let payload = segment.len().saturating_sub(own);
    let sum = if offload { sum.folded() } else { sum.bytes(segment).finish() };
    segment.get_mut(16..18)?.copy_from_slice(&sum.to_be_bytes());
    if !offload {
        return None;
    }
    let start = header.saturating_add(ETHERNET);
    Some(Offload {
        checksum: Some((u16::try_from(start).ok()?, 16)),
        large: (payload > usize::from(mss)).then_some((mss, !v4)),
        headers: u16::try_from(start.saturating_add(own)).ok()?,
    })
}

impl Device for Port<'_> {
    type RxToken<'b>
        = Incoming<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Outgoing<'b>
    where
        Self: 'b;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        let packet = self.packet.take()?;
        let out = Outgoing { link: &mut *self.link, scratch: self.scratch, mac: self.mac, mss: self.mss };
        Some((Incoming(packet), out))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        if !self.link.has_room(self.most) {
            self.starved = true;
            return None;
        }
        Some(Outgoing { link: &mut *self.link, scratch: self.scratch, mac: self.mac, mss: self.mss })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.large)
    }
}
