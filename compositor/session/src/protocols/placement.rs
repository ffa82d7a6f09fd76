// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam_shell_v1`: places for the desktop's own surfaces.
//!
//! In: requests of trusted clients; nobody else can bind it, see `cofferdam_admission::globals`. Out:
//! calls of the shell with checked numbers. Even a trusted client that breaks a rule is ended: it is
//! restarted, and the mistake is in the log.

/// Made from `compositor/protocols/cofferdam-shell-v1.xml`.
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_code,
    unused_imports,
    unused_qualifications,
    clippy::all,
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
mod generated {
    use smithay::reexports::wayland_server::{self, protocol::*};

    pub mod __interfaces {
        use smithay::reexports::wayland_server::{backend as wayland_backend, protocol::__interfaces::*};
        wayland_scanner::generate_interfaces!("../protocols/cofferdam-shell-v1.xml");
    }
    use self::__interfaces::*;

    wayland_scanner::generate_server_code!("../protocols/cofferdam-shell-v1.xml");
}

pub(crate) use generated::cofferdam_shell_surface_v1::{self, CofferdamShellSurfaceV1 as ShellSurface};
pub(crate) use generated::cofferdam_shell_v1::{self, CofferdamShellV1 as Shell};

use crate::protocols::guard::{global, hold, objects, rules::coord};
use crate::state::State;
use cofferdam_admission::Holding;
use cofferdam_scene::{LayerId, LayerRole, Size};
use smithay::reexports::wayland_server::backend::{ClientId, GlobalId};
use smithay::wayland::compositor::{get_role, give_role};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum};

/// The surface's role as other protocols see it.
const ROLE: &str = "cofferdam_layer";
/// The version that is offered.
const VERSION: u32 = 1;

/// The global.
#[derive(Debug)]
pub(crate) struct Placement {
    _global: GlobalId,
}

impl Placement {
    pub(crate) fn new(display: &DisplayHandle) -> Self {
        Self { _global: display.create_global::<State, Shell, ()>(VERSION, ()) }
    }
}

impl GlobalDispatch<Shell, (), State> for Placement {
    fn bind(
        state: &mut State,
        _: &DisplayHandle,
        _: &Client,
        resource: New<Shell>,
        (): &(),
        data_init: &mut DataInit<'_, State>,
    ) {
        state.desk.shell_bound(data_init.init(resource, ()), &state.painter.theme);
    }
}

impl Dispatch<Shell, (), State> for Placement {
    fn request(
        state: &mut State,
        client: &Client,
        shell: &Shell,
        request: cofferdam_shell_v1::Request,
        (): &(),
        _: &DisplayHandle,
        data_init: &mut DataInit<'_, State>,
    ) {
        use cofferdam_shell_v1::{Error, Request, Role};
        match request {
            Request::GetShellSurface { id, surface, role, output, vm } => {
                let layer = state.desk.next_layer();
                let object = data_init.init(id, layer);
                if hold(state, client, Holding::Object).is_err() {
                    return;
                }
                let role = match role {
                    WEnum::Value(Role::Bar) => LayerRole::Bar,
                    WEnum::Value(Role::Panel) => LayerRole::Panel,
                    WEnum::Value(Role::Dialog) => LayerRole::Dialog,
                    _ => return shell.post_error(Error::Value, "there is no such role"),
                };
                let again = get_role(&surface) == Some(ROLE) && !state.desk.has_layer(&surface);
                if crate::shell::has_buffer(&surface) || !(again || give_role(&surface, ROLE).is_ok()) {
                    return shell.post_error(Error::Role, "the surface has another role, or a buffer");
                }
                let vm = vm.and_then(|vm| vm.parse().ok());
                if let Err(refused) = state.layer_created(layer, object, surface, role, output.as_ref(), vm) {
                    shell.post_error(Error::TooMany, refused.to_string());
                }
            }
            Request::ActivateVm { vm } => state.activate_vm(&vm),
            Request::Destroy => {}
        }
    }

    fn destroyed(state: &mut State, _: ClientId, shell: &Shell, (): &()) {
        state.desk.shell_gone(shell);
    }
}

impl Dispatch<ShellSurface, LayerId, State> for Placement {
    fn request(
        state: &mut State,
        _: &Client,
        _: &ShellSurface,
        request: cofferdam_shell_surface_v1::Request,
        layer: &LayerId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
        match request {
            cofferdam_shell_surface_v1::Request::SetSize { width, height } => {
                state.layer_wants_size(*layer, Size::new(coord(width), coord(height)));
            }
            cofferdam_shell_surface_v1::Request::Destroy => {}
        }
    }

    fn destroyed(state: &mut State, client: ClientId, _: &ShellSurface, layer: &LayerId) {
        crate::protocols::guard::release(state, &client, Some(Holding::Object));
        state.layer_destroyed(*layer);
    }
}

global!(Shell, () => Placement);
objects! {
    Shell, () => Placement;
    ShellSurface, LayerId => Placement;
}
