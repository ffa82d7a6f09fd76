// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps say through the notification portal. In: notes that were allowed, changes of what is allowed.
//! Out: notes for the compositor, which are taken back with the permission that let them through.

use super::Core;
use super::questions::Purpose;
use super::words::{Effect, PointId};
use cofferdam_ids::{Label, Passage, VmId};
use cofferdam_monitor_wire::point::PortalOutcome;
use cofferdam_monitor_wire::screen::{Abilities, PromptId, ToScreen};
use cofferdam_policy::{Kind, Refusal, Resource};
use std::collections::BTreeMap;

/// Notes of one VM that wait for an answer: as many as the compositor would keep.
const MAX_WAITING: usize = 4;

/// Whose notes may be on the screen. The compositor does not say when one has gone by itself, so this is
/// who had one since all of theirs were taken back.
#[derive(Debug, Default)]
pub(crate) struct Notes(BTreeMap<VmId, Allowed>);

/// By what notes of a VM were allowed.
#[derive(Debug, Clone, Copy, Default)]
struct Allowed {
    /// For one use each, which is used up.
    once: bool,
    /// By what goes on.
    lasting: bool,
}

impl Notes {
    /// None of a VM's notes is to be seen any more. Whether any was.
    pub(super) fn forget(&mut self, vm: &VmId) -> bool {
        self.0.remove(vm).is_some()
    }

    /// Another compositor, which shows none yet.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Core {
    /// The compositor said what it can do.
    pub(super) fn screen_can(&mut self, abilities: Abilities) {
        if self.screen.can != abilities {
            self.screen.can = abilities;
            // What can be chosen is another list now.
            self.push(Effect::Changed(None));
        }
    }

    /// A note that is allowed.
    pub(super) fn show_note(&mut self, vm: VmId, tag: u64, (title, body): (Label, Passage), once: bool) {
        let allowed = self.portals.notes.0.entry(vm.clone()).or_default();
        allowed.once |= once;
        allowed.lasting |= !once;
        self.push(Effect::Screen(ToScreen::Note { vm, tag, title, body }));
    }

    /// The app takes a note back, shown or not yet.
    pub(super) fn withdraw_note(&mut self, vm: &VmId, point: PointId, serial: u32, tag: u64) {
        if self.portals.notes.0.contains_key(vm) {
            self.push(Effect::Screen(ToScreen::NotesGone { vm: vm.clone(), tag: Some(tag) }));
        }
        // The last ones first: none is shown only to be withdrawn.
        for id in self.notes_waiting(vm, |t| t == tag).into_iter().rev() {
            if let Some(question) = self.questions.get(id).cloned() {
                self.abandon_question(id, true);
                self.deny_portal(question, Refusal::Silence);
            }
        }
        self.outcome(point, serial, PortalOutcome::Done);
    }

    /// Makes room for a note that may have to be asked about. Whether there is any: those of one VM take no
    /// more than a part of its questions.
    pub(super) fn room_for_note(&mut self, vm: &VmId, tag: u64) -> bool {
        // Other words for one that nobody has seen yet.
        let unseen = |core: &Self, id: &PromptId| core.questions.get(*id).is_some_and(|q| !q.shown);
        for id in self
            .notes_waiting(vm, |t| t == tag)
            .into_iter()
            .rev()
            .filter(|id| unseen(self, id))
            .collect::<Vec<_>>()
        {
            if let Some(question) = self.questions.close(id) {
                self.deny_portal(question, Refusal::Silence);
            }
        }
        self.notes_waiting(vm, |_| true).len() < MAX_WAITING
    }

    /// A no to one note is a no to those that wait behind it: nobody is asked once for each.
    pub(super) fn refuse_notes_behind(&mut self, id: PromptId, why: Refusal) {
        let note = self.questions.get(id).filter(|q| matches!(q.purpose, Purpose::Notify { .. }));
        let Some(vm) = note.map(|q| q.vm.clone()) else { return };
        for behind in self.notes_waiting(&vm, |_| true).into_iter().filter(|behind| *behind != id) {
            if let Some(question) = self.questions.close(behind) {
                self.deny_portal(question, why);
            }
        }
    }

    /// Questions about notes of a VM with such tags.
    fn notes_waiting(&self, vm: &VmId, wanted: impl Fn(u64) -> bool) -> Vec<PromptId> {
        let about = |purpose: &Purpose| matches!(purpose, Purpose::Notify { tag, .. } if wanted(*tag));
        self.questions.iter().filter(|(_, q)| q.vm == *vm && about(&q.purpose)).map(|(id, _)| id).collect()
    }

    /// After a change: what a VM may not say any more is not to be seen any more.
    pub(super) fn reconsider_notes(&mut self, vm: &VmId) {
        let Some(allowed) = self.portals.notes.0.get(vm).copied() else { return };
        let resource = Resource::Plain(Kind::Notifications);
        let holds = |asked: bool, once| !asked || self.book.holds(vm, &resource, once);
        if holds(allowed.once, true) && holds(allowed.lasting, false) {
            return;
        }
        self.no_notes_of(vm);
    }

    /// Takes all notes of a VM from the screen.
    pub(super) fn no_notes_of(&mut self, vm: &VmId) {
        if self.portals.notes.forget(vm) && self.screen.up {
            self.push(Effect::Screen(ToScreen::NotesGone { vm: vm.clone(), tag: None }));
        }
    }
}
