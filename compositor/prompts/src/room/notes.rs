// SPDX-License-Identifier: GPL-3.0-or-later
//! Notes at the edge of the screen: the desktop's own about an app, and what apps say themselves.
//!
//! In: notes, where one was drawn, presses and motion on it. Out: which one is seen, and what a click on it
//! means. One is seen at a time, none above a question, the attention view or the lock, and none while the
//! panel or a dialog is open, where something can be taken from the app that speaks; the others wait,
//! bounded for each VM and in all, and each VM has its turn.
//!
//! A note is not a question: there is nothing in it to agree to. A press on it that comes within [`ARMING`]
//! after it appeared or changed does nothing and reaches nobody: neither may a click that was meant for the
//! window below become one on the note, nor may one that was meant for the note fall through to a window
//! that nobody can see there. Who goes on pressing means none of it. Only the cross counts from when the note
//! first appeared: no app keeps one on the screen by changing its words. What was pressed elsewhere goes on
//! elsewhere, also across a note.

use super::{ARMING, Effect, Room, Showing};
use crate::Mono;
use crate::geometry::{Place, Rect};
use crate::input::{Meaning, Route, Source};
use cofferdam_ids::{Label, Passage, VmId};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a note stays.
pub const NOTICE: Duration = Duration::from_secs(8);
/// Notes that apps sent, of one VM.
pub const MAX_NOTES_OF_ONE: usize = 4;
/// Notes that apps sent, in all.
pub const MAX_NOTES: usize = 32;
/// Notes of the desktop's own.
const MAX_OWN: usize = 8;
/// Where a note was that has just gone, a press is still swallowed for as long: the second of a double click.
const AFTERGLOW: Duration = Duration::from_millis(500);
/// evdev codes of the main and the middle button.
const BTN_LEFT: u32 = 0x110;
const BTN_MIDDLE: u32 = 0x112;

/// What a note says of its app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It asked too often and is not heard for now.
    Silenced,
    /// It had stopped waiting when a yes came: the person pastes once more. Goes with the next press.
    PasteAgain,
    /// The app's own words.
    Said(Said),
}

/// What an app says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its number in its VM.
    pub tag: u64,
    /// Its first line.
    pub title: Label,
    /// The rest.
    pub body: Passage,
}

/// A part of a note that can be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotePart {
    /// The app's last window comes to the front.
    Card,
    /// It goes.
    Close,
}

/// How a note is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteStamp {
    /// On which output.
    pub output: u32,
    /// Counts changes of theme, scale and outputs.
    pub look: u64,
    /// Which note, as [`Shown::revision`] has it.
    pub revision: u64,
    /// The card.
    pub card: Rect,
    /// The button that closes it.
    pub close: Rect,
}

/// The note on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    /// Whose.
    pub vm: &'a VmId,
    /// What it says.
    pub note: &'a Note,
    /// Another number for another note, or for other words.
    pub revision: u64,
    /// How many wait behind it.
    pub waiting: usize,
    /// What the pointer is on.
    pub hovered: Option<NotePart>,
    /// What is held down.
    pub pressed: Option<NotePart>,
    /// Where it was drawn.
    pub stamp: Option<&'a NoteStamp>,
}

#[derive(Debug, Clone)]
struct Entry {
    vm: VmId,
    note: Note,
    revision: u64,
    /// Until when it is seen, while it can be and nobody is at it.
    until: Option<Mono>,
    /// Since when it is on the screen, whatever it said meanwhile: it can be closed.
    first: Option<Mono>,
}

impl Entry {
    fn said(&self) -> Option<&Said> {
        match &self.note {
            Note::Said(said) => Some(said),
            Note::Silenced | Note::PasteAgain => None,
        }
    }

    fn is_of(&self, vm: &VmId) -> bool {
        self.vm == *vm && self.said().is_some()
    }
}

/// A press on a note, and where it is now.
#[derive(Debug, Clone, Copy)]
struct Press {
    source: Source,
    part: NotePart,
    place: Place,
}

/// All notes.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// The first one is seen, if one is.
    waiting: VecDeque<Entry>,
    revision: u64,
    /// The revision that is seen, and how many wait behind it.
    seen: Option<(u64, usize)>,
    stamp: Option<NoteStamp>,
    since: Option<Mono>,
    press: Option<Press>,
    hovered: Option<NotePart>,
    /// The pointer was moved while it was on this note: the person is at it.
    visited: bool,
    /// The pointer is no client's.
    holds_pointer: bool,
    /// Something of ours is open that none may cover.
    aside: bool,
    /// Where one was, and until when that matters.
    glow: Option<(Rect, Mono)>,
}

impl Notes {
    fn next_revision(&mut self) -> u64 {
        self.revision = self.revision.saturating_add(1);
        self.revision
    }

    fn entry(&mut self, vm: VmId, note: Note) -> Entry {
        Entry { vm, note, revision: self.next_revision(), until: None, first: None }
    }

    /// A note of the desktop's own: before all that apps say.
    pub(super) fn add_own(&mut self, vm: VmId, note: Note) {
        let known = self.waiting.iter().any(|e| e.vm == vm && e.note == note);
        let own = self.waiting.iter().filter(|e| e.said().is_none()).count();
        if known || own >= MAX_OWN {
            return;
        }
        // The person waits for a hint; anything else comes after what is seen.
        let at = match note {
            Note::PasteAgain => 0,
            _ => self
                .waiting
                .iter()
                .skip(1)
                .position(|e| e.said().is_some())
                .map_or(self.waiting.len(), |n| n + 1),
        };
        if let Some(covered) = self.waiting.front_mut().filter(|_| at == 0) {
            covered.until = None;
        }
        let entry = self.entry(vm, note);
        self.waiting.insert(at, entry);
    }

    /// An app says something. The same words again are nothing new, the same tag has new words; where there
    /// is no room, the oldest that waits makes some: of this VM, or of the one that says most.
    pub(super) fn say(&mut self, vm: VmId, said: Said) {
        let same = |e: &Entry| {
            e.vm == vm && e.said().is_some_and(|s| (&s.title, &s.body) == (&said.title, &said.body))
        };
        let tagged = |e: &Entry| e.vm == vm && e.said().is_some_and(|s| s.tag == said.tag);
        if let Some(at) = self.waiting.iter().position(same) {
            if let Some(other) = self.waiting.iter().position(tagged).filter(|other| *other != at) {
                self.remove(other);
            }
            if let Some(entry) = self.waiting.iter_mut().find(|e| same(e)) {
                entry.note = Note::Said(said);
            }
            return;
        }
        if let Some(at) = self.waiting.iter().position(tagged) {
            let revision = self.next_revision();
            if let Some(entry) = self.waiting.get_mut(at) {
                (entry.note, entry.revision) = (Note::Said(said), revision);
            }
            return;
        }
        if self.count(&vm) >= MAX_NOTES_OF_ONE {
            self.drop_oldest(&vm);
        } else if self.waiting.iter().filter(|e| e.said().is_some()).count() >= MAX_NOTES {
            let most = self.waiting.iter().skip(1).filter(|e| e.said().is_some());
            if let Some(most) = most.map(|e| e.vm.clone()).max_by_key(|vm| self.count(vm)) {
                self.drop_oldest(&most);
            }
        }
        let entry = self.entry(vm, Note::Said(said));
        self.waiting.push_back(entry);
    }

    fn count(&self, vm: &VmId) -> usize {
        self.waiting.iter().filter(|e| e.is_of(vm)).count()
    }

    /// The oldest of a VM that is not on the screen.
    fn drop_oldest(&mut self, vm: &VmId) {
        if let Some(at) = self.waiting.iter().skip(1).position(|e| e.is_of(vm)) {
            self.remove(at.saturating_add(1));
        }
    }

    /// Takes back what an app said: one, or all of it.
    pub(super) fn take_back(&mut self, vm: &VmId, tag: Option<u64>) {
        let gone = |e: &Entry| e.vm == *vm && e.said().is_some_and(|s| tag.is_none_or(|tag| s.tag == tag));
        self.drop_all(gone);
    }

    /// Everything about a VM.
    pub(super) fn forget(&mut self, vm: &VmId) {
        self.drop_all(|e| e.vm == *vm);
    }

    pub(super) const fn stand_aside(&mut self, on: bool) {
        self.aside = on;
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn drop_all(&mut self, gone: impl Fn(&Entry) -> bool) {
        while let Some(at) = self.waiting.iter().position(&gone) {
            self.remove(at);
        }
    }

    /// The person goes on with something: a hint about what to do next has been seen.
    fn drop_hints(&mut self) {
        self.drop_all(|e| e.note == Note::PasteAgain);
    }

    /// Takes one out. After the first one: the desktop's own, then another VM's than the last.
    fn remove(&mut self, at: usize) {
        let Some(gone) = self.waiting.remove(at) else { return };
        if at > 0 {
            return;
        }
        let own = self.waiting.iter().position(|e| e.said().is_none());
        let others = || self.waiting.iter().position(|e| e.vm != gone.vm);
        if let Some(next) = own.or_else(others).and_then(|at| self.waiting.remove(at)) {
            self.waiting.push_front(next);
        }
    }

    fn part_at(&self, place: Place) -> Option<NotePart> {
        let stamp = self.stamp.as_ref()?;
        match (stamp.close.contains(place), stamp.card.contains(place)) {
            (true, _) => Some(NotePart::Close),
            (_, true) => Some(NotePart::Card),
            _ => None,
        }
    }

    fn is_armed(&self, now: Mono) -> bool {
        self.since.is_some_and(|since| now >= since.plus(ARMING))
    }

    fn can_be_closed(&self, now: Mono) -> bool {
        let first = self.waiting.front().and_then(|e| e.first);
        self.stamp.is_some() && first.is_some_and(|first| now >= first.plus(ARMING))
    }

    fn forget_place(&mut self) {
        self.stamp = None;
        self.since = None;
        self.press = None;
        self.visited = false;
    }

    /// When one goes by itself.
    pub(super) fn due(&self) -> Option<Mono> {
        self.waiting.front().and_then(|e| e.until)
    }
}

impl Room {
    /// The note on the screen.
    #[must_use]
    pub fn notice(&self) -> Option<Shown<'_>> {
        let seen = self.notes_are_seen();
        let (entry, notes) = (self.notes.waiting.front().filter(|_| seen)?, &self.notes);
        Some(Shown {
            vm: &entry.vm,
            note: &entry.note,
            revision: entry.revision,
            waiting: notes.waiting.len().saturating_sub(1),
            hovered: notes.hovered,
            pressed: notes.press.map(|press| press.part),
            stamp: notes.stamp.as_ref(),
        })
    }

    fn notes_are_seen(&self) -> bool {
        self.showing == Showing::Nothing && !self.notes.aside
    }

    /// Whether notes wait for the panel or a dialog.
    #[must_use]
    pub const fn is_aside(&self) -> bool {
        self.notes.aside
    }

    /// Whether the pointer is on a note, and no client's.
    #[must_use]
    pub const fn note_has_pointer(&self) -> bool {
        self.notes.holds_pointer
    }

    /// Whether a click on the note counts by now.
    #[must_use]
    pub fn note_is_armed(&self, now: Mono) -> bool {
        self.notes.is_armed(now)
    }

    /// It was drawn.
    pub(super) fn note_placed(&mut self, stamp: NoteStamp, now: Mono) {
        let shown = self.notice().is_some_and(|shown| shown.revision == stamp.revision);
        if shown && self.notes.stamp != Some(stamp) {
            self.notes.forget_place();
            self.notes.stamp = Some(stamp);
            self.notes.since = Some(now);
            if let Some(entry) = self.notes.waiting.front_mut() {
                entry.first.get_or_insert(now);
            }
        }
    }

    /// Something is pressed while nothing else of ours is shown; whether it is on a note.
    pub(super) fn press_note(&mut self, source: Source, meaning: Meaning, now: Mono) -> bool {
        // Pressed again without a release: it stays whose it is.
        let clients = self.held.route(source) == Some(Route::Clients);
        let place = match (source, meaning) {
            _ if clients => None,
            (Source::Finger(_), Meaning::Point(place)) => Some(place),
            (Source::Button(_), _) if !self.held.clients_hold_button() => self.pointer,
            _ => None,
        };
        let part = place.and_then(|place| self.notes.part_at(place));
        let glows = |place| self.notes.glow.is_some_and(|(rect, until)| now < until && rect.contains(place));
        // The pointer that presses here goes on being ours until everything is let go.
        let held = !clients && matches!(source, Source::Button(_)) && self.held.we_hold_button();
        let on_it = part.is_some() || held || place.is_some_and(glows);
        if !on_it {
            self.notes.drop_hints();
            return false;
        }
        let fresh = self.held.press(source, meaning, Route::Ours);
        // Two things at once: neither counts.
        let alone = self.notes.press.take().is_none();
        let part = match source {
            Source::Button(BTN_LEFT) | Source::Finger(_) => part,
            Source::Button(BTN_MIDDLE) => part.map(|_| NotePart::Close),
            Source::Button(_) | Source::Key(_) => None,
        };
        let armed = match part {
            Some(NotePart::Close) => self.notes.can_be_closed(now),
            _ => self.notes.is_armed(now),
        };
        if let (Some(part), Some(place)) = (part, place)
            && fresh
            && alone
            && armed
        {
            self.notes.press = Some(Press { source, part, place });
            self.effects.push_back(Effect::Redraw);
        } else if !armed {
            // Who goes on clicking there means what was there before.
            self.notes.since = self.notes.since.map(|_| now);
        }
        true
    }

    /// Something that was pressed on a note is released, where it is now.
    pub(super) fn release_note(&mut self, source: Source, now: Mono) {
        let Some(press) = self.notes.press.take_if(|press| press.source == source) else { return };
        self.effects.push_back(Effect::Redraw);
        let same = match (self.notes.part_at(press.place), source) {
            (Some(_), Source::Button(BTN_MIDDLE)) => true,
            (part, _) => part == Some(press.part),
        };
        if !same {
            return;
        }
        if press.part == NotePart::Card
            && let Some(entry) = self.notes.waiting.front()
        {
            self.effects.push_back(Effect::NoteChosen(entry.vm.clone()));
        }
        self.notes.glow = self.notes.stamp.map(|stamp| (stamp.card, now.plus(AFTERGLOW)));
        self.notes.remove(0);
    }

    /// The pointer, or a finger, is somewhere else.
    pub(super) fn move_on_note(&mut self, finger: Option<Source>, place: Place) {
        if let Some(press) = &mut self.notes.press {
            let moves = finger.map_or(matches!(press.source, Source::Button(_)), |f| press.source == f);
            if moves {
                press.place = place;
            }
        }
        if finger.is_none() {
            self.notes.visited = self.notes.part_at(place).is_some();
        }
    }

    /// After anything: what is seen, for how long, and whose the pointer is.
    pub(super) fn settle_notes(&mut self, now: Mono) {
        while self.notes.due().is_some_and(|until| now >= until) {
            self.notes.remove(0);
        }
        let visible = self.notes_are_seen();
        let count = self.notes.waiting.len().saturating_sub(1);
        let seen = self.notes.waiting.front().filter(|_| visible).map(|e| (e.revision, count));
        if seen.map(|s| s.0) != self.notes.seen.map(|s| s.0) {
            // Until the next frame the old picture is there, and a press meant for it may be on its way.
            if let Some(stamp) = self.notes.stamp {
                self.notes.glow = Some((stamp.card, now.plus(AFTERGLOW)));
            }
            self.notes.forget_place();
        }
        let pointer = self.pointer.filter(|_| visible);
        let hovered = pointer.and_then(|place| self.notes.part_at(place));
        if (seen, hovered) != (self.notes.seen, self.notes.hovered) {
            (self.notes.seen, self.notes.hovered) = (seen, hovered);
            self.effects.push_back(Effect::Redraw);
        }
        let stays = self.notes.visited && hovered.is_some();
        if let Some(entry) = self.notes.waiting.front_mut() {
            match entry.until {
                None if visible && !stays => entry.until = Some(now.plus(NOTICE)),
                Some(_) if !visible || stays => entry.until = None,
                _ => {}
            }
        }
        let ours = (hovered.is_some() && !self.held.clients_hold_button()) || self.held.we_hold_button();
        let holds = visible && ours;
        if std::mem::replace(&mut self.notes.holds_pointer, holds) != holds && visible {
            self.effects.push_back(Effect::PointerOnNote(holds));
        }
    }
}
