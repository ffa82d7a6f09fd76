// SPDX-License-Identifier: GPL-3.0-or-later
//! Honest traffic: TCP, UDP, pings, both versions of IP, all sizes, many flows.

use crate::common::{GATEWAY, Net, echo, fountain};
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_netguest::{Features, Site};
use cofferdam_policy::{Host, Level, Transport, Zone};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

#[test]
fn first_contact_is_held_asked_about_and_goes_on() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.7");
    net.names.set("site.example", &["127.0.0.7"]);
    let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
    let connection = net.guest.connect(to);
    net.guest.poll();
    let (serial, contact) = net.monitor.asked();
    assert_eq!((contact.host, contact.zone), (Host::Name("site.example".into()), Zone::Internet));
    assert_eq!((contact.transport, contact.port), (Transport::Tcp, site.addr.port()));
    net.settled();
    assert!(net.guest.tcp(connection).is_active());
    assert_eq!((net.names.asked(), site.visits()), (vec![], 0), "nothing left before the yes");
    net.monitor.allow(serial, false);
    assert!(net.guest.established(connection));
    assert_eq!(net.guest.receive(connection, 6), b"hello ");
    net.guest.send(connection, b"back and forth");
    assert_eq!(net.guest.receive(connection, 14), b"back and forth");
    net.guest.tcp(connection).close();
    assert_eq!(net.guest.receive(connection, 1), b"", "the other end closes too");
    assert!(net.guest.into_wire().end().success());
}

#[test]
fn no_looks_like_an_outage() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
    let connection = net.guest.connect(to);
    let serial = net.question();
    net.monitor.deny(serial);
    let mut heard = net.settled();
    // Long enough for the SYN to be sent again.
    net.guest.advance(Duration::from_secs(5));
    heard.extend(net.settled());
    assert!(net.guest.tcp(connection).is_active(), "neither an answer nor a reset");
    assert_eq!((heard, net.names.asked(), site.visits()), (vec![], vec![], 0));
}

#[test]
fn every_byte_arrives_with_and_without_offloads() {
    for features in [Features::All, Features::Plain] {
        let mut net = Net::with(Level::Ask, features, &["--treat-as-internet", "127.0.0.0/8"]);
        let site = Site::open("127.0.0.1", |mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(&all).unwrap();
        });
        net.names.set("site.example", &["127.0.0.1"]);
        let (connection, _) = net.visit("site.example", site.addr.port());
        let data: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
        net.guest.send(connection, &data);
        net.guest.tcp(connection).close();
        let back = net.guest.receive(connection, data.len());
        assert!(back == data, "{features:?}: {} of {} bytes, or others", back.len(), data.len());
        assert!(net.guest.into_wire().end().success());
    }
}

#[test]
fn ipv6_in_the_guest_reaches_what_the_world_has() {
    let mut net = Net::with(
        Level::Ask,
        Features::All,
        &["--treat-as-internet", "::1", "--treat-as-internet", "127.0.0.0/8"],
    );
    for (name, addr) in [("six.example", "::1"), ("four.example", "127.0.0.1")] {
        let site = echo(addr);
        net.names.set(name, &[addr]);
        let server = "[fd00:cffe::3]:53".parse().unwrap();
        let to = net.guest.lookup_at(server, name, true).unwrap();
        assert!(to.is_ipv6());
        let connection = net.guest.connect(SocketAddr::new(to, site.addr.port()));
        let serial = net.question();
        net.monitor.allow(serial, false);
        assert!(net.guest.established(connection), "{addr}");
        let data = vec![0x66; 200_000];
        net.guest.receive(connection, 6);
        net.guest.send(connection, &data);
        assert!(net.guest.receive(connection, data.len()) == data);
        net.guest.forget(connection);
    }
}

#[test]
fn datagrams_of_all_sizes_and_both_versions() {
    let mut net = Net::new(Level::Ask);
    let site = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = site.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "the site's own thread")]
    std::thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        while let Ok((n, from)) = site.recv_from(&mut bytes) {
            let _ = site.send_to(&bytes[..n], from);
        }
    });
    net.names.set("site.example", &["127.0.0.1"]);
    let socket = net.guest.udp();
    let to = SocketAddr::new(net.guest.lookup("site.example"), port);
    net.guest.send_to(socket, to, b"held");
    let (serial, contact) = net.monitor.asked();
    assert_eq!(contact.transport, Transport::Udp);
    net.settled();
    assert_eq!(net.guest.try_receive_from(socket), None);
    net.monitor.allow(serial, false);
    assert_eq!(net.guest.receive_from(socket), (b"held".to_vec(), to));
    for size in [0, 1, 1472, 1473, 3000, 20_000] {
        let data = vec![7; size];
        net.guest.send_to(socket, to, &data);
        let (got, _) = net.guest.receive_from(socket);
        assert_eq!(got.len(), size, "as one packet or in fragments");
    }
    let used = net.monitor.find("use", |message| match message {
        FromPoint::Used { usage, .. } if usage.bytes_out > 0 => Some(*usage),
        _ => None,
    });
    assert!(used.bytes_in > 0 && used.times == 1);
}

#[test]
fn pings_are_asked_about_and_the_gateway_answers_its_own() {
    let mut net = Net::new(Level::Ask);
    net.names.set("site.example", &["127.0.0.1"]);
    net.guest.ping(GATEWAY, b"gateway");
    let IpAddr::V4(to) = net.guest.lookup("site.example") else { panic!() };
    let held = net.guest.begin_ping(to, b"held");
    let (serial, contact) = net.monitor.asked();
    assert_eq!((contact.transport, contact.port), (Transport::Echo, 0));
    net.settled();
    assert!(!net.guest.is_answered(&held), "held");
    net.monitor.allow(serial, false);
    // Whether a user may ping is the system's choice; if it may not, the ping stays unanswered.
    let may = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        Some(rustix::net::ipproto::ICMP),
    );
    if may.is_ok() {
        net.guest.until("the site's answer", |guest| guest.is_answered(&held).then_some(()));
    } else {
        net.settled();
        assert!(!net.guest.is_answered(&held));
    }
    // Another number is another flow, which is why each ping of this guest is asked about.
    net.guest.begin_ping(to, b"another");
    net.monitor.asked();
    assert!(net.guest.wire().lives());
}

#[test]
fn a_thousand_flows_at_once() {
    let mut net = Net::new(Level::Internet);
    net.guest.buffers = (4096, 4096);
    let site = echo("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
    let mut connections = Vec::new();
    for _ in 0..50 {
        let batch: Vec<_> = (0..20).map(|_| net.guest.connect(to)).collect();
        let (guest, monitor) = (&mut net.guest, &mut net.monitor);
        guest.until("twenty connections", |guest| {
            // One question for all that wait, or one each.
            while let Some((serial, _)) = monitor.try_asked() {
                monitor.allow(serial, false);
            }
            batch.iter().all(|c| guest.tcp(*c).may_send()).then_some(())
        });
        connections.extend(batch);
    }
    assert_eq!(connections.len(), 1000);
    for (n, connection) in connections.iter().enumerate() {
        net.guest.send(*connection, format!("{n}").as_bytes());
    }
    for (n, connection) in connections.iter().enumerate() {
        let expected = format!("hello {n}");
        assert_eq!(net.guest.receive(*connection, expected.len()), expected.as_bytes());
    }
    assert_eq!(site.visits(), 1000);
}

/// Turns of the gateway in which whatever can go on goes on.
const TURNS: usize = 300;

/// Bytes of memory that a process has for itself.
fn memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_guest_that_does_not_read_holds_the_site_back() {
    let mut net = Net::new(Level::Ask);
    net.guest.buffers = (8192, 8192);
    let site = fountain("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, _) = net.visit("site.example", site.addr.port());
    let process = net.guest.wire().process();
    let before = memory(process);
    // A gateway that went on reading would read in each of these turns.
    net.guest.until("a full buffer", |g| (g.tcp(connection).recv_queue() == 8192).then_some(()));
    for _ in 0..TURNS {
        net.guest.ping(GATEWAY, b"turn");
    }
    let kept = memory(process).saturating_sub(before);
    assert!(kept < 1 << 20, "{kept} bytes for one flow that nobody reads");
    assert!(net.guest.receive(connection, 1_000_000).len() >= 1_000_000, "and it goes on");
}

#[test]
fn a_site_that_does_not_read_holds_the_guest_back() {
    let mut net = Net::new(Level::Ask);
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let site = Site::open("127.0.0.1", move |stream| {
        let _ = wait.lock().unwrap().recv();
        drop(stream);
    });
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, _) = net.visit("site.example", site.addr.port());
    let process = net.guest.wire().process();
    let before = memory(process);
    // Held back: many turns of the gateway in which the guest gets rid of nothing.
    let (mut sent, mut turns) = (0_usize, 0);
    while turns < TURNS {
        let before = sent;
        while let Ok(n @ 1..) = net.guest.tcp(connection).send_slice(&[1; 65_536]) {
            sent += n;
        }
        assert!(sent < 100_000_000, "the guest is not held back");
        turns = if sent == before { turns + 1 } else { 0 };
        net.guest.ping(GATEWAY, b"turn");
    }
    let kept = memory(process).saturating_sub(before);
    assert!(kept < 1 << 20, "{kept} bytes for one flow that nobody reads");
    drop(done);
}

#[test]
fn a_site_that_is_not_there_is_told_as_such() {
    let mut net = Net::new(Level::Ask);
    let port = Site::open("127.0.0.1", |_| {}).addr.port();
    net.names.set("closed.example", &["127.0.0.99"]);
    for name in ["closed.example", "unknown.example"] {
        let to = SocketAddr::new(net.guest.lookup(name), port);
        let connection = net.guest.connect(to);
        let serial = net.question();
        net.monitor.allow(serial, false);
        if name == "closed.example" {
            assert!(!net.guest.established(connection), "refused");
        } else {
            // This is told by ICMP, which this guest's stack does not heed.
            net.guest.until("a word that it is unreachable", |g| (g.unreachable() > 0).then_some(()));
            assert!(!net.guest.tcp(connection).may_send());
        }
        net.guest.forget(connection);
    }
}

#[test]
fn what_stands_behind_urgent_data_or_an_end_arrives_too() {
    // A read stops at urgent data although there is more: nobody may take a short read for all there is.
    let mut net = Net::new(Level::Ask);
    let site = Site::open("127.0.0.1", |mut stream| {
        let mut byte = [0];
        while let Ok(1) = stream.read(&mut byte) {
            stream.write_all(b"before").unwrap();
            rustix::net::send(&stream, b"!", rustix::net::SendFlags::OOB).unwrap();
            stream.write_all(b"after").unwrap();
        }
        stream.write_all(b"last words").unwrap();
    });
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, _) = net.visit("site.example", site.addr.port());
    for _ in 0..50 {
        net.guest.send(connection, b"?");
        assert_eq!(net.guest.receive(connection, 11), b"beforeafter");
    }
    net.guest.tcp(connection).close();
    assert_eq!(net.guest.receive(connection, 100), b"last words", "and then its end");
}
