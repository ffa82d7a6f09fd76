// SPDX-License-Identifier: GPL-3.0-or-later
//! The Wayland protocols that clients speak, one module each.
//!
//! In: requests that passed the [`guard`]. Out: calls of the shell, the seat and the renderer, and
//! events to clients. A module holds smithay's handler traits for one protocol, and the checks of
//! that protocol's requests.

pub(crate) mod guard;

mod activation;
mod compositor;
mod constraints;
mod cursor_shape;
mod decoration;
mod extensions;
mod output;
mod pending;
pub(crate) mod placement;
mod places;
mod scale;
mod seat;
mod selection;
mod shm;
mod text_input;
mod uncounted;
mod xdg_shell;

pub(crate) use placement::ShellSurface;
pub(crate) use selection::{Drag, Over, Selections};

use crate::state::State;
use smithay::input::SeatState;
use smithay::reexports::wayland_server::DisplayHandle;
use smithay::wayland::compositor::CompositorState;
use smithay::wayland::cursor_shape::CursorShapeManagerState;
use smithay::wayland::fractional_scale::FractionalScaleManagerState;
use smithay::wayland::idle_inhibit::IdleInhibitManagerState;
use smithay::wayland::output::OutputManagerState;
use smithay::wayland::pointer_constraints::PointerConstraintsState;
use smithay::wayland::presentation::PresentationState;
use smithay::wayland::relative_pointer::RelativePointerManagerState;
use smithay::wayland::selection::data_device::DataDeviceState;
use smithay::wayland::selection::primary_selection::PrimarySelectionState;
use smithay::wayland::shell::xdg::XdgShellState;
use smithay::wayland::shell::xdg::decoration::XdgDecorationState;
use smithay::wayland::shm::ShmState;
use smithay::wayland::single_pixel_buffer::SinglePixelBufferState;
use smithay::wayland::text_input::TextInputManagerState;
use smithay::wayland::viewporter::ViewporterState;

/// smithay's state of the protocols that need one, kept while the compositor runs.
#[derive(Debug)]
pub(crate) struct Globals {
    pub(crate) compositor: CompositorState,
    pub(crate) shm: ShmState,
    pub(crate) seat: SeatState<State>,
    pub(crate) xdg_shell: XdgShellState,
    pub(crate) tokens: activation::Tokens,
    pub(crate) data_device: DataDeviceState,
    pub(crate) primary_selection: PrimarySelectionState,
    _stateless: Stateless,
}

/// Globals whose state is only the right to take them back.
#[derive(Debug)]
struct Stateless {
    _decoration: XdgDecorationState,
    _output: OutputManagerState,
    _viewporter: ViewporterState,
    _fractional_scale: FractionalScaleManagerState,
    _single_pixel: SinglePixelBufferState,
    _presentation: PresentationState,
    _cursor_shape: CursorShapeManagerState,
    _relative_pointer: RelativePointerManagerState,
    _constraints: PointerConstraintsState,
    _text_input: TextInputManagerState,
    _idle_inhibit: IdleInhibitManagerState,
    _placement: placement::Placement,
}

/// `CLOCK_MONOTONIC`, as presentation feedback names it.
const CLOCK_MONOTONIC: u32 = 1;

impl Globals {
    /// Makes all globals. What stands here is all that any client can ever see.
    pub(crate) fn new(display: &DisplayHandle) -> Self {
        Self {
            compositor: CompositorState::new_v6::<State>(display),
            shm: ShmState::new::<State>(display, shm::EXTRA_FORMATS),
            seat: SeatState::new(),
            xdg_shell: XdgShellState::new_with_capabilities::<State>(display, xdg_shell::CAPABILITIES),
            tokens: activation::Tokens::new(display),
            data_device: DataDeviceState::new::<State>(display),
            primary_selection: PrimarySelectionState::new::<State>(display),
            _stateless: Stateless {
                _decoration: XdgDecorationState::new::<State>(display),
                _output: OutputManagerState::new(),
                _viewporter: ViewporterState::new::<State>(display),
                _fractional_scale: FractionalScaleManagerState::new::<State>(display),
                _single_pixel: SinglePixelBufferState::new::<State>(display),
                _presentation: PresentationState::new::<State>(display, CLOCK_MONOTONIC),
                _cursor_shape: CursorShapeManagerState::new::<State>(display),
                _relative_pointer: RelativePointerManagerState::new::<State>(display),
                _constraints: PointerConstraintsState::new::<State>(display),
                _text_input: TextInputManagerState::new::<State>(display),
                _idle_inhibit: IdleInhibitManagerState::new::<State>(display),
                _placement: placement::Placement::new(display),
            },
        }
    }
}
