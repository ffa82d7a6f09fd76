// SPDX-License-Identifier: GPL-3.0-or-later
//! Small worlds. In: random operations. Out: the events that policy accepted, the state they add up to, and
//! every question that can be asked in such a world.

use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_policy::{
    AdminRules, Author, Contact, Content, Effect, Event, FileAccess, FileKind, Glob, Grant, GrantId, Host,
    Key, Kind, Level, Levels, Lifetime, Millis, Origin, Resource, Rule, Says, State, Transport, UNUSED,
    Usage, Who, Zone,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const VMS: [&str; 4] = ["mail", "mail-view", "mail-view-2", "web"];
const APPS: [&str; 3] = ["mail", "viewer", "web"];
const HOSTS: [&str; 5] = ["example.org", "imap.example.org", "a.b.example.net", "192.0.2.7", "printer"];
pub(crate) const ZONES: [Zone; 4] = [Zone::Internet, Zone::Local, Zone::Host, Zone::Vm];

pub(crate) fn vm(name: &str) -> VmId {
    name.parse().unwrap()
}

pub(crate) fn site(host: &str, zone: Zone) -> Resource {
    let host = Host::parse(host).unwrap();
    Resource::Network(Contact { host, zone, transport: Transport::Tcp, port: 443 })
}

pub(crate) fn resources() -> Vec<Resource> {
    let mut all: Vec<Resource> = HOSTS.iter().flat_map(|h| ZONES.map(|z| site(h, z))).collect();
    for from in VMS {
        all.push(Resource::Clipboard { from: vm(from), content: Content::Text });
    }
    all.push(Resource::DragAndDrop { from: vm("web"), content: Content::Files });
    all.push(Resource::Files { kind: FileKind::File, access: FileAccess::Read });
    for scheme in ["https", "", "no such scheme"] {
        all.push(Resource::OpenUri { scheme: scheme.into() });
    }
    all.extend(Kind::ALL.map(Resource::Plain));
    all
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Register { vm: VmId, app: &'static str, parent: Option<VmId>, newer: bool },
    Close { vm: VmId },
    Grant { vm: VmId, key: Key, effect: Effect, lifetime: Lifetime },
    Revoke { back: u64, by: Author },
    Level { vm: VmId, kind: Kind, level: Level },
    Use { vm: VmId, resource: Resource, back: Option<u64> },
    Silence { vm: VmId, kind: Kind },
}

fn any_vm() -> impl Strategy<Value = VmId> {
    select(VMS.to_vec()).prop_map(vm)
}

fn any_resource() -> impl Strategy<Value = Resource> {
    select(resources())
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => any_resource().prop_map(|r| r.key()),
        2 => select(Kind::ALL.to_vec()).prop_map(Key::All),
        1 => select(ZONES.to_vec()).prop_map(Key::Zone),
    ]
}

fn any_lifetime() -> impl Strategy<Value = Lifetime> {
    prop_oneof![
        Just(Lifetime::Once),
        (0..4u64).prop_map(Lifetime::Run),
        (0..3 * Millis::HOUR).prop_map(|t| Lifetime::Until(Millis(t))),
        Just(Lifetime::Standing),
    ]
}

fn any_level() -> impl Strategy<Value = (Kind, Level)> {
    select(Kind::ALL.to_vec()).prop_flat_map(|kind| (Just(kind), select(Levels::of(kind))))
}

fn any_op() -> impl Strategy<Value = Op> {
    let parent = prop_oneof![2 => Just(None), 1 => any_vm().prop_map(Some)];
    let effect = prop_oneof![3 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    let by = select(vec![Author::Person, Author::Policy]);
    prop_oneof![
        3 => (any_vm(), select(APPS.to_vec()), parent, any::<bool>())
            .prop_map(|(vm, app, parent, newer)| Op::Register { vm, app, parent, newer }),
        1 => any_vm().prop_map(|vm| Op::Close { vm }),
        6 => (any_vm(), any_key(), effect, any_lifetime())
            .prop_map(|(vm, key, effect, lifetime)| Op::Grant { vm, key, effect, lifetime }),
        2 => (0..6u64, by).prop_map(|(back, by)| Op::Revoke { back, by }),
        3 => (any_vm(), any_level()).prop_map(|(vm, (kind, level))| Op::Level { vm, kind, level }),
        2 => (any_vm(), any_resource(), proptest::option::of(0..6u64))
            .prop_map(|(vm, resource, back)| Op::Use { vm, resource, back }),
        1 => (any_vm(), select(Kind::ALL.to_vec())).prop_map(|(vm, kind)| Op::Silence { vm, kind }),
    ]
}

pub(crate) fn ops() -> impl Strategy<Value = Vec<(u64, Op)>> {
    let pause =
        prop_oneof![4 => 0..Millis::HOUR, 1 => select(vec![UNUSED / 2, UNUSED - 1, UNUSED, UNUSED + 1])];
    // Every world starts with a parent, a child and a grandchild that run.
    let family =
        [("mail", None), ("mail-view", Some("mail")), ("mail-view-2", Some("mail-view")), ("web", None)];
    let start = family.map(|(id, parent)| {
        (0, Op::Register { vm: vm(id), app: "mail", parent: parent.map(vm), newer: true })
    });
    vec((pause, any_op()), 0..40).prop_map(move |rest| start.iter().cloned().chain(rest).collect())
}

/// What happened, and what it adds up to.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) events: Vec<(Millis, Event)>,
    pub(crate) now: Millis,
}

pub(crate) fn registered(id: &VmId, app: &str, parent: Option<&VmId>, run: u64) -> Event {
    Event::Registered {
        vm: id.clone(),
        app: app.parse().unwrap(),
        name: Label::new(id.as_str()),
        identity: Identity::Green,
        parent: parent.cloned(),
        run,
    }
}

pub(crate) fn build(ops: &[(u64, Op)]) -> World {
    let mut world = World { state: State::new(), events: Vec::new(), now: Millis(0) };
    for (pause, op) in ops {
        world.now = world.now.plus(*pause);
        let event = event(&world, op);
        if world.state.apply(world.now, &event).is_ok() {
            world.events.push((world.now, event));
        }
    }
    world
}

fn event(world: &World, op: &Op) -> Event {
    let next = world.state.next_grant_id();
    let earlier = |back: u64| GrantId(next.0.saturating_sub(1 + back));
    let run = |id: &VmId| world.state.vm(id).map_or(0, |v| v.run);
    match op.clone() {
        Op::Register { vm, app, parent, newer } => {
            registered(&vm, app, parent.as_ref(), run(&vm) + u64::from(newer))
        }
        Op::Close { vm } => Event::Closed { run: run(&vm), vm },
        Op::Grant { vm, key, effect, lifetime } => {
            let lifetime = match lifetime {
                Lifetime::Until(t) => Lifetime::Until(world.now.plus(t.0)),
                other => other,
            };
            Event::Granted(Grant {
                id: next,
                vm,
                key,
                effect,
                lifetime,
                author: Author::Person,
                at: world.now,
            })
        }
        Op::Revoke { back, by } => Event::Revoked { grant: earlier(back), by },
        Op::Level { vm, kind, level } => Event::LevelSet { vm, kind, level, by: Author::Person },
        Op::Use { vm, resource, back } => {
            let usage = Usage { times: 1, ..Usage::default() };
            Event::Used { vm, resource, grant: back.map(earlier), usage }
        }
        Op::Silence { vm, kind } => Event::Silenced { vm, kind },
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let who = prop_oneof![
        Just(Who::Everyone),
        select(vec!["mail", "m*", "*", "viewer"]).prop_map(|g| Who::App(g.parse::<Glob>().unwrap())),
        select(vec!["mail-view", "mail-view*", "web"]).prop_map(|g| Who::Vm(g.parse::<Glob>().unwrap())),
    ];
    let what = prop_oneof![
        (proptest::option::of(select(HOSTS.to_vec())), proptest::option::of(select(ZONES.to_vec())))
            .prop_map(|(h, z)| (Some(Kind::Network), h.map(|h| Host::parse(h).unwrap()), z)),
        Just((Some(Kind::Network), Some(Host::parse("org").unwrap()), None)),
        select(Kind::ALL.to_vec()).prop_map(|k| (Some(k), None, None)),
        Just((None, None, None)),
    ];
    let level = || select(vec![Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All]);
    let says = prop_oneof![
        Just(Says::Deny),
        Just(Says::Allow),
        level().prop_map(Says::AtMost),
        level().prop_map(Says::Initially),
    ];
    (who, what, says, any::<bool>()).prop_map(|(who, (kind, host, zone), says, admin)| Rule {
        name: "test".into(),
        origin: if admin { Origin::Admin } else { Origin::Person },
        who,
        kind,
        host,
        zone,
        says,
    })
}

/// Rules that make sense.
pub(crate) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    vec(any_rule(), 0..6)
        .prop_map(|all| all.into_iter().filter(|r| AdminRules::new(vec![r.clone()]).is_ok()).collect())
}
