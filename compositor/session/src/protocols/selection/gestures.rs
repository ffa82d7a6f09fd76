// SPDX-License-Identifier: GPL-3.0-or-later
//! The person's paste gestures, caught on their way to a client.
//!
//! In: key presses and buttons of real devices, just before the client with the focus is told of them.
//! Out: gestures for the machine. What follows from one, an offer, is on the client's wire before the
//! key or button is, so that a program that reads at once finds it there.

use super::State;
use crate::shell::Desk;
use cofferdam_ids::VmId;
use cofferdam_scene::{Hit, Node, PopupId};
use cofferdam_transfers::{Event, Gesture, PasteKey, Stroke};
use smithay::input::keyboard::{Keysym, KeysymHandle, ModifiersState};
use std::time::Duration;

const BTN_LEFT: u32 = 0x110;
const BTN_RIGHT: u32 = 0x111;
const BTN_MIDDLE: u32 = 0x112;
/// A button that was held this long before it is let go in a menu was dragged there.
const DRAGGED: Duration = Duration::from_millis(300);

impl State {
    /// A key is about to go to the client with the keyboard.
    pub(crate) fn key_gesture(&mut self, modifiers: &ModifiersState, key: &KeysymHandle<'_>) {
        // Another layout than a Latin one still has the shortcuts of one.
        let latin = key.raw_latin_sym_or_raw_current_sym();
        let Some(key) = paste_key(key.modified_sym()).or_else(|| latin.and_then(paste_key)) else { return };
        let Some(target) = self.selections.focused_vm() else { return };
        self.watch_menus();
        let stroke = Stroke {
            key,
            ctrl: modifiers.ctrl,
            shift: modifiers.shift,
            other: modifiers.alt || modifiers.logo,
            in_menu: self.desk.menu_of(&target).is_some(),
        };
        if let Some(gesture) = Gesture::of(stroke) {
            self.gesture(target, gesture);
        }
    }

    /// A button is about to go to the client under the pointer, which has the keyboard by now.
    pub(crate) fn button_gesture(&mut self, code: u32, pressed: bool) {
        let now = self.clock.fresh();
        self.watch_menus();
        let hit = self.desk.scene.pointer().map(|at| self.desk.scene.hit(at));
        let (content, menu) = match &hit {
            Some(Hit::Content { .. }) => (true, false),
            Some(Hit::Popup { popup, local: Some(_), .. }) => (true, self.desk.scene.is_menu(*popup)),
            _ => (false, false),
        };
        let before = std::mem::replace(&mut self.selections.pressed, pressed.then_some((now, menu)));
        let window = hit.filter(|_| content).and_then(|hit| hit.window());
        let owner = window.and_then(|window| self.desk.windows.get(&window)?.vm.clone());
        let Some(target) = owner.filter(|owner| self.selections.focused_vm().as_ref() == Some(owner)) else {
            return;
        };
        let chosen = |(since, in_menu): (cofferdam_transfers::Mono, bool)| {
            in_menu || now.0.saturating_sub(since.0) >= DRAGGED
        };
        let gesture = match (code, pressed, menu) {
            (BTN_MIDDLE, true, false) => Gesture::MiddleButton,
            (BTN_RIGHT, true, false) => Gesture::Menu,
            (BTN_LEFT | BTN_RIGHT, false, true) if before.is_some_and(chosen) => Gesture::Chosen,
            _ => return,
        };
        self.gesture(target, gesture);
    }

    fn gesture(&mut self, target: VmId, gesture: Gesture) {
        // Where the answer can only be no, nobody learns that there was something.
        if !self.selections.shut.to_pastes(&target) {
            self.transfer(Event::Gesture { target, gesture });
        }
    }

    /// Before each gesture, and once a turn: menus of the VM with the keyboard that opened or closed.
    pub(super) fn watch_menus(&mut self) {
        let vm = self.selections.focused_vm();
        let open = vm.and_then(|vm| self.desk.menu_of(&vm).map(|menu| (vm, menu)));
        if open == self.selections.menu {
            return;
        }
        let before = std::mem::replace(&mut self.selections.menu, open.clone());
        if let Some((vm, _)) = before {
            self.transfer(Event::MenusClosed(vm));
        }
        if let Some((vm, _)) = open {
            self.transfer(Event::MenuOpened(vm));
        }
    }
}

impl Desk {
    /// The menu that a client of this VM shows. A popup without a buffer, one that was dismissed, and one
    /// that no press of the person's gave the grab to are none.
    fn menu_of(&self, vm: &VmId) -> Option<PopupId> {
        let desk = &self;
        let menu = desk.scene.menu()?;
        let window = desk.root_window(Node::Popup(menu)).and_then(|window| desk.windows.get(&window))?;
        (window.vm.as_ref() == Some(vm)).then_some(menu)
    }
}

fn paste_key(sym: Keysym) -> Option<PasteKey> {
    Some(match sym {
        Keysym::v | Keysym::V => PasteKey::V,
        Keysym::Insert | Keysym::KP_Insert => PasteKey::Insert,
        Keysym::XF86_Paste => PasteKey::Paste,
        Keysym::Menu => PasteKey::Menu,
        Keysym::F10 => PasteKey::F10,
        Keysym::Return | Keysym::KP_Enter | Keysym::space => PasteKey::Choose,
        _ => return None,
    })
}
