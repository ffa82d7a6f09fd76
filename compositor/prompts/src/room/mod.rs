// SPDX-License-Identifier: GPL-3.0-or-later
//! What of ours is on the screen.
//!
//! In: [`Event`]s, presses, the passing of time. Out: [`Effect`]s in order, and a [`Route`] for each
//! press. Locked hides everything; the attention view hides a question; a hidden question waits, and
//! starts anew when it is shown again.

mod notes;
mod press;
mod views;

pub use notes::{MAX_NOTES, MAX_NOTES_OF_ONE, NOTICE, Note, NotePart, NoteStamp, Said, Shown};

use crate::geometry::{Place, Stamp};
use crate::input::{Held, Source};
use crate::queue::{Broken, Queue, check};
use crate::{Mono, Route};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::{Prompt, PromptId};
use cofferdam_policy::Answer;
use notes::Notes;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a card stands still, and the person too, before anything in it gives something away.
pub const ARMING: Duration = Duration::from_millis(1000);
/// How long a question waits for somebody who does nothing.
pub const SILENCE: Duration = Duration::from_secs(60);
/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Showing {
    /// Nothing of ours: the desktop is the apps'.
    #[default]
    Nothing,
    /// A question.
    Prompt,
    /// Who owns what.
    Attention,
    /// The lock screen, and no window.
    Lock,
}

/// Something that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The refusing answer.
    NotNow,
    /// An affirmative answer, by its place among them.
    Choice(u8),
    /// "Never ask for this again".
    Never,
    /// Lock the session.
    Lock,
    /// Cut everything off.
    Cut,
    /// Take the cut back.
    Undo,
    /// Unlock, where there is nobody to prove anything to.
    Unlock,
}

impl Target {
    /// Whether it gives something away.
    #[must_use]
    pub const fn gives(self) -> bool {
        matches!(self, Self::Choice(_) | Self::Undo | Self::Unlock)
    }
}

/// What never changes while the compositor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// The lock screen opens without a proof: a desktop inside another one, which has a lock of its own.
    pub opens_freely: bool,
}

/// What happens to it, besides input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The monitor asks; the VM is known.
    Ask(Prompt),
    /// The monitor asks for a VM that the compositor does not know.
    AskForNobody(Prompt),
    /// The question is void.
    Withdraw(PromptId),
    /// The monitor is gone: all its questions are void.
    LinkLost,
    /// A VM is gone.
    VmGone(VmId),
    /// An app asked too often and is not heard any more.
    Silenced(VmId),
    /// A yes to a paste came after the app had stopped waiting.
    TooLate(VmId),
    /// An app that may says something; the VM is known.
    Says(VmId, Said),
    /// What an app said is not to be seen any more: one thing by its tag, or everything.
    Unsays(VmId, Option<u64>),
    /// The panel or a dialog is open (or is no more): notes wait, so that none covers what takes
    /// something away from an app.
    Aside(bool),
    /// This note is on the screen now.
    NotePlaced(NoteStamp),
    /// Locks or unlocks.
    Lock(bool),
    /// Shows or hides the attention view.
    Attention(bool),
    /// The attention key.
    AttentionKey,
    /// This is on the screen now.
    Placed(Stamp),
    /// It can't be seen at the moment, or not for sure.
    Disturbed,
    /// The devices are not ours any more: nothing is held.
    LetGo,
}

/// What has to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Something of ours appears: clients are told that everything is released and left.
    Raise,
    /// Nothing of ours is left: clients get focus back.
    Lower,
    /// The picture changed.
    Redraw,
    /// A note was clicked: the last window of this VM comes to the front.
    NoteChosen(VmId),
    /// The pointer came onto a note, and is no client's; or it left.
    PointerOnNote(bool),
    /// Tell the monitor.
    Answer {
        /// Which question.
        id: PromptId,
        /// What.
        answer: Answer,
        /// Nobody said it.
        silence: bool,
    },
    /// The question on the screen is another one, moved, armed or gone.
    PromptChanged,
    /// Locked or not.
    LockChanged(bool),
    /// Take everything from everybody, now.
    CutEverything,
    /// Give back what the last cut took.
    UndoCut,
    /// The monitor does not keep to the rules: drop it.
    Broken(Broken),
}

/// The person has pressed something that will count when it is released in the same place.
#[derive(Debug, Clone, Copy)]
struct Press {
    source: Source,
    target: Target,
    /// Where it is now; none for keys.
    place: Option<Place>,
}

/// The trusted path's state.
#[derive(Debug, Clone, Default)]
pub struct Room {
    settings: Settings,
    queue: Queue,
    current: Option<Prompt>,
    locked: bool,
    attention: bool,
    /// A cut that can be taken back.
    cut: bool,
    showing: Showing,
    focus: usize,
    hover: Option<Target>,
    pointer: Option<Place>,
    stamp: Option<Stamp>,
    /// Since when it looks like that, and nothing was pressed or let go.
    since: Option<Mono>,
    /// It stood still for long enough, with nothing held or pressed; listeners know.
    armed: bool,
    active: Mono,
    press: Option<Press>,
    held: Held,
    notes: Notes,
    effects: VecDeque<Effect>,
}

impl Room {
    /// Nothing shown, nothing asked.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event, now: Mono) {
        match event {
            Event::Ask(prompt) => self.ask(prompt, true, now),
            Event::AskForNobody(prompt) => self.ask(prompt, false, now),
            Event::Withdraw(id) => {
                self.queue.withdraw(id);
                self.current.take_if(|current| current.id == id);
                self.arrange(now);
            }
            Event::LinkLost => {
                self.queue.clear();
                self.current = None;
                self.notes.clear();
                self.cut = false;
                self.effects.push_back(Effect::Redraw);
                self.arrange(now);
            }
            Event::VmGone(vm) => {
                let current = self.current.take_if(|current| current.vm == vm);
                for prompt in current.into_iter().chain(self.queue.take_of(&vm)) {
                    self.silence(prompt.id);
                }
                self.notes.forget(&vm);
                self.arrange(now);
            }
            Event::Silenced(vm) => self.notes.add_own(vm, Note::Silenced),
            Event::TooLate(vm) => self.notes.add_own(vm, Note::PasteAgain),
            Event::Says(vm, said) => self.notes.say(vm, said),
            Event::Unsays(vm, tag) => self.notes.take_back(&vm, tag),
            Event::Aside(on) => self.notes.stand_aside(on),
            Event::NotePlaced(stamp) => self.note_placed(stamp, now),
            Event::Lock(on) => self.lock(on, now),
            Event::Attention(on) => self.attend(on, now),
            Event::AttentionKey => self.attend(!self.attention, now),
            Event::Placed(stamp) => self.placed(stamp, now),
            Event::Disturbed => self.disturb(),
            Event::LetGo => {
                self.held.clear();
                self.disturb();
            }
        }
        self.tick(now);
    }

    /// What has to be done next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let waits = !self.armed && !self.held.busy();
        let arming = self.since.filter(|_| waits).map(|since| since.plus(ARMING));
        let silence = (self.showing == Showing::Prompt).then(|| self.active.plus(SILENCE));
        [arming, silence, self.notes.due()].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Mono) {
        if !self.armed && self.is_armed(now) {
            self.armed = true;
            self.changed();
        }
        if self.showing == Showing::Prompt
            && now >= self.active.plus(SILENCE)
            && let Some(prompt) = self.current.take()
        {
            self.silence(prompt.id);
            self.arrange(now);
        }
        self.settle_notes(now);
    }

    fn ask(&mut self, prompt: Prompt, known: bool, now: Mono) {
        let id = prompt.id;
        let taken = self.queue.has(id) || self.current.as_ref().is_some_and(|current| current.id == id);
        let checked = if taken { Err(Broken::Number(id)) } else { check(&prompt) };
        if let Err(broken) = checked {
            self.effects.push_back(Effect::Broken(broken));
            return;
        }
        if !known {
            self.silence(id);
            return;
        }
        if let Err(refused) = self.queue.push(prompt) {
            self.silence(refused.id);
            return;
        }
        // The number of those that wait is on the card.
        self.changed();
        self.arrange(now);
    }

    fn silence(&mut self, id: PromptId) {
        self.effects.push_back(Effect::Answer { id, answer: Answer::NotNow, silence: true });
    }

    fn lock(&mut self, on: bool, now: Mono) {
        if self.locked == on {
            return;
        }
        self.locked = on;
        self.attention = false;
        self.effects.push_back(Effect::LockChanged(on));
        self.arrange(now);
    }

    fn attend(&mut self, on: bool, now: Mono) {
        if self.locked {
            return;
        }
        self.attention = on;
        self.arrange(now);
    }

    /// Decides what is shown now.
    fn arrange(&mut self, now: Mono) {
        let before = (self.showing, self.shown_id());
        let hidden = self.locked || self.attention;
        if hidden && let Some(prompt) = self.current.take() {
            self.queue.put_back(prompt);
        }
        if !hidden && self.current.is_none() {
            self.current = self.queue.pop();
        }
        self.showing = match (self.locked, self.attention, &self.current) {
            (true, ..) => Showing::Lock,
            (_, true, _) => Showing::Attention,
            (_, _, Some(_)) => Showing::Prompt,
            _ => Showing::Nothing,
        };
        if before != (self.showing, self.shown_id()) {
            self.present(before.0, now);
        }
    }

    /// Another thing is on the screen.
    fn present(&mut self, before: Showing, now: Mono) {
        self.focus = 0;
        self.active = now;
        self.hover = None;
        if self.showing != Showing::Attention {
            self.cut = false;
        }
        self.disturb();
        match (before, self.showing) {
            (Showing::Nothing, Showing::Nothing) => {}
            (Showing::Nothing, _) => {
                self.held.disown();
                self.effects.push_back(Effect::Raise);
            }
            (_, Showing::Nothing) => {
                self.held.disown();
                self.effects.push_back(Effect::Lower);
            }
            _ => {}
        }
        self.effects.push_back(Effect::PromptChanged);
    }

    fn placed(&mut self, stamp: Stamp, now: Mono) {
        if self.showing == Showing::Nothing || self.stamp.as_ref() == Some(&stamp) {
            return;
        }
        self.stamp = Some(stamp);
        self.since = Some(now);
        self.armed = false;
        self.press = None;
        self.look_under_pointer();
        self.effects.push_back(Effect::PromptChanged);
    }

    /// What was pressed does not count, and nothing does until it has stood still again.
    fn disturb(&mut self) {
        self.stamp = None;
        self.since = None;
        self.armed = false;
        self.press = None;
        self.effects.push_back(Effect::Redraw);
    }

    /// It looks a little different, but stands where it stood.
    fn changed(&mut self) {
        self.effects.push_back(Effect::Redraw);
        if self.showing == Showing::Prompt {
            self.effects.push_back(Effect::PromptChanged);
        }
    }
}

/// Whoever holds the route of a press knows whether it is theirs.
impl Route {
    /// Whether clients have nothing to do with it.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::Clients)
    }
}
