// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop as a window of another Wayland desktop.
//!
//! In: events of that window. Out: the same picture that a headless output has, handed to the outer desktop
//! in shared memory, and input as from real devices. Made for seeing and developing; a session on bare
//! hardware will have a backend of its own.
//!
//! An ordinary Wayland client, in software: no GL driver is loaded into the process that everybody trusts.

mod buffers;
mod hands;
mod window;

use super::headless::Headless;
use super::{Backend, Drawn, State, outputs};
use crate::compositor::Error;
use crate::input::Shown;
use crate::render::cast;
use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{Interest, Mode, PostAction};
use cofferdam_scene::{Op, OutputId};
use hands::HandEvent;
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::utils::{Logical, Physical, Point, Size, Transform};
use std::os::fd::AsFd as _;
use window::{Window, WindowEvent};

/// The only output's name.
const NAME: &str = "NESTED-1";

/// The nested backend.
#[derive(Debug)]
pub(super) struct Nested {
    window: Window,
    picture: Headless,
    output: OutputId,
}

impl State {
    pub(super) fn open_nested(&mut self) -> Result<(), Error> {
        let window = Window::open().map_err(|why| Error::Backend(why.to_string()))?;
        let (pixels, scale) = (window.pixels(), window.scale_120());
        let wire = window.as_fd().try_clone_to_owned().map_err(|e| Error::Backend(e.to_string()))?;
        let output = self.make_screen(NAME, pixels, scale).map_err(Error::Backend)?;
        let nested = Nested { window, picture: Headless::new()?, output };
        self.screens.backend = Some(Backend::Nested(Box::new(nested)));
        self.fit_nested()?;
        self.event_loop
            .insert_source(Generic::new(wire, Interest::READ, Mode::Level), |_, _, state| {
                Ok(if state.nested_is_called() { PostAction::Continue } else { PostAction::Remove })
            })
            .map_err(|e| Error::Loop(e.error))?;
        // The window appears with its first frame, and until then nothing else wakes the loop.
        self.event_loop
            .insert_source(Timer::immediate(), |_, (), _| TimeoutAction::Drop)
            .map_err(|e| Error::Loop(e.error))?;
        Ok(())
    }

    fn nested(&mut self) -> Option<&mut Nested> {
        match self.screens.backend.as_mut()? {
            Backend::Nested(nested) => Some(nested),
            Backend::Headless(_) => None,
        }
    }

    /// The outer desktop has said something. False: for the last time.
    fn nested_is_called(&mut self) -> bool {
        let Some(nested) = self.nested() else { return false };
        let (events, over) = match nested.window.dispatch() {
            Ok(events) => (events, false),
            Err(error) => {
                tracing::error!("the outer desktop is gone: {error}");
                self.control.quit = true;
                (Vec::new(), true)
            }
        };
        events.into_iter().for_each(|event| self.nested_event(event));
        // What was drawn while the outer desktop was not ready for it.
        if let Some(Nested { window, picture, output }) = self.nested()
            && let Err(why) = window.present(picture, *output)
        {
            tracing::error!("the window can't be shown: {why}");
        }
        !over
    }

    fn nested_event(&mut self, event: WindowEvent) {
        match event {
            WindowEvent::Resized => {
                if let Err(error) = self.fit_nested() {
                    tracing::error!("the window can't have this size: {error}");
                }
            }
            // The press that brought the person here is no answer to what they find.
            WindowEvent::Focus(true) => self.trusted_is_disturbed(),
            WindowEvent::Focus(false) => self.devices_leave(),
            WindowEvent::Hands(event) => self.nested_input(event),
            WindowEvent::Close => self.control.quit = true,
        }
    }

    /// The window has another size or scale now.
    fn fit_nested(&mut self) -> Result<(), Error> {
        let Some(nested) = self.nested() else { return Ok(()) };
        let (id, pixels, scale_120) = (nested.output, nested.window.pixels(), nested.window.scale_120());
        nested.picture.add(id, pixels).map_err(|e| Error::Backend(e.to_string()))?;
        let size = outputs::logical(pixels, scale_120);
        self.apply_or_ignore(Op::UpdateOutput { output: id, size, scale_120 });
        if let Some(screen) = self.screens.get_mut(id) {
            screen.pixels = pixels;
            screen.tracker = OutputDamageTracker::new(pixels, cast::factor(scale_120), Transform::Normal);
        }
        self.screens.tell_outputs(&self.desk.scene, self.config.refresh_mhz);
        self.trusted_is_disturbed();
        self.screens.redraw_everything();
        Ok(())
    }

    fn nested_input(&mut self, event: HandEvent) {
        let done = match event {
            HandEvent::Key { code, pressed } => {
                self.key(code, pressed);
                Ok(())
            }
            HandEvent::Pointer(x, y) => {
                self.nested_place(x, y).into_iter().for_each(|at| self.pointer_to(at));
                Ok(())
            }
            HandEvent::Button { code, pressed } => {
                self.pointer_button(code, pressed);
                Ok(())
            }
            HandEvent::Scroll { dx_120, dy_120 } => {
                self.pointer_axis(dx_120, dy_120);
                Ok(())
            }
            HandEvent::TouchDown(slot, x, y) => {
                self.nested_place(x, y).map_or(Ok(()), |at| self.touch_down(slot, at))
            }
            HandEvent::TouchMove(slot, x, y) => {
                self.nested_place(x, y).map_or(Ok(()), |at| self.touch_move(slot, at))
            }
            HandEvent::TouchUp(slot) => self.touch_up(slot),
        };
        done.unwrap_or_else(|why: String| tracing::debug!(why));
    }

    /// A place in the window as one of the desktop.
    fn nested_place(&self, x: f64, y: f64) -> Option<Point<f64, Logical>> {
        let rect = self.desk.scene.outputs().first()?.rect();
        Some(Point::from((x + f64::from(rect.x), y + f64::from(rect.y))))
    }

    pub(super) fn draw_nested(
        &mut self,
        nested: &mut Nested,
        id: OutputId,
        cursor: &Shown,
    ) -> Result<Drawn, String> {
        let (drawn, damage) = self.draw_picture(&mut nested.picture, id, cursor)?;
        nested.window.damage(&damage);
        nested.window.present(&mut nested.picture, id)?;
        Ok(drawn)
    }
}

impl Nested {
    /// A picture of the window's content as tightly packed RGBA rows.
    pub(super) fn copy(&mut self, id: OutputId) -> Result<Vec<u8>, String> {
        self.picture.copy(id)
    }
}

/// A size in pixels of something `w` × `h` logical units large.
fn pixels_of((w, h): (i32, i32), scale_120: u32) -> Size<i32, Physical> {
    let axis = |v: i32| cast::round(f64::from(v) * cast::factor(scale_120)).max(1);
    Size::from((axis(w), axis(h)))
}
