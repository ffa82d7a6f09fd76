// SPDX-License-Identifier: GPL-3.0-or-later
//! The VMs that live: who they are, where their points are, how much they were heard. In: registrations,
//! refusals, prompts without a yes. Out: whose socket speaks, and whether an app has asked too often.

use super::words::{LinkId, Newcomer, PointId, Role};
use cofferdam_ids::{Ration, VmId};
use cofferdam_monitor_wire::screen::Standing;
use cofferdam_policy::{Key, Kind, Level, Refusal};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Refusals of one VM that get a line in the ledger at once; later ones are rationed.
const REFUSAL_BURST: u32 = 40;
/// One more line each.
const REFUSAL_EVERY: Duration = Duration::from_secs(2);
/// Questions of one VM that are asked at once, more than a person has patience for; later ones are rationed.
const ASKED_BURST: u32 = 128;
/// One more each.
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// The same refusal again within this time gets no line of its own, in milliseconds.
const SAME_REFUSAL: u64 = 10_000;
/// Refusals that are remembered to tell the same ones.
const REMEMBERED: usize = 16;
/// Prompts without a yes that are remembered of one VM.
const MAX_NOES: usize = 32;
/// So many prompts about the same thing without a yes…
const SAME_NOES: usize = 3;
/// …within this time, in milliseconds, are too many;
const SAME_WITHIN: u64 = 120_000;
/// choosers, which people also close without a thought, twice as many;
const SAME_CHOOSERS: usize = 6;
/// so are so many about one kind…
const KIND_NOES: usize = 12;
/// …within this time;
const KIND_WITHIN: u64 = 600_000;
/// and so many about one kind since the last yes to it, however slowly.
const RUN_NOES: usize = 30;

/// A running VM.
#[derive(Debug)]
pub(crate) struct Vm {
    pub(crate) who: Newcomer,
    /// Its number.
    pub(crate) run: u64,
    pub(crate) link: LinkId,
    /// Its points that have a socket.
    pub(crate) points: BTreeMap<Role, PointId>,
    /// Points that lost their socket and may not have noticed yet, until when that matters.
    pub(crate) lost: BTreeMap<Role, u64>,
    /// Its start stands in the ledger.
    pub(crate) recorded: bool,
    pub(crate) standing: Option<Standing>,
    pub(crate) level_sent: Option<Level>,
    /// It has a connection, as its gateway says.
    pub(crate) online: bool,
    /// Whether something of the network is open to it without a question; none if that may have changed.
    pub(crate) may_go_online: Option<bool>,
    /// Whether the screen takes it that something can be pasted and dropped into it.
    pub(crate) crossings: (bool, bool),
    /// Kinds about which it is not heard any more.
    pub(crate) silenced: BTreeSet<Kind>,
    /// Lines for its refusals.
    refusals: Ration,
    /// Lines for its questions.
    questions: Ration,
    refused: VecDeque<(u64, Key, Refusal)>,
    noes: VecDeque<(u64, Key)>,
    /// How many there were of a kind since the person said yes to it last.
    since_yes: BTreeMap<Kind, usize>,
    /// Lines that its refusals did not get.
    pub(crate) unwritten: u64,
}

impl Vm {
    pub(crate) fn new((who, run): (Newcomer, u64), link: LinkId, points: BTreeMap<Role, PointId>) -> Self {
        Self {
            who,
            run,
            link,
            points,
            lost: BTreeMap::new(),
            recorded: false,
            standing: None,
            level_sent: None,
            online: false,
            may_go_online: None,
            crossings: (true, true),
            silenced: BTreeSet::new(),
            refusals: Ration::new(REFUSAL_BURST, REFUSAL_EVERY),
            questions: Ration::new(ASKED_BURST, ASKED_EVERY),
            refused: VecDeque::new(),
            noes: VecDeque::new(),
            since_yes: BTreeMap::new(),
            unwritten: 0,
        }
    }

    /// Whether a refusal gets a line in the ledger: an app can't fill the disk with its wishes.
    pub(crate) fn may_write(&mut self, key: &Key, why: Refusal, mono: u64) -> bool {
        let same = |(at, k, w): &(u64, Key, Refusal)| {
            *w == why && k == key && mono.saturating_sub(*at) < SAME_REFUSAL
        };
        if self.refused.iter().any(same) || !self.refusals.take(Duration::from_millis(mono)) {
            self.unwritten = self.unwritten.saturating_add(1);
            return false;
        }
        if self.refused.len() == REMEMBERED {
            self.refused.pop_front();
        }
        self.refused.push_back((mono, key.clone(), why));
        true
    }

    /// Whether another question may be asked, which gets a line in the ledger: what an app can bring about as
    /// often as it likes must not fill the disk.
    pub(crate) fn may_ask(&mut self, mono: u64) -> bool {
        self.questions.take(Duration::from_millis(mono))
    }

    /// A prompt ended without a yes. Whether that was once too often.
    pub(crate) fn no(&mut self, key: &Key, mono: u64) -> bool {
        if self.noes.len() == MAX_NOES {
            self.noes.pop_front();
        }
        self.noes.push_back((mono, key.clone()));
        let age = |at: &u64| mono.saturating_sub(*at);
        let same = self.noes.iter().filter(|(at, k)| k == key && age(at) < SAME_WITHIN).count();
        let kind = self.noes.iter().filter(|(at, k)| k.kind() == key.kind() && age(at) < KIND_WITHIN).count();
        let run = self.since_yes.entry(key.kind()).or_default();
        *run = run.saturating_add(1);
        let most = if key.kind() == Kind::Files { SAME_CHOOSERS } else { SAME_NOES };
        (same >= most || kind >= KIND_NOES || *run >= RUN_NOES) && self.silenced.insert(key.kind())
    }

    /// The person said yes to something: what was refused about it is forgiven.
    pub(crate) fn yes(&mut self, key: &Key) {
        self.noes.retain(|(_, k)| k != key);
        self.since_yes.remove(&key.kind());
    }
}

/// All running VMs.
#[derive(Debug, Default)]
pub(crate) struct Vms {
    running: BTreeMap<VmId, Vm>,
    points: BTreeMap<PointId, (VmId, Role)>,
    links: BTreeMap<LinkId, VmId>,
}

impl Vms {
    pub(crate) fn insert(&mut self, vm: Vm) {
        let id = vm.who.vm.clone();
        for (role, point) in &vm.points {
            self.points.insert(*point, (id.clone(), *role));
        }
        self.links.insert(vm.link, id.clone());
        self.running.insert(id, vm);
    }

    pub(crate) fn remove(&mut self, id: &VmId) -> Option<Vm> {
        let vm = self.running.remove(id)?;
        self.links.remove(&vm.link);
        for point in vm.points.values() {
            self.points.remove(point);
        }
        Some(vm)
    }

    pub(crate) fn get(&self, id: &VmId) -> Option<&Vm> {
        self.running.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &VmId) -> Option<&mut Vm> {
        self.running.get_mut(id)
    }

    pub(crate) fn ids(&self) -> Vec<VmId> {
        self.running.keys().cloned().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&VmId, &Vm)> {
        self.running.iter()
    }

    pub(crate) fn by_link(&self, link: LinkId) -> Option<&VmId> {
        self.links.get(&link)
    }

    pub(crate) fn by_point(&self, point: PointId) -> Option<&(VmId, Role)> {
        self.points.get(&point)
    }

    /// Another socket for a point that has none.
    pub(crate) fn put_point(&mut self, id: &VmId, role: Role, point: PointId) {
        let Some(vm) = self.running.get_mut(id) else { return };
        vm.points.insert(role, point);
        if role == Role::Network {
            vm.level_sent = None;
        }
        self.points.insert(point, (id.clone(), role));
    }

    /// When it stops to matter that a point may not have noticed that its socket is gone.
    pub(crate) fn next_lost(&self) -> Option<u64> {
        self.running.values().flat_map(|vm| vm.lost.values().copied()).min()
    }

    /// The points of which that does not matter any more.
    pub(crate) fn forget_lost(&mut self, mono: u64) -> Vec<(VmId, Role)> {
        let mut over = Vec::new();
        for (id, vm) in &mut self.running {
            let roles = vm.lost.extract_if(.., |_, at| *at <= mono);
            over.extend(roles.map(|(role, _)| (id.clone(), role)));
        }
        over
    }

    /// A point is gone.
    pub(crate) fn drop_point(&mut self, point: PointId) -> Option<VmId> {
        let (id, role) = self.points.remove(&point)?;
        if let Some(vm) = self.running.get_mut(&id) {
            vm.points.remove(&role);
            if role == Role::Network {
                vm.online = false;
            }
        }
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_ids::{Identity, Label};

    fn vm() -> Vm {
        let who = Newcomer {
            vm: "mail".parse().unwrap(),
            app: "mail".parse().unwrap(),
            name: Label::new("Mail"),
            identity: Identity::Sky,
            parent: None,
            run: None,
        };
        Vm::new((who, 1), LinkId(1), [(Role::Network, PointId(1)), (Role::Agent, PointId(2))].into())
    }

    #[test]
    fn refusals_are_rationed() {
        let mut vm = vm();
        let key = |n: u32| Key::Scheme(format!("s{n}"));
        assert!(vm.may_write(&key(0), Refusal::Off, 0));
        assert!(!vm.may_write(&key(0), Refusal::Off, 1), "the same again");
        assert!(vm.may_write(&key(0), Refusal::Never, 1), "for another reason");
        let written = (1..10_000).filter(|n| vm.may_write(&key(*n), Refusal::Off, 2)).count();
        assert_eq!(written, 38);
        assert!(vm.may_write(&key(1), Refusal::Off, SAME_REFUSAL + 2_002), "later, more");
    }

    #[test]
    fn who_asks_again_and_again_is_not_heard() {
        let mut one = vm();
        let key = Key::All(Kind::Notifications);
        assert_eq!((0..5).filter(|n| one.no(&key, *n)).count(), 1, "said once");
        assert!(one.silenced.contains(&Kind::Notifications));
        let mut slow = vm();
        assert!(!(0..20).any(|n| slow.no(&key, n * SAME_WITHIN)), "not often");
        let mut wide = vm();
        let noes = (0..20).map(|n| wide.no(&Key::Scheme(format!("s{n}")), n)).position(|said| said);
        assert_eq!(noes, Some(KIND_NOES - 1));
        // Slower than that, but without end, and each time about something else.
        let mut patient = vm();
        let asked = |n: u64| Key::Scheme(format!("s{n}"));
        let noes = (0..1000).position(|n| patient.no(&asked(n), n * KIND_WITHIN / 11));
        assert_eq!(noes, Some(RUN_NOES - 1));
        let mut liked = vm();
        for n in 0..1000 {
            assert!(!liked.no(&asked(n), n * KIND_WITHIN / 11), "{n}");
            if n % 20 == 19 {
                liked.yes(&asked(n));
            }
        }
        let mut forgiven = vm();
        for n in 0..10 {
            assert!(!forgiven.no(&key, n));
            forgiven.yes(&key);
        }
    }
}
