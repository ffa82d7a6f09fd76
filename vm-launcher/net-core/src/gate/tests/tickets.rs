// SPDX-License-Identifier: GPL-3.0-or-later
//! Tickets on their way back. In: flows that end, answers and cuts that cross them. Out: what is given back, when
//! and how often.

use super::*;
use crate::tickets::{IDLE, KEEP};
use cofferdam_monitor_wire::point::Returned;

/// The tickets that effects give back.
fn returned(effects: &[Effect]) -> Vec<(u64, u32)> {
    let back = effects.iter().filter_map(|effect| match effect {
        Effect::Returned(tickets) => Some(tickets),
        _ => None,
    });
    back.flatten().map(|one| (one.ticket, one.times)).collect()
}

#[test]
fn a_ticket_goes_back_a_while_after_its_last_flow_and_once_for_each_time_it_came() {
    let mut gate = gate();
    let first = live(&mut gate, 1, "a.example", 7);
    let second = live(&mut gate, 2, "a.example", 7);
    gate.ended(first);
    gate.expire(KEEP * 2);
    assert_eq!(returned(&effects(&mut gate)), [], "something lives under it");
    gate.ended(second);
    gate.expire(KEEP * 3 - Duration::from_millis(1));
    assert_eq!(returned(&effects(&mut gate)), [], "the next connection may want it");
    gate.expire(KEEP * 3);
    let all = effects(&mut gate);
    assert_eq!(returned(&all), [(7, 2)]);
    assert!(!all.iter().any(|e| matches!(e, Effect::CutDone { .. })));
    assert_eq!((gate.tickets.len(), gate.tickets.due()), (0, None));
    // It crossed an answer that gives it anew: that one is given back by itself.
    let (id, serial) = open(&mut gate, 3, "a.example");
    gate.decided(serial, Ok(ticket(7)), KEEP * 3);
    gate.ended(id);
    gate.expire(KEEP * 5);
    assert_eq!(returned(&effects(&mut gate)), [(7, 1)]);
}

#[test]
fn a_ticket_that_nobody_waited_for_goes_back_too() {
    let mut gate = gate();
    let (id, serial) = open(&mut gate, 1, "a.example");
    gate.ended(id);
    assert_eq!(effects(&mut gate), [Effect::Forget { serial }]);
    gate.decided(serial, Ok(ticket(7)), T0);
    gate.expire(KEEP);
    assert_eq!(effects(&mut gate), [Effect::Returned(vec![Returned { ticket: 7, times: 1 }])]);
}

#[test]
fn a_cut_of_a_ticket_that_is_kept_or_given_back_is_done_and_that_is_all() {
    let mut gate = gate();
    let flow = live(&mut gate, 1, "a.example", 7);
    gate.ended(flow);
    effects(&mut gate);
    gate.cut(7);
    assert!(matches!(effects(&mut gate)[..], [.., Effect::CutDone { ticket: 7 }]));
    gate.expire(KEEP * 2);
    assert_eq!(returned(&effects(&mut gate)), [], "it is gone already");
    gate.cut(7);
    assert_eq!(effects(&mut gate), [Effect::CutDone { ticket: 7 }]);
}

#[test]
fn sites_without_end_leave_a_few_tickets_and_short_messages() {
    let mut gate = gate();
    let (mut back, mut most) = (Vec::new(), 0);
    for n in 0..20_000_u64 {
        let (id, serial) = open(&mut gate, 1, &format!("h{n}.example"));
        gate.decided(serial, Ok(ticket(n)), T0);
        gate.ended(id);
        let all = effects(&mut gate);
        for effect in &all {
            if let Effect::Returned(tickets) = effect {
                assert!(tickets.len() <= cofferdam_monitor_wire::point::MAX_RETURNED);
            }
        }
        back.extend(returned(&all));
        most = most.max(gate.tickets.len());
    }
    assert!(most <= IDLE + 1, "{most} at a time");
    gate.expire(KEEP);
    back.extend(returned(&effects(&mut gate)));
    let expected: Vec<_> = (0..20_000).map(|n| (n, 1)).collect();
    assert_eq!(back, expected, "each of them, the oldest first");
}
