// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if a packet of the permission monitor's sockets, or an event of its
//! ledger, breaks a promise.

use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_monitor_wire::registry::{FromMonitor, ToMonitor};
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_monitor_wire::{DecodeError, decode, encode};
use cofferdam_policy::{Decision, Effect, Event, Millis, Resource, State};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One packet; its first byte says on which socket and in which direction.
pub fn packet(data: &[u8]) {
    let Some((wire, packet)) = data.split_first() else { return };
    match wire % 6 {
        0 => {
            if let Some(FromPoint::Ask { resource, .. } | FromPoint::Used { resource, .. }) = read(packet) {
                judge(&resource);
            }
        }
        1 => drop(read::<ToPoint>(packet)),
        2 => {
            if let Some(FromScreen::Ask { resource, .. } | FromScreen::Used { resource, .. }) = read(packet) {
                judge(&resource);
            }
        }
        3 => drop(read::<ToScreen>(packet)),
        4 => drop(read::<ToMonitor>(packet)),
        _ => drop(read::<FromMonitor>(packet)),
    }
}

fn read<M>(packet: &[u8]) -> Option<M>
where
    M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let message: M = decode(packet).ok()?;
    let mut again = encode(&message).expect("what was decoded can be encoded");
    assert_eq!(decode::<M>(&again).as_ref(), Ok(&message));
    again.push(0);
    assert_eq!(decode::<M>(&again), Err(DecodeError::Surplus(1)));
    Some(message)
}

/// A VM that nothing was said about may ask, and is not allowed anything.
fn judge(resource: &Resource) {
    let vm: VmId = "mail".parse().expect("a name");
    let mut state = State::new();
    let started = Event::Registered {
        vm: vm.clone(),
        app: "mail".parse().expect("a name"),
        name: Label::new("Mail"),
        identity: Identity::Green,
        parent: None,
        run: 1,
    };
    let asked = Event::Asked { vm: vm.clone(), resource: resource.clone() };
    for event in [started, asked] {
        state.apply(Millis(1), &event).expect("the first events of a ledger");
    }
    assert!(state.was_seen(&vm, resource));
    let own = matches!(resource, Resource::Clipboard { from, .. } | Resource::DragAndDrop { from, .. } if *from == vm);
    let allowed = matches!(state.decide(&vm, resource, Millis(2)), Decision::Allow { .. });
    assert_eq!(allowed, own, "{resource:?}");
}

/// A history: events, each behind its length and a pause in hours, one byte each.
pub fn events(data: &[u8]) {
    let (mut state, mut now) = (State::new(), Millis(0));
    let (mut told, mut questions) = (Vec::new(), Vec::new());
    let mut rest = data;
    while let [length, pause, tail @ ..] = rest {
        let (packet, tail) = tail.split_at_checked(usize::from(*length)).unwrap_or((tail, &[]));
        rest = tail;
        now = now.plus(u64::from(*pause).saturating_mul(Millis::HOUR));
        let Ok(event) = decode::<Event>(packet) else { continue };
        match &event {
            Event::Asked { vm, resource } | Event::Used { vm, resource, .. } => {
                questions.push((vm.clone(), resource.clone()));
            }
            _ => {}
        }
        if state.apply(now, &event).is_ok() {
            told.push((now, event));
        }
    }
    if let Some(reminder) = state.reminder() {
        state.apply(now, &reminder).expect("it only keeps a number");
        told.push((now, reminder));
    }
    let mut small = State::new();
    for (at, event) in told.iter().filter(|(at, event)| state.needs(*at, event)) {
        // What was about an earlier owner of the name may find nobody.
        small.apply(*at, event).ok();
    }
    assert_eq!(small.next_grant_id(), state.next_grant_id());
    assert_eq!(small.next_expiry(), state.next_expiry());
    for (vm, resource) in &questions {
        let said = state.decide(vm, resource, now);
        assert_eq!(small.decide(vm, resource, now), said, "{vm} {resource:?}");
        assert_eq!(state.explain(vm, resource, now).decision, said);
        if let Decision::Allow { grant: Some(id), .. } = said {
            assert_eq!(state.grant(id).map(|g| g.effect), Some(Effect::Allow));
        }
    }
}
