// SPDX-License-Identifier: GPL-3.0-or-later
//! TLS: the name in the hello must be the one that was allowed.

use crate::common::Net;
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::Site;
use cofferdam_patience::received;
use cofferdam_policy::{Level, Refusal};
use smoltcp::socket::tcp::State;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A site that tells what it hears, and nothing at its end.
struct Listener {
    site: Site,
    heard: Receiver<Vec<u8>>,
    visitors: Receiver<TcpStream>,
    /// It reads nothing before it is told so here, once for each visitor.
    listen: Sender<()>,
}

impl Listener {
    fn open() -> Self {
        let ((say, heard), (show, visitors), (listen, told)) = (channel(), channel(), channel());
        let told = Mutex::new(told);
        let site = Site::open("127.0.0.1", move |mut stream| {
            let _ = show.send(stream.try_clone().unwrap());
            let _ = told.lock().unwrap().recv();
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut bytes) {
                let _ = say.send(bytes[..n].to_vec());
                let _ = stream.write_all(b"server hello");
            }
            let _ = say.send(Vec::new());
        });
        Self { site, heard, visitors, listen }
    }
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
        let Listener { site, heard, visitors, listen } = Listener::open();
        net.names.set("site.example", &["127.0.0.1"]);
        let (connection, _) = net.visit("site.example", site.addr.port());
        let bytes = hello(name);
        let (first, rest) = bytes.split_at(20);
        net.guest.send(connection, first);
        net.settled();
        let visitor = received(&visitors, "the gateway's connection");
        let there = rustix::io::ioctl_fionread(&visitor).unwrap();
        assert_eq!(there, 0, "nothing is passed on before the whole hello is known");
        listen.send(()).unwrap();
        net.guest.send(connection, rest);
        assert_eq!(net.guest.receive(connection, 12), b"server hello", "{name:?}");
        assert_eq!(received(&heard, "the hello"), bytes);
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
        let Listener { site, heard, listen, .. } = Listener::open();
        listen.send(()).unwrap();
        net.names.set("site.example", &["127.0.0.1"]);
        let (connection, _) = net.visit("site.example", site.addr.port());
        net.guest.send(connection, &bytes);
        let why = net.monitor.find("a refusal", |message| match message {
            FromPoint::Refused { why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(why, expected);
        net.guest.until("the reset", |g| (g.tcp(connection).state() == State::Closed).then_some(()));
        assert!(received(&heard, "the end of the connection").is_empty(), "not one byte reached the site");
    }
}
