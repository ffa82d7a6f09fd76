// SPDX-License-Identifier: GPL-3.0-or-later
//! The same decision, made the slow and plain way. In: the events themselves and the list of rules, read
//! from start to end each time. Out: yes, no or ask. Shares no code with `State`.

use crate::world::VMS;
use cofferdam_ids::VmId;
use cofferdam_policy::{
    Author, Decision, Effect, Event, Glob, Grant, Host, Key, Kind, Level, Levels, Lifetime, Millis, Resource,
    Rule, Says, UNUSED, Who, Zone,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Yes { once: bool },
    No,
    Ask,
}

pub(crate) fn word(decision: &Decision) -> Word {
    match decision {
        Decision::Allow { once, .. } => Word::Yes { once: *once },
        Decision::Deny(_) => Word::No,
        Decision::Ask { .. } => Word::Ask,
    }
}

/// The grants of `vm` that speak at `now`.
pub(crate) fn grants(events: &[(Millis, Event)], vm: &VmId, now: Millis) -> Vec<Grant> {
    let mut held: Vec<(Grant, Millis)> = Vec::new();
    let mut card = None;
    let alive = |g: &Grant, used: Millis, at: Millis| match g.lifetime {
        Lifetime::Until(end) => at < end,
        Lifetime::Standing => g.effect == Effect::Deny || at.0 < used.0 + UNUSED,
        _ => true,
    };
    for (at, event) in events {
        match event {
            Event::Registered { vm: id, app, parent, run, .. } if id == vm => {
                if card.as_ref().is_some_and(|c| *c != (app, parent)) {
                    held.clear();
                }
                card = Some((app, parent));
                held.retain(|(g, _)| !matches!(g.lifetime, Lifetime::Run(r) if r != *run));
            }
            Event::Closed { vm: id, .. } if id == vm => {
                held.retain(|(g, _)| !matches!(g.lifetime, Lifetime::Run(_)));
            }
            Event::Granted(g) if g.vm == *vm && held.iter().all(|(old, _)| old.id != g.id) => {
                held.retain(|(old, _)| old.key != g.key);
                held.push((g.clone(), g.at));
            }
            Event::Revoked { grant, .. } => held.retain(|(g, _)| g.id != *grant),
            Event::Used { grant: Some(id), .. } => {
                held.retain(|(g, _)| g.id != *id || g.lifetime != Lifetime::Once);
                for (_, used) in held.iter_mut().filter(|(g, _)| g.id == *id) {
                    *used = *at;
                }
            }
            _ => {}
        }
    }
    let run = run_of(events, vm).0;
    let this_run = |g: &Grant| !matches!(g.lifetime, Lifetime::Run(r) if r != run);
    held.into_iter().filter(|(g, used)| this_run(g) && alive(g, *used, now)).map(|(g, _)| g).collect()
}

/// The last run of a VM and whether it goes on; its app and parent.
fn run_of<'a>(events: &'a [(Millis, Event)], vm: &VmId) -> (u64, bool, Option<(&'a str, Option<&'a VmId>)>) {
    let mut found = (0, false, None);
    for (_, event) in events {
        match event {
            Event::Registered { vm: id, app, parent, run, .. } if id == vm => {
                found = (*run, true, Some((app.as_str(), parent.as_ref())));
            }
            Event::Closed { vm: id, run } if id == vm && *run == found.0 => found.1 = false,
            _ => {}
        }
    }
    found
}

fn level(events: &[(Millis, Event)], vm: &VmId, kind: Kind) -> Option<Level> {
    let (mut found, mut card) = (None, None);
    for (_, event) in events {
        match event {
            Event::Registered { vm: id, app, parent, .. } if id == vm => {
                if card.as_ref().is_some_and(|c| *c != (app, parent)) {
                    found = None;
                }
                card = Some((app, parent));
            }
            Event::LevelSet { vm: id, kind: k, level, .. } if id == vm && *k == kind => found = Some(*level),
            _ => {}
        }
    }
    found
}

fn silenced(events: &[(Millis, Event)], vm: &VmId, kind: Kind) -> bool {
    let (mut found, mut card) = (false, None);
    for (_, event) in events {
        match event {
            Event::Registered { vm: id, app, parent, run, .. } if id == vm => {
                if card.as_ref().is_some_and(|c| *c != (app, parent, run)) {
                    found = false;
                }
                card = Some((app, parent, run));
            }
            Event::Silenced { vm: id, kind: k } if id == vm && *k == kind => found = true,
            _ => {}
        }
    }
    found
}

fn fits(glob: &Glob, name: &str) -> bool {
    match glob {
        Glob::Exact(exact) => name == exact,
        Glob::Prefix(start) => name.starts_with(start.as_str()),
    }
}

/// How closely a rule's subject names this VM: smaller is closer.
fn closeness(rule: &Rule, vm: &VmId, app: Option<&str>) -> Option<(u8, usize)> {
    let (rank, glob, name) = match &rule.who {
        Who::Everyone => return Some((9, 0)),
        Who::Vm(glob) => (0, glob, vm.as_str()),
        Who::App(glob) => (2, glob, app?),
    };
    fits(glob, name).then(|| match glob {
        Glob::Exact(_) => (rank, 0),
        Glob::Prefix(start) => (rank + 1, 100 - start.len()),
    })
}

pub(crate) fn covers(rule: &Rule, resource: &Resource) -> bool {
    let narrow = rule.host.is_some() || rule.zone.is_some();
    if let Some(kind) = rule.kind.or(narrow.then_some(Kind::Network))
        && kind != resource.kind()
    {
        return false;
    }
    let Resource::Network(contact) = resource else { return !narrow };
    let zone = match (rule.zone, rule.says) {
        (Some(zone), _) => zone == contact.zone,
        (None, Says::Allow) => contact.zone == Zone::Internet,
        (None, _) => true,
    };
    let host = match (&rule.host, &contact.host) {
        (None, _) => true,
        (Some(Host::Name(suffix)), Host::Name(name)) => {
            name == suffix || name.ends_with(&format!(".{suffix}"))
        }
        (Some(rule), asked) => rule == asked,
    };
    zone && host
}

fn malformed(resource: &Resource) -> bool {
    match resource {
        Resource::OpenUri { scheme } => scheme != "https",
        Resource::Plain(kind) => {
            Levels::of(*kind).len() > 1 && !matches!(kind, Kind::Notifications | Kind::IdleInhibit)
        }
        _ => false,
    }
}

const ORDER: [Level; 5] = [Level::Off, Level::Listed, Level::Ask, Level::Internet, Level::All];

fn rank(level: Level) -> Option<usize> {
    ORDER.iter().position(|o| *o == level)
}

/// The most open level that the kind has and that is not more open than `most`.
fn fit(kind: Kind, most: Level) -> Level {
    let mut below = ORDER.iter().rev().copied().filter(|o| rank(*o) <= rank(most));
    below.find(|o| Levels::of(kind).contains(o)).unwrap_or(Level::Off)
}

pub(crate) fn decide(
    events: &[(Millis, Event)],
    rules: &[Rule],
    vm: &VmId,
    resource: &Resource,
    now: Millis,
    depth: usize,
) -> Word {
    let (_, running, card) = run_of(events, vm);
    let Some((app, parent)) = card.filter(|_| running) else { return Word::No };
    if let Resource::Clipboard { from, .. } | Resource::DragAndDrop { from, .. } = resource
        && from == vm
    {
        return Word::Yes { once: false };
    }
    let mine = alone(events, rules, vm, app, resource, now);
    match parent {
        _ if mine == Word::No => Word::No,
        None => mine,
        Some(_) if depth > VMS.len() + 8 => Word::No,
        Some(parent) => match decide(events, rules, parent, resource, now, depth + 1) {
            Word::Yes { once: false } => mine,
            _ => Word::No,
        },
    }
}

fn alone(
    events: &[(Millis, Event)],
    rules: &[Rule],
    vm: &VmId,
    app: &str,
    resource: &Resource,
    now: Millis,
) -> Word {
    let kind = resource.kind();
    let mut about: Vec<&Rule> = rules.iter().filter(|r| closeness(r, vm, Some(app)).is_some()).collect();
    let said = |says| about.iter().any(|r| r.says == says && covers(r, resource));
    let held = grants(events, vm, now);
    let zone = match resource {
        Resource::Network(contact) => Some(contact.zone),
        _ => None,
    };
    let wide = |key: &Key| *key == Key::All(kind) || zone.is_some_and(|zone| *key == Key::Zone(zone));
    let speaks = |key: &Key| *key == resource.key() || wide(key);
    let same_address = |key: &Key| match (key, resource) {
        (Key::Site { host, .. }, Resource::Network(contact)) => {
            matches!(host, Host::Addr(_)) && *host == contact.host
        }
        _ => false,
    };
    let deny = held.iter().any(|g| g.effect == Effect::Deny && (speaks(&g.key) || same_address(&g.key)));
    if malformed(resource) || said(Says::Deny) || deny {
        return Word::No;
    }
    let allowed_by_rule = said(Says::Allow);
    about.sort_by_key(|r| (closeness(r, vm, Some(app)), r.origin == cofferdam_policy::Origin::Admin));
    let first = about.iter().find_map(|r| match r.says {
        Says::Initially(l) if covers(r, resource) => Some(fit(kind, l)),
        _ => None,
    });
    let mut holds = level(events, vm, kind).or(first).unwrap_or(Levels::initial(kind));
    for rule in about.iter().filter(|r| covers(r, resource)) {
        match rule.says {
            Says::AtMost(most) if rank(holds) > rank(most) => holds = fit(kind, most),
            _ => {}
        }
    }
    let part = held.iter().find(|g| zone.is_some_and(|zone| g.key == Key::Zone(zone)));
    let open = zone.is_none_or(|zone| zone == Zone::Internet);
    let whole = held.iter().find(|g| open && g.key == Key::All(kind));
    let exact = held.iter().find(|g| g.key == resource.key());
    let internet = zone == Some(Zone::Internet);
    let named = matches!(resource, Resource::Network(c) if matches!(c.host, Host::Name(_)));
    match (holds, exact.or(part).or(whole)) {
        (Level::Off, _) => Word::No,
        (_, Some(g)) => Word::Yes { once: g.lifetime == Lifetime::Once },
        _ if allowed_by_rule || holds == Level::All => Word::Yes { once: false },
        (Level::Internet, _) if internet && named => Word::Yes { once: false },
        (Level::Internet, _) if !internet => Word::No,
        (Level::Ask | Level::Internet, _) if !silenced(events, vm, kind) => Word::Ask,
        _ => Word::No,
    }
}

/// Whether the ledger still backs something that runs under a grant: it was given, nobody took it back, it
/// is in time, and the level is not off. A use that used it up does not take it back.
pub(crate) fn backs(events: &[(Millis, Event)], grant: u64, now: Millis) -> bool {
    let Some(given) = events.iter().find_map(|(_, e)| match e {
        Event::Granted(g) if g.id.0 == grant => Some(g),
        _ => None,
    }) else {
        return false;
    };
    let in_time = !matches!(given.lifetime, Lifetime::Until(end) if now >= end);
    let taken = events.iter().any(|(_, e)| match e {
        Event::Revoked { grant: id, by } => {
            id.0 == grant && !(*by == Author::Policy && given.lifetime == Lifetime::Once)
        }
        _ => false,
    });
    let off = level(events, &given.vm, given.key.kind()) == Some(Level::Off);
    in_time && !taken && !off && given.effect == Effect::Allow
}
