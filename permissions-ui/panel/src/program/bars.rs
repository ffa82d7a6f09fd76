// SPDX-License-Identifier: GPL-3.0-or-later
//! The bars, one for each output.
//!
//! In: outputs, apps, the minute. Out: what stands in each bar, and what is clicked there.

use super::{House, ProgramError, Wish};
use crate::platform::{self, Canvas, Place, SurfaceId};
use crate::ui::{Bar, fill_bar};
use crate::view::text;
use slint::ComponentHandle as _;
use std::rc::Rc;

/// Height of a bar in logical pixels.
const HEIGHT: i32 = 36;

/// A bar on one output.
struct Room {
    output: u32,
    surface: SurfaceId,
    component: Bar,
    canvas: Rc<Canvas>,
}

/// All bars.
#[derive(Default)]
pub(super) struct Bars {
    rooms: Vec<Room>,
}

impl Bars {
    pub(super) fn add(&mut self, house: &mut House, output: u32) -> Result<(), ProgramError> {
        let (component, canvas) = platform::with_canvas(Bar::new)?;
        let inbox = house.inbox.clone();
        component.on_toggle(move || inbox.push(Wish::Toggle));
        let inbox = house.inbox.clone();
        component.on_activate(move |vm| inbox.push(Wish::Activate(vm.into())));
        let inbox = house.inbox.clone();
        component.on_open(move |vm| inbox.push(Wish::Open(vm.into())));
        component.show()?;
        let surface = house.session.place(canvas.clone(), &Place::Bar(output), 0, HEIGHT);
        house.session.show(surface);
        self.rooms.push(Room { output, surface, component, canvas });
        self.dress(house);
        self.fill(house);
        Ok(())
    }

    pub(super) fn remove(&mut self, house: &mut House, output: u32) {
        for room in self.rooms.extract_if(.., |room| room.output == output) {
            house.session.remove(room.surface);
        }
    }

    pub(super) fn dress(&self, house: &House) {
        for room in &self.rooms {
            house.look.dress(&room.component);
        }
    }

    pub(super) fn fill(&self, house: &House) {
        for room in &self.rooms {
            let width = house.session.width_of(room.surface);
            fill_bar(&room.component, &house.look, &house.apps, &house.active, width);
        }
    }

    /// The clock. Setting the same text again draws nothing.
    pub(super) fn tick(&self, house: &House) {
        let clock = text::clock(House::system_now(), &house.zone);
        for room in &self.rooms {
            room.component.set_clock(clock.as_str().into());
        }
    }

    pub(super) fn canvases(&self) -> impl Iterator<Item = &Canvas> {
        // The same on all outputs.
        self.rooms.iter().take(1).map(|room| &*room.canvas)
    }
}
