// SPDX-License-Identifier: GPL-3.0-or-later
//! Outputs and when they are drawn.
//!
//! In: "this part of the desktop changed". Out: frames, at most one per output and refresh, and none
//! while nothing changes. An output is idle until somebody wants a frame; then it draws at once if its
//! last refresh is long enough ago, else at the next one. No timer runs for an idle output.

mod headless;
mod nested;
mod outputs;

use crate::clock::Mono;
use crate::compositor::Error;
use crate::config::BackendKind;
use crate::input::Shown;
use crate::render::{OutputElement, Picture, Textures, View, cast, compose};
use crate::state::State;
use crate::trusted::Around;
use crate::trusted::Canvas;
use calloop::LoopHandle;
use calloop::RegistrationToken;
use calloop::timer::{TimeoutAction, Timer};
use cofferdam_scene::Scene;
use cofferdam_scene::{OutputId, Rect};
use headless::Headless;
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::backend::renderer::element::RenderElementStates;
use smithay::backend::renderer::{ImportAll, ImportMem, Renderer, Texture};
use smithay::output::Output;
use smithay::reexports::wayland_server::protocol::wl_output::WlOutput;
use smithay::utils::{Physical, Size};
use std::time::Duration;
use wayland_server::backend::GlobalId;

/// One output.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) id: OutputId,
    pub(crate) output: Output,
    global: GlobalId,
    tracker: OutputDamageTracker,
    pub(crate) pixels: Size<i32, Physical>,
    pub(crate) refresh: Duration,
    /// Somebody waits for the next frame.
    wanted: bool,
    last_frame: Option<Mono>,
    /// Set while the next refresh is awaited.
    alarm: Option<RegistrationToken>,
    /// Frames since the start, as presentation feedback counts them.
    pub(crate) sequence: u64,
}

/// What draws.
#[derive(Debug)]
enum Backend {
    Headless(Headless),
    Nested(Box<nested::Nested>),
}

/// All outputs.
#[derive(Debug)]
pub(crate) struct Screens {
    /// Absent only while it draws.
    backend: Option<Backend>,
    pub(crate) list: Vec<Screen>,
    next_id: u32,
    pub(crate) event_loop: LoopHandle<'static, State>,
    /// Set while hidden windows wait for their slow frame callbacks.
    pub(crate) starving: Option<RegistrationToken>,
}

/// What came of drawing an output.
pub(crate) struct Drawn {
    /// Physical pixels drawn again; 0 means that nothing had changed.
    pub(crate) damaged: u64,
    pub(crate) states: RenderElementStates,
}

impl Screens {
    pub(crate) fn new(event_loop: LoopHandle<'static, State>) -> Self {
        Self { backend: None, list: Vec::new(), next_id: 0, event_loop, starving: None }
    }

    /// The output behind a client's `wl_output`.
    pub(crate) fn id_of(&self, resource: &WlOutput) -> Option<OutputId> {
        self.list.iter().find(|screen| screen.output.owns(resource)).map(|screen| screen.id)
    }

    fn get_mut(&mut self, id: OutputId) -> Option<&mut Screen> {
        self.list.iter_mut().find(|screen| screen.id == id)
    }
}

impl State {
    /// Makes the backend and its outputs.
    pub(crate) fn open_screens(&mut self) -> Result<(), Error> {
        match self.config.backend {
            BackendKind::Headless => {
                self.screens.backend = Some(Backend::Headless(Headless::new()?));
                for spec in self.config.outputs.clone() {
                    self.add_output(&spec).map_err(Error::Backend)?;
                }
                Ok(())
            }
            BackendKind::Nested => self.open_nested(),
        }
    }

    /// Draws every output that is wanted and due, and sets the alarm of those that are too early.
    pub(crate) fn draw_due(&mut self) {
        let now = self.clock.now();
        let wanted: Vec<(OutputId, Duration)> = self
            .screens
            .list
            .iter()
            .filter(|screen| screen.wanted)
            .map(|screen| {
                let due =
                    screen.last_frame.map_or(Duration::ZERO, |last| last.0.saturating_add(screen.refresh));
                (screen.id, due.saturating_sub(now.0))
            })
            .collect();
        for (id, early) in wanted {
            if early.is_zero() {
                self.draw(id);
            } else {
                self.screens.set_alarm(id, early);
            }
        }
    }

    /// Draws every output that is wanted, due or not.
    pub(crate) fn draw_all(&mut self) {
        let wanted: Vec<OutputId> =
            self.screens.list.iter().filter(|screen| screen.wanted).map(|screen| screen.id).collect();
        wanted.into_iter().for_each(|id| self.draw(id));
    }

    fn draw(&mut self, id: OutputId) {
        let Some(mut backend) = self.screens.backend.take() else { return };
        let cursor = self.seat.shown_cursor(&self.desk, &self.trusted, &self.selections);
        let drawn = match &mut backend {
            Backend::Headless(headless) => self.draw_picture(headless, id, &cursor).map(|(drawn, _)| drawn),
            Backend::Nested(nested) => self.draw_nested(nested, id, &cursor),
        };
        self.screens.backend = Some(backend);
        let now = self.clock.now();
        if let Some(screen) = self.screens.get_mut(id) {
            screen.wanted = false;
            screen.last_frame = Some(now);
            screen.sequence = screen.sequence.saturating_add(1);
        }
        match drawn {
            Ok(drawn) => {
                if drawn.damaged > 0 {
                    self.counters.frames = self.counters.frames.saturating_add(1);
                    self.counters.damaged_pixels = self.counters.damaged_pixels.saturating_add(drawn.damaged);
                }
                self.after_frame(id, &drawn.states);
                self.trusted_was_drawn(id);
            }
            Err(error) => {
                tracing::error!("an output can't be drawn: {error}");
                self.trusted_is_disturbed();
            }
        }
    }

    /// The pixels of an output as tightly packed RGBA rows.
    pub(crate) fn copy_output(&mut self, id: OutputId) -> Result<Vec<u8>, String> {
        match self.screens.backend.as_mut().ok_or("the output is being drawn")? {
            Backend::Headless(headless) => headless.copy(id),
            Backend::Nested(nested) => nested.copy(id),
        }
    }

    /// The elements of what an output shows.
    fn compose_with<R>(
        &mut self,
        id: OutputId,
        cursor: &Shown,
        pixels: Size<i32, Physical>,
        renderer: &mut R,
        textures: &mut Textures<R::TextureId>,
    ) -> Option<Vec<OutputElement<R>>>
    where
        R: Renderer + ImportAll + ImportMem,
        R::TextureId: Texture + Clone + 'static,
    {
        let output = self.desk.scene.output(id)?;
        let view = View { area: output.rect(), scale: cast::factor(output.scale_120()) };
        let around = Around { desk: &self.desk, vms: &self.vms, at: self.seat.at, now: self.clock.now() };
        self.trusted.prepare_scenery(Canvas { id, view, pixels }, around, &mut self.painter);
        let picture = Picture {
            desk: &self.desk,
            vms: &self.vms,
            scenery: &self.trusted.scenery,
            drag: self.selections.drag(),
            cursor,
            pointer: self.seat.at,
            view,
            pixels,
        };
        Some(compose(&picture, &mut self.painter.chrome, renderer, textures))
    }
}

impl Screens {
    /// This part of the desktop has to be drawn again.
    pub(crate) fn redraw(&mut self, rect: Rect, scene: &Scene) {
        for screen in &mut self.list {
            let area = scene.output(screen.id).map(cofferdam_scene::Output::rect);
            screen.wanted |= area.is_none_or(|area| area.intersection(rect).is_some());
        }
    }

    /// All of it has to be looked at again.
    pub(crate) fn redraw_everything(&mut self) {
        self.list.iter_mut().for_each(|screen| screen.wanted = true);
    }

    /// The cursor moved or changed.
    pub(crate) fn redraw_cursor(&mut self) {
        // Cursors are small and may be on two outputs at once; the damage tracker sorts that out.
        self.redraw_everything();
    }

    fn set_alarm(&mut self, id: OutputId, after: Duration) {
        let event_loop = self.event_loop.clone();
        let Some(screen) = self.get_mut(id).filter(|screen| screen.alarm.is_none()) else { return };
        let timer = Timer::from_duration(after);
        let source = event_loop.insert_source(timer, move |_, (), state| {
            // Waking up is all: the turn that this begins draws what is due.
            if let Some(screen) = state.screens.get_mut(id) {
                screen.alarm = None;
            }
            TimeoutAction::Drop
        });
        match source {
            Ok(token) => screen.alarm = Some(token),
            Err(e) => tracing::error!("no timer for an output: {e}"),
        }
    }
}

/// Area of damage rectangles, for the counters.
fn area(damage: Option<&Vec<smithay::utils::Rectangle<i32, Physical>>>) -> u64 {
    damage.map_or(0, |rects| {
        rects
            .iter()
            .map(|r| u64::from(cast::length(r.size.w)).saturating_mul(u64::from(cast::length(r.size.h))))
            .sum()
    })
}
