// SPDX-License-Identifier: GPL-3.0-or-later
//! What of ours is on the screen.
//!
//! In: [`Event`]s, presses, the passing of time. Out: [`Effect`]s in order, and a [`Route`] for each
//! press. Locked hides everything; the attention view hides a question; a hidden question waits, and
//! starts anew when it is shown again.

mod press;
mod views;

use crate::geometry::{Place, Stamp};
use crate::input::{Held, Source};
use crate::queue::{Broken, Queue, check};
use crate::{Mono, Route};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::{Prompt, PromptId};
use cofferdam_policy::Answer;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a card stands still, and the person too, before anything in it gives something away.
pub const ARMING: Duration = Duration::from_millis(1000);
/// How long a question waits for somebody who does nothing.
pub const SILENCE: Duration = Duration::from_secs(60);
/// How long a note stays.
pub const NOTICE: Duration = Duration::from_secs(8);
/// Notes that wait.
const MAX_NOTICES: usize = 8;

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

/// What a note says of its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// It asked too often and is not heard for now.
    Silenced,
    /// It had stopped waiting when a yes came: the person pastes once more. Goes with the next press.
    PasteAgain,
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

/// A note, and until when it is seen once it can be.
#[derive(Debug, Clone)]
struct Notice {
    vm: VmId,
    note: Note,
    until: Option<Mono>,
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
    notices: VecDeque<Notice>,
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
                self.notices.clear();
                self.cut = false;
                self.effects.push_back(Effect::Redraw);
                self.arrange(now);
            }
            Event::VmGone(vm) => {
                let current = self.current.take_if(|current| current.vm == vm);
                for prompt in current.into_iter().chain(self.queue.take_of(&vm)) {
                    self.silence(prompt.id);
                }
                self.notices.retain(|notice| notice.vm != vm);
                self.arrange(now);
            }
            Event::Silenced(vm) => self.note(vm, Note::Silenced, now),
            Event::TooLate(vm) => self.note(vm, Note::PasteAgain, now),
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
        let notice = self.notices.front().and_then(|notice| notice.until);
        [arming, silence, notice].into_iter().flatten().min()
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
        while self.notices.front().and_then(|notice| notice.until).is_some_and(|until| now >= until) {
            self.notices.pop_front();
            self.effects.push_back(Effect::Redraw);
        }
        self.time_notice(now);
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

    fn note(&mut self, vm: VmId, note: Note, now: Mono) {
        let known = self.notices.iter().any(|notice| notice.vm == vm && notice.note == note);
        if known || self.notices.len() >= MAX_NOTICES {
            return;
        }
        let notice = Notice { vm, note, until: None };
        match note {
            Note::Silenced => self.notices.push_back(notice),
            // The person waits for it. What it covers starts anew when it is seen again.
            Note::PasteAgain => {
                if let Some(covered) = self.notices.front_mut() {
                    covered.until = None;
                }
                self.notices.push_front(notice);
            }
        }
        self.time_notice(now);
        self.effects.push_back(Effect::Redraw);
    }

    /// The person goes on with something: a hint about what to do next has been seen.
    fn drop_hints(&mut self, now: Mono) {
        let before = self.notices.len();
        self.notices.retain(|notice| notice.note != Note::PasteAgain);
        if self.notices.len() < before {
            self.time_notice(now);
            self.effects.push_back(Effect::Redraw);
        }
    }

    /// A note's time runs while it can be seen.
    fn time_notice(&mut self, now: Mono) {
        let seen = self.showing == Showing::Nothing;
        if let Some(Notice { until, .. }) = self.notices.front_mut() {
            match until {
                None if seen => *until = Some(now.plus(NOTICE)),
                Some(_) if !seen => *until = None,
                _ => {}
            }
        }
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
            // What was hidden may be seen now, and the other way round.
            self.time_notice(now);
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
