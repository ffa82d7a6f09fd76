// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop as a window of another desktop.
//!
//! In: events of that window. Out: frames drawn with GLES, and input as from real devices. Made for
//! seeing and developing; a session on bare hardware will have a backend of its own.

use super::{Backend, Drawn, State, area, outputs};
use crate::compositor::Error;
use crate::input::Shown;
use crate::render::{Textures, cast};
use crate::shell::Desk;
use cofferdam_scene::{Op, OutputId};
use smithay::backend::allocator::Fourcc;
use smithay::backend::input::{
    AbsolutePositionEvent, Axis, ButtonState, InputEvent, KeyState, KeyboardKeyEvent, PointerAxisEvent,
    PointerButtonEvent, TouchEvent, TouchSlot,
};
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::backend::renderer::gles::{GlesRenderer, GlesTexture};
use smithay::backend::renderer::{Bind, Color32F, ExportMem, Offscreen};
use smithay::backend::winit::{self, WinitEvent, WinitGraphicsBackend, WinitInput};
use smithay::utils::{Logical, Physical, Point, Rectangle, Size, Transform};

/// The only output's name.
const NAME: &str = "NESTED-1";

/// The nested backend.
#[derive(Debug)]
pub(super) struct Nested {
    window: WinitGraphicsBackend<GlesRenderer>,
    textures: Textures<GlesTexture>,
    output: OutputId,
}

impl State {
    pub(super) fn open_nested(&mut self) -> Result<(), Error> {
        let (window, events) = winit::init::<GlesRenderer>().map_err(|e| Error::Backend(e.to_string()))?;
        window.window().set_title("Cofferdam");
        // We draw our own.
        window.window().set_cursor_visible(false);
        let pixels = window.window_size();
        let scale = scale_120(window.scale_factor());
        let output = self.make_screen(NAME, pixels, scale).map_err(Error::Backend)?;
        self.screens.backend =
            Some(Backend::Winit(Box::new(Nested { window, textures: Textures::default(), output })));
        self.fit_nested(output, pixels, scale);
        self.event_loop
            .insert_source(events, |event, (), state| state.nested_event(event))
            .map_err(|e| Error::Loop(e.error))?;
        Ok(())
    }

    fn nested_event(&mut self, event: WinitEvent) {
        match event {
            WinitEvent::Resized { size, scale_factor } => {
                let output = self.screens.list.first().map(|screen| screen.id);
                if let Some(output) = output {
                    self.fit_nested(output, size, scale_120(scale_factor));
                }
            }
            // The press that brought the person here is no answer to what they find.
            WinitEvent::Focus(true) => self.trusted_is_disturbed(),
            WinitEvent::Focus(false) => self.devices_leave(),
            WinitEvent::Input(event) => self.nested_input(event),
            WinitEvent::CloseRequested => self.control.quit = true,
            WinitEvent::Redraw => self.screens.redraw_everything(),
        }
    }

    /// The window has this size now.
    fn fit_nested(&mut self, id: OutputId, pixels: Size<i32, Physical>, scale_120: u32) {
        let size = outputs::logical(pixels, scale_120);
        self.apply_or_ignore(Op::UpdateOutput { output: id, size, scale_120 });
        if let Some(screen) = self.screens.get_mut(id) {
            screen.pixels = pixels;
            // EGL's rows start at the bottom. Clients are not told: to them the output is upright.
            screen.tracker = OutputDamageTracker::new(pixels, cast::factor(scale_120), Transform::Flipped180);
        }
        self.screens.tell_outputs(&self.desk.scene, self.config.refresh_mhz);
        self.trusted_is_disturbed();
        self.screens.redraw_everything();
    }

    fn nested_input(&mut self, event: InputEvent<WinitInput>) {
        match event {
            InputEvent::Keyboard { event } => {
                let code = event.key_code().raw().saturating_sub(crate::input::EVDEV_OFFSET);
                self.key(code, event.state() == KeyState::Pressed);
            }
            InputEvent::PointerMotionAbsolute { event } => {
                if let Some(at) = self.desk.nested_place(&event) {
                    self.pointer_to(at);
                }
            }
            InputEvent::PointerButton { event } => {
                self.pointer_button(event.button_code(), event.state() == ButtonState::Pressed);
            }
            InputEvent::PointerAxis { event } => {
                let steps = |axis| {
                    let notches = event.amount_v120(axis);
                    // Touchpads scroll in pixels; a notch is 15 of them.
                    let smooth = || event.amount(axis).map(|pixels| pixels * 8.0);
                    cast::round(notches.or_else(smooth).unwrap_or(0.0))
                };
                self.pointer_axis(steps(Axis::Horizontal), steps(Axis::Vertical));
            }
            InputEvent::TouchDown { event } => {
                let (slot, at) = (slot(event.slot()), self.desk.nested_place(&event));
                at.map_or(Ok(()), |at| self.touch_down(slot, at)).unwrap_or_else(|why| tracing::debug!(why));
            }
            InputEvent::TouchMotion { event } => {
                let (slot, at) = (slot(event.slot()), self.desk.nested_place(&event));
                at.map_or(Ok(()), |at| self.touch_move(slot, at)).unwrap_or_else(|why| tracing::debug!(why));
            }
            InputEvent::TouchUp { event } => {
                self.touch_up(slot(event.slot())).unwrap_or_else(|why| tracing::debug!(why));
            }
            _ => {}
        }
    }

    pub(super) fn draw_nested(
        &mut self,
        nested: &mut Nested,
        id: OutputId,
        cursor: &Shown,
    ) -> Result<Drawn, String> {
        const GONE: &str = "the output is gone";
        let pixels = self.screens.get_mut(id).ok_or(GONE)?.pixels;
        let age = nested.window.buffer_age().unwrap_or(0);
        let (renderer, mut target) = nested.window.bind().map_err(|e| e.to_string())?;
        let elements = self.compose_with(id, cursor, pixels, renderer, &mut nested.textures).ok_or(GONE)?;
        let screen = self.screens.get_mut(id).ok_or(GONE)?;
        let result = screen
            .tracker
            .render_output(renderer, &mut target, age, &elements, Color32F::BLACK)
            .map_err(|e| e.to_string())?;
        let damage = result.damage.cloned();
        let drawn = Drawn { damaged: area(damage.as_ref()), states: result.states };
        drop(target);
        if let Some(damage) = damage {
            nested.window.submit(Some(&damage)).map_err(|e| e.to_string())?;
        }
        Ok(drawn)
    }

    /// A picture of the nested window's content, drawn once more beside it.
    pub(super) fn copy_nested(&mut self, id: OutputId) -> Result<Vec<u8>, String> {
        let Some(Backend::Winit(mut nested)) = self.screens.backend.take() else {
            return Err("the output is being drawn".into());
        };
        let bytes = self.copy_from(&mut nested, id);
        self.screens.backend = Some(Backend::Winit(nested));
        bytes
    }

    fn copy_from(&mut self, nested: &mut Nested, id: OutputId) -> Result<Vec<u8>, String> {
        if nested.output != id {
            return Err("the output is gone".into());
        }
        let cursor = self.seat.shown_cursor(&self.desk, &self.trusted, &self.selections);
        let output = self.desk.scene.output(id).ok_or("the output is gone")?;
        let scale = cast::factor(output.scale_120());
        let pixels = self.screens.get_mut(id).ok_or("the output is gone")?.pixels;
        let size = Size::from((pixels.w, pixels.h));
        let renderer = nested.window.renderer();
        let elements = self
            .compose_with(id, &cursor, pixels, renderer, &mut nested.textures)
            .ok_or("the output is gone")?;
        let mut texture: GlesTexture =
            renderer.create_buffer(Fourcc::Abgr8888, size).map_err(|e| e.to_string())?;
        let mut target = renderer.bind(&mut texture).map_err(|e| e.to_string())?;
        OutputDamageTracker::new(pixels, scale, Transform::Normal)
            .render_output(renderer, &mut target, 0, &elements, Color32F::BLACK)
            .map_err(|e| e.to_string())?;
        let copy = renderer
            .copy_framebuffer(&target, Rectangle::from_size(size), Fourcc::Abgr8888)
            .map_err(|e| e.to_string())?;
        let bytes = renderer.map_texture(&copy).map_err(|e| e.to_string())?;
        Ok(bytes.to_vec())
    }
}

impl Desk {
    fn nested_place(&self, event: &impl AbsolutePositionEvent<WinitInput>) -> Option<Point<f64, Logical>> {
        let output = self.scene.outputs().first()?;
        let rect = output.rect();
        let place = event.position_transformed((rect.w, rect.h).into());
        Some(place + Point::from((f64::from(rect.x), f64::from(rect.y))))
    }
}

fn slot(slot: TouchSlot) -> u32 {
    u32::try_from(i32::from(slot)).unwrap_or(0)
}

/// A window's scale in the 120ths of the scene.
fn scale_120(factor: f64) -> u32 {
    cast::length(cast::round(factor * 120.0)).clamp(60, 480)
}
