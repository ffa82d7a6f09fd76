// SPDX-License-Identifier: GPL-3.0-or-later
//! The allow-list of globals.
//!
//! In: an identity and the name of an interface. Out: the highest version it may bind, or nothing.
//! A test holds this table against the one from which the gpu device's and the bridge's parsers are
//! generated: the three gates know the same interfaces.

use crate::ClientIdentity;

/// One interface that may be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Global {
    /// Its name on the wire.
    pub interface: &'static str,
    /// Highest version for a VM's clients; none if it does not exist for them.
    pub vm: Option<u32>,
    /// Highest version for trusted clients.
    pub trusted: Option<u32>,
}

const fn for_all(interface: &'static str, version: u32) -> Global {
    Global { interface, vm: Some(version), trusted: Some(version) }
}

/// All interfaces that anybody may bind, sorted by name.
pub const TABLE: &[Global] = &[
    // Places above all windows: for the bar, the panel and dialogs of the desktop itself.
    Global { interface: "cofferdam_shell_v1", vm: None, trusted: Some(1) },
    for_all("wl_compositor", 6),
    for_all("wl_data_device_manager", 3),
    for_all("wl_output", 4),
    for_all("wl_seat", 9),
    for_all("wl_shm", 2),
    for_all("wl_subcompositor", 1),
    for_all("wp_cursor_shape_manager_v1", 1),
    for_all("wp_fractional_scale_manager_v1", 1),
    for_all("wp_presentation", 1),
    for_all("wp_single_pixel_buffer_manager_v1", 1),
    for_all("wp_viewporter", 1),
    for_all("xdg_activation_v1", 1),
    for_all("xdg_wm_base", 6),
    for_all("zwp_idle_inhibit_manager_v1", 1),
    for_all("zwp_pointer_constraints_v1", 1),
    for_all("zwp_primary_selection_device_manager_v1", 1),
    for_all("zwp_relative_pointer_manager_v1", 1),
    for_all("zwp_text_input_manager_v3", 1),
    for_all("zxdg_decoration_manager_v1", 1),
];

/// The highest version of `interface` that this identity may bind; none if it may not see it.
#[must_use]
pub fn version(identity: &ClientIdentity, interface: &str) -> Option<u32> {
    let entry = TABLE.iter().find(|g| g.interface == interface)?;
    match identity {
        ClientIdentity::Vm(_) => entry.vm,
        ClientIdentity::Trusted => entry.trusted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_wayland_wire::protocol;
    use std::collections::BTreeMap;

    #[test]
    fn guests_get_exactly_what_the_wire_carries() {
        let here: BTreeMap<&str, u32> = TABLE.iter().filter_map(|g| g.vm.map(|v| (g.interface, v))).collect();
        let wire: BTreeMap<&str, u32> =
            protocol::GLOBALS.iter().map(|g| (g.interface.name, g.version)).collect();
        assert_eq!(here, wire);
    }

    #[test]
    fn sorted_and_without_doubles() {
        assert!(TABLE.is_sorted_by(|a, b| a.interface < b.interface));
    }

    #[test]
    fn what_guests_never_get() {
        let vm = ClientIdentity::Vm("a".parse().unwrap());
        for interface in [
            "cofferdam_shell_v1",
            "ext_data_control_manager_v1",
            "ext_foreign_toplevel_list_v1",
            "ext_image_copy_capture_manager_v1",
            "ext_session_lock_manager_v1",
            "wl_drm",
            "wp_security_context_manager_v1",
            "zwlr_data_control_manager_v1",
            "zwlr_foreign_toplevel_manager_v1",
            "zwlr_layer_shell_v1",
            "zwlr_screencopy_manager_v1",
            "zwlr_virtual_pointer_manager_v1",
            "zwp_input_method_manager_v2",
            "zwp_linux_dmabuf_v1",
            "zwp_virtual_keyboard_manager_v1",
            "zxdg_exporter_v2",
            "zxdg_importer_v2",
            "",
        ] {
            assert_eq!(version(&vm, interface), None, "{interface}");
        }
        assert_eq!(version(&vm, "wl_seat"), Some(9));
        assert_eq!(version(&ClientIdentity::Trusted, "wl_seat"), Some(9));
    }
}
