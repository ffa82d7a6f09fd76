// SPDX-License-Identifier: GPL-3.0-or-later
//! VMs and screens that come and go. In: registrations, sockets that close, deadlines. Out: runs in the
//! ledger; whatever belonged to who is gone is cut, denied, forgotten.

use super::orders::Until;
use super::tickets::Seat;
use super::vms::Vm;
use super::words::{Effect, LinkId, Newcomer, PointId, Role};
use super::{Core, RETURN_LIMIT, Screen};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::{BEFORE, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_monitor_wire::screen::{Standing, ToScreen};
use cofferdam_policy::{Answer, Decision, Event, Kind, Level, Refusal, Resource};
use std::collections::BTreeMap;

impl Core {
    pub(super) fn register(&mut self, link: LinkId, who: Newcomer, points: BTreeMap<Role, PointId>) {
        let vm = who.vm.clone();
        let other = self.vms.by_link(link).is_some_and(|bound| *bound != vm);
        let Some(number) = self.number(&vm, who.run).filter(|_| !other) else {
            // A shepherd speaks for one VM and one run.
            self.faults = self.faults.saturating_add(1);
            for point in points.into_values() {
                self.push(Effect::ClosePoint(point));
            }
            self.push(Effect::CloseLink(link));
            return self.link_closed(link);
        };
        // Something may still live at this run's points that was allowed over earlier sockets.
        let mut returns = self.ghosts.get(&vm).is_some_and(|(run, _)| *run == number);
        let sockets: Vec<_> = points.values().copied().collect();
        let now: Vec<_> = sockets.iter().map(|point| Until::Cut((Seat::Point(*point), BEFORE))).collect();
        if let Some(before) = self.vms.get(&vm) {
            let (old_link, old_run) = (before.link, before.run);
            returns |= old_run == number;
            let earlier = before.points.values();
            let keys = earlier.flat_map(|point| self.tickets.at(Seat::Point(*point))).map(Until::Cut);
            let lost = before.lost.keys().map(|role| Until::Point(vm.clone(), *role));
            for one in keys.chain(lost).collect::<Vec<_>>() {
                self.orders.also(&one, if returns { &now } else { &[] });
            }
            self.leave(&vm, old_run != number);
            if old_link != link {
                self.push(Effect::CloseLink(old_link));
            }
        }
        if let Some((run, _)) = self.ghosts.remove(&vm)
            && run != number
        {
            // Even if it can't be written: a new run begins with nothing of the old one.
            let _ = self.book.take(vec![Event::Closed { vm: vm.clone(), run }]);
        }
        self.vms.insert(Vm::new((who, number), link, points));
        for point in sockets {
            let deadline = returns.then(|| self.time.mono.saturating_add(RETURN_LIMIT));
            self.tickets.begin(Seat::Point(point), deadline);
            self.push(Effect::Point(point, ToPoint::Cut { ticket: BEFORE }));
        }
        if returns {
            self.orders.also(&Until::Return(vm.clone()), &now);
        }
        self.happened(&Until::Return(vm.clone()));
        self.record_start(&vm);
        self.push(Effect::Shepherd(link, FromMonitor::Registered { run: number }));
        self.reconsider_family(&vm, false);
        self.touch(&vm);
    }

    /// The number of a run: a new one if it has none, and none at all if it is over. Whatever the clock says, no
    /// number comes twice: what ends with a run must not find another one of its number.
    fn number(&self, vm: &VmId, given: Option<u64>) -> Option<u64> {
        let written = self.book.state().vm(vm).map(|known| known.run);
        let last = written.max(self.vms.get(vm).map(|here| here.run));
        match (given, last) {
            (Some(run), last) => (last <= Some(run)).then_some(run),
            (None, None) => Some(self.book.now().0),
            (None, Some(last)) => Some(last.checked_add(1)?.max(self.book.now().0)),
        }
    }

    /// Writes the start of a run, if that has not been done. Until it is written everything is denied.
    pub(super) fn record_start(&mut self, vm: &VmId) -> bool {
        let Some(entry) = self.vms.get(vm) else { return false };
        if entry.recorded {
            return true;
        }
        let (who, run) = (entry.who.clone(), entry.run);
        let known = self.book.state().vm(vm);
        let same = known.is_some_and(|k| {
            k.running && k.run == run && *k.app == who.app && k.parent == who.parent.as_ref()
        });
        let recorded = same || {
            let Newcomer { vm, app, name, identity, parent, run: _ } = who;
            self.book.give(vec![Event::Registered { vm, app, name, identity, parent, run }]).is_ok()
        };
        // The ledger may take a line that policy refuses; then the VM runs with nothing.
        let runs = self.book.state().vm(vm).is_some_and(|k| k.running);
        if let Some(entry) = self.vms.get_mut(vm) {
            entry.recorded = recorded && runs;
        }
        recorded && runs
    }

    pub(super) fn link_closed(&mut self, link: LinkId) {
        let Some(vm) = self.vms.by_link(link).cloned() else { return };
        self.leave(&vm, true);
        self.portals_lost_link(link);
    }

    /// Takes a VM out, with all that it had here. `ended`: its run is over.
    fn leave(&mut self, vm: &VmId, ended: bool) {
        let Some(entry) = self.vms.get(vm) else { return };
        let (points, run) = (entry.points.values().copied().collect::<Vec<_>>(), entry.run);
        let lost: Vec<_> = entry.lost.keys().map(|role| Until::Point(vm.clone(), *role)).collect();
        for point in points {
            // Closed first: whoever waits for cuts is told when they are true.
            self.push(Effect::ClosePoint(point));
            self.drop_point(point);
        }
        self.vms.remove(vm);
        for point in &lost {
            self.happened(point);
        }
        self.no_notes_of(vm);
        // What is left of it waits at the compositor.
        let open: Vec<_> = self.questions.iter().filter(|(_, q)| q.vm == *vm).map(|(id, _)| id).collect();
        for id in open {
            self.settle_question(id, Err(Refusal::NotRunning));
        }
        if ended {
            for key in self.tickets.live_of(vm) {
                self.cut(key);
            }
            self.flush_usage(self.time.mono);
            let rest = self.shares.leave(vm);
            self.write_lines(rest);
            // The grants of the run end here even if the line can't be written.
            let _ = self.book.take(vec![Event::Closed { vm: vm.clone(), run }]);
            self.reconsider_family(vm, true);
        }
        self.touch(vm);
    }

    pub(super) fn drop_seat(&mut self, seat: Seat) {
        let (keys, reports) = self.tickets.drop_seat(seat);
        self.write_usage(reports);
        for key in keys {
            self.happened(&Until::Cut(key));
        }
    }

    pub(super) fn screen_up(&mut self) {
        if self.screen.up {
            self.screen_down();
        }
        self.screen = Screen { up: true, ..Screen::default() };
        self.portals.notes.clear();
        let before = self.screen_before.take();
        self.tickets.begin(Seat::Screen, before.map(|_| self.time.mono.saturating_add(RETURN_LIMIT)));
        self.push(Effect::Screen(ToScreen::Cut { ticket: BEFORE }));
        if before.is_some() {
            self.orders.also(&Until::Screen, &[Until::Cut((Seat::Screen, BEFORE))]);
        }
        self.happened(&Until::Screen);
        let ids = self.vms.ids();
        for vm in &ids {
            if let Some(entry) = self.vms.get_mut(vm) {
                entry.standing = None;
                entry.crossings = (true, true);
            }
            self.touch(vm);
        }
        let inhibited = self.portals.inhibits();
        self.screen.idle_inhibited = inhibited;
        self.push(Effect::Screen(ToScreen::IdleInhibited(inhibited)));
    }

    pub(super) fn screen_down(&mut self) {
        if !self.screen.up {
            return;
        }
        self.screen = Screen::default();
        self.push(Effect::Changed(None));
        self.questions.freeze(false, self.time.mono);
        // Nobody can answer: all open questions are denied, and that is nobody's fault.
        let _ = self.questions.forget_seat(Seat::Screen);
        for id in self.questions.ids() {
            self.answered(id, Answer::NotNow, true, false);
        }
        self.drop_seat(Seat::Screen);
    }

    /// The compositor broke the protocol. It is the same one that comes back, and may not have noticed yet.
    pub(super) fn screen_fault(&mut self) {
        self.faults = self.faults.saturating_add(1);
        self.screen_before = Some(self.time.mono.saturating_add(RETURN_LIMIT));
        self.push(Effect::CloseScreen);
        for key in self.tickets.at(Seat::Screen) {
            self.orders.also(&Until::Cut(key), &[Until::Screen]);
        }
        self.screen_down();
    }

    pub(super) fn lock(&mut self, locked: bool) {
        self.screen.locked = locked;
        self.questions.freeze(locked, self.time.mono);
    }

    /// What time alone brings about.
    pub(super) fn pass_deadlines(&mut self) {
        let mono = self.time.mono;
        self.book.retry();
        for id in self.questions.overdue(mono) {
            self.answered(id, Answer::NotNow, true, true);
        }
        for (seat, ticket) in self.tickets.late(mono) {
            match seat {
                // It had its time already to notice that its last socket was gone.
                Seat::Point(point) if ticket == BEFORE => self.end_point(point),
                // The socket's end cuts what the point did not.
                Seat::Point(point) => self.fault(point),
                Seat::Screen if self.screen.up => self.screen_fault(),
                Seat::Screen => {}
            }
        }
        self.flush_usage(mono);
        let gone: Vec<_> =
            self.ghosts.iter().filter(|(_, (_, at))| *at <= mono).map(|(vm, g)| (vm.clone(), g.0)).collect();
        for (vm, run) in gone {
            self.ghosts.remove(&vm);
            let _ = self.book.take(vec![Event::Closed { vm: vm.clone(), run }]);
            self.happened(&Until::Return(vm.clone()));
            self.touch(&vm);
        }
        for (vm, role) in self.vms.forget_lost(mono) {
            self.happened(&Until::Point(vm, role));
        }
        if self.screen_before.is_some_and(|at| at <= mono) {
            self.screen_before = None;
            self.happened(&Until::Screen);
        }
    }

    /// Says what has changed about each VM, once per input.
    pub(super) fn settle(&mut self) {
        for vm in std::mem::take(&mut self.touched) {
            self.tell_level(&vm);
            self.tell_standing(&vm);
            self.tell_crossings(&vm);
            self.push(Effect::Changed(Some(vm)));
        }
        let inhibited = self.portals.inhibits();
        if self.screen.up && self.screen.idle_inhibited != inhibited {
            self.screen.idle_inhibited = inhibited;
            self.push(Effect::Screen(ToScreen::IdleInhibited(inhibited)));
        }
    }

    /// Something may be allowed now that the gateway was told no about: it hears the level again, after which
    /// what was denied may ask again.
    pub(super) fn reopen(&mut self, vm: &VmId) {
        if let Some(entry) = self.vms.get_mut(vm) {
            entry.level_sent = None;
        }
        self.touch(vm);
    }

    fn tell_level(&mut self, vm: &VmId) {
        let level = self.book.state().level(vm, Kind::Network).0;
        let Some(entry) = self.vms.get_mut(vm) else { return };
        if entry.level_sent != Some(level)
            && let Some(point) = entry.points.get(&Role::Network).copied()
        {
            entry.level_sent = Some(level);
            self.push(Effect::Point(point, ToPoint::Level(level)));
        }
    }

    fn tell_standing(&mut self, vm: &VmId) {
        // It takes a look at every grant, so it is looked up once per change of them.
        if self.vms.get(vm).is_some_and(|v| v.may_go_online.is_none()) {
            let may = self.look_up_online(vm);
            if let Some(entry) = self.vms.get_mut(vm) {
                entry.may_go_online = Some(may);
            }
        }
        let Some(standing) = self.standing(vm) else { return };
        if !self.screen.up {
            return;
        }
        let Some(entry) = self.vms.get_mut(vm) else { return };
        if entry.standing.as_ref() != Some(&standing) {
            entry.standing = Some(standing.clone());
            self.push(Effect::Screen(ToScreen::Standing(standing)));
        }
    }

    /// Whether a question about a paste or a drop into this VM could have an answer other than no.
    fn tell_crossings(&mut self, vm: &VmId) {
        let open = |kind| self.book.state().level(vm, kind).0 != Level::Off;
        let (paste, drop) = (open(Kind::Clipboard), open(Kind::DragAndDrop));
        if !self.screen.up {
            return;
        }
        let Some(entry) = self.vms.get_mut(vm) else { return };
        if std::mem::replace(&mut entry.crossings, (paste, drop)) != (paste, drop) {
            self.push(Effect::Screen(ToScreen::Crossings { vm: vm.clone(), paste, drop }));
        }
    }

    /// How a running VM stands.
    pub(super) fn standing(&self, vm: &VmId) -> Option<Standing> {
        let entry = self.vms.get(vm)?;
        Some(Standing {
            vm: vm.clone(),
            online: entry.online,
            may_go_online: self.may_go_online(vm),
            microphone: false,
            waiting: u32::try_from(self.questions.count(vm)).unwrap_or(u32::MAX),
            silenced: !entry.silenced.is_empty()
                || Kind::ALL.into_iter().any(|k| self.book.state().is_silenced(vm, k)),
        })
    }

    /// Whether something of the network is open to a VM without a question.
    pub(super) fn may_go_online(&self, vm: &VmId) -> bool {
        let known = self.vms.get(vm).and_then(|v| v.may_go_online);
        known.unwrap_or_else(|| self.look_up_online(vm))
    }

    fn look_up_online(&self, vm: &VmId) -> bool {
        let state = self.book.state();
        if matches!(state.level(vm, Kind::Network).0, Level::Internet | Level::All) {
            return true;
        }
        let network = state.grants_of(vm).into_iter().filter(|g| g.key.kind() == Kind::Network);
        network.map(|g| crate::target::example(&g.key)).any(|r| self.book.holds(vm, &r, false))
    }

    /// What policy says to a VM that is registered here.
    pub(super) fn decide(&mut self, vm: &VmId, resource: &Resource) -> Decision {
        if self.vms.get(vm).is_none() {
            return Decision::Deny(Refusal::NotRunning);
        }
        if !self.record_start(vm) {
            return Decision::Deny(Refusal::NoLedger);
        }
        let decision = self.book.decide(vm, resource);
        let silenced = self.vms.get(vm).is_some_and(|v| v.silenced.contains(&resource.kind()));
        match decision {
            Decision::Ask { .. } if silenced => Decision::Deny(Refusal::Silenced),
            other => other,
        }
    }
}
