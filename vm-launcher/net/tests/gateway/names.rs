// SPDX-License-Identifier: GPL-3.0-or-later
//! Names and addresses: stale ones, rebound ones, literal ones, hidden ones.

use crate::common::{Net, echo};
use cofferdam_kit::part::{MAX_PACKET, ToPart};
use cofferdam_kit::transport;
use cofferdam_lifecycle::NAME_SERVERS;
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_netguest::{Features, Names};
use cofferdam_patience::Deadline;
use cofferdam_policy::{Host, Level, Refusal, Resource, Zone};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[test]
fn name_resolved_once_and_then_stale() {
    let mut net = Net::new(Level::Ask);
    let old = echo("127.0.0.21");
    net.names.set("site.example", &["127.0.0.21"]);
    let addr = net.guest.lookup("site.example");
    let (first, _) = net.visit("site.example", old.addr.port());
    assert_eq!(net.guest.receive(first, 6), b"hello ");
    // The name moves; the guest goes on with the address it has.
    net.names.set("site.example", &["127.0.0.22"]);
    let mut visits = 1;
    // An answer is kept for a second, even if it says "zero seconds".
    let stale = Deadline::new("the name to be looked up anew");
    loop {
        let connection = net.guest.connect(SocketAddr::new(addr, old.addr.port()));
        let (serial, contact) = net.monitor.asked();
        assert_eq!(contact.host, Host::Name("site.example".into()), "it is asked about as the name");
        net.monitor.allow(serial, false);
        if !net.guest.established(connection) {
            // Nobody listens at the name's new address.
            break;
        }
        visits += 1;
        net.guest.tcp(connection).abort();
        stale.tick();
    }
    assert_eq!(net.names.asked().len(), 4, "both kinds of address, each twice");
    assert_eq!(old.visits(), visits, "nothing went to the old one");
}

#[test]
fn a_name_that_points_home_needs_the_grant_for_home() {
    // Here loopback is what it is.
    let mut net = Net::with(Level::Ask, Features::All, &[]);
    let site = echo("127.0.0.1");
    net.names.set("evil.example", &["127.0.0.1"]);
    let to = SocketAddr::new(net.guest.lookup("evil.example"), site.addr.port());
    let connection = net.guest.connect(to);
    let (serial, contact) = net.monitor.asked();
    assert_eq!((&contact.host, contact.zone), (&Host::Name("evil.example".into()), Zone::Internet));
    net.monitor.allow(serial, false);
    let (serial, contact) = net.monitor.asked();
    assert_eq!((&contact.host, contact.zone), (&Host::Name("evil.example".into()), Zone::Host));
    assert_eq!(site.visits(), 0, "rebinding reaches nobody");
    net.monitor.deny(serial);
    net.settled();
    assert!(!net.guest.tcp(connection).may_send());
    assert_eq!(site.visits(), 0);
}

#[test]
fn a_literal_address_is_asked_about_as_such() {
    let mut net = Net::with(Level::Ask, Features::All, &[]);
    for (addr, zone) in [
        ("127.0.0.1", Zone::Host),
        ("192.168.7.7", Zone::Local),
        ("169.254.169.254", Zone::Local),
        ("fd00::7", Zone::Local),
        ("10.0.2.16", Zone::Vm),
        ("93.184.216.34", Zone::Internet),
    ] {
        let to = addr.parse().unwrap();
        // The guest's stack keeps loopback and its own network to itself, so raw frames are sent.
        net.guest.wire_send(&crate::attacks::syn(to, 4000));
        let (_, contact) = net.monitor.asked();
        assert_eq!((contact.host, contact.zone), (Host::Addr(to), zone), "{addr}");
    }
}

#[test]
fn this_computers_own_addresses_are_this_computer() {
    let mut net = Net::with(Level::Ask, Features::All, &[]);
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Which address would be used to go out; nothing is sent. Without a network there is none to test.
    if probe.connect("192.0.2.1:9").is_err() {
        return;
    }
    let own = probe.local_addr().unwrap().ip();
    net.guest.wire_send(&crate::attacks::syn(own, 4000));
    let (_, contact) = net.monitor.asked();
    assert_eq!((contact.host, contact.zone), (Host::Addr(own), Zone::Host));
    // Whoever has the address beside it is in the same network, also where that is a public one.
    let IpAddr::V4(own) = own else { return };
    let beside = Ipv4Addr::from_bits(own.to_bits() ^ 1).into();
    net.guest.wire_send(&crate::attacks::syn(beside, 4001));
    let (_, contact) = net.monitor.asked();
    assert_eq!((contact.host, contact.zone), (Host::Addr(beside), Zone::Local));
}

#[test]
fn resolvers_that_hide_names_are_refused_and_told() {
    let mut net = Net::new(Level::Ask);
    let server = "10.0.2.3:53".parse().unwrap();
    assert_eq!(net.guest.lookup_at(server, "dns.google", false), None, "DoH by name");
    let refused = |message: &FromPoint| match message {
        FromPoint::Refused { resource: Resource::Network(contact), why: Refusal::Mismatch } => {
            Some((contact.host.clone(), contact.port))
        }
        _ => None,
    };
    assert_eq!(net.monitor.find("a refusal", refused).0, Host::Name("dns.google".into()));
    for (to, port) in [("8.8.8.8", 443), ("1.1.1.1", 443), ("93.184.216.34", 853)] {
        let connection = net.guest.connect(format!("{to}:{port}").parse().unwrap());
        net.guest.poll();
        let told = net.monitor.find("a refusal", refused);
        assert_eq!(told, (Host::Addr(to.parse().unwrap()), port), "DoH or DoT by address");
        net.guest.forget(connection);
    }
    assert!(!net.settled().iter().any(|m| matches!(m, FromPoint::Ask { .. })));
}

#[test]
fn any_name_server_is_ours() {
    let mut net = Net::new(Level::Ask);
    for server in ["10.0.2.3:53", "10.0.2.2:53", "8.8.8.8:53", "[fd00:cffe::3]:53"] {
        let addr = net.guest.lookup_at(server.parse().unwrap(), "site.example", false);
        assert_eq!(addr, Some(net.guest.lookup("site.example")), "{server}");
    }
    // And over TCP.
    let connection = net.guest.connect("9.9.9.9:53".parse().unwrap());
    assert!(net.guest.established(connection));
    let mut question = vec![0, 0, 0, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(b"\x04site\x07example\0\0\x01\0\x01");
    question[1] = u8::try_from(question.len() - 2).unwrap();
    // Two at once, the second in two pieces.
    let twice = [question.clone(), question].concat();
    net.guest.send(connection, &twice[..50]);
    net.guest.send(connection, &twice[50..]);
    let answers = net.guest.receive(connection, 2 * (2 + 30 + 16));
    assert_eq!(answers.len() % 2, 0);
    let (a, b) = answers.split_at(answers.len() / 2);
    assert_eq!(a, b);
    assert_eq!((net.settled(), net.names.asked()), (vec![], vec![]), "nobody was asked");
}

#[test]
fn the_shepherd_tells_which_name_servers_to_ask() {
    let words = ["--treat-as-internet", "127.0.0.0/8"];
    let mut net = Net::start(Level::Ask, Features::All, &words, |_| Vec::new());
    let (site, second) = (echo("127.0.0.1"), Names::start());
    let set = |net: &Net, name: &str, words: &[String]| {
        let setting = ToPart::Setting { name: name.to_owned(), words: words.to_vec() };
        transport::send(&net.control, &setting, &[], MAX_PACKET).unwrap();
    };
    let tell = |net: &Net, words: &[String]| set(net, NAME_SERVERS, words);
    let visit = |net: &mut Net| {
        let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
        let connection = net.guest.connect(to);
        let serial = net.question();
        let unreachable = net.guest.unreachable();
        net.monitor.allow(serial, false);
        net.guest.until("a connection, or a word that there is none", |g| {
            let stands = g.tcp(connection).may_send();
            (stands || g.unreachable() > unreachable).then_some(stands)
        })
    };
    for names in [&net.names, &second] {
        names.set("site.example", &["127.0.0.1"]);
    }
    assert!(!visit(&mut net), "nobody to ask");
    tell(&net, &[net.names.addr.to_string()]);
    assert!(visit(&mut net));
    assert_eq!((net.names.asked().len(), second.asked().len()), (2, 0));
    tell(&net, &[second.addr.to_string()]);
    assert!(visit(&mut net));
    assert_eq!((net.names.asked().len(), second.asked().len()), (0, 2), "also what is known is asked anew");
    tell(&net, &[]);
    for bad in ["", "nowhere", "127.0.0.1"] {
        tell(&net, &[bad.to_owned()]);
    }
    set(&net, "weather", &["127.0.0.1:1".to_owned()]);
    assert!(visit(&mut net), "nothing changes");
}

#[test]
fn a_never_holds_for_who_comes_by_another_name() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("tracker.example", &["127.0.0.1"]);
    net.names.alias("cdn.example", "tracker.example");
    net.names.alias("innocent.example", "cdn.example");
    for (verdict, visits) in [(Err(Refusal::Never), 0), (Ok(()), 1)] {
        let to = SocketAddr::new(net.guest.lookup("innocent.example"), site.addr.port());
        let connection = net.guest.connect(to);
        let serial = net.question();
        net.monitor.allow(serial, false);
        let (serial, contact, names) = net.monitor.find("a question about names", |message| match message {
            FromPoint::Aliases { serial, contact, names } => Some((*serial, contact.clone(), names.clone())),
            _ => None,
        });
        assert_eq!(contact.host, Host::Name("innocent.example".into()));
        assert_eq!(names, ["cdn.example", "tracker.example"].map(|name| Host::Name(name.into())));
        assert_eq!(site.visits(), 0, "nothing before the word");
        net.monitor.say(&ToPoint::Checked { serial, verdict });
        if verdict.is_ok() {
            assert!(net.guest.established(connection));
            assert_eq!(net.guest.receive(connection, 6), b"hello ");
        } else {
            net.settled();
            assert!(!net.guest.tcp(connection).may_send());
        }
        assert_eq!(site.visits(), visits, "{verdict:?}");
    }
}
