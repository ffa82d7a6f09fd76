// SPDX-License-Identifier: GPL-3.0-or-later
//! Fragments of IP packets, until they are whole.
//!
//! In: parts with offsets that the guest chose. Out: the body of a packet once all of it is there. Few
//! packets at a time, none larger than 64 KiB, parts that overlap end their packet (RFC 5722), a packet
//! that is not whole after some seconds is forgotten.

use super::Fault;
use super::packet::Ip;
use core::net::IpAddr;
use core::time::Duration;

/// Most packets under way.
const PACKETS: usize = 16;
/// Most parts of one.
const PARTS: usize = 128;
/// Largest body.
const BODY: usize = 65_535;
/// How long a packet may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A packet under way.
#[derive(Debug)]
struct Packet {
    key: (IpAddr, IpAddr, u8, u32),
    /// When it is given up.
    until: Duration,
    parts: Vec<(usize, Vec<u8>)>,
    /// The length of the whole, once the last part is there.
    whole: Option<usize>,
}

/// The packets under way.
#[derive(Debug, Default)]
pub struct Fragments {
    packets: Vec<Packet>,
}

/// A packet that is whole again.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its sender.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// The protocol inside.
    pub protocol: u8,
    /// What is inside.
    pub body: Vec<u8>,
}

impl Fragments {
    /// Takes a part; the whole, if that was the last one missing.
    ///
    /// # Errors
    /// [`Fault::Fragments`]: the parts make no packet; what there was of it is forgotten.
    pub fn take(&mut self, ip: &Ip<'_>, now: Duration) -> Result<Option<Whole>, Fault> {
        let Some(part) = ip.part else { return Ok(None) };
        self.packets.retain(|packet| packet.until > now);
        // IPv6 has no protocol in later fragments that could be told from the first one's, IPv4 has.
        let protocol = if ip.src.is_ipv4() { ip.protocol } else { 0 };
        let key = (ip.src, ip.dst, protocol, part.ident);
        let index = match self.packets.iter().position(|packet| packet.key == key) {
            Some(index) => index,
            None => {
                // The oldest makes room.
                if self.packets.len() >= PACKETS {
                    self.packets.remove(0);
                }
                let until = now.saturating_add(PATIENCE);
                self.packets.push(Packet { key, until, parts: Vec::new(), whole: None });
                self.packets.len().saturating_sub(1)
            }
        };
        let Some(packet) = self.packets.get_mut(index) else { return Ok(None) };
        if !packet.add(part.offset, part.more, ip.payload) {
            self.packets.remove(index);
            return Err(Fault::Fragments);
        }
        if !packet.is_whole() {
            return Ok(None);
        }
        let packet = self.packets.remove(index);
        let mut body = Vec::with_capacity(packet.whole.unwrap_or(0));
        packet.parts.iter().for_each(|(_, part)| body.extend_from_slice(part));
        Ok(Some(Whole { src: ip.src, dst: ip.dst, protocol: ip.protocol, body }))
    }

    /// How many packets are under way.
    #[must_use]
    pub const fn under_way(&self) -> usize {
        self.packets.len()
    }
}

impl Packet {
    /// False if the part does not fit to the others.
    fn add(&mut self, offset: usize, more: bool, bytes: &[u8]) -> bool {
        let end = offset.saturating_add(bytes.len());
        let ragged = more && !bytes.len().is_multiple_of(8);
        if bytes.is_empty() || ragged || end > BODY || self.parts.len() >= PARTS {
            return false;
        }
        let at = self.parts.partition_point(|(start, _)| *start < offset);
        let before = at.checked_sub(1).and_then(|i| self.parts.get(i));
        let overlaps = before.is_some_and(|(start, part)| start.saturating_add(part.len()) > offset)
            || self.parts.get(at).is_some_and(|(start, _)| *start < end);
        if overlaps {
            return false;
        }
        let last = self.parts.last().map_or(0, |(start, part)| start.saturating_add(part.len()));
        match self.whole {
            Some(whole) if !more || end > whole => return false,
            None if !more && last > end => return false,
            None if !more => self.whole = Some(end),
            _ => {}
        }
        self.parts.insert(at, (offset, bytes.to_vec()));
        true
    }

    fn is_whole(&self) -> bool {
        let have = self.parts.iter().fold(0_usize, |sum, (_, part)| sum.saturating_add(part.len()));
        self.whole == Some(have)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Part;
    use proptest::prelude::*;

    fn part(offset: usize, more: bool, payload: &[u8]) -> Ip<'_> {
        let (src, dst) = ("10.0.2.15".parse().unwrap(), "1.2.3.4".parse().unwrap());
        Ip { src, dst, protocol: 17, payload, plain: None, part: Some(Part { ident: 7, offset, more }) }
    }

    fn body(fragments: &mut Fragments, ip: &Ip<'_>) -> Result<Option<Vec<u8>>, Fault> {
        fragments.take(ip, Duration::ZERO).map(|whole| whole.map(|whole| whole.body))
    }

    #[test]
    fn parts_in_any_order_make_a_packet() {
        let mut fragments = Fragments::default();
        assert_eq!(body(&mut fragments, &part(16, false, b"end")), Ok(None));
        assert_eq!(body(&mut fragments, &part(0, true, b"01234567")), Ok(None));
        let whole = body(&mut fragments, &part(8, true, b"89abcdef")).unwrap().unwrap();
        assert_eq!(whole, b"0123456789abcdefend");
        assert_eq!(fragments.under_way(), 0);
    }

    #[test]
    fn parts_that_overlap_end_their_packet() {
        for (first, second) in [
            (part(0, true, b"0123456789abcdef"), part(8, true, b"XXXXXXXX")),
            (part(8, true, b"01234567"), part(0, true, b"0123456789abcdef")),
            (part(8, true, b"01234567"), part(8, true, b"01234567")),
            (part(8, false, b"0123"), part(16, true, b"01234567")),
            (part(16, true, b"01234567"), part(8, false, b"0123")),
            (part(0, true, b"01234567"), part(8, true, b"0123")),
            (part(0, true, b"01234567"), part(65_528, false, b"01234567")),
        ] {
            let mut fragments = Fragments::default();
            assert_eq!(body(&mut fragments, &first), Ok(None));
            assert_eq!(body(&mut fragments, &second), Err(Fault::Fragments));
            assert_eq!(fragments.under_way(), 0, "nothing of it is left");
        }
    }

    #[test]
    fn old_and_surplus_packets_are_forgotten() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.take(&part(0, true, b"01234567"), Duration::ZERO), Ok(None));
        assert_eq!(fragments.take(&part(8, false, b"x"), PATIENCE), Ok(None), "its beginning is gone");
        for ident in 0..100 {
            let mut ip = part(0, true, b"01234567");
            ip.part = Some(Part { ident, offset: 0, more: true });
            fragments.take(&ip, PATIENCE).unwrap();
        }
        assert!(fragments.under_way() <= PACKETS);
    }

    proptest! {
        #[test]
        fn any_cut_in_any_order_gives_the_body_back(
            data in prop::collection::vec(any::<u8>(), 1..4000),
            cut in 1_usize..40,
            seed in any::<u64>(),
        ) {
            let size = cut * 8;
            let mut offsets: Vec<usize> = (0..data.len()).step_by(size).collect();
            prop_assume!(offsets.len() <= PARTS);
            let mut state = seed;
            for i in (1..offsets.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                offsets.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
            }
            let mut fragments = Fragments::default();
            let mut whole = None;
            for offset in offsets {
                let end = (offset + size).min(data.len());
                let ip = part(offset, end < data.len(), &data[offset..end]);
                whole = whole.or(body(&mut fragments, &ip).unwrap());
            }
            prop_assert_eq!(whole, Some(data));
        }

        #[test]
        fn no_sequence_grows_without_end(parts in prop::collection::vec(
            (0_u32..40, 0_usize..9000, any::<bool>(), 0_usize..200), 0..300)) {
            let mut fragments = Fragments::default();
            for (ident, offset, more, len) in parts {
                let bytes = vec![0; len];
                let mut ip = part(0, true, &bytes);
                ip.part = Some(Part { ident, offset: offset * 8, more });
                if let Ok(Some(whole)) = fragments.take(&ip, Duration::ZERO) {
                    prop_assert!(whole.body.len() <= BODY);
                }
                prop_assert!(fragments.under_way() <= PACKETS);
            }
        }
    }
}
