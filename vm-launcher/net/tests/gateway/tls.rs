// SPDX-License-Identifier: GPL-3.0-or-later
//! TLS: the name in the hello must be the one that was allowed.

use crate::common::{Net, QUIET};
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::Site;
use cofferdam_policy::{Level, Refusal};
use smoltcp::socket::tcp::State;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A site that tells what it hears.
fn listener() -> (Site, Receiver<Vec<u8>>) {
    let (say, hear) = channel();
    let site = Site::open("127.0.0.1", move |mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            let _ = say.send(bytes[..n].to_vec());
            let _ = stream.write_all(b"server hello");
        }
    });
    (site, hear)
}

fn hello(name: Option<&str>) -> Vec<u8> {
    let mut extensions = vec![0, 10, 0, 4, 0, 2, 0, 29];
    if let Some(name) = name {
        let len = u16::try_from(name.len()).unwrap();
        extensions.extend([0, 0]);
        extensions.extend((len + 5).to_be_bytes());
        extensions.extend((len + 3).to_be_bytes());
        extensions.push(0);
        extensions.extend(len.to_be_bytes());
        extensions.extend(name.as_bytes());
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut bytes = vec![0x16, 3, 1];
    bytes.extend(u16::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.push(1);
    bytes.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    bytes.extend(body);
    bytes
}

#[test]
fn the_right_name_passes_even_in_pieces_and_so_does_none() {
    for name in [Some("site.example"), Some("Site.Example"), None] {
        let mut net = Net::new(Level::Ask);
        let (site, heard) = listener();
        net.names.set("site.example", &["127.0.0.1"]);
        let (connection, _) = net.visit("site.example", site.addr.port());
        let bytes = hello(name);
        let (first, rest) = bytes.split_at(20);
        net.guest.send(connection, first);
        net.guest.wait(QUIET, |_| None::<()>);
        assert!(heard.try_recv().is_err(), "nothing is passed on before the whole hello is known");
        net.guest.send(connection, rest);
        assert_eq!(net.guest.receive(connection, 12), b"server hello", "{name:?}");
        assert_eq!(heard.recv_timeout(Duration::from_secs(10)).unwrap(), bytes);
    }
}

#[test]
fn sni_mismatch_is_reset_and_told_and_reaches_nobody() {
    let broken = {
        let mut bytes = hello(Some("site.example"));
        bytes[6] = 1;
        bytes
    };
    let cases = [
        (hello(Some("evil.example")), Refusal::Mismatch),
        (hello(Some("site.example.evil.example")), Refusal::Mismatch),
        (hello(Some("dns.google")), Refusal::Mismatch),
        (vec![0x16, 3, 1, 0, 4, 2, 0, 0, 0], Refusal::Malformed),
        (vec![0x16, 3, 1, 0, 0], Refusal::Malformed),
        ([broken, vec![0; 20_000]].concat(), Refusal::Malformed),
    ];
    for (bytes, expected) in cases {
        let mut net = Net::new(Level::Ask);
        let (site, heard) = listener();
        net.names.set("site.example", &["127.0.0.1"]);
        let (connection, _) = net.visit("site.example", site.addr.port());
        net.guest.send(connection, &bytes);
        let why = net.monitor.find("a refusal", |message| match message {
            FromPoint::Refused { why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(why, expected);
        net.guest.until("the reset", |g| (g.tcp(connection).state() == State::Closed).then_some(()));
        assert!(heard.recv_timeout(QUIET).is_err(), "not one byte reached the site");
    }
}
