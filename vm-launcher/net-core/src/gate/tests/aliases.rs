// SPDX-License-Identifier: GPL-3.0-or-later
//! Other names of what was allowed. In: names behind names, words of the monitor. Out: no connection before its word.

use super::*;

fn alias() -> Vec<Host> {
    vec![Host::Name("tracker.example".into())]
}

/// A flow that was allowed, and the serial of the question about its other names.
fn asked(gate: &mut Gate) -> (FlowId, u32) {
    let (flow, serial) = open(gate, 1, "a.example");
    gate.decided(serial, Ok(ticket(7)), T0);
    effects(gate);
    gate.looked_up(flow, &internet(), &alias());
    match &effects(gate)[..] {
        [Effect::Aliases { serial, contact, names }] => {
            assert_eq!((&contact.host, names), (&Host::Name("a.example".into()), &alias()));
            (flow, *serial)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flow_waits_for_word_about_its_other_names() {
    let mut gate = gate();
    let (flow, serial) = asked(&mut gate);
    gate.checked(serial + 1, Ok(()));
    gate.connected(flow);
    assert_eq!(effects(&mut gate), [], "another question's word is none");
    gate.checked(serial, Ok(()));
    let to = vec!["93.184.216.34:443".parse().unwrap()];
    assert_eq!(effects(&mut gate), [Effect::Connect { flow, to }]);
}

#[test]
fn a_name_that_leads_to_a_forbidden_one_is_denied() {
    let mut gate = gate();
    let (flow, serial) = asked(&mut gate);
    gate.checked(serial, Err(Refusal::Never));
    assert_eq!(effects(&mut gate), [Effect::End { flow, how: End::Silent }]);
    gate.checked(serial, Ok(()));
    gate.resolved(flow, &internet());
    assert_eq!(effects(&mut gate), [], "it stays so");
    gate.expire(crate::tickets::KEEP);
    let back = effects(&mut gate);
    assert!(back.iter().any(|e| matches!(e, Effect::Returned(_))), "nothing lives: {back:?}");
}

#[test]
fn a_flow_that_is_cut_or_loses_its_monitor_meanwhile_hears_nothing_more() {
    for lost in [false, true] {
        let mut gate = gate();
        let (flow, serial) = asked(&mut gate);
        if lost {
            gate.monitor_lost();
        } else {
            gate.cut(7);
        }
        assert!(effects(&mut gate).contains(&Effect::End { flow, how: End::Reset }));
        gate.checked(serial, Ok(()));
        assert_eq!(effects(&mut gate), []);
    }
}

#[test]
fn other_names_are_asked_about_in_the_zone_they_lead_to() {
    let home = ("192.168.0.1".parse().unwrap(), false);
    let (world, this) = (internet()[0], ("192.168.0.2".parse().unwrap(), true));
    for (addrs, zone) in [
        (vec![home], Zone::Local),
        (vec![this, home], Zone::Host),
        (vec![home, world], Zone::Internet),
        (vec![], Zone::Internet),
    ] {
        let mut gate = gate();
        let (flow, serial) = open(&mut gate, 1, "x.example");
        gate.decided(serial, Ok(ticket(7)), T0);
        effects(&mut gate);
        gate.looked_up(flow, &addrs, &alias());
        match &effects(&mut gate)[..] {
            [Effect::Aliases { contact, .. }] => assert_eq!(contact.zone, zone, "{addrs:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_never_for_a_name_at_home_holds_when_home_is_allowed() {
    // The monitor lets everything pass but `local:tracker.example`.
    let forbids = |contact: &Contact, names: &[Host]| contact.zone == Zone::Local && names == alias();
    let mut gate = gate();
    let (flow, serial) = open(&mut gate, 1, "x.example");
    gate.decided(serial, Ok(ticket(7)), T0);
    effects(&mut gate);
    gate.looked_up(flow, &[("192.168.0.1".parse().unwrap(), false)], &alias());
    let mut ended = false;
    while let Some(effect) = gate.poll_effect() {
        match effect {
            Effect::Ask { serial, .. } => gate.decided(serial, Ok(ticket(8)), T0),
            Effect::Aliases { serial, contact, names } => {
                gate.checked(serial, if forbids(&contact, &names) { Err(Refusal::Never) } else { Ok(()) });
            }
            Effect::Connect { .. } => panic!("it connects"),
            Effect::End { flow: one, .. } => ended |= one == flow,
            _ => {}
        }
    }
    assert!(ended);
}
