// SPDX-License-Identifier: GPL-3.0-or-later
//! Peers that do what they should not. In: rubbish, floods, surplus fds, sockets that are never read. Out:
//! their own socket closed, and everybody else served.

use crate::desktop::{Desktop, Wire, register, resource};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::encode;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, ToPoint};
use cofferdam_monitor_wire::registry::{FromMonitor, Role, ToMonitor};
use cofferdam_policy::{Answer, Refusal};
use std::os::fd::AsFd as _;

#[test]
fn rubbish_costs_its_sender_one_socket() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let other = desktop.vm("foot", 1);
    let whole = encode(&FromPoint::Ask { serial: 1, resource: resource("a.org") }).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let mut surplus = whole.clone();
    surplus.push(0);
    let huge = vec![0xff; 100_000];
    let mut packets: Vec<(&[u8], bool)> =
        vec![(&surplus, false), (&whole, true), (&huge, false), (b"\xff\xff", false)];
    // Cut at every point.
    packets.extend((1..whole.len()).map(|n| (&whole[..n], false)));
    for (run, (bytes, with_fd)) in (1..).zip(packets) {
        let guest = desktop.vm("mail", run);
        let fds = if with_fd { vec![file.as_fd()] } else { Vec::new() };
        guest.net.send_bytes(bytes, &fds);
        guest.net.ends();
        // The other point of the same VM lives on.
        guest.agent.send(&FromPoint::Forget { serial: 1 });
    }
    other.ask(1, "b.org");
    screen.answer(&screen.prompt(), Answer::ThisTime);
    assert!(other.verdict().1.is_ok());
}

#[test]
fn a_point_that_was_dropped_is_made_anew() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let mut guest = desktop.vm("mail", 1);
    guest.ask(1, "a.org");
    screen.answer(&screen.prompt(), Answer::Always);
    assert!(guest.verdict().1.is_ok());
    guest.net.send_bytes(b"rubbish", &[]);
    guest.net.ends();
    assert_eq!(guest.link.recv(), Some(FromMonitor::Lost { role: Role::Network }));
    let (ours, theirs) = transport::pair().unwrap();
    guest.link.send_with(&ToMonitor::Point { role: Role::Network }, &[theirs.as_fd()]);
    drop(theirs);
    guest.net = Wire::new(ours);
    assert_eq!(guest.net.recv(), Some(ToPoint::Cut { ticket: BEFORE }));
    guest.net.send(&FromPoint::CutDone { ticket: BEFORE });
    guest.ask(1, "a.org");
    assert!(guest.verdict().1.is_ok(), "what was granted still is");
    // Without the socket it makes no sense.
    guest.link.send(&ToMonitor::Point { role: Role::Agent });
    assert_eq!(guest.link.recv::<FromMonitor>(), None);
}

#[test]
fn a_registry_that_is_spoken_to_wrongly_hangs_up() {
    let desktop = Desktop::start();
    let (net, agent) = transport::pair().unwrap();
    let mut twice = register("mail", 1);
    if let ToMonitor::Register { points, .. } = &mut twice {
        *points = vec![Role::Network; 2];
    }
    for (message, fds) in [
        (encode(&twice).unwrap(), vec![net.as_fd(), agent.as_fd()]),
        (encode(&register("mail", 1)).unwrap(), vec![]),
        (encode(&register("mail", 1)).unwrap(), vec![net.as_fd()]),
        (encode(&register("mail", 1)).unwrap(), vec![net.as_fd(), agent.as_fd(), net.as_fd()]),
        (encode(&ToMonitor::Opened { serial: 1, ok: true }).unwrap(), vec![net.as_fd()]),
        (b"rubbish".to_vec(), vec![]),
        (vec![0; 100_000], vec![]),
    ] {
        let link = desktop.link();
        link.send_bytes(&message, &fds);
        assert_eq!(link.recv::<FromMonitor>(), None);
    }
    assert!(desktop.permissions().apps().unwrap().is_empty());
    desktop.vm("mail", 1);
}

#[test]
fn a_shepherd_cannot_speak_for_a_second_vm() {
    let desktop = Desktop::start();
    let guest = desktop.vm("mail", 1);
    let (one, two) = transport::pair().unwrap();
    guest.link.send_with(&register("bank", 1), &[one.as_fd(), two.as_fd()]);
    assert_eq!(guest.link.recv::<FromMonitor>(), None);
    assert!(desktop.permissions().apps().unwrap().iter().all(|a| a.vm == "mail" && !a.running));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a guest of its own")]
fn a_flood_keeps_nobody_waiting_forever() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let (flood, calm) = (desktop.vm("flood", 1), desktop.vm("calm", 2));
    let sender = std::thread::spawn(move || {
        let mut refused = 0;
        for n in 0..5_000u32 {
            flood.ask(n, &format!("h{n}.org"));
            // The oldest answers are read now and then; the socket holds the rest back.
            while n % 16 == 15 && refused < n - 15 {
                match flood.heard() {
                    Some(ToPoint::Decided { verdict: Err(Refusal::Silenced), .. }) => refused += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        flood
    });
    let panel = desktop.permissions();
    calm.ask(1, "calm.org");
    loop {
        let prompt = screen.prompt();
        if prompt.vm.as_str() == "calm" {
            screen.answer(&prompt, Answer::ThisTime);
            break;
        }
    }
    assert!(calm.verdict().1.is_ok());
    let _flood = sender.join().unwrap();
    let waiting = panel.apps().unwrap().into_iter().find(|a| a.vm == "flood").unwrap().waiting;
    assert_eq!(waiting, 16);
    let lines = panel.log("flood", 0, 1_000, "").unwrap().len();
    assert!(lines < 200, "{lines} lines");
}

#[test]
fn a_point_that_never_reads_is_closed() {
    let desktop = Desktop::start();
    let screen = desktop.screen();
    let (deaf, calm) = (desktop.vm("deaf", 1), desktop.vm("calm", 2));
    desktop.permissions().set_level("deaf", "network", "off").unwrap();
    // Each of these has an answer that nobody takes; at some point the socket is closed instead.
    let bytes = encode(&FromPoint::Ask { serial: 1, resource: resource("a.org") }).unwrap();
    let mut sent = 0;
    while deaf.net.send_bytes(&bytes, &[]) {
        sent += 1;
        assert!(sent < 1_000_000, "it is never closed");
    }
    calm.ask(1, "b.org");
    assert_eq!(screen.prompt().vm.as_str(), "calm");
}

#[test]
fn callers_with_nonsense_get_a_sentence() {
    let desktop = Desktop::start();
    let _guest = desktop.vm("mail", 1);
    let panel = desktop.permissions();
    let long = "x".repeat(10_000);
    for error in [
        panel.set_level("nobody", "network", "off").unwrap_err(),
        panel.set_level("../x", "network", "off").unwrap_err(),
        panel.set_level("mail", "magic", "off").unwrap_err(),
        panel.set_level("mail", "network", "half").unwrap_err(),
        panel.set_level("mail", "microphone", "all").unwrap_err(),
        panel.grant("mail", "network", "a b", "always").unwrap_err(),
        panel.grant("mail", "network", &long, "always").unwrap_err(),
        panel.grant("mail", "network", "a.org", "forever").unwrap_err(),
        panel.revoke(4711).unwrap_err(),
        panel.undo(1).unwrap_err(),
        panel.cancel_chooser(1).unwrap_err(),
    ] {
        let words = error.to_string();
        assert!(words.len() < 300 && !words.contains('\n'), "{words}");
    }
    assert!(panel.log("mail", 0, u32::MAX, &"x".repeat(3_000)).unwrap().is_empty());
}
