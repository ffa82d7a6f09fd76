// SPDX-License-Identifier: GPL-3.0-or-later
//! Small extensions: single-pixel buffers, presentation times, idle inhibition.
//!
//! In: their requests, in which no number can do harm. Out: solid colours for the renderer, feedback
//! slots that the renderer fills, and a list of surfaces that want the screen awake (nothing sleeps
//! yet, so the list is only kept by smithay).

use crate::protocols::guard::{counted, filtered, global, hold, pass};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::reexports::wayland_protocols::wp::idle_inhibit::zv1::server::zwp_idle_inhibit_manager_v1::{self, ZwpIdleInhibitManagerV1};
use smithay::reexports::wayland_protocols::wp::idle_inhibit::zv1::server::zwp_idle_inhibitor_v1::ZwpIdleInhibitorV1;
use smithay::reexports::wayland_protocols::wp::presentation_time::server::wp_presentation::{self, WpPresentation};
use smithay::reexports::wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::WpPresentationFeedback;
use smithay::reexports::wayland_protocols::wp::single_pixel_buffer::v1::server::wp_single_pixel_buffer_manager_v1::{self, WpSinglePixelBufferManagerV1};
use smithay::reexports::wayland_server::protocol::wl_buffer::WlBuffer;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::idle_inhibit::inhibitor::IdleInhibitorState;
use smithay::wayland::idle_inhibit::{IdleInhibitHandler, IdleInhibitManagerState};
use smithay::wayland::presentation::{PresentationFeedbackState, PresentationState};
use smithay::wayland::single_pixel_buffer::{SinglePixelBufferState, SinglePixelBufferUserData};
use wayland_server::Client;

impl IdleInhibitHandler for State {
    fn inhibit(&mut self, _: WlSurface) {}

    fn uninhibit(&mut self, _: WlSurface) {}
}

fn filter_presentation(
    state: &mut State,
    client: &Client,
    _: &WpPresentation,
    request: wp_presentation::Request,
    _: &u32,
) -> Option<wp_presentation::Request> {
    if matches!(request, wp_presentation::Request::Feedback { .. }) {
        hold(state, client, Holding::Feedback).ok()?;
    }
    Some(request)
}

filtered!(WpPresentation, u32 => PresentationState, filter_presentation);
filtered!(WpPresentationFeedback, () => PresentationFeedbackState, pass, Some(Holding::Feedback));
global!(WpSinglePixelBufferManagerV1, () => SinglePixelBufferState);
global!(WpPresentation, u32 => PresentationState);
global!(ZwpIdleInhibitManagerV1, () => IdleInhibitManagerState);
counted!(
    ZwpIdleInhibitManagerV1, (), zwp_idle_inhibit_manager_v1::Request::CreateInhibitor { .. }
        => IdleInhibitManagerState;
    ZwpIdleInhibitorV1, IdleInhibitorState => IdleInhibitManagerState
);
counted!(
    WpSinglePixelBufferManagerV1, (),
    wp_single_pixel_buffer_manager_v1::Request::CreateU32RgbaBuffer { .. } => SinglePixelBufferState;
    WlBuffer, SinglePixelBufferUserData => SinglePixelBufferState
);
