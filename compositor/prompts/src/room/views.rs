// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the room. Out: what a painter, a listener and a screen reader need to know of it.

use super::{ARMING, Room, Showing, Target};
use crate::Mono;
use crate::geometry::Stamp;
use crate::input::Source;
use cofferdam_monitor_wire::screen::{Prompt, PromptId};
use cofferdam_policy::Answer;

impl Room {
    /// What is shown.
    #[must_use]
    pub const fn showing(&self) -> Showing {
        self.showing
    }

    /// Whether anything of ours is shown: then no press goes to a client.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.showing != Showing::Nothing
    }

    /// Whether the session is locked.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// The question on the screen.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        self.current.as_ref().filter(|_| self.showing == Showing::Prompt)
    }

    /// Questions that wait behind it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// All that wait, in the order in which they come.
    pub fn queued(&self) -> impl Iterator<Item = &Prompt> {
        self.queue.iter()
    }

    /// Whether a cut can be taken back.
    #[must_use]
    pub const fn can_undo(&self) -> bool {
        self.cut
    }

    /// Whether a lock opens for whoever asks.
    #[must_use]
    pub const fn opens_freely(&self) -> bool {
        self.settings.opens_freely
    }

    /// Whether what gives something away is taken by now.
    #[must_use]
    pub fn is_armed(&self, now: Mono) -> bool {
        self.armed || (!self.held.busy() && self.since.is_some_and(|since| now >= since.plus(ARMING)))
    }

    /// How it was last seen on the screen.
    #[must_use]
    pub const fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// What can be chosen, in the order of Tab.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        match self.showing {
            Showing::Nothing => Vec::new(),
            Showing::Prompt => {
                let count = u8::try_from(self.affirmative().count()).unwrap_or(0);
                let choices = (0..count).map(Target::Choice);
                std::iter::once(Target::NotNow).chain(choices).chain([Target::Never]).collect()
            }
            Showing::Attention => vec![Target::Lock, if self.cut { Target::Undo } else { Target::Cut }],
            Showing::Lock if self.settings.opens_freely => vec![Target::Unlock],
            Showing::Lock => Vec::new(),
        }
    }

    /// What has the focus ring.
    #[must_use]
    pub fn focused(&self) -> Option<Target> {
        self.targets().get(self.focus).copied()
    }

    /// What the pointer is on.
    #[must_use]
    pub const fn hovered(&self) -> Option<Target> {
        self.hover
    }

    /// What is being held down.
    #[must_use]
    pub fn pressed(&self) -> Option<Target> {
        self.press.map(|press| press.target)
    }

    /// What is held down at the moment, whoever it belongs to.
    pub fn held(&self) -> impl Iterator<Item = Source> + '_ {
        self.held.sources()
    }

    /// The affirmative answers of the question on the screen.
    pub(super) fn affirmative(&self) -> impl Iterator<Item = Answer> + '_ {
        self.current.iter().flat_map(|prompt| prompt.answers.iter().copied()).filter(|answer| answer.is_yes())
    }

    pub(super) fn shown_id(&self) -> Option<PromptId> {
        self.prompt().map(|prompt| prompt.id)
    }
}
