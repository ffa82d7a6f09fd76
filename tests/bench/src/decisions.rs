// SPDX-License-Identifier: GPL-3.0-or-later
//! What a permission decision costs. In: how many rules there are. Out: the middle and the hundredth-worst
//! time of one decision in the process that makes it.
//!
//! Rules are grants of many VMs and lines of rule files, half of each. What is asked is what a busy gateway
//! asks: sites with a grant, sites that a rule of a file is about, and names that nobody knows.

use crate::client::BenchError;
use crate::table::Row;
use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_policy::{
    AdminRules, Author, Contact, Effect, Event, Grant, GrantId, Host, Key, Kind, Lifetime, Millis, Origin,
    Resource, Rule, Says, State, Transport, Who, Zone,
};
use std::hint::black_box;
use std::time::Instant;

/// How many rules.
pub(crate) const RULES: [usize; 3] = [10, 1_000, 100_000];

/// What we aim for: one decision, in nanoseconds.
const AIM: f64 = 200.0;

/// Grants of one VM.
const GRANTS_EACH: usize = 50;

/// How many decisions make a round.
const ASKED: usize = 20_000;

const NOW: Millis = Millis(1_000_000);

/// Rows for all numbers of rules, each the median of `rounds`.
pub(crate) fn measure(rounds: usize) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for rules in RULES {
        let (state, questions) = world(rules)?;
        let (mut half, mut most) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let [p50, p99] = round(&state, &questions);
            half.push(p50);
            most.push(p99);
        }
        for (name, mut samples) in [("p50", half), ("p99", most)] {
            rows.push(Row {
                what: format!("decision in process, {rules} rules, {name}"),
                unit: "ns",
                ours: crate::measure::median(&mut samples),
                peer: "the aim".into(),
                theirs: AIM,
                aim: Some(1.0),
            });
        }
    }
    Ok(rows)
}

/// Times every decision by itself, without what reading the clock costs.
fn round(state: &State, questions: &[(VmId, Resource)]) -> [f64; 2] {
    let mut clock: Vec<f64> = (0..ASKED)
        .map(|_| {
            let begun = Instant::now();
            nanos(begun)
        })
        .collect();
    let floor = crate::measure::median(&mut clock);
    let mut taken: Vec<f64> = questions
        .iter()
        .cycle()
        .take(ASKED)
        .map(|(vm, resource)| {
            let begun = Instant::now();
            black_box(state.decide(black_box(vm), black_box(resource), NOW));
            (nanos(begun) - floor).max(0.0)
        })
        .collect();
    [percentile(&mut taken, 50), percentile(&mut taken, 99)]
}

fn nanos(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e9
}

/// The sample that this many of a hundred don't exceed.
pub(crate) fn percentile(samples: &mut [f64], percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0.0)
}

/// A site by number; names are three labels, as most are.
pub(crate) fn host(n: usize) -> Result<Host, BenchError> {
    Host::parse(&format!("www.site-{n}.example")).map_err(|e| BenchError::peer("host", e))
}

/// To go online there.
pub(crate) fn visit(host: Host) -> Resource {
    Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 })
}

fn vm(n: usize) -> Result<VmId, BenchError> {
    format!("app-{n}").parse().map_err(|e| BenchError::peer("name", e))
}

/// How many of so many rules are grants.
pub(crate) const fn granted(rules: usize) -> usize {
    rules / 2
}

/// The events that give `grants` grants to as many VMs as it takes.
pub(crate) fn events(grants: usize, at: Millis) -> Result<Vec<Event>, BenchError> {
    let mut events = Vec::new();
    for n in 0..grants.div_ceil(GRANTS_EACH).max(1) {
        events.push(Event::Registered {
            vm: vm(n)?,
            app: "app".parse().map_err(|e| BenchError::peer("name", e))?,
            name: Label::new("App"),
            identity: Identity::Green,
            parent: None,
            run: 1,
        });
    }
    for n in 0..grants {
        events.push(Event::Granted(Grant {
            id: GrantId(u64::try_from(n).unwrap_or(u64::MAX)),
            vm: vm(n / GRANTS_EACH)?,
            key: Key::Site { host: host(n)?, zone: Zone::Internet },
            effect: Effect::Allow,
            lifetime: Lifetime::Standing,
            author: Author::Person,
            at,
        }));
    }
    Ok(events)
}

fn world(rules: usize) -> Result<(State, Vec<(VmId, Resource)>), BenchError> {
    let grants = granted(rules);
    let mut state = State::new();
    for event in events(grants, NOW)? {
        state.apply(NOW, &event).map_err(|e| BenchError::peer("policy", e))?;
    }
    let lines = (grants..rules).map(|n| {
        Ok(Rule {
            name: format!("bench.toml, line {n}"),
            origin: Origin::Admin,
            who: Who::Everyone,
            kind: Some(Kind::Network),
            host: Some(host(n)?),
            zone: None,
            says: if n % 2 == 0 { Says::Allow } else { Says::Deny },
        })
    });
    let lines = lines.collect::<Result<Vec<_>, BenchError>>()?;
    state.set_admin(AdminRules::new(lines).map_err(|e| BenchError::peer("rules", e))?);
    // Spread over everything there is, so that not all of it lies in the cache.
    let step = (rules / 997).max(1);
    let mut questions = Vec::new();
    for n in (0..grants).step_by(step) {
        let who = vm(n / GRANTS_EACH)?;
        questions.push((who.clone(), visit(host(n)?)));
        questions.push((who.clone(), visit(host(grants + n)?)));
        questions.push((who, visit(host(rules + n)?)));
    }
    Ok((state, questions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_policy::Decision;

    #[test]
    fn asks_about_grants_rules_and_unknown_names() {
        let (state, questions) = world(1_000).unwrap();
        let count = |f: fn(&Decision) -> bool| {
            questions.iter().filter(|(vm, r)| f(&state.decide(vm, r, NOW))).count()
        };
        let by_grant = count(|d| matches!(d, Decision::Allow { grant: Some(_), .. }));
        let by_rule = count(|d| matches!(d, Decision::Allow { grant: None, .. } | Decision::Deny(_)));
        let unknown = count(|d| matches!(d, Decision::Ask { .. }));
        assert_eq!([by_grant, by_rule, unknown], [500; 3]);
    }

    #[test]
    fn percentiles() {
        let mut samples: Vec<f64> = (0..=100u32).rev().map(f64::from).collect();
        assert!((percentile(&mut samples, 50) - 50.0).abs() < 1e-9);
        assert!((percentile(&mut samples, 99) - 99.0).abs() < 1e-9);
        assert!(percentile(&mut [], 99).abs() < 1e-9);
    }
}
