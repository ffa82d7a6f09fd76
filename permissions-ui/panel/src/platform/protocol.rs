// SPDX-License-Identifier: GPL-3.0-or-later
//! The client's side of `cofferdam_shell_v1`, made from `compositor/protocols/cofferdam-shell-v1.xml`.

#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_code,
    unused_imports,
    unused_qualifications,
    clippy::all,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
mod generated {
    use wayland_client;
    use wayland_client::protocol::*;

    pub mod __interfaces {
        use wayland_client::backend as wayland_backend;
        use wayland_client::protocol::__interfaces::*;
        wayland_scanner::generate_interfaces!("../../compositor/protocols/cofferdam-shell-v1.xml");
    }
    use self::__interfaces::*;

    wayland_scanner::generate_client_code!("../../compositor/protocols/cofferdam-shell-v1.xml");
}

pub use generated::cofferdam_shell_surface_v1::{self, CofferdamShellSurfaceV1 as ShellSurface};
pub use generated::cofferdam_shell_v1::{self, CofferdamShellV1 as Shell};
