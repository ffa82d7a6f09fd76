// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if a parser of the network gateway breaks a promise.

use cofferdam_net_core::dns::{Upstream, addresses, answer};
use cofferdam_net_core::fragment::Fragments;
use cofferdam_net_core::hello::{self, Hello};
use cofferdam_net_core::names::Names;
use cofferdam_net_core::packet::{self, Body, Icmp, Ip, protocol};
use std::time::Duration;

/// Frames of a guest, each behind its length in two bytes.
pub fn frames(data: &[u8]) {
    let mut fragments = Fragments::default();
    let mut now = Duration::ZERO;
    let mut rest = data;
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (frame, tail) = tail.split_at_checked(length).unwrap_or((tail, &[]));
        rest = tail;
        now = now.saturating_add(Duration::from_secs(1));
        let Ok(frame) = packet::frame(frame) else { continue };
        let Body::Ip(ip) = frame.body else { continue };
        if ip.part.is_none() {
            contents(&ip);
        } else if let Ok(Some(whole)) = fragments.take(&ip, now) {
            assert!(whole.body.len() <= usize::from(u16::MAX));
            let (src, dst, protocol) = (whole.src, whole.dst, whole.protocol);
            contents(&Ip { src, dst, protocol, payload: &whole.body, plain: None, part: None });
        }
        assert!(fragments.under_way() <= 16, "a flood of fragments is bounded");
    }
}

fn contents(ip: &Ip<'_>) {
    if let Some(plain) = ip.plain {
        let again = if ip.src.is_ipv4() { packet::ipv4(plain) } else { packet::ipv6(plain) };
        assert_eq!(again.as_ref(), Ok(ip), "a plain packet is read again as it was");
    }
    if let Ok(segment) = packet::tcp(ip) {
        assert!(segment.mss_at.is_none_or(|at| at + 2 <= ip.payload.len()));
        assert_eq!((segment.guest.ip(), segment.remote.ip()), (ip.src, ip.dst));
    }
    if let Ok(datagram) = packet::udp(ip) {
        assert!(datagram.data.len() + 8 <= ip.payload.len());
    }
    if let Ok(Icmp::Echo { data, .. }) = packet::icmp(ip) {
        assert!([protocol::ICMP, protocol::ICMP6].contains(&ip.protocol));
        assert!(data.len() + 8 <= ip.payload.len());
    }
}

/// A question of the guest, or with an odd first byte the answer of a server.
pub fn dns(data: &[u8]) {
    let Some((side, message)) = data.split_first() else { return };
    if side % 2 == 0 {
        let mut names = Names::default();
        let Ok(reply) = answer(message, &mut names) else { return };
        assert_eq!(reply.bytes.get(..2), message.get(..2), "the answer to this question");
        assert!(reply.bytes.get(2).is_some_and(|flags| flags & 0x80 != 0), "an answer, not a question");
        assert!(reply.bytes.len() <= 1232, "{} bytes", reply.bytes.len());
        return;
    }
    let id = message.first_chunk::<2>().map_or(0, |id| u16::from_be_bytes(*id));
    for v6 in [false, true] {
        if let Some(Upstream::Addresses(found, aliases, _)) = addresses(message, id, "a.example", v6) {
            assert!(found.len() <= 16 && found.iter().all(|a| a.is_ipv6() == v6));
            assert!(aliases.len() <= 8);
            assert_eq!(addresses(message, !id, "a.example", v6), None);
            assert_eq!(addresses(message, id, "b.example", v6), None);
        }
    }
}

/// The first bytes of a connection, which the first two say where to cut.
pub fn hello(data: &[u8]) {
    let [high, low, bytes @ ..] = data else { return };
    let cut = usize::from(u16::from_be_bytes([*high, *low])).min(bytes.len());
    let whole = hello::read(bytes);
    let early = hello::read(bytes.get(..cut).unwrap_or_default());
    match &early {
        Hello::More => {}
        Hello::Broken if cut >= hello::LIMIT => {}
        early => assert_eq!(early, &whole, "what was said once is not taken back"),
    }
    if let Hello::For(name) = &whole {
        assert!(
            !name.is_empty() && !name.chars().any(|c| c.is_ascii_uppercase() || c.is_control()),
            "{name:?}"
        );
    }
    assert!(whole != Hello::More || bytes.len() < hello::LIMIT);
}
