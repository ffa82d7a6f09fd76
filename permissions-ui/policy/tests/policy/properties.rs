// SPDX-License-Identifier: GPL-3.0-or-later
//! What holds for every history. In: random worlds and rules. Out: no counterexample.

use crate::oracle::{Word, covers, decide, grants, word};
use crate::world::{Op, VMS, World, build, ops, resources, rules, vm};
use cofferdam_ids::VmId;
use cofferdam_policy::{
    AdminRules, Answer, Author, Because, Decision, Effect, Event, Grant, Key, Level, Lifetime, Millis,
    Origin, Refusal, Resource, Rule, Says, State, UNUSED, Who,
};
use proptest::prelude::*;
use proptest::sample::select;

fn with_rules(mut world: World, rules: Vec<Rule>) -> World {
    world.state.set_admin(AdminRules::new(rules).unwrap());
    world
}

/// Everything that can be asked in a world, at times around its present.
fn questions(now: Millis) -> Vec<(VmId, Resource, Millis)> {
    let times = [now, now.plus(Millis::HOUR), now.plus(UNUSED), Millis(u64::MAX)];
    let one = |id: &&str| {
        let id = vm(id);
        resources().into_iter().flat_map(move |r| times.map(|t| (id.clone(), r.clone(), t)))
    };
    VMS.iter().flat_map(|id| one(id).collect::<Vec<_>>()).collect()
}

fn is_yes(state: &State, vm: &VmId, resource: &Resource, now: Millis) -> bool {
    matches!(state.decide(vm, resource, now), Decision::Allow { .. })
}

/// A VM's own copy, which crosses nothing.
fn is_own(vm: &VmId, resource: &Resource) -> bool {
    matches!(resource, Resource::Clipboard { from, .. } | Resource::DragAndDrop { from, .. } if from == vm)
}

proptest! {
    /// Deny by default, in full: yes, no and ask are what a plain reading of events and rules gives.
    #[test]
    fn decides_as_a_plain_reading_of_the_ledger_does(ops in ops(), rules in rules()) {
        let world = with_rules(build(&ops), rules.clone());
        for (vm, resource, now) in questions(world.now) {
            let said = world.state.decide(&vm, &resource, now);
            let plain = decide(&world.events, &rules, &vm, &resource, now, 0);
            prop_assert_eq!(word(&said), plain, "{} {:?} {:?}: {:?}", vm, resource, now, said);
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_word(ops in ops()) {
        let kept = |op: &Op| {
            matches!(op, Op::Register { .. } | Op::Use { .. } | Op::Close { .. })
        };
        let silent: Vec<_> = ops.into_iter().filter(|(_, op)| kept(op)).collect();
        let world = build(&silent);
        for (vm, resource, now) in questions(world.now) {
            prop_assert!(is_own(&vm, &resource) || !is_yes(&world.state, &vm, &resource, now));
        }
    }

    #[test]
    fn a_grant_behind_a_yes_is_held_and_covers_it(ops in ops(), rules in rules()) {
        let world = with_rules(build(&ops), rules);
        for (vm, resource, now) in questions(world.now) {
            if let Decision::Allow { grant: Some(id), until, once } = world.state.decide(&vm, &resource, now) {
                let active = grants(&world.events, &vm, now);
                let grant = active.iter().find(|g| g.id == id).unwrap();
                prop_assert_eq!(grant.effect, Effect::Allow);
                let part = matches!((&grant.key, &resource), (Key::Zone(z), Resource::Network(c)) if *z == c.zone);
                let whole = grant.key == Key::All(resource.kind());
                prop_assert!(grant.key == resource.key() || part || whole);
                prop_assert_eq!(once, grant.lifetime == Lifetime::Once);
                prop_assert!(until.is_none_or(|end| now < end));
            }
        }
    }

    #[test]
    fn an_explicit_no_wins(ops in ops(), rules in rules(), at in select(resources()), whole in any::<bool>()) {
        let mut world = with_rules(build(&ops), rules);
        let id = vm("mail-view");
        let key = if whole { Key::All(at.kind()) } else { at.key() };
        let never = Grant {
            id: world.state.next_grant_id(),
            vm: id.clone(),
            key,
            effect: Effect::Deny,
            lifetime: Lifetime::Standing,
            author: Author::Person,
            at: world.now,
        };
        world.state.apply(world.now, &Event::Granted(never)).unwrap();
        for now in [world.now, world.now.plus(UNUSED), Millis(u64::MAX)] {
            prop_assert!(is_own(&id, &at) || matches!(world.state.decide(&id, &at, now), Decision::Deny(_)));
        }
    }

    #[test]
    fn an_admin_deny_can_not_be_overridden(ops in ops(), rules in rules(), rule in rules()) {
        let denies: Vec<Rule> = rule
            .into_iter()
            .map(|r| Rule { says: Says::Deny, origin: Origin::Admin, who: Who::Everyone, ..r })
            .collect();
        let all = rules.into_iter().chain(denies.clone()).collect();
        let world = with_rules(build(&ops), all);
        for (vm, resource, now) in questions(world.now) {
            if denies.iter().any(|r| covers(r, &resource)) && !is_own(&vm, &resource) {
                let said = world.state.decide(&vm, &resource, now);
                prop_assert!(matches!(said, Decision::Deny(_)), "{:?}", said);
                let grant = world.state.grant_for(&vm, &resource, Answer::ThisTime, now, now.plus(1));
                prop_assert_eq!(grant, None);
            }
        }
    }

    #[test]
    fn time_only_takes_away(ops in ops(), rules in rules(), later in 0..2 * UNUSED) {
        let world = with_rules(build(&ops), rules);
        for (vm, resource, now) in questions(world.now) {
            if is_yes(&world.state, &vm, &resource, now.plus(later)) {
                prop_assert!(is_yes(&world.state, &vm, &resource, now));
            }
        }
    }

    #[test]
    fn what_expired_is_told_and_taking_it_out_changes_nothing(ops in ops(), wait in 0..2 * UNUSED) {
        let world = build(&ops);
        let now = world.now.plus(wait);
        let mut cleared = world.state.clone();
        for grant in world.state.expired(now) {
            prop_assert!(world.state.next_expiry().unwrap() <= now);
            cleared.apply(now, &Event::Revoked { grant, by: Author::Policy }).unwrap();
        }
        prop_assert!(cleared.next_expiry().is_none_or(|end| end > now));
        for (vm, resource, _) in questions(now) {
            prop_assert_eq!(cleared.decide(&vm, &resource, now), world.state.decide(&vm, &resource, now));
        }
    }

    #[test]
    fn a_child_never_has_more_than_its_parent(ops in ops(), rules in rules()) {
        let world = with_rules(build(&ops), rules);
        for (id, resource, now) in questions(world.now) {
            let Some(parent) = world.state.vm(&id).and_then(|v| v.parent) else { continue };
            let theirs = word(&world.state.decide(parent, &resource, now));
            if word(&world.state.decide(&id, &resource, now)) != Word::No && !is_own(&id, &resource) {
                prop_assert_eq!(theirs, Word::Yes { once: false });
            }
        }
    }

    #[test]
    fn the_same_events_make_the_same_decisions(ops in ops(), rules in rules()) {
        let world = with_rules(build(&ops), rules.clone());
        let mut again = State::new();
        again.set_admin(AdminRules::new(rules).unwrap());
        for (at, event) in &world.events {
            // A repeated event says nothing new, or is refused; it never counts.
            again.apply(*at, event).unwrap();
            again.apply(*at, event).ok();
        }
        prop_assert_eq!(again.next_grant_id(), world.state.next_grant_id());
        prop_assert_eq!(again.next_expiry(), world.state.next_expiry());
        for (vm, resource, now) in questions(world.now) {
            let said = world.state.decide(&vm, &resource, now);
            prop_assert_eq!(&again.decide(&vm, &resource, now), &said);
            let explained = world.state.explain(&vm, &resource, now);
            prop_assert_eq!(&explained.decision, &said);
            let told = explained.because.to_string();
            prop_assert!(!told.is_empty() && (explained.because != Because::Rule(String::new())));
        }
    }

    #[test]
    fn a_compacted_ledger_adds_up_to_the_same(ops in ops(), rules in rules(), recent in 0..3 * UNUSED) {
        let mut world = with_rules(build(&ops), rules.clone());
        if let Some(reminder) = world.state.reminder() {
            world.state.apply(world.now, &reminder).unwrap();
            world.events.push((world.now, reminder));
        }
        let mut small = State::new();
        small.set_admin(AdminRules::new(rules).unwrap());
        let kept = |at: Millis, e: &Event| at.plus(recent) > world.now || world.state.needs(at, e);
        for (at, event) in world.events.iter().filter(|(at, e)| kept(*at, e)) {
            // What was about an earlier owner of the name may find nobody.
            small.apply(*at, event).ok();
        }
        prop_assert_eq!(small.next_grant_id(), world.state.next_grant_id());
        prop_assert_eq!(small.next_expiry(), world.state.next_expiry());
        for (vm, resource, now) in questions(world.now) {
            prop_assert_eq!(small.decide(&vm, &resource, now), world.state.decide(&vm, &resource, now));
        }
    }

    /// A yes gives what was asked for, to whom it was said, and no longer than it says; a no gives nothing.
    #[test]
    fn an_answer_means_what_it_says(ops in ops(), rules in rules(), pick in 0..8u8) {
        let world = with_rules(build(&ops), rules);
        let midnight = world.now.plus(5 * Millis::HOUR);
        let all = [
            Answer::NotNow, Answer::ThisTime, Answer::UntilClosed, Answer::Hour, Answer::Today, Answer::Always,
            Answer::Never, Answer::Pick(pick),
        ];
        for (vm, resource, now) in questions(world.now).into_iter().filter(|(_, _, t)| *t == world.now) {
            let asked = world.state.decide(&vm, &resource, now);
            for answer in all {
                let grant = world.state.grant_for(&vm, &resource, answer, now, midnight);
                let Decision::Ask { answers } = &asked else {
                    prop_assert!(grant.is_none() || asked == Decision::Deny(Refusal::Silenced));
                    continue;
                };
                let fits = match answer {
                    Answer::Pick(_) => matches!(resource, Resource::OpenUri { .. }),
                    other => answers.contains(&other),
                };
                prop_assert_eq!(grant.is_some(), fits || answer == Answer::Never);
                let Some(grant) = grant else { continue };
                let mut after = world.state.clone();
                after.apply(now, &Event::Granted(grant.clone())).unwrap();
                prop_assert_eq!(is_yes(&after, &vm, &resource, now), answer.is_yes());
                let end = match grant.lifetime {
                    Lifetime::Until(end) => end,
                    _ => now.plus(UNUSED),
                };
                let stays = matches!(grant.lifetime, Lifetime::Once | Lifetime::Run(_));
                prop_assert!(stays || !is_yes(&after, &vm, &resource, end));
                prop_assert!(end <= now.plus(UNUSED));
            }
        }
    }

    /// What was let through goes on only as long as nobody says no.
    #[test]
    fn what_holds_ends_with_a_no(ops in ops(), rules in rules()) {
        let mut world = with_rules(build(&ops), rules);
        for (vm, resource, now) in questions(world.now) {
            let said = world.state.decide(&vm, &resource, now);
            let yes = matches!(said, Decision::Allow { .. });
            prop_assert_eq!(world.state.holds(&vm, &resource, false, now), yes);
            prop_assert!(!yes || world.state.holds(&vm, &resource, true, now));
        }
        for id in VMS.map(vm) {
            for kind in cofferdam_policy::Kind::ALL {
                let off = Event::LevelSet { vm: id.clone(), kind, level: Level::Off, by: Author::Person };
                world.state.apply(world.now, &off).unwrap();
            }
        }
        for (vm, resource, now) in questions(world.now) {
            prop_assert!(is_own(&vm, &resource) || !world.state.holds(&vm, &resource, true, now));
        }
    }
}
