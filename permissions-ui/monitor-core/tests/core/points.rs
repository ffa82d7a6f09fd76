// SPDX-License-Identifier: GPL-3.0-or-later
//! Points that lose their socket. In: faults, late cuts, new sockets. Out: a shepherd that is told, a fresh
//! socket that begins with a cut of all before it, and no revocation that is answered too early.

use crate::desk::{Desk, Guest, answer_of, cuts, outcomes, prompts, site, verdicts};
use cofferdam_ids::Label;
use cofferdam_monitor_core::{CallId, Effect, Input, LinkId, Order, PointId, Role};
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, PortalWish, Ticket, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_policy::{Answer, FileAccess, FileKind, Level, Refusal};

const FRESH: PointId = PointId(1_000);

fn lost(effects: &[Effect], guest: &Guest, role: Role) -> bool {
    effects.contains(&Effect::Shepherd(guest.link, FromMonitor::Lost { role }))
}

/// A VM whose gateway lets something through.
fn online(desk: &mut Desk) -> (Guest, Ticket) {
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let [(_, _, Ok(ticket))] = verdicts(&desk.answer(id, Answer::Always))[..] else { panic!() };
    (mail, ticket)
}

fn renew(desk: &mut Desk, guest: &Guest, point: PointId) -> Vec<Effect> {
    desk.tell(Input::Renewed { link: guest.link, role: Role::Network, point })
}

fn done(desk: &mut Desk, point: PointId, ticket: u64) -> Vec<Effect> {
    desk.tell(Input::Point(point, FromPoint::CutDone { ticket }))
}

/// Revokes, and the point does not say that it has cut.
fn revoked_but_late(desk: &mut Desk) -> (Guest, CallId) {
    let (mail, ticket) = online(desk);
    let (call, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert_eq!(cuts(&effects), [ticket.id]);
    let effects = desk.pass(2_000);
    assert!(effects.contains(&Effect::ClosePoint(mail.net)) && lost(&effects, &mail, Role::Network));
    assert_eq!(answer_of(&effects, call), None, "it may not have noticed yet");
    (mail, call)
}

#[test]
fn a_point_that_broke_its_wire_is_made_anew() {
    let mut desk = Desk::new();
    let (mail, _) = online(&mut desk);
    let effects = desk.tell(Input::PointBroken(mail.net));
    assert!(effects.contains(&Effect::ClosePoint(mail.net)) && lost(&effects, &mail, Role::Network));
    let effects = renew(&mut desk, &mail, FRESH);
    let said = effects.iter().filter_map(|e| match e {
        Effect::Point(point, message) if *point == FRESH => Some(message.clone()),
        _ => None,
    });
    let said: Vec<_> = said.collect();
    assert_eq!(said, [ToPoint::Cut { ticket: BEFORE }, ToPoint::Level(Level::Ask)]);
    done(&mut desk, FRESH, BEFORE);
    let ask = FromPoint::Ask { serial: 1, resource: site("a.org") };
    assert!(verdicts(&desk.tell(Input::Point(FRESH, ask)))[0].2.is_ok(), "what was granted still is");
    let old = FromPoint::Ask { serial: 9, resource: site("a.org") };
    assert!(desk.tell(Input::Point(mail.net, old)).is_empty(), "the old socket is nobody's");
}

#[test]
fn a_late_cut_is_answered_once_the_next_socket_is_clear() {
    let mut desk = Desk::new();
    let (mail, call) = revoked_but_late(&mut desk);
    assert_eq!(answer_of(&renew(&mut desk, &mail, FRESH), call), None);
    assert!(answer_of(&done(&mut desk, FRESH, BEFORE), call).is_some_and(|a| a.is_ok()));
}

#[test]
fn a_late_cut_without_a_next_socket_is_answered_when_its_time_is_over() {
    let mut desk = Desk::new();
    let (mail, call) = revoked_but_late(&mut desk);
    assert_eq!(answer_of(&desk.pass(9_999), call), None);
    assert!(answer_of(&desk.pass(1), call).is_some());
    // A point that does not clear its next socket either gets no more time for it.
    let (mail, call) = {
        desk.tell(Input::LinkClosed(mail.link));
        revoked_but_late(&mut desk)
    };
    renew(&mut desk, &mail, FRESH);
    assert_eq!(answer_of(&desk.pass(9_999), call), None);
    let effects = desk.pass(1);
    assert!(answer_of(&effects, call).is_some() && lost(&effects, &mail, Role::Network));
}

#[test]
fn revocations_that_come_between_two_sockets_wait_too() {
    let mut desk = Desk::new();
    let (mail, ticket) = online(&mut desk);
    desk.tell(Input::PointBroken(mail.net));
    let (call, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert_eq!(answer_of(&effects, call), None, "the old socket may still be served");
    renew(&mut desk, &mail, FRESH);
    let (later, effects) = desk.begin(Order::RevokeAll(mail.id.clone()));
    assert_eq!(answer_of(&effects, later), None);
    let effects = done(&mut desk, FRESH, BEFORE);
    assert!(answer_of(&effects, call).is_some() && answer_of(&effects, later).is_some());
}

#[test]
fn a_point_that_went_by_itself_left_nothing() {
    let mut desk = Desk::new();
    let (mail, ticket) = online(&mut desk);
    assert!(lost(&desk.tell(Input::PointClosed(mail.net)), &mail, Role::Network));
    let (call, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert!(answer_of(&effects, call).is_some());
    // Nor does the end of the VM, whoever waits.
    let mut desk = Desk::new();
    let (mail, call) = revoked_but_late(&mut desk);
    assert!(answer_of(&desk.tell(Input::LinkClosed(mail.link)), call).is_some());
}

#[test]
fn a_vm_that_comes_again_takes_over_what_was_waited_for() {
    let mut desk = Desk::new();
    let (mail, call) = revoked_but_late(&mut desk);
    let run = desk.replayed().vm(&mail.id).unwrap().run;
    let again = desk.register("mail", None, run);
    assert_eq!(answer_of(&desk.seen, call), None);
    done(&mut desk, again.agent, BEFORE);
    assert_eq!(answer_of(&desk.seen, call), None);
    assert!(answer_of(&done(&mut desk, again.net, BEFORE), call).is_some());
}

#[test]
fn one_point_made_anew_costs_the_other_nothing() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let wish = PortalWish::ChooseFile {
        title: Label::new("Open"),
        kind: FileKind::File,
        access: FileAccess::Read,
        suggested: Label::default(),
    };
    desk.wish(&mail, 1, wish);
    desk.tell(Input::PointBroken(mail.net));
    renew(&mut desk, &mail, FRESH);
    let choose = Order::Choose { id: 1, name: Label::new("a"), folder: false, writable: false };
    let (_, effects) = desk.begin(choose);
    assert_eq!(outcomes(&effects).len(), 1);
    // A socket that comes for a point which has one replaces it.
    let effects = renew(&mut desk, &mail, PointId(1_001));
    assert!(
        effects.contains(&Effect::ClosePoint(FRESH)) && !effects.contains(&Effect::ClosePoint(mail.agent))
    );
}

#[test]
fn a_stranger_s_socket_is_closed() {
    let mut desk = Desk::new();
    let effects = desk.tell(Input::Renewed { link: LinkId(77), role: Role::Network, point: FRESH });
    assert_eq!(effects, [Effect::ClosePoint(FRESH)]);
    let ask = FromPoint::Ask { serial: 1, resource: site("a.org") };
    assert!(desk.tell(Input::Point(FRESH, ask)).is_empty());
    // And one for a VM that is gone.
    let mail = desk.vm("mail");
    desk.tell(Input::LinkClosed(mail.link));
    assert_eq!(renew(&mut desk, &mail, FRESH), [Effect::ClosePoint(FRESH)]);
}

#[test]
fn what_waits_when_a_point_is_lost_is_not_answered_on_the_next_socket() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    desk.tell(Input::PointBroken(mail.net));
    renew(&mut desk, &mail, FRESH);
    let effects = desk.answer(id, Answer::Always);
    assert!(verdicts(&effects).is_empty(), "{effects:?}");
    desk.tell(Input::ScreenDown);
    let ask = FromPoint::Ask { serial: 1, resource: site("a.org") };
    let effects = desk.tell(Input::Point(FRESH, ask));
    assert_eq!(verdicts(&effects), [(FRESH, 1, Err(Refusal::Silence))]);
}

#[test]
fn questions_that_a_lost_socket_leaves_are_nobodys_no() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for n in 0..16 {
        desk.ask(&mail, n, site(&format!("h{n}.org")));
    }
    let effects = desk.tell(Input::PointBroken(mail.net));
    assert!(prompts(&effects).is_empty(), "none is shown that nobody waits for");
    renew(&mut desk, &mail, FRESH);
    done(&mut desk, FRESH, BEFORE);
    let ask = FromPoint::Ask { serial: 1, resource: site("a.org") };
    assert_eq!(prompts(&desk.tell(Input::Point(FRESH, ask))).len(), 1, "it is still heard");
}
