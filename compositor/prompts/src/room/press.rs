// SPDX-License-Identifier: GPL-3.0-or-later
//! In: presses, releases, motion. Out: to whom each goes, and answers.
//!
//! An answer that gives something away takes: a card that has stood still for the time of arming while
//! nothing was held and nothing pressed, a press of something that was not held before, and its release
//! in the same place, with nothing else pressed and nothing moved in between. Who goes on typing or
//! clicking when a card appears has not read it: until it is armed, each press makes it wait anew.

use super::{Effect, Press, Room, Showing, Target};
use crate::Mono;
use crate::geometry::Place;
use crate::input::{Meaning, Route, Source};
use cofferdam_policy::Answer;

impl Room {
    /// Something is pressed.
    pub fn press(&mut self, source: Source, meaning: Meaning, now: Mono) -> Route {
        if !self.is_up() {
            let on_note = self.press_note(source, meaning, now);
            if !on_note {
                self.held.press(source, meaning, Route::Clients);
            }
            self.settle_notes(now);
            return if on_note { Route::Ours } else { Route::Clients };
        }
        self.active = now;
        self.tick(now);
        let fresh = self.held.press(source, meaning, Route::Ours);
        if meaning == Meaning::Modifier {
            return Route::Ours;
        }
        self.unrest(now);
        // Two things at once: neither counts.
        let alone = self.press.take().is_none();
        if !alone {
            self.changed();
        }
        if fresh {
            self.take(source, meaning, alone, now);
        }
        Route::Ours
    }

    /// Something is released.
    pub fn release(&mut self, source: Source, now: Mono) -> Route {
        let up = self.is_up();
        let unknown = if up { Route::Nobody } else { Route::Clients };
        if !up {
            let route = self.held.release(source).map_or(unknown, |(route, _)| route);
            self.release_note(source, now);
            self.settle_notes(now);
            return route;
        }
        self.active = now;
        self.tick(now);
        let (route, counts) = self.held.release(source).unwrap_or((unknown, false));
        if counts {
            self.unrest(now);
        }
        if let Some(press) = self.press.take_if(|press| press.source == source) {
            let inside = press.place.is_none_or(|place| self.target_at(place) == Some(press.target));
            if inside {
                self.choose(press.target, now);
            } else {
                self.changed();
            }
        }
        route
    }

    /// The pointer (or this finger) is at a place now.
    pub fn moved(&mut self, finger: Option<Source>, place: Place, now: Mono) -> Route {
        if finger.is_none() {
            self.pointer = Some(place);
        }
        let route = match finger.and_then(|finger| self.held.route(finger)) {
            Some(route) => route,
            None if self.is_up() => Route::Ours,
            None => Route::Clients,
        };
        if !self.is_up() {
            self.move_on_note(finger, place);
            self.settle_notes(now);
            return if finger.is_none() && self.note_has_pointer() { Route::Ours } else { route };
        }
        self.active = now;
        if let Some(press) = &mut self.press {
            let moves =
                finger.map_or(matches!(press.source, Source::Button(_)), |finger| press.source == finger);
            if moves {
                press.place = Some(place);
            }
        }
        self.look_under_pointer();
        route
    }

    /// A press that counts, if what it is about is open to it.
    fn take(&mut self, source: Source, meaning: Meaning, alone: bool, now: Mono) {
        let focused = self.focused();
        let (target, place) = match meaning {
            Meaning::Next => return self.move_focus(1),
            Meaning::Previous => return self.move_focus(-1),
            Meaning::Escape => return self.escape(now),
            // Nothing that gives, and nothing that lasts.
            Meaning::Enter => (focused.filter(|t| !t.gives() && *t != Target::Never), None),
            Meaning::Space => (focused, None),
            Meaning::Digit(n) => (self.by_digit(n), None),
            Meaning::Point(place) => (self.target_at(place), Some(place)),
            Meaning::Modifier | Meaning::Other => return,
        };
        let Some(target) = target.filter(|_| alone) else { return };
        // A refusal by mouse needs no patience; somebody who is typing has not read the question yet.
        let patient = match target {
            Target::NotNow => place.is_none(),
            Target::Choice(_) | Target::Never | Target::Undo | Target::Unlock => true,
            Target::Lock | Target::Cut => false,
        };
        if patient && !self.is_armed(now) {
            return;
        }
        self.press = Some(Press { source, target, place });
        if let Some(index) = self.targets().iter().position(|t| *t == target) {
            self.focus = index;
        }
        self.changed();
    }

    /// Something was pressed or let go. What is not armed yet waits anew.
    fn unrest(&mut self, now: Mono) {
        if !self.armed && self.since.is_some() {
            self.since = Some(now);
        }
    }

    fn by_digit(&self, n: u8) -> Option<Target> {
        let target = Target::Choice(n.checked_sub(1)?);
        self.targets().contains(&target).then_some(target)
    }

    pub(super) fn target_at(&self, place: Place) -> Option<Target> {
        let target = self.stamp.as_ref()?.at(place)?;
        self.targets().contains(&target).then_some(target)
    }

    pub(super) fn look_under_pointer(&mut self) {
        let hover = self.pointer.and_then(|place| self.target_at(place));
        if hover != self.hover {
            self.hover = hover;
            self.effects.push_back(Effect::Redraw);
        }
    }

    fn move_focus(&mut self, step: isize) {
        let count = self.targets().len();
        if count > 0 {
            let last = count.saturating_sub(1);
            self.focus = match step {
                1 if self.focus >= last => 0,
                1 => self.focus.saturating_add(1),
                _ if self.focus == 0 => last,
                _ => self.focus.saturating_sub(1),
            };
            self.changed();
        }
    }

    fn escape(&mut self, now: Mono) {
        match self.showing {
            Showing::Prompt => self.answer(Answer::NotNow, now),
            Showing::Attention => self.attend(false, now),
            Showing::Nothing | Showing::Lock => {}
        }
    }

    fn choose(&mut self, target: Target, now: Mono) {
        match target {
            Target::NotNow => self.answer(Answer::NotNow, now),
            Target::Never => self.answer(Answer::Never, now),
            Target::Choice(n) => {
                let answer = self.affirmative().nth(usize::from(n));
                if let Some(answer) = answer {
                    self.answer(answer, now);
                }
            }
            Target::Lock => self.lock(true, now),
            Target::Unlock => self.lock(false, now),
            Target::Cut => {
                self.cut = true;
                self.effects.push_back(Effect::CutEverything);
                self.disturb();
            }
            Target::Undo => {
                self.cut = false;
                self.effects.push_back(Effect::UndoCut);
                self.disturb();
            }
        }
    }

    fn answer(&mut self, answer: Answer, now: Mono) {
        if let Some(prompt) = self.current.take() {
            self.effects.push_back(Effect::Answer { id: prompt.id, answer, silence: false });
            self.arrange(now);
        }
    }
}
