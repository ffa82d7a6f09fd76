// SPDX-License-Identifier: GPL-3.0-or-later
//! What all flows together may hold. In: as many as a guest can have. Out: the size of their buffers.

use super::*;
use cofferdam_net_core::gate::FLOWS;
use cofferdam_net_core::plan;

fn syn(port: u16) -> Tcp {
    let guest = SocketAddr::new(plan::GUEST4.into(), port);
    let remote = SocketAddr::new(plan::DNS4.into(), plan::DNS_PORT);
    let (mss_at, mss) = (None, None);
    Tcp { guest, remote, opens: true, reset: false, seq: 0, ack: None, span: 1, mss_at, mss }
}

fn open(tcps: &mut Tcps, n: u16) {
    let id = FlowId(n.into());
    tcps.hold(id, syn(n), &[0; 40]);
    tcps.serve_names(id);
}

fn bytes(tcps: &mut Tcps, n: u16) -> usize {
    let flow = tcps.flows.get_mut(&FlowId(n.into())).unwrap();
    let (sockets, handle) = flow.stack.as_mut().unwrap();
    let socket = sockets.get_mut::<Socket<'_>>(*handle);
    socket.recv_capacity() + socket.send_capacity()
}

#[test]
fn all_flows_of_a_guest_have_a_bounded_part_of_the_memory() {
    let mut tcps = Tcps::new(7);
    let all = u16::try_from(FLOWS).unwrap();
    (0..all).for_each(|n| open(&mut tcps, n));
    let sum: usize = (0..all).map(|n| bytes(&mut tcps, n)).sum();
    assert!(sum <= 300 << 20, "{} MiB", sum >> 20);
    assert_eq!(bytes(&mut tcps, 0), FROM_GUEST + TO_GUEST, "a few have room");
    // What ends leaves its room to the next.
    tcps.end(FlowId(0), false, &mut Nowhere, Duration::ZERO);
    tcps.end(FlowId(u64::from(all) - 1), false, &mut Nowhere, Duration::ZERO);
    for (n, expected) in [(0, FROM_GUEST + TO_GUEST), (all - 1, NARROW + NARROW)] {
        open(&mut tcps, n);
        assert_eq!(bytes(&mut tcps, n), expected);
    }
}

/// Whether the acknowledgement of a segment of `span` bytes that came at `at` waits for an answer.
fn waits(tcps: &mut Tcps, span: u32, at: Duration) -> bool {
    let flow = tcps.flows.get_mut(&FlowId(1)).unwrap();
    flow.heard_of(&Tcp { opens: false, span, ..syn(1) }, at);
    let (sockets, handle) = flow.stack.as_mut().unwrap();
    sockets.get_mut::<Socket<'_>>(*handle).ack_delay().is_some()
}

#[test]
fn only_a_quick_answer_to_a_little_thing_takes_its_acknowledgement_along() {
    let mut tcps = Tcps::new(7);
    open(&mut tcps, 1);
    let at = Duration::from_micros;
    assert!(!waits(&mut tcps, 10, at(0)), "nothing is known of the far end");
    tcps.flows.get_mut(&FlowId(1)).unwrap().answered(5, at(100));
    assert!(waits(&mut tcps, 10, at(200)));
    assert!(!waits(&mut tcps, 1460, at(300)), "an upload is acknowledged at once");
    assert!(!waits(&mut tcps, 0, at(300)), "nothing to acknowledge");
    assert!(waits(&mut tcps, 10, at(400)));
    tcps.flows.get_mut(&FlowId(1)).unwrap().answered(5, at(20_000));
    assert!(!waits(&mut tcps, 10, at(20_100)), "it was slow this time");
    tcps.flows.get_mut(&FlowId(1)).unwrap().answered(0, at(20_200));
    assert!(!waits(&mut tcps, 10, at(20_300)), "nothing is no answer");
}
