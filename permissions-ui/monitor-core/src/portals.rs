// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps ask for through the portals of their guest. In: wishes, chosen files, picked apps. Out: one
//! outcome for each wish, to its asker only.

use super::Core;
use super::asks::Yes;
use super::notes::Notes;
use super::questions::{Asker, Joined, MAX_OPEN, Purpose, Question, Questions};
use super::tickets::{Handed, Report, Seat, Want};
use super::uri;
use super::words::{CallId, Effect, LinkId, Opener, OrderError, PointId, Reply};
use cofferdam_ids::{AppId, Label, VmId};
use cofferdam_monitor_wire::point::{PortalOutcome, PortalWish, Ticket, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_monitor_wire::screen::{About, Candidate};
use cofferdam_policy::{
    Answer, Author, Decision, Event, FileAccess, FileKind, GrantId, Kind, Refusal, Resource, Usage,
};
use std::collections::BTreeMap;

/// Choosers that one VM may have open.
const MAX_CHOOSERS: usize = 4;
/// Reasons of one VM to keep the screen on.
const MAX_INHIBITORS: usize = 16;
/// Addresses that are on their way to another app, in all.
const MAX_OPENINGS: usize = 64;
/// Apps that a prompt offers.
const MAX_CANDIDATES: u8 = 6;

/// A file that an app waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chooser {
    pub(crate) vm: VmId,
    pub(crate) point: PointId,
    pub(crate) serial: u32,
    pub(crate) title: Label,
    pub(crate) kind: FileKind,
    pub(crate) access: FileAccess,
    pub(crate) suggested: Label,
}

/// A reason to keep the screen on.
#[derive(Debug, Clone)]
struct Inhibitor {
    vm: VmId,
    once: bool,
}

/// An address on its way to another app.
#[derive(Debug, Clone)]
struct Opening {
    point: PointId,
    serial: u32,
    app: AppId,
    /// The shepherd that was asked; none if the launcher was.
    link: Option<LinkId>,
}

/// All wishes under way.
#[derive(Debug, Default)]
pub(crate) struct Portals {
    pub(crate) openers: Vec<Opener>,
    choosers: BTreeMap<u64, Chooser>,
    inhibitors: BTreeMap<(PointId, u32), Inhibitor>,
    openings: BTreeMap<u32, Opening>,
    pub(super) notes: Notes,
    last_chooser: u64,
    last_opening: u32,
}

impl Portals {
    pub(crate) fn has_serial(&self, seat: Seat, serial: u32) -> bool {
        let Seat::Point(point) = seat else { return false };
        self.inhibitors.contains_key(&(point, serial))
            || self.choosers.values().any(|c| (c.point, c.serial) == (point, serial))
            || self.openings.values().any(|o| (o.point, o.serial) == (point, serial))
    }

    pub(crate) fn inhibits(&self) -> bool {
        !self.inhibitors.is_empty()
    }

    pub(crate) fn choosers(&self) -> impl Iterator<Item = (u64, &Chooser)> {
        self.choosers.iter().map(|(id, c)| (*id, c))
    }
}

impl Questions {
    /// Whether a VM may open another question.
    pub(crate) fn room(&self, vm: &VmId) -> Joined {
        if self.count(vm) >= MAX_OPEN { Joined::Full } else { Joined::Alone }
    }
}

impl Core {
    pub(super) fn portal(&mut self, vm: &VmId, point: PointId, serial: u32, wish: PortalWish) {
        match wish {
            PortalWish::ChooseFile { title, kind, access, suggested } => {
                // A new file that can't be written to is of no use to anybody.
                let access = if kind == FileKind::NewFile { FileAccess::Write } else { access };
                let chooser = Chooser { vm: vm.clone(), point, serial, title, kind, access, suggested };
                self.want_file(chooser);
            }
            PortalWish::OpenUri { uri } => self.want_open(vm, point, serial, &uri),
            PortalWish::Notify { tag, title, body } if self.screen.can.notes => {
                if !self.room_for_note(vm, tag) {
                    return self.outcome(point, serial, PortalOutcome::Denied(Refusal::Silenced));
                }
                let purpose = Purpose::Notify { tag, title, body };
                self.want_plain(vm, point, serial, Kind::Notifications, purpose);
            }
            PortalWish::Unnotify { tag } => self.withdraw_note(vm, point, serial, tag),
            PortalWish::InhibitIdle { .. } if self.screen.can.idle => {
                self.want_plain(vm, point, serial, Kind::IdleInhibit, Purpose::Inhibit);
            }
            PortalWish::Notify { .. } => self.not_to_be_had(vm, point, serial, Kind::Notifications),
            PortalWish::InhibitIdle { .. } => self.not_to_be_had(vm, point, serial, Kind::IdleInhibit),
            // There is nothing yet that could take the picture.
            PortalWish::Screenshot => self.not_to_be_had(vm, point, serial, Kind::ScreenCapture),
        }
    }

    /// What the desktop can't do, whatever policy says.
    fn not_to_be_had(&mut self, vm: &VmId, point: PointId, serial: u32, kind: Kind) {
        let resource = Resource::Plain(kind);
        let why = match self.decide(vm, &resource) {
            Decision::Deny(why) => why,
            Decision::Allow { .. } | Decision::Ask { .. } => Refusal::Off,
        };
        self.refuse_portal(vm, point, serial, &resource, why);
    }

    fn refuse_portal(&mut self, vm: &VmId, point: PointId, serial: u32, resource: &Resource, why: Refusal) {
        self.note_refusal(vm, resource, why);
        self.outcome(point, serial, PortalOutcome::Denied(why));
    }

    pub(super) fn outcome(&mut self, point: PointId, serial: u32, outcome: PortalOutcome) {
        self.push(Effect::Point(point, ToPoint::PortalDone { serial, outcome }));
    }

    /// What has no detail: asked about, and done on a yes.
    fn want_plain(&mut self, vm: &VmId, point: PointId, serial: u32, kind: Kind, purpose: Purpose) {
        let resource = Resource::Plain(kind);
        let asker = Asker { seat: Seat::Point(point), serial, resource: resource.clone() };
        let (answers, outcome) = match self.decide(vm, &resource) {
            Decision::Ask { answers } => (answers.to_vec(), None),
            Decision::Allow { grant, until, once } => {
                (Vec::new(), Some(self.use_up(grant, once).map(|()| Yes { grant, until, once })))
            }
            Decision::Deny(why) => (Vec::new(), Some(Err(why))),
        };
        let question =
            Question::new(vm.clone(), About::Plain(kind), answers, asker, self.book.now()).with(purpose);
        match outcome {
            None => self.put(question),
            Some(Ok(yes)) => self.fulfil_portal(question, yes, Answer::ThisTime),
            Some(Err(why)) => self.refuse_all(question, why),
        }
    }

    /// A file: the chooser itself is the question, also where policy would allow it.
    fn want_file(&mut self, chooser: Chooser) {
        let resource = Resource::Files { kind: chooser.kind, access: chooser.access };
        let (vm, point, serial) = (chooser.vm.clone(), chooser.point, chooser.serial);
        let open = self.portals.choosers.values().filter(|c| c.vm == vm).count();
        let refusal = match self.decide(&vm, &resource) {
            Decision::Deny(why) => Some(why),
            _ if open >= MAX_CHOOSERS => Some(Refusal::Silenced),
            _ => self.write_asked(&vm, &resource).err(),
        };
        if let Some(why) = refusal {
            return self.refuse_portal(&vm, point, serial, &resource, why);
        }
        self.portals.last_chooser = self.portals.last_chooser.saturating_add(1);
        self.portals.choosers.insert(self.portals.last_chooser, chooser);
        self.push(Effect::ChoosersChanged);
        self.touch(&vm);
    }

    /// The person chose. The shell has seen what the file is.
    pub(super) fn choose(&mut self, call: CallId, id: u64, name: Label, folder: bool, writable: bool) {
        let Some(chooser) = self.portals.choosers.get(&id) else {
            return self.push(Effect::Answer(call, Err(OrderError::NoChooser)));
        };
        let wrong = match (chooser.kind, folder, writable) {
            (FileKind::File | FileKind::NewFile, true, _) => Some("a file"),
            (FileKind::Folder, false, _) => Some("a folder"),
            (FileKind::NewFile, _, false) => Some("a file to write to"),
            _ if writable && chooser.access == FileAccess::Read => Some("something to read only"),
            _ => None,
        };
        if let Some(wanted) = wrong {
            return self.push(Effect::Answer(call, Err(OrderError::WrongFile(wanted))));
        }
        let Some(chooser) = self.portals.choosers.remove(&id) else { return };
        self.push(Effect::ChoosersChanged);
        let access = if writable { FileAccess::Write } else { FileAccess::Read };
        let resource = Resource::Files { kind: chooser.kind, access };
        match self.hand_over(&chooser.vm, chooser.point, resource.clone()) {
            Ok(ticket) => {
                if let Some(entry) = self.vms.get_mut(&chooser.vm) {
                    entry.yes(&resource.key());
                }
                let file = Handed { name: name.clone(), folder, writable, at: self.book.now() };
                self.tickets.is_for((Seat::Point(chooser.point), ticket.id), file);
                let outcome = PortalOutcome::File { ticket, name, folder, writable };
                let message = ToPoint::PortalDone { serial: chooser.serial, outcome };
                self.push(Effect::File { point: chooser.point, message, call });
                self.push(Effect::Answer(call, Ok(Reply::Done)));
            }
            Err(why) => {
                self.refuse_portal(&chooser.vm, chooser.point, chooser.serial, &resource, why);
                let error = match why {
                    Refusal::NoLedger => OrderError::NoLedger,
                    Refusal::Admin => OrderError::Admin,
                    _ => OrderError::NoChooser,
                };
                self.push(Effect::Answer(call, Err(error)));
            }
        }
    }

    /// Writes that the person handed one file over, and makes its ticket.
    fn hand_over(&mut self, vm: &VmId, point: PointId, resource: Resource) -> Result<Ticket, Refusal> {
        let said = Event::Answered { vm: vm.clone(), resource: resource.clone(), answer: Answer::ThisTime };
        let used = |grant| Event::Used {
            vm: vm.clone(),
            resource: resource.clone(),
            grant,
            usage: Usage { times: 1, ..Usage::default() },
        };
        let (events, grant) = match self.decide(vm, &resource) {
            Decision::Deny(why) => return Err(why),
            Decision::Allow { grant, once, .. } => {
                let spent = grant.filter(|_| once).map(|grant| Event::Revoked { grant, by: Author::Policy });
                (Vec::from_iter([Some(said), spent, Some(used(grant))].into_iter().flatten()), grant)
            }
            Decision::Ask { .. } => {
                let (now, midnight) = (self.book.now(), self.time.midnight);
                let given = self.book.state().grant_for(vm, &resource, Answer::ThisTime, now, midnight);
                let Some(given) = given else { return Err(Refusal::Answered) };
                let id = given.id;
                // The use is what uses it up.
                let events = vec![
                    said,
                    Event::Granted(given),
                    used(Some(id)),
                    Event::Revoked { grant: id, by: Author::Policy },
                ];
                (events, Some(id))
            }
        };
        self.book.give(events).map_err(|_full| Refusal::NoLedger)?;
        // One file, whatever allowed it.
        let want = Want { seat: Seat::Point(point), vm: vm.clone(), resource, grant, once: true };
        let id = self.tickets.issue(want);
        self.touch(vm);
        Ok(Ticket { id, grant, until: None, once: true })
    }

    pub(super) fn cancel_chooser(&mut self, id: u64) -> Result<Reply, OrderError> {
        let chooser = self.portals.choosers.remove(&id).ok_or(OrderError::NoChooser)?;
        self.push(Effect::ChoosersChanged);
        let resource = Resource::Files { kind: chooser.kind, access: chooser.access };
        let key = resource.key();
        let said = Event::Answered { vm: chooser.vm.clone(), resource, answer: Answer::NotNow };
        let _ = self.book.take(vec![said]);
        self.count_no(&chooser.vm, &key);
        self.outcome(chooser.point, chooser.serial, PortalOutcome::Denied(Refusal::Answered));
        self.touch(&chooser.vm);
        Ok(Reply::Done)
    }

    /// An address: the person picks the app that opens it, or none.
    fn want_open(&mut self, vm: &VmId, point: PointId, serial: u32, raw: &str) {
        let Some(uri) = uri::read(raw) else {
            // The scheme of what makes no sense is not worth a line of its own.
            let resource = Resource::OpenUri { scheme: "unknown".to_owned() };
            return self.refuse_portal(vm, point, serial, &resource, Refusal::Malformed);
        };
        let resource = Resource::OpenUri { scheme: uri.scheme.clone() };
        let candidates = self.candidates(vm, &uri.scheme);
        let refusal = match self.decide(vm, &resource) {
            Decision::Deny(why) => Some(why),
            // Nobody could take it.
            _ if candidates.is_empty() => Some(Refusal::NotRunning),
            _ => None,
        };
        if let Some(why) = refusal {
            return self.refuse_portal(vm, point, serial, &resource, why);
        }
        let answers = (0..MAX_CANDIDATES).take(candidates.len()).map(Answer::Pick).collect();
        let about = About::OpenUri { uri: uri.shown, candidates: candidates.clone() };
        let asker = Asker { seat: Seat::Point(point), serial, resource };
        let question = Question::new(vm.clone(), about, answers, asker, self.book.now());
        self.put(question.with(Purpose::Open { uri: uri.text, candidates }));
    }

    /// Who could open an address: what runs first, then what could be started.
    fn candidates(&self, asker: &VmId, scheme: &str) -> Vec<Candidate> {
        let opens = |app: &AppId| self.portals.openers.iter().find(|o| o.app == *app);
        let fits = |opener: &Opener| opener.schemes.iter().any(|s| s == scheme);
        let running = self.vms.iter().filter(|(vm, v)| *vm != asker && opens(&v.who.app).is_some_and(fits));
        let running: Vec<Candidate> = running
            .map(|(vm, v)| Candidate {
                app: v.who.app.clone(),
                name: v.who.name.clone(),
                vm: Some(vm.clone()),
                identity: Some(v.who.identity),
            })
            .collect();
        let startable = self.portals.openers.iter().filter(|o| fits(o));
        let startable = startable.filter(|o| !running.iter().any(|c| c.app == o.app)).map(|o| Candidate {
            app: o.app.clone(),
            name: o.name.clone(),
            vm: None,
            identity: None,
        });
        running.iter().cloned().chain(startable).take(usize::from(MAX_CANDIDATES)).collect()
    }

    /// The person, or policy, said yes to a wish.
    pub(super) fn fulfil_portal(&mut self, question: Question, yes: Yes, answer: Answer) {
        let Some(asker) = question.askers.first().cloned() else { return };
        let Seat::Point(point) = asker.seat else { return };
        let (vm, serial) = (question.vm.clone(), asker.serial);
        match question.purpose {
            Purpose::Ticket => {}
            Purpose::Notify { tag, title, body } => {
                self.count_use(&vm, &asker.resource, yes.grant);
                self.show_note(vm, tag, (title, body), yes.once);
                self.outcome(point, serial, PortalOutcome::Done);
            }
            Purpose::Inhibit => {
                let held = self.portals.inhibitors.values().filter(|i| i.vm == vm).count();
                if held >= MAX_INHIBITORS {
                    return self.refuse_portal(&vm, point, serial, &asker.resource, Refusal::Silenced);
                }
                self.count_use(&vm, &asker.resource, yes.grant);
                self.portals.inhibitors.insert((point, serial), Inhibitor { vm, once: yes.once });
                self.outcome(point, serial, PortalOutcome::Done);
            }
            Purpose::Open { uri, candidates } => {
                let picked = match answer {
                    Answer::Pick(n) => candidates.into_iter().nth(usize::from(n)),
                    _ => None,
                };
                match picked {
                    Some(candidate) => {
                        self.count_use(&vm, &asker.resource, yes.grant);
                        self.send_address(point, serial, uri, candidate);
                    }
                    None => self.refuse_portal(&vm, point, serial, &asker.resource, Refusal::Answered),
                }
            }
        }
    }

    pub(super) fn deny_portal(&mut self, question: Question, why: Refusal) {
        for asker in question.askers {
            if let Seat::Point(point) = asker.seat {
                self.outcome(point, asker.serial, PortalOutcome::Denied(why));
            }
        }
    }

    fn count_use(&mut self, vm: &VmId, resource: &Resource, grant: Option<GrantId>) {
        let usage = Usage { times: 1, ..Usage::default() };
        self.write_usage(vec![Report { vm: vm.clone(), resource: resource.clone(), grant, usage }]);
        self.touch(vm);
    }

    fn send_address(&mut self, point: PointId, serial: u32, uri: String, to: Candidate) {
        let link = to.vm.as_ref().and_then(|vm| self.vms.get(vm)).map(|v| v.link);
        let gone = to.vm.is_some() && link.is_none();
        if gone || self.portals.openings.len() >= MAX_OPENINGS {
            return self.outcome(point, serial, PortalOutcome::Denied(Refusal::NotRunning));
        }
        self.portals.last_opening = self.portals.last_opening.wrapping_add(1);
        let number = self.portals.last_opening;
        self.portals.openings.insert(number, Opening { point, serial, app: to.app.clone(), link });
        match link {
            Some(link) => self.push(Effect::Shepherd(link, FromMonitor::Open { serial: number, uri })),
            None => self.push(Effect::Launch { serial: number, app: to.app, uri }),
        }
    }

    pub(super) fn opened(&mut self, link: LinkId, serial: u32, ok: bool) {
        if self.portals.openings.get(&serial).is_some_and(|o| o.link == Some(link)) {
            self.end_opening(serial, ok);
        }
    }

    pub(super) fn launched(&mut self, serial: u32, ok: bool) {
        if self.portals.openings.get(&serial).is_some_and(|o| o.link.is_none()) {
            self.end_opening(serial, ok);
        }
    }

    fn end_opening(&mut self, serial: u32, ok: bool) {
        let Some(opening) = self.portals.openings.remove(&serial) else { return };
        let outcome = if ok {
            PortalOutcome::OpenedBy(opening.app)
        } else {
            PortalOutcome::Denied(Refusal::NotRunning)
        };
        self.outcome(opening.point, opening.serial, outcome);
    }

    /// A shepherd is gone, and with it the addresses that it was to hand over.
    pub(super) fn portals_lost_link(&mut self, link: LinkId) {
        let lost: Vec<u32> =
            self.portals.openings.iter().filter(|(_, o)| o.link == Some(link)).map(|(n, _)| *n).collect();
        for serial in lost {
            self.end_opening(serial, false);
        }
    }

    /// A point is gone, and with it all that it wished for.
    pub(super) fn portals_lost_point(&mut self, point: PointId) {
        self.portals.inhibitors.retain(|(p, _), _| *p != point);
        self.portals.openings.retain(|_, o| o.point != point);
        let before = self.portals.choosers.len();
        self.portals.choosers.retain(|_, c| c.point != point);
        if self.portals.choosers.len() != before {
            self.push(Effect::ChoosersChanged);
        }
    }

    /// The app gave up a wish.
    pub(super) fn forget_portal(&mut self, seat: Seat, serial: u32) {
        let Seat::Point(point) = seat else { return };
        self.portals.inhibitors.remove(&(point, serial));
        self.portals.openings.retain(|_, o| (o.point, o.serial) != (point, serial));
        let theirs = |c: &Chooser| (c.point, c.serial) == (point, serial);
        let open: Vec<u64> =
            self.portals.choosers.iter().filter(|(_, c)| theirs(c)).map(|(id, _)| *id).collect();
        for id in open {
            let Some(chooser) = self.portals.choosers.remove(&id) else { continue };
            self.push(Effect::ChoosersChanged);
            // Shown and taken back again and again is asked again and again.
            let resource = Resource::Files { kind: chooser.kind, access: chooser.access };
            self.count_no(&chooser.vm, &resource.key());
        }
    }

    /// Notes, choosers and reasons to keep the screen on, after a change.
    pub(super) fn reconsider_portals(&mut self, vm: &VmId) {
        self.reconsider_notes(vm);
        let resource = Resource::Plain(Kind::IdleInhibit);
        let book = &self.book;
        self.portals.inhibitors.retain(|_, i| i.vm != *vm || book.holds(vm, &resource, i.once));
        let waiting: Vec<u64> =
            self.portals.choosers.iter().filter(|(_, c)| c.vm == *vm).map(|(id, _)| *id).collect();
        for id in waiting {
            let Some(chooser) = self.portals.choosers.get(&id) else { continue };
            let resource = Resource::Files { kind: chooser.kind, access: chooser.access };
            if let Decision::Deny(why) = self.decide(vm, &resource)
                && let Some(chooser) = self.portals.choosers.remove(&id)
            {
                self.push(Effect::ChoosersChanged);
                self.refuse_portal(vm, chooser.point, chooser.serial, &resource, why);
            }
        }
    }
}
