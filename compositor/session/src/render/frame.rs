// SPDX-License-Identifier: GPL-3.0-or-later
//! After a frame: who is told what about it.
//!
//! In: which elements the damage tracker found visible. Out: frame callbacks and presentation
//! feedback for surfaces that are seen, `wl_output` enter and leave, and slow callbacks for surfaces
//! that nobody sees, from a timer that runs only while such callbacks wait.

use super::cast;
use crate::backend::Screens;
use crate::clock::Mono;
use crate::protocols::Drag;
use crate::shell::Desk;
use crate::state::State;
use calloop::timer::{TimeoutAction, Timer};
use cofferdam_scene::{Node, OutputId, WindowId};
use smithay::backend::renderer::element::RenderElementStates;
use smithay::desktop::utils::with_surfaces_surface_tree;
use smithay::output::Output;
use smithay::reexports::wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::Kind;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Transform;
use smithay::wayland::compositor::{SurfaceAttributes, SurfaceData, send_surface_state, with_states};
use smithay::wayland::fractional_scale::with_fractional_scale;
use smithay::wayland::presentation::{PresentationFeedbackCachedState, Refresh};
use std::time::Duration;

/// How often a window that nobody sees may draw.
const HIDDEN_INTERVAL: Duration = Duration::from_secs(1);

/// One frame of one output.
struct Shot<'a> {
    output: &'a Output,
    at: Mono,
    refresh: Duration,
    sequence: u64,
    states: &'a RenderElementStates,
}

impl State {
    pub(crate) fn after_frame(&mut self, id: OutputId, states: &RenderElementStates) {
        let Some(screen) = self.screens.list.iter().find(|screen| screen.id == id) else { return };
        let output = screen.output.clone();
        let shot = Shot {
            output: &output,
            at: self.clock.now(),
            refresh: screen.refresh,
            sequence: screen.sequence,
            states,
        };
        let mut hungry = false;
        for (window, root) in self.roots() {
            let overlaps = window.is_none_or(|window| self.desk.is_on(window, id));
            with_surfaces_surface_tree(&root, |surface, data| {
                hungry |= shot.tell(surface, data, overlaps);
            });
        }
        self.announce_mapped();
        if hungry {
            self.screens.feed_later();
        }
    }

    /// Every surface that has a role and could be seen, with the window it belongs to.
    fn roots(&self) -> Vec<(Option<WindowId>, WlSurface)> {
        let desk = &self.desk;
        let windows = desk.windows.iter().map(|(id, w)| (Some(*id), w.toplevel.wl_surface().clone()));
        let popups = desk
            .popups
            .iter()
            .map(|(id, p)| (desk.root_window(Node::Popup(*id)), p.popup.wl_surface().clone()));
        let layers = desk.layers.values().map(|layer| (None, layer.surface.clone()));
        windows
            .chain(popups)
            .chain(layers)
            .chain(
                self.seat
                    .cursor_surface(&self.desk, &self.trusted, &self.selections)
                    .map(|surface| (None, surface)),
            )
            .chain(self.selections.drag().and_then(Drag::icon).map(|icon| (None, icon.surface.clone())))
            .collect()
    }

    fn feed_hidden(&mut self) {
        let time = self.clock.now().wayland_millis();
        for (_, root) in self.roots() {
            with_surfaces_surface_tree(&root, |_, data| call_back(data, time));
        }
    }
}

impl Desk {
    fn is_on(&self, window: WindowId, output: OutputId) -> bool {
        let visible = self.scene.window(window).is_some_and(cofferdam_scene::Window::is_visible);
        let frame = self.scene.frame(window).filter(|_| visible);
        let area = self.scene.output(output).map(cofferdam_scene::Output::rect);
        frame.zip(area).is_some_and(|(frame, area)| frame.outer.intersection(area).is_some())
    }

    /// Tells a surface the scale of the output that its window is on.
    pub(crate) fn tell_scale(&self, surface: &WlSurface) {
        let root = crate::shell::root_of(surface);
        let scene = &self.scene;
        let window = self.node_of(&root).and_then(|node| self.root_window(node));
        let layer = match self.node_of(&root) {
            Some(Node::Layer(layer)) => scene.layer(layer).and_then(cofferdam_scene::Layer::home),
            _ => None,
        };
        let home = window.and_then(|window| scene.window(window)).and_then(cofferdam_scene::Window::home);
        let home = home.or(layer);
        let output = home.and_then(|home| scene.output(home)).or_else(|| scene.outputs().first());
        let Some(output) = output else { return };
        let scale = cast::factor(output.scale_120());
        with_states(surface, |data| {
            with_fractional_scale(data, |fractional| fractional.set_preferred_scale(scale));
            send_surface_state(surface, data, cast::round(scale.ceil()), Transform::Normal);
        });
    }
}

impl Screens {
    /// Feeds hidden surfaces after a while, if nobody has planned to yet.
    pub(crate) fn feed_later(&mut self) {
        if self.starving.is_some() {
            return;
        }
        let timer = Timer::from_duration(HIDDEN_INTERVAL);
        let source = self.event_loop.insert_source(timer, |_, (), state| {
            state.screens.starving = None;
            state.feed_hidden();
            TimeoutAction::Drop
        });
        match source {
            Ok(token) => self.starving = Some(token),
            Err(e) => tracing::error!("no timer for hidden windows: {e}"),
        }
    }
}

impl Shot<'_> {
    /// Tells one surface about this frame. Says whether it waits for a frame but was not seen.
    fn tell(&self, surface: &WlSurface, data: &SurfaceData, overlaps: bool) -> bool {
        if overlaps {
            self.output.enter(surface);
        } else {
            self.output.leave(surface);
        }
        if !self.states.element_was_presented(surface) {
            return !data.cached_state.get::<SurfaceAttributes>().current().frame_callbacks.is_empty();
        }
        call_back(data, self.at.wayland_millis());
        let mut cached = data.cached_state.get::<PresentationFeedbackCachedState>();
        for feedback in std::mem::take(&mut cached.current().callbacks) {
            feedback.presented(
                self.output,
                self.at.0,
                Refresh::fixed(self.refresh),
                self.sequence,
                Kind::empty(),
            );
        }
        false
    }
}

fn call_back(data: &SurfaceData, time: u32) {
    let mut cached = data.cached_state.get::<SurfaceAttributes>();
    for callback in cached.current().frame_callbacks.drain(..) {
        callback.done(time);
    }
}
