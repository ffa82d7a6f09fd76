// SPDX-License-Identifier: GPL-3.0-or-later
//! The gate against a model of a monitor, in all orders.
//!
//! In: sequences of packets, answers, cuts, levels and losses. Out: invariants after every step, and named
//! replays of what went wrong elsewhere.

use super::*;
use proptest::prelude::*;

const T0: Duration = Duration::ZERO;

fn key(port: u16, remote: IpAddr) -> FlowKey {
    let guest = SocketAddr::new(plan::GUEST4.into(), port);
    FlowKey { transport: Transport::Tcp, guest, remote: SocketAddr::new(remote, 443) }
}

fn ticket(id: u64) -> Ticket {
    Ticket { id, grant: None, until: None, once: false }
}

fn gate() -> Gate {
    let mut gate = Gate::new(Vec::new());
    gate.set_level(Level::Ask);
    assert_eq!(gate.poll_effect(), Some(Effect::Link(true)));
    gate
}

fn effects(gate: &mut Gate) -> Vec<Effect> {
    assert_eq!(gate.check(), Ok(()));
    std::iter::from_fn(|| gate.poll_effect()).collect()
}

/// Opens a flow to a name; its number and its question's.
fn open(gate: &mut Gate, port: u16, name: &str) -> (FlowId, u32) {
    let addr = gate.names.bind(name).v4;
    let Opened::New(id) = gate.open(key(port, addr.into()), Host::Name(name.into()), false, T0) else {
        panic!("not opened")
    };
    let serial = match effects(gate).as_slice() {
        [Effect::Ask { serial, .. }] => *serial,
        [] => *gate.by_resource.values().next().unwrap(),
        other => panic!("{other:?}"),
    };
    (id, serial)
}

fn internet() -> Vec<(IpAddr, bool)> {
    vec![("93.184.216.34".parse().unwrap(), false)]
}

/// Opens, allows and connects a flow.
fn live(gate: &mut Gate, port: u16, name: &str, id: u64) -> FlowId {
    let (flow, serial) = open(gate, port, name);
    gate.decided(serial, Ok(ticket(id)), T0);
    gate.resolved(flow, &internet());
    gate.connected(flow);
    effects(gate);
    flow
}

#[test]
fn nothing_leaves_before_the_yes() {
    let mut gate = gate();
    let (flow, serial) = open(&mut gate, 1, "a.example");
    gate.resolved(flow, &internet());
    gate.connected(flow);
    assert_eq!(effects(&mut gate), [], "neither a lookup nor a connection was asked for");
    gate.decided(serial, Ok(ticket(1)), T0);
    assert_eq!(effects(&mut gate), [Effect::Resolve { flow, name: "a.example".into() }]);
    gate.resolved(flow, &internet());
    let to = vec!["93.184.216.34:443".parse().unwrap()];
    assert_eq!(effects(&mut gate), [Effect::Connect { flow, to }]);
}

#[test]
fn revoked_rule_but_live_flow_goes_on() {
    let mut gate = gate();
    let flows = [live(&mut gate, 1, "a.example", 7), live(&mut gate, 2, "a.example", 7)];
    let other = live(&mut gate, 3, "b.example", 8);
    effects(&mut gate);
    gate.used(flows[0], 100, 20, T0);
    gate.cut(7);
    let done = effects(&mut gate);
    assert_eq!(done.last(), Some(&Effect::CutDone { ticket: 7 }));
    for flow in flows {
        assert!(done.contains(&Effect::End { flow, how: End::Reset }));
    }
    let used = |e: &Effect| matches!(e, Effect::Used(line) if line.ticket == 7 && line.usage.bytes_in == 100);
    assert!(done.iter().any(used), "what was used before the cut is told before it is done");
    assert!(gate.host(other).is_some(), "another ticket's flow lives on");
    gate.cut(7);
    assert_eq!(effects(&mut gate), [Effect::CutDone { ticket: 7 }], "an unknown ticket is cut already");
}

#[test]
fn a_cut_reaches_a_flow_at_every_stage() {
    for stage in 0..3 {
        let mut gate = gate();
        let (flow, serial) = open(&mut gate, 1, "a.example");
        gate.decided(serial, Ok(ticket(1)), T0);
        if stage > 0 {
            gate.resolved(flow, &internet());
        }
        if stage > 1 {
            gate.connected(flow);
        }
        effects(&mut gate);
        gate.cut(1);
        assert!(effects(&mut gate).contains(&Effect::End { flow, how: End::Reset }));
        gate.resolved(flow, &internet());
        gate.connected(flow);
        assert_eq!(effects(&mut gate), [], "stage {stage}: late results revive nothing");
    }
}

#[test]
fn rebinding_needs_the_grant_of_the_place() {
    for (addr, own, zone) in [
        ("192.168.1.1", false, Zone::Local),
        ("127.0.0.1", false, Zone::Host),
        ("::1", false, Zone::Host),
        ("93.184.216.34", true, Zone::Host),
        ("10.0.2.16", false, Zone::Vm),
    ] {
        let mut gate = gate();
        let (flow, serial) = open(&mut gate, 1, "evil.example");
        gate.decided(serial, Ok(ticket(1)), T0);
        effects(&mut gate);
        gate.resolved(flow, &[(addr.parse().unwrap(), own)]);
        let asked = effects(&mut gate);
        let [Effect::Ask { serial, resource: Resource::Network(contact) }] = asked.as_slice() else {
            panic!("{addr}: {asked:?}")
        };
        assert_eq!((contact.zone, &contact.host), (zone, &Host::Name("evil.example".into())));
        gate.decided(*serial, Ok(ticket(2)), T0);
        assert!(matches!(effects(&mut gate).as_slice(), [Effect::Connect { .. }]));
        // It now hangs on both grants.
        gate.cut(1);
        assert!(effects(&mut gate).contains(&Effect::End { flow, how: End::Reset }));
    }
}

#[test]
fn a_mixed_answer_leads_to_the_internet_only() {
    let mut gate = gate();
    let (flow, serial) = open(&mut gate, 1, "a.example");
    gate.decided(serial, Ok(ticket(1)), T0);
    effects(&mut gate);
    let local = ("192.168.1.1".parse().unwrap(), false);
    gate.resolved(flow, &[vec![local], internet()].concat());
    let to = vec!["93.184.216.34:443".parse().unwrap()];
    assert_eq!(effects(&mut gate), [Effect::Connect { flow, to }]);
}

#[test]
fn this_time_is_one_connection() {
    let mut gate = gate();
    let (first, serial) = open(&mut gate, 1, "a.example");
    let (_, same) = open(&mut gate, 2, "a.example");
    assert_eq!(serial, same, "one question for both");
    gate.decided(serial, Ok(Ticket { once: true, ..ticket(1) }), T0);
    let done = effects(&mut gate);
    assert!(
        matches!(done.as_slice(),
        [Effect::Resolve { flow, .. }, Effect::Ask { .. }] if *flow == first),
        "{done:?}"
    );
}

#[test]
fn a_denied_connection_does_not_ask_again_by_retrying() {
    let mut gate = gate();
    let (flow, serial) = open(&mut gate, 1, "a.example");
    gate.decided(serial, Err(Refusal::Answered), T0);
    assert_eq!(effects(&mut gate), [Effect::End { flow, how: End::Silent }]);
    let addr = gate.names.bind("a.example").v4;
    let host = Host::Name("a.example".into());
    for n in 0..5 {
        let now = Duration::from_secs(n * 60);
        gate.expire(now);
        assert_eq!(gate.open(key(1, addr.into()), host.clone(), false, now), Opened::Swallowed);
    }
    assert!(!effects(&mut gate).iter().any(|effect| matches!(effect, Effect::Ask { .. })));
    // Another connection is another question; so is the same one after the level was changed.
    assert!(matches!(gate.open(key(2, addr.into()), host.clone(), false, T0), Opened::New(_)));
    gate.set_level(Level::Internet);
    assert!(matches!(gate.open(key(1, addr.into()), host, false, T0), Opened::New(_)));
}

#[test]
fn a_flood_is_bounded_and_forgotten() {
    let mut gate = gate();
    let mut floods = 0;
    for n in 0..10_000_u32 {
        let addr = IpAddr::from((0x0800_0000_u32 + n).to_be_bytes());
        let port = u16::try_from(n % 60_000 + 1).unwrap();
        let opened = gate.open(key(port, addr), Host::Addr(addr), false, T0);
        floods += u32::from(opened == Opened::Flood);
    }
    assert_eq!(gate.flows(), ASKS);
    assert_eq!(floods, 10_000 - u32::try_from(ASKS).unwrap());
    effects(&mut gate);
    gate.expire(PATIENCE);
    let done = effects(&mut gate);
    assert_eq!(done.iter().filter(|e| matches!(e, Effect::Forget { .. })).count(), ASKS);
    assert_eq!((gate.flows(), gate.poll_timeout()), (0, None), "an idle gate has no timer");
}

#[test]
fn without_a_monitor_everything_ends_and_nothing_begins() {
    let mut gate = gate();
    let flow = live(&mut gate, 1, "a.example", 1);
    open(&mut gate, 2, "b.example");
    gate.monitor_lost();
    let done = effects(&mut gate);
    assert!(done.contains(&Effect::End { flow, how: End::Reset }));
    assert_eq!(done.last(), Some(&Effect::Link(false)));
    let addr = gate.names.bind("a.example").v4;
    let opened = gate.open(key(3, addr.into()), Host::Name("a.example".into()), false, T0);
    assert_eq!(opened, Opened::Swallowed);
    gate.set_level(Level::Off);
    assert_eq!(effects(&mut gate), []);
}

#[test]
fn use_is_reported_in_batches() {
    let mut gate = gate();
    let flow = live(&mut gate, 1, "a.example", 1);
    for _ in 0..100 {
        gate.used(flow, 10, 1, T0);
    }
    let due = gate.poll_timeout().unwrap();
    gate.expire(due);
    let done = effects(&mut gate);
    let [Effect::Used(line)] = done.as_slice() else { panic!("{done:?}") };
    let expected = Usage { times: 1, bytes_in: 1000, bytes_out: 100, millis: 0 };
    assert_eq!((line.ticket, line.usage), (1, expected));
    // What was set up for the time before the connection stood may come due once.
    let last = gate.poll_timeout().unwrap_or(T0);
    gate.expire(last);
    assert_eq!(effects(&mut gate), []);
    assert_eq!(gate.poll_timeout(), None, "a connection that is open and quiet wakes nobody");
}

#[test]
fn places() {
    let mut gate = gate();
    let site = gate.names.bind("a.example").v6;
    for (to, expected) in [
        ("10.0.2.3:53", Place::Dns),
        ("8.8.8.8:53", Place::Dns),
        ("10.0.2.2:80", Place::Gateway),
        ("[fd00:cffe::2]:80", Place::Gateway),
        ("8.8.8.8:443", Place::Resolver(Host::Addr("8.8.8.8".parse().unwrap()))),
        ("93.184.216.34:853", Place::Resolver(Host::Addr("93.184.216.34".parse().unwrap()))),
        ("93.184.216.34:80", Place::Site(Host::Addr("93.184.216.34".parse().unwrap()))),
        ("[::ffff:93.184.216.34]:80", Place::Site(Host::Addr("93.184.216.34".parse().unwrap()))),
        ("198.18.200.200:80", Place::Nowhere),
        ("224.0.0.251:5353", Place::Nowhere),
        ("255.255.255.255:67", Place::Nowhere),
        ("10.0.2.255:137", Place::Nowhere),
    ] {
        assert_eq!(gate.place(Transport::Udp, to.parse().unwrap()), expected, "{to}");
    }
    let to = SocketAddr::new(site.into(), 853);
    assert_eq!(gate.place(Transport::Tcp, to), Place::Resolver(Host::Name("a.example".into())));
}

fn said(gate: &mut Gate) -> Vec<bool> {
    let online = |e: &Effect| if let Effect::Online(on) = e { Some(*on) } else { None };
    effects(gate).iter().filter_map(online).collect()
}

#[test]
fn online_is_said_when_it_changes_and_not_before_it_is_true() {
    let at = Duration::from_millis;
    let mut gate = gate();
    let (first, serial) = open(&mut gate, 1, "a.example");
    gate.decided(serial, Ok(ticket(1)), T0);
    gate.resolved(first, &internet());
    assert!(said(&mut gate).is_empty(), "not while it only tries");
    gate.connected(first);
    assert_eq!(said(&mut gate), [true], "at once");
    let second = live(&mut gate, 2, "a.example", 1);
    gate.ended(first);
    gate.expire(at(60_000));
    assert!(said(&mut gate).is_empty(), "one is left, however long");
    gate.ended(second);
    gate.expire(at(60_999));
    assert_eq!((said(&mut gate), gate.poll_timeout()), (vec![], Some(at(61_000))));
    let third = live(&mut gate, 3, "a.example", 1);
    gate.expire(at(62_000));
    assert!(said(&mut gate).is_empty(), "another one came within the pause");
    gate.ended(third);
    gate.expire(at(63_000));
    assert_eq!(said(&mut gate), [false]);
    gate.expire(at(900_000));
    assert!(said(&mut gate).is_empty(), "nothing more, whatever time passes");
}

#[test]
fn datagrams_count_while_they_come() {
    let at = Duration::from_secs;
    let mut gate = gate();
    let addr = gate.names.bind("a.example").v4;
    let key = FlowKey { transport: Transport::Udp, ..key(1, addr.into()) };
    let Opened::New(flow) = gate.open(key, Host::Name("a.example".into()), false, T0) else { panic!() };
    let [Effect::Ask { serial, .. }] = effects(&mut gate)[..] else { panic!() };
    gate.decided(serial, Ok(ticket(1)), T0);
    gate.resolved(flow, &internet());
    gate.connected(flow);
    assert_eq!(said(&mut gate), [true]);
    gate.touch(flow, at(10));
    gate.expire(at(16));
    gate.expire(at(24));
    assert!(said(&mut gate).is_empty());
    gate.expire(at(25));
    gate.expire(at(26));
    assert_eq!(said(&mut gate), [false], "quiet, but not forgotten");
    assert!(gate.host(flow).is_some());
    gate.touch(flow, at(30));
    assert_eq!(said(&mut gate), [true]);
    for now in [45, 46, 149] {
        gate.expire(at(now));
    }
    assert_eq!((said(&mut gate), gate.host(flow).is_some()), (vec![false], true));
    gate.expire(at(150));
    assert_eq!(gate.host(flow), None);
}

#[test]
fn the_next_monitor_is_told_anew() {
    let mut gate = gate();
    live(&mut gate, 1, "a.example", 1);
    gate.monitor_lost();
    gate.expire(Duration::from_secs(9));
    assert!(said(&mut gate).is_empty(), "there is nobody to tell");
    gate.set_level(Level::Ask);
    effects(&mut gate);
    let (flow, serial) = open(&mut gate, 1, "a.example");
    gate.decided(serial, Ok(ticket(1)), T0);
    gate.resolved(flow, &internet());
    gate.connected(flow);
    assert_eq!(said(&mut gate), [true]);
}

#[test]
fn a_neighbour_with_a_public_address_is_at_home() {
    let nets = || ["2001:db8:1:2::9/64", "203.0.113.9/24"].iter().filter_map(|n| Range::parse(n)).collect();
    for (addr, own, zone) in [
        ("2001:db8:1:2::1", false, Zone::Local),
        ("203.0.113.1", false, Zone::Local),
        ("::ffff:203.0.113.1", false, Zone::Local),
        ("203.0.113.9", true, Zone::Host),
        ("192.168.1.1", false, Zone::Local),
    ] {
        let mut gate = gate();
        gate.set_nets(nets());
        let addr = addr.parse().unwrap();
        let (flow, serial) = open(&mut gate, 1, "evil.example");
        gate.decided(serial, Ok(ticket(1)), T0);
        effects(&mut gate);
        gate.resolved(flow, &[(addr, own)]);
        // And as a literal address.
        gate.open(key(2, addr), Host::Addr(addr.to_canonical()), own, T0);
        let asked = effects(&mut gate);
        let zones: Vec<_> = asked
            .iter()
            .map(|effect| match effect {
                Effect::Ask { resource: Resource::Network(contact), .. } => contact.zone,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(zones, [zone; 2], "{addr}");
    }
    let mut gate = gate();
    gate.set_nets(nets());
    let (flow, serial) = open(&mut gate, 1, "a.example");
    gate.decided(serial, Ok(ticket(1)), T0);
    effects(&mut gate);
    gate.resolved(flow, &[("2001:db8:1:3::1".parse().unwrap(), false)]);
    assert!(matches!(effects(&mut gate)[..], [Effect::Connect { .. }]), "the next network is the internet");
}

#[test]
fn flows_without_a_far_end_are_bounded_too() {
    let mut gate = gate();
    for n in 0..5000_u32 {
        let addr = IpAddr::from((0x0800_0000_u32 + n).to_be_bytes());
        let port = u16::try_from(n + 1).unwrap();
        if let Opened::New(_) = gate.open(key(port, addr), Host::Addr(addr), false, T0) {
            let [Effect::Ask { serial, .. }] = effects(&mut gate)[..] else { panic!() };
            gate.decided(serial, Ok(ticket(1)), T0);
            assert!(matches!(effects(&mut gate)[..], [Effect::Connect { .. }]));
        }
    }
    assert_eq!(gate.flows(), HELD);
    gate.cut(1);
    effects(&mut gate);
    live(&mut gate, 1, "a.example", 2);
}

#[test]
fn refusals_are_told_in_rations() {
    let mut gate = gate();
    let told = |gate: &mut Gate| {
        effects(gate).iter().filter(|effect| matches!(effect, Effect::Refused { .. })).count()
    };
    let refuse = |gate: &mut Gate, now| {
        gate.refused(Host::Name("dns.google".into()), Transport::Udp, 53, Refusal::Mismatch, now);
    };
    for _ in 0..10_000 {
        refuse(&mut gate, T0);
    }
    assert_eq!(told(&mut gate), 16);
    refuse(&mut gate, Duration::from_secs(1));
    assert_eq!(told(&mut gate), 1);
    let flow = live(&mut gate, 1, "a.example", 1);
    gate.refuse(flow, Refusal::Mismatch);
    let done = effects(&mut gate);
    assert_eq!(done, [Effect::End { flow, how: End::Reset }], "what is not told is refused all the same");
    refuse(&mut gate, Duration::from_secs(2));
    assert_eq!(told(&mut gate), 1);
}

#[test]
fn a_yes_that_lasts_is_for_what_was_denied_before_too() {
    let mut gate = gate();
    let datagrams = |gate: &mut Gate, port, name: &str| {
        let addr = gate.names.bind(name).v4;
        let key = FlowKey { transport: Transport::Udp, ..key(port, addr.into()) };
        gate.open(key, Host::Name(name.into()), false, T0)
    };
    for (port, name) in [(1, "a.example"), (2, "b.example")] {
        assert!(matches!(datagrams(&mut gate, port, name), Opened::New(_)));
        let [Effect::Ask { serial, .. }] = effects(&mut gate)[..] else { panic!() };
        gate.decided(serial, Err(Refusal::Answered), T0);
        assert_eq!(datagrams(&mut gate, port, name), Opened::Swallowed);
        effects(&mut gate);
    }
    let (_, serial) = open(&mut gate, 3, "a.example");
    gate.decided(serial, Ok(ticket(1)), T0);
    effects(&mut gate);
    assert!(matches!(datagrams(&mut gate, 1, "a.example"), Opened::New(_)), "it may ask");
    assert_eq!(datagrams(&mut gate, 2, "b.example"), Opened::Swallowed, "this one was not meant");
}

#[derive(Debug, Clone)]
enum Op {
    Open { port: u16, site: u8, literal: bool },
    Decide { nth: usize, yes: bool, ticket: u64, once: bool },
    Resolve { nth: usize, kind: u8, alias: bool },
    Checked { nth: usize, yes: bool },
    Connected { nth: usize },
    Ended { nth: usize },
    Used { nth: usize },
    Cut { ticket: u64 },
    Level(Level),
    Lost,
    Later(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let level =
        prop::sample::select(vec![Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All]);
    prop_oneof![
        6 => (0_u16..30, 0_u8..6, any::<bool>()).prop_map(|(port, site, literal)| Op::Open { port, site, literal }),
        6 => (any::<usize>(), any::<bool>(), 0_u64..8, any::<bool>())
            .prop_map(|(nth, yes, ticket, once)| Op::Decide { nth, yes, ticket, once }),
        4 => (any::<usize>(), 0_u8..4, any::<bool>())
            .prop_map(|(nth, kind, alias)| Op::Resolve { nth, kind, alias }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(nth, yes)| Op::Checked { nth, yes }),
        3 => any::<usize>().prop_map(|nth| Op::Connected { nth }),
        2 => any::<usize>().prop_map(|nth| Op::Ended { nth }),
        2 => any::<usize>().prop_map(|nth| Op::Used { nth }),
        3 => (0_u64..8).prop_map(|ticket| Op::Cut { ticket }),
        1 => level.prop_map(Op::Level),
        1 => Just(Op::Lost),
        2 => (0_u64..100).prop_map(Op::Later),
    ]
}

/// What the outside has seen so far, and must never see.
#[derive(Default)]
struct Outside {
    asked: Vec<u32>,
    flows: Vec<FlowId>,
    /// Flows for which a yes was given.
    allowed: BTreeSet<FlowId>,
    ended: BTreeSet<FlowId>,
    /// Questions about other names.
    checks: Vec<u32>,
}

impl Outside {
    fn see(&mut self, gate: &mut Gate) {
        for effect in effects(gate) {
            match effect {
                Effect::Ask { serial, .. } => self.asked.push(serial),
                Effect::Aliases { serial, .. } => self.checks.push(serial),
                Effect::Forget { serial } => self.asked.retain(|s| *s != serial),
                Effect::Resolve { flow, .. } | Effect::Connect { flow, .. } => {
                    assert!(self.allowed.contains(&flow), "something left before the yes");
                    assert!(!self.ended.contains(&flow), "something left after the end");
                }
                Effect::End { flow, .. } => {
                    self.ended.insert(flow);
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn no_order_lets_anything_through(ops in prop::collection::vec(op(), 1..120)) {
        let mut gate = gate();
        let mut outside = Outside::default();
        let mut now = T0;
        for op in ops {
            let nth = |n: usize, flows: &[FlowId]| flows.get(n % flows.len().max(1)).copied();
            match op {
                Op::Open { port, site, literal } => {
                    let addr = IpAddr::from([93, 184, 216, site]);
                    let host = if literal { Host::Addr(addr) } else { Host::Name(format!("{site}.example")) };
                    if let Opened::New(id) = gate.open(key(port, addr), host, false, now) {
                        outside.flows.push(id);
                    }
                }
                Op::Decide { nth, yes, ticket: id, once } => {
                    let Some(serial) = outside.asked.get(nth % outside.asked.len().max(1)).copied() else {
                        continue;
                    };
                    outside.asked.retain(|s| *s != serial);
                    if yes && let Some(ask) = gate.asks.get(&serial) {
                        let n = if once { 1 } else { ask.waiting.len() };
                        outside.allowed.extend(ask.waiting.iter().take(n));
                    }
                    let verdict = if yes { Ok(Ticket { once, ..ticket(id) }) } else { Err(Refusal::Answered) };
                    gate.decided(serial, verdict, now);
                }
                Op::Resolve { nth: n, kind, alias } => {
                    let Some(id) = nth(n, &outside.flows) else { continue };
                    let addr = [[93, 184, 216, 34], [192, 168, 0, 1], [127, 0, 0, 1]].get(usize::from(kind));
                    let addrs: Vec<_> = addr.map(|a| (IpAddr::from(*a), false)).into_iter().collect();
                    let names = [Host::Name("other.example".into())];
                    let waits = alias && matches!(gate.flows.get(&id).map(|f| &f.stage), Some(Stage::Resolving));
                    gate.looked_up(id, &addrs, if alias { &names } else { &[] });
                    let connects = |e: &Effect| matches!(e, Effect::Connect { .. });
                    prop_assert!(!waits || !gate.effects.iter().any(connects), "before the word about its names");
                }
                Op::Checked { nth, yes } => {
                    let serial = outside.checks.get(nth % outside.checks.len().max(1)).copied();
                    let verdict = if yes { Ok(()) } else { Err(Refusal::Never) };
                    serial.into_iter().for_each(|serial| gate.checked(serial, verdict));
                }
                Op::Connected { nth: n } => {
                    nth(n, &outside.flows).into_iter().for_each(|id| gate.connected(id));
                }
                Op::Ended { nth: n } => nth(n, &outside.flows).into_iter().for_each(|id| gate.ended(id)),
                Op::Used { nth: n } => {
                    nth(n, &outside.flows).into_iter().for_each(|id| gate.used(id, 1, 1, now));
                }
                Op::Cut { ticket } => {
                    gate.cut(ticket);
                    prop_assert!(!gate.tickets.has(ticket));
                }
                Op::Level(level) => gate.set_level(level),
                Op::Lost => {
                    gate.monitor_lost();
                    outside.asked.clear();
                }
                Op::Later(seconds) => {
                    now += Duration::from_secs(seconds);
                    gate.expire(now);
                }
            }
            outside.see(&mut gate);
        }
    }
}

mod aliases;
mod tickets;
