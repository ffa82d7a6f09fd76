// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions that wait for a person. In: askers with what they want, answers, deadlines. Out: which question
//! goes to the screen, and who gets an answer.
//!
//! All who ask for the same thing of the same VM wait for one question. What can't be merged (two addresses
//! to be opened) waits behind the one on the screen, so that there are never two that look alike.

use super::index::Index;
use super::tickets::Seat;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::{About, Candidate, PromptId};
use cofferdam_policy::{Answer, Key, Millis, Resource};
use std::collections::BTreeMap;

/// Questions that one VM may have open.
pub(crate) const MAX_OPEN: usize = 16;
/// Askers of one VM that wait at one time.
pub(crate) const MAX_ASKERS: usize = 1024;
/// How long a question stays open, in milliseconds; the compositor gives up earlier by itself.
pub(crate) const QUESTION_LIMIT: u64 = 300_000;

/// Who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) seat: Seat,
    pub(crate) serial: u32,
    pub(crate) resource: Resource,
}

/// What happens on a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Tickets for all askers.
    Ticket,
    /// A notification.
    Notify { tag: u64, title: cofferdam_ids::Label, body: cofferdam_ids::Passage },
    /// The screen stays on.
    Inhibit,
    /// An address is opened by the candidate that is picked.
    Open { uri: String, candidates: Vec<Candidate> },
}

impl Purpose {
    /// Whether questions with the same key are one question.
    fn merges(&self) -> bool {
        matches!(self, Self::Ticket)
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) vm: VmId,
    pub(crate) key: Key,
    /// What was asked first, which is what the person sees.
    pub(crate) resource: Resource,
    pub(crate) about: About,
    pub(crate) answers: Vec<Answer>,
    pub(crate) askers: Vec<Asker>,
    pub(crate) purpose: Purpose,
    /// Since when, for people.
    pub(crate) at: Millis,
    deadline: u64,
    /// It was sent to the screen.
    pub(crate) shown: bool,
}

/// What became of an asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It waits for a question that is open already.
    Merged,
    /// There is no such question.
    Alone,
    /// Too many of this VM wait.
    Full,
}

/// All open questions.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: BTreeMap<PromptId, Question>,
    by_key: Index<(VmId, Key), PromptId>,
    serials: Index<(Seat, u32), PromptId>,
    last: u64,
    /// While the session is locked nobody can answer, and no deadline passes.
    frozen_at: Option<u64>,
}

impl Questions {
    /// Lets an asker wait for an open question about the same thing.
    pub(crate) fn join(&mut self, vm: &VmId, key: &Key, asker: Asker) -> Joined {
        let mut of_vm = self.open.values().filter(|q| q.vm == *vm);
        let waiting: usize = of_vm.by_ref().map(|q| q.askers.len()).sum();
        if waiting >= MAX_ASKERS {
            return Joined::Full;
        }
        if let Some(id) = self.by_key.get(&(vm.clone(), key.clone()))
            && let Some(question) = self.open.get_mut(id)
            && question.purpose.merges()
        {
            self.serials.insert((asker.seat, asker.serial), *id);
            question.askers.push(asker);
            return Joined::Merged;
        }
        if self.count(vm) >= MAX_OPEN { Joined::Full } else { Joined::Alone }
    }

    /// Opens a question. Its number, and whether it goes to the screen now.
    pub(crate) fn open(&mut self, mut question: Question, mono: u64) -> (PromptId, bool) {
        self.last = self.last.saturating_add(1);
        let id = PromptId(self.last);
        let free = (question.vm.clone(), question.key.clone());
        question.shown = !self.by_key.contains_key(&free);
        question.deadline = self.frozen_at.unwrap_or(mono).saturating_add(QUESTION_LIMIT);
        let shown = question.shown;
        if shown {
            self.by_key.insert(free, id);
        }
        for asker in &question.askers {
            self.serials.insert((asker.seat, asker.serial), id);
        }
        self.open.insert(id, question);
        (id, shown)
    }

    /// Whether a serial of this socket is in use.
    pub(crate) fn has_serial(&self, seat: Seat, serial: u32) -> bool {
        self.serials.contains_key(&(seat, serial))
    }

    /// An open question.
    pub(crate) fn get(&self, id: PromptId) -> Option<&Question> {
        self.open.get(&id)
    }

    /// All, in the order in which they were asked.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PromptId, &Question)> {
        self.open.iter().map(|(id, q)| (*id, q))
    }

    /// How many a VM has.
    pub(crate) fn count(&self, vm: &VmId) -> usize {
        self.open.values().filter(|q| q.vm == *vm).count()
    }

    /// Closes a question.
    pub(crate) fn close(&mut self, id: PromptId) -> Option<Question> {
        let question = self.open.remove(&id)?;
        for asker in &question.askers {
            self.serials.remove(&(asker.seat, asker.serial));
        }
        let key = (question.vm.clone(), question.key.clone());
        if self.by_key.get(&key) == Some(&id) {
            self.by_key.remove(&key);
        }
        Some(question)
    }

    /// The next question that waited behind one about the same thing; it is on the screen from now on.
    pub(crate) fn show_next(&mut self, vm: &VmId, key: &Key) -> Option<PromptId> {
        let free = (vm.clone(), key.clone());
        if self.by_key.contains_key(&free) {
            return None;
        }
        let mut waiting = self.open.iter_mut().filter(|(_, q)| q.vm == *vm && q.key == *key);
        let (id, question) = waiting.next()?;
        question.shown = true;
        self.by_key.insert(free, *id);
        Some(*id)
    }

    /// An asker lost interest. The question, if nobody waits for it any more.
    pub(crate) fn forget(&mut self, seat: Seat, serial: u32) -> Option<PromptId> {
        let id = self.serials.remove(&(seat, serial))?;
        let question = self.open.get_mut(&id)?;
        question.askers.retain(|a| (a.seat, a.serial) != (seat, serial));
        question.askers.is_empty().then_some(id)
    }

    /// A socket is gone. Questions that nobody waits for any more.
    pub(crate) fn forget_seat(&mut self, seat: Seat) -> Vec<PromptId> {
        self.serials.retain(|(s, _), _| *s != seat);
        let mut empty = Vec::new();
        for (id, question) in &mut self.open {
            question.askers.retain(|a| a.seat != seat);
            if question.askers.is_empty() {
                empty.push(*id);
            }
        }
        empty
    }

    /// The session was locked or unlocked.
    pub(crate) fn freeze(&mut self, locked: bool, mono: u64) {
        match (locked, self.frozen_at) {
            (true, None) => self.frozen_at = Some(mono),
            (false, Some(since)) => {
                self.frozen_at = None;
                let slept = mono.saturating_sub(since);
                for question in self.open.values_mut() {
                    question.deadline = question.deadline.saturating_add(slept);
                }
            }
            _ => {}
        }
    }

    /// Questions that nobody answered in time.
    pub(crate) fn overdue(&self, mono: u64) -> Vec<PromptId> {
        if self.frozen_at.is_some() {
            return Vec::new();
        }
        self.open.iter().filter(|(_, q)| q.deadline <= mono).map(|(id, _)| *id).collect()
    }

    /// When the next one is overdue.
    pub(crate) fn wake(&self) -> Option<u64> {
        if self.frozen_at.is_some() {
            return None;
        }
        self.open.values().map(|q| q.deadline).min()
    }

    /// Numbers of all questions.
    pub(crate) fn ids(&self) -> Vec<PromptId> {
        self.open.keys().copied().collect()
    }
}

impl Question {
    /// A question of one asker.
    pub(crate) fn new(vm: VmId, about: About, answers: Vec<Answer>, asker: Asker, at: Millis) -> Self {
        let resource = asker.resource.clone();
        Self {
            vm,
            key: resource.key(),
            resource,
            about,
            answers,
            askers: vec![asker],
            purpose: Purpose::Ticket,
            at,
            deadline: 0,
            shown: false,
        }
    }

    /// The same with another purpose.
    pub(crate) fn with(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Whether the person can say this.
    pub(crate) fn offers(&self, answer: Answer) -> bool {
        matches!(answer, Answer::NotNow | Answer::Never) || self.answers.contains(&answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_policy::Kind;

    const KIND: Kind = Kind::Notifications;

    fn question(serial: u32) -> Question {
        let resource = Resource::Plain(KIND);
        let asker = Asker { seat: Seat::Screen, serial, resource };
        Question::new("mail".parse().unwrap(), About::Plain(KIND), Vec::new(), asker, Millis(0))
    }

    #[test]
    fn what_cannot_be_merged_waits_behind() {
        let mut questions = Questions::default();
        let open = Purpose::Open { uri: "https://a.org".into(), candidates: Vec::new() };
        let (first, shown) = questions.open(question(1).with(open.clone()), 0);
        assert!(shown);
        let (second, shown) = questions.open(question(2).with(open), 0);
        assert!(!shown, "never two that look alike");
        let vm = "mail".parse().unwrap();
        assert_eq!(questions.show_next(&vm, &Key::All(KIND)), None);
        questions.close(first);
        assert_eq!(questions.show_next(&vm, &Key::All(KIND)), Some(second));
    }

    #[test]
    fn a_locked_session_stops_the_clock() {
        let mut questions = Questions::default();
        let (id, _) = questions.open(question(1), 0);
        questions.freeze(true, 1_000);
        assert!(questions.overdue(u64::MAX).is_empty());
        questions.freeze(false, 501_000);
        assert!(questions.overdue(QUESTION_LIMIT + 499_999).is_empty());
        assert_eq!(questions.overdue(QUESTION_LIMIT + 500_000), [id]);
    }

    #[test]
    fn the_last_asker_takes_the_question_away() {
        let mut questions = Questions::default();
        let vm = "mail".parse().unwrap();
        let (id, _) = questions.open(question(1), 0);
        let asker = question(2).askers[0].clone();
        assert_eq!(questions.join(&vm, &Key::All(KIND), asker), Joined::Merged);
        assert_eq!(questions.forget(Seat::Screen, 1), None);
        assert_eq!(questions.forget(Seat::Screen, 1), None, "twice is nothing");
        assert_eq!(questions.forget(Seat::Screen, 2), Some(id));
    }
}
