// SPDX-License-Identifier: GPL-3.0-or-later
//! In: presses and releases of devices. Out: to whom each belongs.

use crate::Place;
use std::collections::BTreeMap;

/// Something that can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A key by its evdev code.
    Key(u32),
    /// A button of the pointer by its evdev code.
    Button(u32),
    /// A finger by its slot.
    Finger(u32),
}

/// What a press means to a card of ours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning {
    /// Tab, Down.
    Next,
    /// Shift-Tab, Up.
    Previous,
    /// Enter. Never gives anything away.
    Enter,
    /// Space: what has the focus.
    Space,
    /// Escape: no, and away.
    Escape,
    /// A choice by its digit, from 1.
    Digit(u8),
    /// A modifier: harmless.
    Modifier,
    /// The main button or a finger, here.
    Point(Place),
    /// Anything else.
    Other,
}

/// To whom a press or release goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To whoever it would go to without us.
    Clients,
    /// To us; the keyboard's state follows it, no client hears of it.
    Ours,
    /// To nobody: it was held when a card appeared or went, and has been released already as far as
    /// anybody was told.
    Nobody,
}

/// What is held, to whom its release belongs, and whether it is more than a modifier.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(BTreeMap<Source, (Route, bool)>);

impl Held {
    /// Whether it was not held before.
    pub(crate) fn press(&mut self, source: Source, meaning: Meaning, route: Route) -> bool {
        self.0.insert(source, (route, meaning != Meaning::Modifier)).is_none()
    }

    /// To whom the release belongs, and whether it was more than a modifier.
    pub(crate) fn release(&mut self, source: Source) -> Option<(Route, bool)> {
        self.0.remove(&source)
    }

    pub(crate) fn route(&self, source: Source) -> Option<Route> {
        self.0.get(&source).map(|(route, _)| *route)
    }

    /// Whether anything but modifiers is held.
    pub(crate) fn busy(&self) -> bool {
        self.0.values().any(|(_, counts)| *counts)
    }

    fn holds_button(&self, whose: Route) -> bool {
        self.0.iter().any(|(source, (route, _))| matches!(source, Source::Button(_)) && *route == whose)
    }

    /// Whether a client has a button of the pointer, and with it the pointer.
    pub(crate) fn clients_hold_button(&self) -> bool {
        self.holds_button(Route::Clients)
    }

    /// Whether a button is held that was pressed on something of ours.
    pub(crate) fn we_hold_button(&self) -> bool {
        self.holds_button(Route::Ours)
    }

    /// From now on whatever is held belongs to nobody.
    pub(crate) fn disown(&mut self) {
        self.0.values_mut().for_each(|(route, _)| *route = Route::Nobody);
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        self.0.keys().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
