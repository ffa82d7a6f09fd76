// SPDX-License-Identifier: GPL-3.0-or-later
//! What is not handed over although the monitor says so. In: one file too many, a home. Out: an answer to the
//! guest, and the truth to the monitor.

use super::super::core::{Core, Effect, MAX_FILES};
use super::{GuestOutcome, IntoLabel as _, choose, file, start};
use cofferdam_agent_wire::ToGuest;
use cofferdam_kit::guarded::Guarded;
use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, Ticket, ToPoint};
use cofferdam_policy::{FileAccess, FileKind, Refusal, Resource};
use std::time::Duration;

#[test]
fn one_file_too_many_is_answered() {
    let mut core = Core::new(Guarded::default());
    core.connected();
    let max = u32::try_from(MAX_FILES).unwrap();
    for serial in 0..=max {
        core.wish(serial, choose(), Duration::from_secs(u64::from(serial)));
        let ticket = Ticket { id: u64::from(serial) + 1, grant: None, until: None, once: true };
        let outcome = PortalOutcome::File { ticket, name: "a".into_label(), folder: false, writable: false };
        core.monitor(ToPoint::PortalDone { serial, outcome }, vec![file(b"x")]);
    }
    let mut effects = Vec::new();
    while let Some(effect) = core.poll_effect() {
        effects.push(effect);
    }
    let last = effects.split_off(effects.len() - 3);
    let resource = Resource::Files { kind: FileKind::File, access: FileAccess::Read };
    let refused = FromPoint::Refused { resource, why: Refusal::Silenced };
    assert!(matches!(&last[0], Effect::Monitor(said) if *said == refused), "{last:?}");
    let ended = FromPoint::CutDone { ticket: u64::from(max) + 1 };
    assert!(matches!(&last[1], Effect::Monitor(said) if *said == ended), "{last:?}");
    let denied = ToGuest::PortalReply { serial: max, outcome: GuestOutcome::Denied };
    assert!(matches!(&last[2], Effect::Guest(said) if *said == denied), "{last:?}");
}

#[test]
fn what_is_taken_back_makes_room() {
    let mut core = Core::new(Guarded::default());
    core.connected();
    let max = u32::try_from(MAX_FILES).unwrap();
    let hand_over = |core: &mut Core, serial: u32| {
        core.wish(serial, choose(), Duration::from_secs(u64::from(serial)));
        let ticket = Ticket { id: u64::from(serial) + 1, grant: None, until: None, once: true };
        let outcome = PortalOutcome::File { ticket, name: "a".into_label(), folder: false, writable: false };
        core.monitor(ToPoint::PortalDone { serial, outcome }, vec![file(b"x")]);
        let effects: Vec<Effect> = std::iter::from_fn(|| core.poll_effect()).collect();
        let given = |e: &Effect| {
            let Effect::Guest(ToGuest::PortalReply { outcome, .. }) = e else { return false };
            matches!(outcome, GuestOutcome::File { .. })
        };
        effects.iter().any(given)
    };
    assert!((0..max).all(|serial| hand_over(&mut core, serial)));
    assert!(!hand_over(&mut core, max));
    core.monitor(ToPoint::Cut { ticket: 7 }, Vec::new());
    assert!(hand_over(&mut core, max + 1), "one was taken back");
    assert!(!hand_over(&mut core, max + 2));
}

#[test]
fn a_home_is_not_handed_over_whoever_says_so() {
    let (shepherd, mut guest) = start();
    let monitor = shepherd.connect();
    for (ticket, place) in [(1, "/usr"), (2, "/")] {
        let serial = u32::try_from(ticket).unwrap();
        guest.wish(serial, choose());
        let (ours, _) = monitor.wish();
        monitor.give(ours, ticket, &std::fs::File::open(place).unwrap().into(), (true, true));
        guest.is_denied(serial);
        let resource = Resource::Files { kind: FileKind::Folder, access: FileAccess::Write };
        assert_eq!(monitor.hear(), FromPoint::Refused { resource, why: Refusal::Mismatch });
        assert_eq!(monitor.hear(), FromPoint::CutDone { ticket });
    }
    drop(shepherd.end());
}
