// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the generated tables. Out: that they list what was decided, no interface and no version more.

#[cfg(test)]
mod tests {
    use cofferdam_wayland_wire::protocol::{self, GLOBALS, INTERFACES, wl_output, wl_shm, wl_surface};
    use cofferdam_wayland_wire::{ArgKind, MAX_ARGS, Message, Target};

    /// Decided by people, not taken from the generator.
    const LISTED: &[(&str, u32)] = &[
        ("wl_compositor", 6),
        ("wl_data_device_manager", 3),
        ("wl_output", 4),
        ("wl_seat", 9),
        ("wl_shm", 2),
        ("wl_subcompositor", 1),
        ("wp_cursor_shape_manager_v1", 1),
        ("wp_fractional_scale_manager_v1", 1),
        ("wp_presentation", 1),
        ("wp_single_pixel_buffer_manager_v1", 1),
        ("wp_viewporter", 1),
        ("xdg_activation_v1", 1),
        ("xdg_wm_base", 6),
        ("zwp_idle_inhibit_manager_v1", 1),
        ("zwp_pointer_constraints_v1", 1),
        ("zwp_primary_selection_device_manager_v1", 1),
        ("zwp_relative_pointer_manager_v1", 1),
        ("zwp_text_input_manager_v3", 1),
        ("zxdg_decoration_manager_v1", 1),
    ];

    /// What a client can reach from those, and the version that it can reach.
    const REACHED: &[(&str, u32)] = &[
        ("wl_buffer", 1),
        ("wl_callback", 1),
        ("wl_data_device", 3),
        ("wl_data_offer", 3),
        ("wl_data_source", 3),
        ("wl_display", 1),
        ("wl_keyboard", 9),
        ("wl_pointer", 9),
        ("wl_region", 6),
        ("wl_registry", 1),
        ("wl_shm_pool", 2),
        ("wl_subsurface", 1),
        ("wl_surface", 6),
        ("wl_touch", 9),
        ("wp_cursor_shape_device_v1", 1),
        ("wp_fractional_scale_v1", 1),
        ("wp_presentation_feedback", 1),
        ("wp_viewport", 1),
        ("xdg_activation_token_v1", 1),
        ("xdg_popup", 6),
        ("xdg_positioner", 6),
        ("xdg_surface", 6),
        ("xdg_toplevel", 6),
        ("zwp_confined_pointer_v1", 1),
        ("zwp_idle_inhibitor_v1", 1),
        ("zwp_locked_pointer_v1", 1),
        ("zwp_primary_selection_device_v1", 1),
        ("zwp_primary_selection_offer_v1", 1),
        ("zwp_primary_selection_source_v1", 1),
        ("zwp_relative_pointer_v1", 1),
        ("zwp_text_input_v3", 1),
        ("zxdg_toplevel_decoration_v1", 1),
    ];

    #[test]
    fn the_tables_list_exactly_what_was_decided() {
        let mut globals: Vec<_> =
            GLOBALS.iter().map(|global| (global.interface.name, global.version)).collect();
        globals.sort_unstable();
        assert_eq!(globals, LISTED);
        let mut expected = [LISTED, REACHED].concat();
        expected.sort_unstable();
        let mut reached: Vec<_> = INTERFACES.iter().map(|i| (i.name, i.max_version)).collect();
        reached.sort_unstable();
        assert_eq!(reached, expected);
        for name in ["wl_shell", "wl_fixes", "zwlr_layer_shell_v1", "zwp_tablet_tool_v2", ""] {
            assert!(protocol::interface(name).is_none() && protocol::global(name).is_none(), "{name}");
        }
        for (name, max_version) in expected {
            let interface = protocol::interface(name).unwrap();
            assert_eq!((interface.name, interface.max_version), (name, max_version));
            assert!(INTERFACES.iter().filter(|other| **other == interface).count() == 1);
        }
        // Interfaces that are reached, but are no globals.
        assert!(protocol::global("wl_display").is_none() && protocol::global("wl_surface").is_none());
    }

    fn all_messages() -> impl Iterator<Item = (&'static str, &'static Message, u32)> {
        INTERFACES.iter().flat_map(|interface| {
            let messages = [interface.requests, interface.events];
            for list in messages {
                for (index, message) in list.iter().enumerate() {
                    assert_eq!(usize::from(message.opcode), index, "{}.{}", interface.name, message.name);
                }
            }
            let both = interface.requests.iter().chain(interface.events);
            both.map(|message| (interface.name, message, interface.max_version))
        })
    }

    #[test]
    fn every_message_fits_the_decoder() {
        let mut seen = 0;
        for (interface, message, max_version) in all_messages() {
            seen += 1;
            assert!(message.args.len() <= MAX_ARGS, "{interface}.{}", message.name);
            assert!((1..=max_version).contains(&message.since), "{interface}.{}", message.name);
            let new_ids = message.args.iter().filter(|arg| matches!(arg.kind, ArgKind::NewId(_)));
            assert!(new_ids.count() <= 1, "{interface}.{} makes two objects", message.name);
            let fds = message.args.iter().filter(|arg| arg.kind == ArgKind::Fd).count();
            assert_eq!(fds, message.fd_args, "{interface}.{}", message.name);
        }
        assert_eq!(seen, 244, "a listed interface has grown or shrunk");
    }

    #[test]
    fn descriptors_travel_in_these_messages_alone() {
        let mut carriers: Vec<_> = all_messages()
            .filter(|(_, message, _)| message.fd_args > 0)
            .map(|(interface, message, _)| format!("{interface}.{}", message.name))
            .collect();
        carriers.sort_unstable();
        let expected = [
            "wl_data_offer.receive",
            "wl_data_source.send",
            "wl_keyboard.keymap",
            "wl_shm.create_pool",
            "zwp_primary_selection_offer_v1.receive",
            "zwp_primary_selection_source_v1.send",
        ];
        assert_eq!(carriers, expected);
    }

    #[test]
    fn only_tablets_are_out_of_reach() {
        let unlisted: Vec<_> = all_messages()
            .flat_map(|(_, message, _)| message.args)
            .filter_map(|arg| match arg.kind {
                ArgKind::Object { target: Target::Unlisted(name), .. } => Some(name),
                ArgKind::NewId(Target::Unlisted(name)) => Some(name),
                _ => None,
            })
            .collect();
        assert_eq!(unlisted, ["zwp_tablet_tool_v2"]);
    }

    #[test]
    fn constants_are_the_protocols_numbers() {
        assert_eq!(wl_surface::request::COMMIT, 6);
        assert_eq!(wl_surface::event::PREFERRED_BUFFER_TRANSFORM, 3);
        assert_eq!(wl_shm::format::XRGB8888, 1);
        assert_eq!(wl_shm::format::RGB565, 0x3631_4752);
        assert_eq!(wl_output::transform::N270, 3);
        let attach = &wl_surface::INTERFACE.requests[usize::from(wl_surface::request::ATTACH)];
        let names: Vec<_> = attach.args.iter().map(|arg| arg.name).collect();
        assert_eq!((attach.name, names), ("attach", vec!["buffer", "x", "y"]));
        assert!(wl_surface::INTERFACE.requests[0].destructor && !attach.destructor);
        assert!(format!("{:?}", wl_surface::INTERFACE).len() < 20, "tables are circular");
    }

    #[test]
    fn enums_know_values_bits_and_versions() {
        use cofferdam_wayland_wire::protocol::{wl_pointer, wl_seat, xdg_toplevel};
        let check = |values: &cofferdam_wayland_wire::Enum, version, allowed: &[u32], refused: &[u32]| {
            for value in allowed {
                assert!(values.allows(*value, version), "{} {value}", values.name);
            }
            for value in refused {
                assert!(!values.allows(*value, version), "{} {value}", values.name);
            }
        };
        check(&wl_output::ENUM_TRANSFORM, 1, &[0, 7], &[8, u32::MAX]);
        check(&xdg_toplevel::ENUM_RESIZE_EDGE, 1, &[0, 1, 10], &[3, 7, 11]);
        check(&wl_seat::ENUM_CAPABILITY, 1, &[0, 1, 7], &[8, 9, u32::MAX]);
        // Tilting wheels came with version 6.
        check(&wl_pointer::ENUM_AXIS_SOURCE, 5, &[0, 2], &[3, 4]);
        check(&wl_pointer::ENUM_AXIS_SOURCE, 6, &[0, 2, 3], &[4]);
    }
}
