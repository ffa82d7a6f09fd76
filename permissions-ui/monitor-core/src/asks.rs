// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions of points, and answers to them. In: what a point or the compositor says. Out: one answer for
//! each question, to its asker only; a prompt where the person decides.

use super::Core;
use super::questions::{Asker, Joined, Purpose, Question};
use super::tickets::{Seat, Want};
use super::words::{Effect, PointId, Reply, Role};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::{FromPoint, MAX_ALIASES, Ticket, ToPoint};
use cofferdam_monitor_wire::screen::{About, FromScreen, Prompt, PromptId, ToScreen};
use cofferdam_policy::{
    Answer, Author, Contact, Decision, Event, Grant, GrantId, Host, Key, Kind, Lifetime, Millis, Refusal,
    Resource, Usage,
};

/// Most answers that a prompt offers.
const MAX_ANSWERS: usize = 6;

/// What a decision gives: the grant behind it, its end, and whether it is for one use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Yes {
    pub(super) grant: Option<GrantId>,
    pub(super) until: Option<Millis>,
    pub(super) once: bool,
}

impl Core {
    /// A point spoke.
    pub(super) fn point(&mut self, point: PointId, message: FromPoint) {
        // What was sent before a socket was closed may still come; it is nobody's any more.
        let Some((vm, role)) = self.vms.by_point(point).cloned() else { return };
        let seat = Seat::Point(point);
        let fine = match message {
            FromPoint::Ask { serial, resource } => {
                let fits = speaks_of(role, &resource) && !self.is_open(seat, serial);
                if fits {
                    self.ask(&vm, Asker { seat, serial, resource });
                }
                fits
            }
            FromPoint::Portal { serial, wish } => {
                let fits = role == Role::Agent && !self.is_open(seat, serial);
                if fits {
                    self.portal(&vm, point, serial, wish);
                }
                fits
            }
            FromPoint::Forget { serial } => {
                self.forget(seat, serial);
                true
            }
            FromPoint::Used { ticket, resource, usage } => self.used(&vm, (seat, ticket), resource, usage),
            FromPoint::Refused { resource, why } => {
                let fits = speaks_of(role, &resource);
                if fits {
                    self.note_refusal(&vm, &resource, why);
                }
                fits
            }
            FromPoint::CutDone { ticket } => self.cut_done((seat, ticket)),
            FromPoint::Aliases { serial, contact, names } => {
                let fits = role == Role::Network && names.len() <= MAX_ALIASES;
                if fits {
                    self.check_aliases(&vm, point, serial, &contact, names);
                }
                fits
            }
            FromPoint::Returned(tickets) => role == Role::Network && self.returned(seat, &tickets),
            FromPoint::Online(online) => role == Role::Network && self.set_online(&vm, online),
        };
        if !fine {
            self.fault(point);
        }
    }

    /// The compositor spoke.
    pub(super) fn screen_said(&mut self, message: FromScreen) {
        if !self.screen.up {
            return;
        }
        let fine = match message {
            FromScreen::Answered { id, answer, silence } => {
                self.answered(id, answer, silence, true);
                true
            }
            FromScreen::Ask { serial, vm, resource } => {
                let transfer = matches!(resource.kind(), Kind::Clipboard | Kind::DragAndDrop);
                let fits = transfer && !self.is_open(Seat::Screen, serial);
                if fits {
                    self.ask(&vm, Asker { seat: Seat::Screen, serial, resource });
                }
                fits
            }
            FromScreen::Forget { serial } => {
                self.forget(Seat::Screen, serial);
                true
            }
            FromScreen::Used { vm, ticket, resource, usage } => {
                self.used(&vm, (Seat::Screen, ticket), resource, usage)
            }
            FromScreen::Refused { vm, resource, why } => {
                self.note_refusal(&vm, &resource, why);
                true
            }
            FromScreen::CutDone { ticket } => self.cut_done((Seat::Screen, ticket)),
            FromScreen::CutEverything => {
                // The person wants it gone; what can't be written is gone all the same.
                let (answer, _) = self.revoke_everything();
                self.orders.cut = match answer {
                    Ok(Reply::Number(token)) => Some(token),
                    _ => None,
                };
                true
            }
            FromScreen::UndoCut => {
                // Too late, or undone elsewhere: then everything stays cut, which harms nobody.
                let _ = self.orders.cut.take().map(|token| self.undo(token));
                true
            }
            FromScreen::Locked(locked) => {
                self.lock(locked);
                true
            }
            FromScreen::Can(abilities) => {
                self.screen_can(abilities);
                true
            }
        };
        if !fine {
            self.screen_fault();
        }
    }

    /// Whether a serial of a socket waits for an answer.
    fn is_open(&self, seat: Seat, serial: u32) -> bool {
        self.questions.has_serial(seat, serial) || self.portals.has_serial(seat, serial)
    }

    fn ask(&mut self, vm: &VmId, asker: Asker) {
        match self.decide(vm, &asker.resource) {
            Decision::Allow { grant, until, once } => match self.use_up(grant, once) {
                Ok(()) => self.allow(vm, asker, Yes { grant, until, once }),
                Err(why) => self.deny(vm, asker, why),
            },
            Decision::Deny(why) => self.deny(vm, asker, why),
            Decision::Ask { answers } => {
                let about = self.about(vm, &asker.resource);
                let question = Question::new(vm.clone(), about, answers.to_vec(), asker, self.book.now());
                self.put(question);
            }
        }
    }

    /// Puts a question to the person, or joins it to one that is open. Whoever can't be heard is denied.
    pub(super) fn put(&mut self, mut question: Question) {
        let vm = question.vm.clone();
        let Some(asker) = question.askers.first().cloned() else { return };
        let joined = match question.purpose {
            Purpose::Ticket => self.questions.join(&vm, &question.key, asker),
            _ => self.questions.room(&vm),
        };
        match (joined, self.screen.up) {
            (Joined::Merged, _) => {}
            (Joined::Full, _) => return self.refuse_all(question, Refusal::Silenced),
            (Joined::Alone, false) => return self.refuse_all(question, Refusal::Silence),
            (Joined::Alone, true) => {
                if !question.answers.contains(&Answer::Never) && question.answers.len() < MAX_ANSWERS {
                    question.answers.push(Answer::Never);
                }
                let (id, first) = self.questions.open(question, self.time.mono);
                if first && !self.show(id) {
                    return;
                }
            }
        }
        self.touch(&vm);
    }

    /// Writes that something is asked, before anybody sees it.
    pub(super) fn write_asked(&mut self, vm: &VmId, resource: &Resource) -> Result<(), Refusal> {
        let mono = self.time.mono;
        if !self.vms.get_mut(vm).is_none_or(|entry| entry.may_ask(mono)) {
            return Err(Refusal::Silenced);
        }
        let asked = Event::Asked { vm: vm.clone(), resource: resource.clone() };
        self.book.give(vec![asked]).map_err(|_full| Refusal::NoLedger)
    }

    /// Puts a question on the screen. Its line is written only now: what waits behind another one and is
    /// forgotten there was never asked. False: it can't be written, and is refused.
    fn show(&mut self, id: PromptId) -> bool {
        let Some(q) = self.questions.get(id) else { return false };
        let (vm, resource) = (q.vm.clone(), q.resource.clone());
        if let Err(why) = self.write_asked(&vm, &resource) {
            if let Some(question) = self.questions.close(id) {
                self.refuse_all(question, why);
            }
            return false;
        }
        let Some(q) = self.questions.get(id) else { return false };
        let uses = self.book.state().uses(&q.vm, q.key.kind()).times;
        let prompt =
            Prompt { id, vm: q.vm.clone(), about: q.about.clone(), answers: q.answers.clone(), uses };
        self.push(Effect::Screen(ToScreen::Ask(prompt)));
        true
    }

    /// What the person is told about a thing that is asked for.
    pub(super) fn about(&self, vm: &VmId, resource: &Resource) -> About {
        match resource {
            Resource::Network(contact) => {
                About::Network { contact: contact.clone(), first: !self.book.state().was_seen(vm, resource) }
            }
            Resource::Clipboard { from, content } => About::Paste { from: from.clone(), content: *content },
            Resource::DragAndDrop { from, content } => About::Drop { from: from.clone(), content: *content },
            other => About::Plain(other.kind()),
        }
    }

    /// The person, silence or an accident answered a question. `counts`: a no is the asker's doing.
    pub(super) fn answered(&mut self, id: PromptId, answer: Answer, silence: bool, counts: bool) {
        // An answer to a question that was withdrawn comes too late and says nothing.
        let Some(question) = self.questions.get(id) else { return };
        let odd = !question.shown || !question.offers(answer) || (self.screen.locked && answer.is_yes());
        if odd && !silence {
            self.faults = self.faults.saturating_add(1);
        }
        let answer = if odd || silence { Answer::NotNow } else { answer };
        let (vm, resource) = (question.vm.clone(), question.resource.clone());
        let said = Event::Answered { vm: vm.clone(), resource: resource.clone(), answer };
        let moment = (self.book.now(), self.time.midnight);
        let grant = self.book.state().grant_for(&vm, &resource, answer, moment.0, moment.1);
        if answer.is_yes() {
            let outcome = self.said_yes(&vm, &resource, said, grant);
            if outcome == Err(Refusal::Answered) {
                return self.settle_question(id, Err(Refusal::Answered));
            }
            if let Some(entry) = self.vms.get_mut(&vm) {
                entry.yes(&resource.key());
            }
            self.settle_question(id, outcome.map(|yes| (yes, answer)));
            self.reconsider_family(&vm, false);
        } else {
            let forever = answer == Answer::Never && grant.is_some();
            let events = [Some(said), grant.map(Event::Granted)].into_iter().flatten().collect();
            let _ = self.book.take(events);
            let why = match (silence, forever) {
                (true, _) => Refusal::Silence,
                (false, true) => Refusal::Never,
                (false, false) => Refusal::Answered,
            };
            if counts && !forever {
                self.count_no(&vm, &resource.key());
            }
            self.refuse_notes_behind(id, why);
            self.settle_question(id, Err(why));
            self.reconsider_family(&vm, true);
        }
    }

    /// Writes a yes and what comes of it. What is for one use is used up in the same breath: whatever happens
    /// next, nobody finds it unspent.
    fn said_yes(
        &mut self,
        vm: &VmId,
        resource: &Resource,
        said: Event,
        grant: Option<Grant>,
    ) -> Result<Yes, Refusal> {
        let used_up = |grant| Event::Revoked { grant, by: Author::Policy };
        let (events, yes) = match grant {
            Some(grant) if grant.lifetime == Lifetime::Once => {
                let id = grant.id;
                let yes = Yes { grant: Some(id), until: None, once: true };
                (vec![said, Event::Granted(grant), used_up(id)], yes)
            }
            Some(grant) => {
                let written = self.book.give(vec![said, Event::Granted(grant)]);
                return written
                    .map_err(|_full| Refusal::NoLedger)
                    .and_then(|()| self.decided_anew(vm, resource));
            }
            // Allowed already: the person only said how.
            None => match self.decide(vm, resource) {
                Decision::Allow { grant: None, once: true, .. } => return Err(Refusal::NoLedger),
                Decision::Allow { grant, until, once } => {
                    let spent = grant.filter(|_| once).map(used_up);
                    (std::iter::once(said).chain(spent).collect(), Yes { grant, until, once })
                }
                _ => return Err(Refusal::Answered),
            },
        };
        self.book.give(events).map_err(|_full| Refusal::NoLedger)?;
        Ok(yes)
    }

    /// What policy says now that the answer is in the ledger. The answer alone allows nothing.
    fn decided_anew(&mut self, vm: &VmId, resource: &Resource) -> Result<Yes, Refusal> {
        match self.decide(vm, resource) {
            Decision::Allow { grant, until, once } => {
                self.use_up(grant, once)?;
                Ok(Yes { grant, until, once })
            }
            Decision::Deny(why) => Err(why),
            Decision::Ask { .. } => Err(Refusal::Answered),
        }
    }

    /// Writes that a grant for one use is used up, before it is.
    pub(super) fn use_up(&mut self, grant: Option<GrantId>, once: bool) -> Result<(), Refusal> {
        match grant {
            Some(grant) if once => {
                let vm = self.book.grant(grant).map(|g| g.vm.clone());
                if let Some(entry) = vm.and_then(|vm| self.vms.get_mut(&vm)) {
                    entry.may_go_online = None;
                }
                let used_up = Event::Revoked { grant, by: Author::Policy };
                self.book.give(vec![used_up]).map_err(|_full| Refusal::NoLedger)
            }
            // A use without a number could be used again and again.
            None if once => Err(Refusal::NoLedger),
            _ => Ok(()),
        }
    }

    /// Closes a question and answers everybody who waited for it; then the next about the same thing.
    pub(super) fn settle_question(&mut self, id: PromptId, outcome: Result<(Yes, Answer), Refusal>) {
        let Some(question) = self.questions.close(id) else { return };
        let (vm, key) = (question.vm.clone(), question.key.clone());
        self.touch(&vm);
        match outcome {
            Ok((yes, answer)) => self.fulfil(question, yes, answer),
            Err(why) => self.tell_denied(question, why),
        }
        self.next_question(&vm, &key);
    }

    fn next_question(&mut self, vm: &VmId, key: &Key) {
        while let Some(id) = self.questions.show_next(vm, key) {
            let Some(question) = self.questions.get(id) else { continue };
            let (resource, picks) =
                (question.resource.clone(), matches!(question.purpose, Purpose::Open { .. }));
            let outcome = match self.decide(vm, &resource) {
                Decision::Deny(why) => Err(why),
                Decision::Allow { grant, until, once } if !picks => {
                    self.use_up(grant, once).map(|()| (Yes { grant, until, once }, Answer::ThisTime))
                }
                // Which app is to open an address is for the person to say, whatever is allowed.
                Decision::Allow { .. } | Decision::Ask { .. } => {
                    if self.show(id) {
                        return;
                    }
                    continue;
                }
            };
            let Some(question) = self.questions.close(id) else { continue };
            match outcome {
                Ok((yes, answer)) => self.fulfil(question, yes, answer),
                Err(why) => self.refuse_all(question, why),
            }
        }
    }

    fn fulfil(&mut self, question: Question, yes: Yes, answer: Answer) {
        match question.purpose {
            Purpose::Ticket => {
                let mut askers = question.askers.into_iter();
                for asker in askers.by_ref() {
                    self.allow(&question.vm, asker, yes);
                    if yes.once {
                        break;
                    }
                }
                // One use is one use: the others ask anew.
                for asker in askers {
                    self.ask(&question.vm, asker);
                }
            }
            _ => self.fulfil_portal(question, yes, answer),
        }
    }

    /// Gives an asker its ticket. Whatever allows it stands in the ledger by now.
    fn allow(&mut self, vm: &VmId, asker: Asker, yes: Yes) {
        let Asker { seat, serial, resource } = asker;
        let Yes { grant, until, once } = yes;
        let id = self.tickets.issue(Want { seat, vm: vm.clone(), resource, grant, once });
        self.reply(seat, serial, Ok(Ticket { id, grant, until, once }));
    }

    fn deny(&mut self, vm: &VmId, asker: Asker, why: Refusal) {
        self.note_refusal(vm, &asker.resource, why);
        self.reply(asker.seat, asker.serial, Err(why));
    }

    fn reply(&mut self, seat: Seat, serial: u32, verdict: Result<Ticket, Refusal>) {
        match seat {
            Seat::Point(point) => self.push(Effect::Point(point, ToPoint::Decided { serial, verdict })),
            Seat::Screen => self.push(Effect::Screen(ToScreen::Decided { serial, verdict })),
        }
    }

    /// Denies a question that the person never saw.
    pub(super) fn refuse_all(&mut self, question: Question, why: Refusal) {
        self.note_refusal(&question.vm, &question.resource, why);
        self.tell_denied(question, why);
    }

    fn tell_denied(&mut self, question: Question, why: Refusal) {
        if question.purpose != Purpose::Ticket {
            return self.deny_portal(question, why);
        }
        for asker in question.askers {
            self.reply(asker.seat, asker.serial, Err(why));
        }
    }

    fn forget(&mut self, seat: Seat, serial: u32) {
        if let Some(id) = self.questions.forget(seat, serial) {
            self.abandon_question(id, true);
        }
        self.forget_portal(seat, serial);
    }

    /// Nobody waits for a question any more. `counts`: that was the app's own doing.
    pub(super) fn abandon_question(&mut self, id: PromptId, counts: bool) {
        let Some(question) = self.questions.close(id) else { return };
        let (vm, key) = (question.vm, question.key);
        if question.shown {
            self.push(Effect::Screen(ToScreen::Withdraw(id)));
            // A prompt that comes and goes is as much of a nuisance as one that is refused.
            if counts {
                self.count_no(&vm, &key);
            }
        }
        self.touch(&vm);
        self.next_question(&vm, &key);
    }

    /// Looks again at what waits, after a change.
    pub(super) fn reconsider_questions(&mut self, vm: &VmId) {
        let open: Vec<_> = self.questions.iter().filter(|(_, q)| q.vm == *vm).map(|(id, _)| id).collect();
        for id in open {
            let Some(question) = self.questions.get(id) else { continue };
            let picks = matches!(question.purpose, Purpose::Open { .. });
            let (resource, shown) = (question.resource.clone(), question.shown);
            let outcome = match self.decide(vm, &resource) {
                Decision::Ask { .. } => continue,
                Decision::Allow { .. } if picks => continue,
                Decision::Allow { grant, until, once } => {
                    self.use_up(grant, once).map(|()| (Yes { grant, until, once }, Answer::ThisTime))
                }
                Decision::Deny(why) => Err(why),
            };
            if shown {
                self.push(Effect::Screen(ToScreen::Withdraw(id)));
            }
            self.settle_question(id, outcome);
        }
    }

    pub(super) fn count_no(&mut self, vm: &VmId, key: &Key) {
        let mono = self.time.mono;
        if let Some(entry) = self.vms.get_mut(vm)
            && entry.no(key, mono)
        {
            let _ = self.book.take(vec![Event::Silenced { vm: vm.clone(), kind: key.kind() }]);
            self.touch(vm);
        }
    }

    /// Writes a refusal down, unless this app has had its share of lines.
    pub(super) fn note_refusal(&mut self, vm: &VmId, resource: &Resource, why: Refusal) {
        let mono = self.time.mono;
        let Some(entry) = self.vms.get_mut(vm) else { return };
        if why == Refusal::NoLedger || !entry.may_write(&resource.key(), why, mono) {
            return;
        }
        let refused = Event::Refused { vm: vm.clone(), resource: resource.clone(), why };
        let _ = self.book.take(vec![refused]);
        self.touch(vm);
    }

    fn used(&mut self, vm: &VmId, key: (Seat, u64), resource: Resource, usage: Usage) -> bool {
        let mono = self.time.mono;
        let Ok(early) = self.tickets.used(key, vm, resource, usage, mono) else { return false };
        self.write_usage(early.into_iter().collect());
        true
    }

    /// Whether one of the other names of what was allowed is forbidden.
    fn check_aliases(&mut self, vm: &VmId, point: PointId, serial: u32, about: &Contact, names: Vec<Host>) {
        let named = |host| Resource::Network(Contact { host, ..about.clone() });
        let (state, now) = (self.book.state(), self.book.now());
        let no = names.into_iter().map(named).find_map(|one| Some((state.forbids(vm, &one, now)?, one)));
        let verdict = no.map_or(Ok(()), |(why, resource)| {
            self.note_refusal(vm, &resource, why);
            Err(why)
        });
        self.push(Effect::Point(point, ToPoint::Checked { serial, verdict }));
    }

    /// A gateway says whether anything is connected. False: it says so again and again.
    fn set_online(&mut self, vm: &VmId, online: bool) -> bool {
        let changed =
            self.vms.get_mut(vm).is_some_and(|v| std::mem::replace(&mut v.online, online) != online);
        if changed {
            self.touch(vm);
        }
        changed
    }
}

/// Whether a point of this role may speak of this at all.
fn speaks_of(role: Role, resource: &Resource) -> bool {
    match role {
        Role::Network => resource.kind() == Kind::Network,
        // Files and addresses go through portals, where the monitor itself does what was asked for.
        Role::Agent => matches!(
            resource,
            Resource::Files { .. }
                | Resource::OpenUri { .. }
                | Resource::Plain(Kind::Notifications | Kind::IdleInhibit | Kind::ScreenCapture)
        ),
    }
}
