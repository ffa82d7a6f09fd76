// SPDX-License-Identifier: GPL-3.0-or-later
//! What is taken back is gone: cuts, levels, a monitor or a shepherd that is lost.

use crate::common::{GATEWAY, Net, echo, fountain};
use cofferdam_kit::part::{MAX_PACKET, ToPart};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{FromPoint, Returned};
use cofferdam_netguest::Monitor;
use cofferdam_policy::{Level, Usage};
use smoltcp::socket::tcp::State;
use std::net::SocketAddr;
use std::os::fd::AsFd;

/// Bytes that are in the guest's memory now: once read, it has all that ever came.
fn drain(net: &mut Net, connection: cofferdam_netguest::Tcp) -> usize {
    net.guest.poll();
    let mut n = 0;
    let socket = net.guest.tcp(connection);
    while let Ok(taken @ 1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {
        n += taken;
    }
    n
}

#[test]
fn revoked_rule_but_live_flow_goes_on() {
    let mut net = Net::new(Level::Ask);
    let site = fountain("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, ticket) = net.visit("site.example", site.addr.port());
    assert!(net.guest.receive(connection, 5_000_000).len() >= 5_000_000, "a download runs");
    net.monitor.cut(ticket);
    // What was in the guest's memory when the cut was done, and the reset.
    net.guest.poll();
    let frames = net.guest.telling_frames();
    drain(&mut net, connection);
    net.settled();
    assert!(!net.guest.tcp(connection).can_recv(), "not one byte");
    assert_eq!(net.guest.tcp(connection).state(), State::Closed, "the app sees a reset");
    // A segment of the guest that was on its way then may be answered, by one more reset.
    assert_eq!(net.guest.telling_frames(), frames, "not one frame");
    // And what comes next is asked about.
    let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
    net.guest.connect(to);
    net.question();
}

#[test]
fn a_cut_ends_only_what_is_under_its_ticket() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("a.example", &["127.0.0.1"]);
    net.names.set("b.example", &["127.0.0.1"]);
    let (a, ticket) = net.visit("a.example", site.addr.port());
    let (b, _) = net.visit("b.example", site.addr.port());
    net.monitor.cut(ticket);
    net.guest.until("the end of a", |g| (g.tcp(a).state() == State::Closed).then_some(()));
    net.guest.receive(b, 6);
    net.guest.send(b, b"alive");
    assert_eq!(net.guest.receive(b, 5), b"alive");
}

#[test]
fn off_is_silence() {
    let mut net = Net::new(Level::Ask);
    let site = fountain("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, _) = net.visit("site.example", site.addr.port());
    let to = net.guest.lookup("site.example");
    net.monitor.level(Level::Off);
    net.link_goes(false);
    net.guest.poll();
    drain(&mut net, connection);
    let frames = net.guest.frames();
    let second = net.guest.connect(SocketAddr::new(to, site.addr.port()));
    let socket = net.guest.udp();
    net.guest.send_to(socket, "10.0.2.3:53".parse().unwrap(), b"anything");
    let ping = net.guest.begin_ping(GATEWAY, b"there?");
    net.guest.until("the gateway to take all that", |g| g.wire().has_taken_all().then_some(()));
    assert!(!net.guest.tcp(second).may_send());
    // Its stack would try again.
    net.guest.forget(second);
    // What there is to say to all that comes before the answer to the first ping of a link that is up again.
    net.monitor.level(Level::Ask);
    net.link_goes(true);
    assert_eq!(net.guest.frames(), frames + 1, "not one frame but the last ping's answer");
    assert!(!net.guest.is_answered(&ping));
    let asked = net.settled().into_iter().filter(|m| matches!(m, FromPoint::Ask { .. }));
    assert_eq!(asked.count(), 0, "nobody is asked");
}

#[test]
fn without_a_monitor_nothing_goes_on_until_there_is_a_new_one() {
    let mut net = Net::new(Level::Ask);
    let site = fountain("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, _) = net.visit("site.example", site.addr.port());
    assert!(net.guest.receive(connection, 1000).len() >= 1000);
    let (monitor, point) = Monitor::new();
    net.monitor = monitor;
    net.guest.until("the end", |g| {
        let socket = g.tcp(connection);
        while let Ok(1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {}
        (socket.state() == State::Closed).then_some(())
    });
    net.link_goes(false);
    let ping = net.guest.begin_ping(GATEWAY, b"there?");
    net.guest.until("the gateway to take it", |g| g.wire().has_taken_all().then_some(()));
    transport::send(&net.control, &ToPart::Point, &[point.as_fd()], MAX_PACKET).unwrap();
    net.monitor.level(Level::Ask);
    net.link_goes(true);
    assert!(!net.guest.is_answered(&ping), "the link was down");
    net.visit("site.example", site.addr.port());
}

#[test]
fn this_time_is_one_connection() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let to = SocketAddr::new(net.guest.lookup("site.example"), site.addr.port());
    let first = net.guest.connect(to);
    let second = net.guest.connect(to);
    let serial = net.question();
    net.monitor.allow(serial, true);
    let again = net.question();
    assert_ne!(serial, again);
    net.monitor.deny(again);
    assert!(net.guest.established(first));
    net.settled();
    assert!(!net.guest.tcp(second).may_send());
    assert_eq!(site.visits(), 1);
}

#[test]
fn use_is_told_in_batches() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let (connection, ticket) = net.visit("site.example", site.addr.port());
    net.guest.receive(connection, 6);
    for _ in 0..50 {
        net.guest.send(connection, &[1; 1000]);
        net.guest.receive(connection, 1000);
    }
    let mut sum = Usage::default();
    let mut lines = 0;
    while sum.bytes_in < 50_006 {
        let usage = net.monitor.find("use", |message| match message {
            FromPoint::Used { ticket: t, usage, .. } if *t == ticket => Some(*usage),
            _ => None,
        });
        sum.bytes_in += usage.bytes_in;
        sum.bytes_out += usage.bytes_out;
        sum.times += usage.times;
        lines += 1;
    }
    assert_eq!((sum.bytes_in, sum.bytes_out, sum.times), (50_006, 50_000, 1));
    assert!(lines < 50, "{lines} lines");
}

#[test]
fn the_monitor_hears_whether_anything_is_connected() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("site.example", &["127.0.0.1"]);
    let online = |net: &mut Net| {
        net.monitor.find("a report", |message| match message {
            FromPoint::Online(online) => Some(*online),
            _ => None,
        })
    };
    let (_connection, ticket) = net.visit("site.example", site.addr.port());
    assert!(online(&mut net));
    net.monitor.cut(ticket);
    assert!(!online(&mut net));
}

#[test]
fn the_program_ends_with_its_shepherd_and_with_its_machine() {
    let Net { guest, control, .. } = Net::new(Level::Ask);
    drop(control);
    // Its machine is still there: waiting ends because the program does.
    assert!(guest.into_wire().ended().success());
    let Net { guest, .. } = Net::new(Level::Ask);
    assert!(guest.into_wire().end().success());
}

#[test]
fn hundreds_of_sites_in_turn_give_their_tickets_back_and_what_lives_is_cut() {
    let mut net = Net::new(Level::Ask);
    let site = echo("127.0.0.1");
    net.names.set("lives.example", &["127.0.0.1"]);
    let (lives, ticket) = net.visit("lives.example", site.addr.port());
    assert_eq!(net.guest.receive(lives, 6), b"hello ");
    let mut given = vec![];
    for n in 0..600 {
        let name = format!("h{n}.example");
        net.names.set(&name, &["127.0.0.1"]);
        let (connection, ticket) = net.visit(&name, site.addr.port());
        given.push(ticket);
        net.guest.tcp(connection).abort();
        net.guest.poll();
        net.guest.forget(connection);
    }
    let back = net.monitor.find("tickets", |message| match message {
        FromPoint::Returned(tickets) => Some(tickets.clone()),
        _ => None,
    });
    let expected = given.iter().take(back.len()).map(|ticket| Returned { ticket: *ticket, times: 1 });
    assert_eq!(back, expected.collect::<Vec<_>>(), "the oldest, and none that something lives under");
    net.monitor.cut(ticket);
    net.guest.until("the end", |g| (g.tcp(lives).state() == State::Closed).then_some(()));
}
