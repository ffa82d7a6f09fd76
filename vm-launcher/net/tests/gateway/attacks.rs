// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest that means harm: raw frames, floods, broken rings. Afterwards an honest connection works.

use crate::common::{Net, echo};
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::Wire;
use cofferdam_policy::Level;
use std::net::{IpAddr, SocketAddr};

/// The gateway's card, and the guest's.
const MACS: [u8; 12] = [0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1];

fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = MACS.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(body);
    bytes
}

fn ip4(protocol: u8, src: [u8; 4], dst: [u8; 4], field: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend(u16::try_from(body.len() + 20).unwrap().to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(field.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(src);
    bytes.extend(dst);
    bytes.extend(body);
    frame(0x0800, &bytes)
}

fn ip6(next: u8, dst: [u8; 16], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend([next, 64, 0xfd, 0, 0xcf, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x15]);
    bytes.extend(dst);
    bytes.extend(body);
    frame(0x86dd, &bytes)
}

/// Address, length, flags, next.
type Descriptor = (u64, u32, u16, u16);

const GUEST: [u8; 4] = [10, 0, 2, 15];

fn segment(port: u16, flags: u8) -> Vec<u8> {
    let mut body = port.to_be_bytes().to_vec();
    body.extend([0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    body
}

/// A SYN to port 8080.
pub(crate) fn syn(to: IpAddr, port: u16) -> Vec<u8> {
    match to {
        IpAddr::V4(to) => ip4(6, GUEST, to.octets(), 0, &segment(port, 2)),
        IpAddr::V6(to) => ip6(6, to.octets(), &segment(port, 2)),
    }
}

/// An honest visit, after all that.
fn still_works(net: &mut Net) {
    assert!(net.guest.wire().lives());
    let site = echo("127.0.0.1");
    net.names.set("honest.example", &["127.0.0.1"]);
    let to = SocketAddr::new(net.guest.lookup("honest.example"), site.addr.port());
    let connection = net.guest.connect(to);
    net.guest.poll();
    let serial = net.monitor.find("the honest question", |message| match message {
        FromPoint::Ask { serial, resource } if format!("{resource:?}").contains("honest.example") => {
            Some(*serial)
        }
        _ => None,
    });
    net.monitor.allow(serial, false);
    assert!(net.guest.established(connection));
    assert_eq!(net.guest.receive(connection, 6), b"hello ");
}

#[test]
fn malformed_packets_of_every_layer() {
    let mut net = Net::new(Level::Ask);
    let to = [93, 184, 216, 34];
    let mut frames = vec![
        frame(0x0800, &[]),
        frame(0x0800, &[0x45]),
        frame(0x86dd, &[0x60; 39]),
        frame(0x0806, &[0; 27]),
        frame(0x0806, &[0xff; 28]),
        frame(0x1234, &[1, 2, 3]),
        vec![1],
        // Lengths that lie: header beyond the packet, packet beyond the frame.
        frame(0x0800, &[[0x4f, 0, 0, 20].as_slice(), &[0; 16]].concat()),
        frame(0x0800, &[[0x45, 0, 0xff, 0xff].as_slice(), &[0; 16]].concat()),
        ip4(6, GUEST, to, 0, &[]),
        ip4(6, GUEST, to, 0, &segment(1, 2)[..19]),
        ip4(17, GUEST, to, 0, &[0, 1, 0, 1, 0, 7, 0, 0]),
        ip4(17, GUEST, to, 0, &[0, 1, 0, 1, 0xff, 0xff, 0, 0]),
        ip4(1, GUEST, to, 0, &[8, 0]),
        ip4(200, GUEST, to, 0, &[1, 2, 3]),
        // Somebody else's address, nobody's, everybody's.
        ip4(6, [10, 0, 2, 16], to, 0, &segment(1, 2)),
        ip4(6, [127, 0, 0, 1], to, 0, &segment(1, 2)),
        ip4(6, GUEST, [0, 0, 0, 0], 0, &segment(1, 2)),
        ip4(6, GUEST, [255; 4], 0, &segment(1, 2)),
        ip4(6, GUEST, [224, 0, 0, 1], 0, &segment(1, 2)),
        ip4(6, GUEST, GUEST, 0, &segment(1, 2)),
        // Port 0, all flags, none, a data offset beyond the segment.
        ip4(6, GUEST, to, 0, &segment(0, 2)),
        ip4(6, GUEST, to, 0, &segment(1, 0xff)),
        ip4(6, GUEST, to, 0, &segment(1, 0)),
        // Fragments that overlap, end twice, or lie beyond the largest packet.
        ip4(17, GUEST, to, 0x2000, &[7; 16]),
        ip4(17, GUEST, to, 0x2001, &[8; 16]),
        ip4(17, GUEST, to, 0x3fff, &[9; 16]),
        ip4(17, GUEST, to, 0x1fff, &[9; 16]),
        ip6(44, [0x20; 16], &[17, 0, 0, 1, 0, 0, 0, 9, 1]),
        ip6(44, [0x20; 16], &[44, 0, 0, 0, 0, 0, 0, 9, 17, 0, 0, 0, 0, 0, 0, 9]),
        // Extension headers without end.
        ip6(0, [0x20; 16], &[0; 400]),
        ip6(0, [0x20; 16], &[0, 255]),
        ip6(58, [0xfd; 16], &[135, 0, 0, 0]),
    ];
    // Every prefix of two good packets.
    for whole in [syn(IpAddr::from(to), 7), ip6(17, [0x20; 16], &[0, 1, 0, 53, 0, 9, 0, 0, 7])] {
        frames.extend((0..whole.len()).map(|n| whole[..n].to_vec()));
    }
    for bytes in frames {
        net.guest.wire_send(&bytes);
        net.guest.poll();
    }
    still_works(&mut net);
}

#[test]
fn a_flood_of_ten_thousand_connections_is_bounded() {
    let mut net = Net::new(Level::Ask);
    for n in 0..10_000_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        let to = IpAddr::from([93, 100 + b, c, d]);
        while !net.guest.wire().send(&syn(to, 5000)) {
            net.guest.poll();
        }
    }
    let heard = net.settled_by_refusals();
    let asked = heard.iter().filter(|message| matches!(message, FromPoint::Ask { .. })).count();
    assert!((1..=128).contains(&asked), "{asked} questions");
    still_works(&mut net);
}

#[test]
fn segments_of_no_connection_are_reset_and_lead_nowhere() {
    let mut net = Net::new(Level::Ask);
    for flags in [0x10, 0x11, 0x18, 0x12, 0x04, 0x3f] {
        net.guest.wire_send(&ip4(6, GUEST, [93, 184, 216, 34], 0, &segment(6000, flags)));
    }
    assert_eq!(net.settled(), [], "nobody is asked");
    still_works(&mut net);
}

#[test]
fn broken_rings_cost_only_themselves() {
    let (next, write, indirect) = (1, 2, 4);
    let far = 1_u64 << 40;
    let chains: &[(&str, &[Descriptor], u16)] = &[
        ("empty", &[(0x100_0000, 0, 0, 0)], 0),
        ("shorter than a header", &[(0x100_0000, 11, 0, 0)], 0),
        ("outside of memory", &[(far, 100, 0, 0)], 0),
        ("around the end of addresses", &[(u64::MAX - 10, 100, 0, 0)], 0),
        ("huge", &[(0, u32::MAX, 0, 0)], 0),
        ("a circle", &[(0x100_0000, 20, next, 1), (0x100_0000, 20, next, 0)], 0),
        ("writable", &[(0x100_0000, 100, write, 0)], 0),
        ("a table of no size", &[(0x100_0000, 0, indirect, 0)], 0),
        ("a table outside", &[(far, 64, indirect, 0)], 0),
        ("a next beyond the ring", &[(0x100_0000, 20, next, 60_000)], 0),
        ("a head beyond the ring", &[], 60_000),
    ];
    for (name, descriptors, head) in chains {
        let mut net = Net::new(Level::Ask);
        net.guest.wire().attack(descriptors, *head);
        // Two turns: in the first of them at the latest it sees the kick.
        for level in [Level::Off, Level::Ask] {
            net.monitor.level(level);
            net.word_of_the_link(level != Level::Off);
        }
        assert!(net.guest.wire().lives(), "{name}");
        if *head == 0 {
            still_works(&mut net);
        }
    }
}
