// SPDX-License-Identifier: GPL-3.0-or-later
//! What the room wants done.
//!
//! In: its effects, in order, and its next deadline. Out: clients that are left alone before anything
//! of ours is shown, answers to the monitor, events for listeners, frames.

use crate::state::State;
use crate::trusted::Around;
use cofferdam_control::desktop::Event as Told;
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_prompts::{Effect, Showing, Source};
use cofferdam_scene::Op;
use smithay::backend::input::{ButtonState, KeyState};
use smithay::input::keyboard::FilterResult;
use smithay::input::pointer::{ButtonEvent, MotionEvent};
use smithay::utils::SERIAL_COUNTER;

impl State {
    /// Does what the room wants, until it wants nothing more, and sets its alarm.
    pub(crate) fn settle_trusted(&mut self) {
        while let Some(effect) = self.trusted.room.poll_effect() {
            match effect {
                Effect::Raise => {
                    self.trusted.shape = None;
                    self.leave_clients();
                }
                Effect::Lower => self.return_to_clients(),
                Effect::Redraw => {
                    self.trusted.generation = self.trusted.generation.wrapping_add(1);
                    self.screens.redraw_everything();
                }
                Effect::NoteChosen(vm) => self.activate_vm(vm.as_str()),
                Effect::PointerOnNote(on) => self.pointer_on_note(on),
                Effect::Answer { id, answer, silence } => {
                    self.send_to_monitor(&FromScreen::Answered { id, answer, silence });
                }
                Effect::PromptChanged => {
                    self.trusted.home = self.trusted.home.filter(|_| self.trusted.is_up());
                    let info = self.trusted.prompt_info(&self.vms, self.clock.now());
                    self.control.announce(Told::PromptChanged(info));
                }
                Effect::LockChanged(on) => {
                    self.send_to_monitor(&FromScreen::Locked(on));
                    self.control.announce(Told::LockChanged(on));
                }
                Effect::CutEverything => {
                    self.send_to_monitor(&FromScreen::CutEverything);
                }
                Effect::UndoCut => {
                    self.send_to_monitor(&FromScreen::UndoCut);
                }
                Effect::Broken(broken) => self.drop_link(&format!("{broken:?}")),
            }
        }
        self.set_trusted_alarm();
        let around = Around { desk: &self.desk, vms: &self.vms, at: self.seat.at, now: self.clock.now() };
        self.trusted.tell_readers(around, &self.painter);
    }

    fn set_trusted_alarm(&mut self) {
        let (now, due) = (self.clock.now(), self.trusted.room.poll_timeout());
        let ring = |state: &mut Self| {
            let now = state.clock.fresh();
            state.trusted.room.tick(now);
            state.settle_trusted();
        };
        self.trusted.alarm.set(&self.event_loop, now, due, |state| &mut state.trusted.alarm, ring);
    }

    /// Before anything of ours is shown: whatever clients think is held is released, whatever they
    /// think is theirs is taken back, and whatever they were told lately justifies nothing any more.
    fn leave_clients(&mut self) {
        self.apply_or_ignore(Op::EndCycle { accept: false });
        self.apply_or_ignore(Op::DismissPopups);
        self.release_keys();
        self.seat.release_constraint();
        self.leave_with_pointer();
        self.apply_or_ignore(Op::EndGrab);
        self.apply_or_ignore(Op::PointerLeave);
        self.fingers_to_nobody();
        self.drop_keyboard();
        self.seat.forget_presses();
        self.globals.tokens.void();
        self.screens.redraw_cursor();
    }

    /// Keys, buttons and fingers are somebody else's for now, and no release will be heard. What was
    /// pressed before is no answer: the room lets go of it first, and only then keys are released.
    pub(crate) fn devices_leave(&mut self) {
        self.trusted(cofferdam_prompts::Event::LetGo);
        self.apply_or_ignore(Op::EndCycle { accept: false });
        self.release_keys();
    }

    /// Something of ours on the screen may not have been seen as it is: nothing in it counts before it
    /// has stood still again.
    pub(crate) fn trusted_is_disturbed(&mut self) {
        // One that was not drawn yet is not armed, and a frame that fails must not ask for the next.
        if self.trusted.room.stamp().is_some() {
            self.trusted(cofferdam_prompts::Event::Disturbed);
        }
    }

    /// Nothing of ours is left: focus goes where the scene has it by now.
    fn return_to_clients(&mut self) {
        self.release_keys();
        let node = self.desk.scene.focus();
        self.focus(node);
        // A focus that is none before and after is no change, and yet another one than before the question.
        let focused = self.desk.keyboard.clone();
        self.selections_follow(focused.as_ref());
        if let Some(at) = self.seat.at {
            self.apply_or_ignore(Op::PointerMotion(crate::input::pixel(at)));
            self.desk.pointer_stale = true;
        }
        self.screens.redraw_cursor();
    }

    /// Releases every key, for the client that has the keyboard and for the keyboard's own state.
    fn release_keys(&mut self) {
        let keyboard = self.seat.keyboard.clone();
        let time = self.clock.now().wayland_millis();
        for keycode in keyboard.pressed_keys() {
            let serial = SERIAL_COUNTER.next_serial();
            let ours = self.seat.take_swallowed(keycode) || self.desk.keyboard.is_none();
            keyboard.input(self, keycode, KeyState::Released, serial, time, |_, _, _| {
                if ours { FilterResult::Intercept(()) } else { FilterResult::Forward }
            });
        }
    }

    /// Releases every button and leaves. A drag has left its target by then, and so ends without a drop.
    fn leave_with_pointer(&mut self) {
        let pointer = self.seat.pointer.clone();
        let time = self.clock.now().wayland_millis();
        self.cancel_drag();
        let held: Vec<u32> = self
            .trusted
            .room
            .held()
            .filter_map(|source| match source {
                Source::Button(code) => Some(code),
                Source::Key(_) | Source::Finger(_) => None,
            })
            .collect();
        for button in held {
            let serial = SERIAL_COUNTER.next_serial();
            pointer.button(self, &ButtonEvent { serial, time, button, state: ButtonState::Released });
        }
        pointer.frame(self);
        if pointer.is_grabbed() {
            pointer.unset_grab(self, SERIAL_COUNTER.next_serial(), time);
        }
        self.pointer_leaves_clients();
    }

    /// No client has the pointer.
    pub(super) fn pointer_leaves_clients(&mut self) {
        let pointer = self.seat.pointer.clone();
        let location = self.seat.at.unwrap_or_default();
        let (serial, time) = (SERIAL_COUNTER.next_serial(), self.clock.now().wayland_millis());
        pointer.motion(self, None, &MotionEvent { location, serial, time });
        pointer.frame(self);
        self.seat.forget_pointer_focus();
    }

    fn drop_keyboard(&mut self) {
        self.desk.keyboard = None;
        let keyboard = self.seat.keyboard.clone();
        keyboard.set_focus(self, None, SERIAL_COUNTER.next_serial());
    }

    /// What is on the screen of ours now, after a frame of an output was drawn.
    pub(crate) fn trusted_was_drawn(&mut self, output: cofferdam_scene::OutputId) {
        self.notice_was_drawn(output);
        if self.trusted.room.showing() == Showing::Nothing || self.trusted.home != Some(output) {
            return;
        }
        let Some(stamp) = self.trusted.cards.get(&output).map(|drawn| drawn.stamp.clone()) else { return };
        if self.trusted.room.stamp() != Some(&stamp) {
            self.trusted(cofferdam_prompts::Event::Placed(stamp));
        }
    }
}
