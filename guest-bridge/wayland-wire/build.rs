// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `protocols/*.xml` and the allow-list below. Out: `$OUT_DIR/protocol.rs`, the tables of
//! [`crate::protocol`]: exactly the interfaces that a guest can reach, each up to the version that it can reach.

#[path = "build/emit.rs"]
mod emit;
#[path = "build/model.rs"]
mod model;
#[path = "build/reach.rs"]
mod reach;

use std::error::Error;
use std::path::Path;

/// The globals that a guest may bind, and up to which version. Adding a line here is a security decision: the
/// compositor must serve the interface without trusting its caller.
const GLOBALS: &[(&str, u32)] = &[
    ("wl_compositor", 6),
    ("wl_subcompositor", 1),
    ("wl_shm", 2),
    ("wl_seat", 9),
    ("wl_output", 4),
    ("wl_data_device_manager", 3),
    ("xdg_wm_base", 6),
    ("zxdg_decoration_manager_v1", 1),
    ("wp_viewporter", 1),
    ("wp_fractional_scale_manager_v1", 1),
    ("wp_single_pixel_buffer_manager_v1", 1),
    ("wp_presentation", 1),
    ("wp_cursor_shape_manager_v1", 1),
    ("xdg_activation_v1", 1),
    ("zwp_relative_pointer_manager_v1", 1),
    ("zwp_pointer_constraints_v1", 1),
    ("zwp_text_input_manager_v3", 1),
    ("zwp_idle_inhibit_manager_v1", 1),
    ("zwp_primary_selection_device_manager_v1", 1),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::var("CARGO_MANIFEST_DIR")?;
    let folder = Path::new(&root).join("protocols");
    for input in ["build.rs", "build", "protocols"] {
        emit::directive("rerun-if-changed", input)?;
    }
    let protocols = model::read_folder(&folder)?;
    let reached = reach::reach(&protocols, GLOBALS)?;
    let out = Path::new(&std::env::var("OUT_DIR")?).join("protocol.rs");
    std::fs::write(out, emit::emit(&reached, GLOBALS)?)?;
    Ok(())
}
