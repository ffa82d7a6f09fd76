// SPDX-License-Identifier: GPL-3.0-or-later
//! The decision.
//!
//! In: a VM, a [`Resource`], the time. Out: a [`Decision`]. One function judges, for decisions and for
//! explanations alike. Its cost is a fixed number of hash look-ups for each generation of parents, of which
//! there are at most [`MAX_PARENTS`], and for each label of a host name.

use crate::admin::{Origin, Rule};
use crate::grants::Given;
use crate::offer::offer;
use crate::state::Vm;
use crate::table::Said;
use crate::{
    Answer, Author, Contact, Effect, Grant, GrantId, Host, Kind, Level, Levels, Lifetime, Millis, Refusal,
    Resource, State, Zone,
};
use cofferdam_ids::{VmId, is_scheme};

/// Most generations of parents that are looked at; a VM with more is allowed nothing.
pub const MAX_PARENTS: usize = 8;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes. If `once`, the grant has to be used up in the ledger before the yes has an effect.
    Allow {
        /// The grant behind it; none when a level or a rule allows it.
        grant: Option<GrantId>,
        /// When time ends it, if nothing does before.
        until: Option<Millis>,
        /// Good for one use.
        once: bool,
    },
    /// No.
    Deny(Refusal),
    /// The person decides.
    Ask {
        /// What to offer besides "not now" and "never", safest first. Empty where every yes is a pick of
        /// one of several candidates, which only the monitor knows: there it offers [`Answer::Pick`]s.
        answers: &'static [Answer],
    },
}

/// What was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Yes { grant: Option<GrantId>, until: Option<Millis>, once: bool },
    No(Refusal),
    Open,
}

impl Verdict {
    pub(crate) fn into_decision(self, resource: &Resource) -> Decision {
        match self {
            Self::Yes { grant, until, once } => Decision::Allow { grant, until, once },
            Self::No(why) => Decision::Deny(why),
            Self::Open => Decision::Ask { answers: offer(resource) },
        }
    }
}

/// And why.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Why<'a> {
    NotRunning,
    Malformed,
    Own,
    Rule(Option<&'a Rule>),
    Grant(&'a Grant),
    Level(Level, Option<Author>),
    Silenced,
    Parent(&'a VmId),
    TooDeep,
}

type Judged<'a> = (Verdict, Why<'a>);

const YES: Verdict = Verdict::Yes { grant: None, until: None, once: false };

impl State {
    /// May `vm` do this now? Total, deterministic, and never yes unless a grant, a level or a rule says so.
    #[must_use]
    pub fn decide(&self, vm: &VmId, resource: &Resource, now: Millis) -> Decision {
        self.judge(vm, resource, now, 0).0.into_decision(resource)
    }

    /// Whether what was allowed may go on. `once` says that it was allowed for one use, whose grant is used
    /// up by now: it goes on until something says no.
    #[must_use]
    pub fn holds(&self, vm: &VmId, resource: &Resource, once: bool, now: Millis) -> bool {
        match self.judge(vm, resource, now, 0).0 {
            Verdict::Yes { .. } => true,
            Verdict::Open | Verdict::No(Refusal::NotListed | Refusal::Silenced) => once,
            Verdict::No(_) => false,
        }
    }

    /// Whether a "never" or a rule says no to this, for the VM or for whoever it is a child of; what nobody has
    /// spoken of is not meant. A VM that does not run is refused everything.
    #[must_use]
    pub fn forbids(&self, vm: &VmId, resource: &Resource, now: Millis) -> Option<Refusal> {
        let mut id = vm;
        for _ in 0..=MAX_PARENTS {
            let Some(entry) = self.vms.get(id).filter(|v| v.running) else {
                return Some(Refusal::NotRunning);
            };
            if let Verdict::No(why @ (Refusal::Never | Refusal::Admin | Refusal::Malformed)) =
                self.alone(id, entry, resource, now).0
            {
                return Some(why);
            }
            id = entry.card.parent.as_ref()?;
        }
        Some(Refusal::Parent)
    }

    /// The level that holds for a kind, and who set it: nobody if it is the initial one, the administrator
    /// also where a limit made it less than was chosen.
    #[must_use]
    pub fn level(&self, vm: &VmId, kind: Kind) -> (Level, Option<Author>) {
        let Some(vm) = self.vms.get(vm) else { return (Level::Off, None) };
        self.level_of(vm, kind, &self.admin.levels(&vm.subjects, kind))
    }

    pub(crate) fn judge<'a>(
        &'a self,
        id: &VmId,
        resource: &Resource,
        now: Millis,
        depth: usize,
    ) -> Judged<'a> {
        let Some(vm) = self.vms.get(id).filter(|v| v.running) else {
            return (Verdict::No(Refusal::NotRunning), Why::NotRunning);
        };
        let mine = self.alone(id, vm, resource, now);
        if matches!(mine, (Verdict::No(_), _) | (_, Why::Own)) {
            return mine;
        }
        let Some(parent) = vm.card.parent.as_ref() else { return mine };
        if depth >= MAX_PARENTS {
            return (Verdict::No(Refusal::Parent), Why::TooDeep);
        }
        // What the parent was given for one use, or would have to ask for, it does not have to share.
        let refused = (Verdict::No(Refusal::Parent), Why::Parent(parent));
        match (mine, self.judge(parent, resource, now, depth.saturating_add(1)).0) {
            (_, Verdict::No(_) | Verdict::Open | Verdict::Yes { once: true, .. }) => refused,
            ((Verdict::Yes { grant, until, once }, why), Verdict::Yes { until: theirs, .. }) => {
                let until = [until, theirs].into_iter().flatten().min();
                (Verdict::Yes { grant, until, once }, why)
            }
            (mine, Verdict::Yes { .. }) => mine,
        }
    }

    /// What holds for a VM by itself, without its parents.
    fn alone<'a>(&'a self, id: &VmId, vm: &'a Vm, resource: &Resource, now: Millis) -> Judged<'a> {
        let kind = resource.kind();
        match fault(id, resource) {
            Some(Fault::Own) => return (YES, Why::Own),
            Some(Fault::Malformed) => return (Verdict::No(Refusal::Malformed), Why::Malformed),
            None => {}
        }
        let said = self.admin.about(&vm.subjects, resource);
        let rule = |number| Why::Rule(self.admin.rule(number));
        if let Some(number) = said.deny_admin {
            return (Verdict::No(Refusal::Admin), rule(number));
        }
        if let Some(number) = said.deny_person {
            return (Verdict::No(Refusal::Never), rule(number));
        }
        let active = |given: &&Given| given.is_active(vm.run, now);
        let grants = vm.grants.about(resource).into_iter().flatten().filter(active).map(|given| &given.grant);
        let never = vm.grants.never(resource).filter(active).map(|given| &given.grant);
        if let Some(grant) = grants.clone().find(|g| g.effect == Effect::Deny).or(never) {
            return (Verdict::No(Refusal::Never), Why::Grant(grant));
        }
        let (level, author) = self.level_of(vm, kind, &said);
        let by_level = Why::Level(level, author);
        if level == Level::Off {
            let limit =
                said.most.filter(|(most, _)| *most == Level::Off).and_then(|(_, n)| self.admin.rule(n));
            return match limit {
                Some(rule) if rule.origin == Origin::Admin => {
                    (Verdict::No(Refusal::Admin), Why::Rule(Some(rule)))
                }
                _ => (Verdict::No(Refusal::Off), by_level),
            };
        }
        if let Some(grant) = grants.clone().next() {
            return (yes(grant), Why::Grant(grant));
        }
        if let Some(number) = said.allow {
            return (YES, rule(number));
        }
        match level {
            Level::All => (YES, by_level),
            Level::Internet if is_named(resource) => (YES, by_level),
            Level::Internet if !is_internet(resource) => (Verdict::No(Refusal::NotListed), by_level),
            // A literal address could be that of a name that was refused: it is asked about.
            Level::Ask | Level::Internet if vm.silenced.contains(&kind) => {
                (Verdict::No(Refusal::Silenced), Why::Silenced)
            }
            Level::Ask | Level::Internet => (Verdict::Open, by_level),
            Level::Off | Level::Listed => (Verdict::No(Refusal::NotListed), by_level),
        }
    }

    fn level_of(&self, vm: &Vm, kind: Kind, said: &Said) -> (Level, Option<Author>) {
        let author = |number| match self.admin.rule(number).map(|r| r.origin) {
            Some(Origin::Person) => Author::Person,
            _ => Author::Admin,
        };
        let chosen = vm.levels.get(&kind).map(|(level, by)| (*level, Some(*by)));
        let laid_down = || said.initial.map(|(level, number)| (level, Some(author(number))));
        let (level, by) = chosen.or_else(laid_down).unwrap_or((Levels::initial(kind), None));
        match said.most {
            Some((most, number)) if level.rank() > most.rank() => {
                (Levels::fit(kind, most), Some(author(number)))
            }
            _ => (level, by),
        }
    }
}

fn yes(grant: &Grant) -> Verdict {
    let until = match grant.lifetime {
        Lifetime::Until(end) => Some(end),
        _ => None,
    };
    Verdict::Yes { grant: Some(grant.id), until, once: grant.lifetime == Lifetime::Once }
}

fn is_internet(resource: &Resource) -> bool {
    matches!(resource, Resource::Network(contact) if contact.zone == Zone::Internet)
}

/// A site of the Internet that is asked for by its name.
fn is_named(resource: &Resource) -> bool {
    is_internet(resource) && matches!(resource, Resource::Network(Contact { host: Host::Name(_), .. }))
}

enum Fault {
    /// A VM's own copy: nothing crosses.
    Own,
    Malformed,
}

/// What can't be a question.
fn fault(id: &VmId, resource: &Resource) -> Option<Fault> {
    match resource {
        Resource::Clipboard { from, .. } | Resource::DragAndDrop { from, .. } if from == id => {
            Some(Fault::Own)
        }
        Resource::OpenUri { scheme } if !is_scheme(scheme) => Some(Fault::Malformed),
        Resource::Plain(
            Kind::Network | Kind::Clipboard | Kind::DragAndDrop | Kind::Files | Kind::OpenUri,
        ) => Some(Fault::Malformed),
        _ => None,
    }
}
