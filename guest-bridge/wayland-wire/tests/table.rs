// SPDX-License-Identifier: GPL-3.0-or-later
//! In: conversations, honest and not. Out: what the object table lets through, and with which fault it ends them.

#[cfg(test)]
mod common;

#[cfg(test)]
mod tests {
    use cofferdam_wayland_wire::protocol::{
        wl_callback, wl_compositor, wl_data_device, wl_data_device_manager, wl_data_offer, wl_display,
        wl_keyboard, wl_output, wl_registry, wl_seat, wl_shm, wl_shm_pool, wl_surface,
        wp_cursor_shape_manager_v1, xdg_surface, xdg_toplevel, xdg_wm_base,
    };
    use cofferdam_wayland_wire::{
        Arg, Direction, Disposition, Fault, FaultKind, Limits, ObjectTable, RawMessage, WireError,
    };

    use super::common::{Wire, id, message};

    const LIMITS: Limits = Limits::DEFAULT;

    /// A connection with a compositor (3), a surface (4), a shm (5), a seat (6) and a wm base (7).
    fn desktop() -> Wire {
        let mut wire = Wire::with_globals(&LIMITS);
        wire.bind(&wl_compositor::INTERFACE, 3).unwrap();
        wire.request(3, wl_compositor::request::CREATE_SURFACE, &[Arg::NewId(id(4))]).unwrap();
        wire.bind(&wl_shm::INTERFACE, 5).unwrap();
        wire.bind(&wl_seat::INTERFACE, 6).unwrap();
        wire.bind(&xdg_wm_base::INTERFACE, 7).unwrap();
        wire
    }

    #[test]
    fn a_window_comes_and_goes() {
        let mut wire = desktop();
        wire.request(
            7,
            xdg_wm_base::request::GET_XDG_SURFACE,
            &[Arg::NewId(id(8)), Arg::Object(Some(id(4)))],
        )
        .unwrap();
        wire.request(8, xdg_surface::request::GET_TOPLEVEL, &[Arg::NewId(id(9))]).unwrap();
        wire.request(9, xdg_toplevel::request::SET_TITLE, &[Arg::Str(Some("Grüße"))]).unwrap();
        wire.event(9, xdg_toplevel::event::CONFIGURE, &[Arg::Int(0), Arg::Int(0), Arg::Array(&[])]).unwrap();
        wire.event(8, xdg_surface::event::CONFIGURE, &[Arg::Uint(1)]).unwrap();
        assert_eq!(wire.table.live(id(9)).unwrap().version, 6);
        wire.request(9, xdg_toplevel::request::DESTROY, &[]).unwrap();
        // The server has not heard of that yet.
        wire.event(9, xdg_toplevel::event::CLOSE, &[]).unwrap();
        assert_eq!(wire.request(9, xdg_toplevel::request::SET_MAXIMIZED, &[]), Err(FaultKind::Sender));
        assert_eq!(
            wire.request(8, xdg_surface::request::GET_TOPLEVEL, &[Arg::NewId(id(9))]),
            Err(FaultKind::NewId(9))
        );
        wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(9)]).unwrap();
        assert_eq!(wire.event(9, xdg_toplevel::event::CLOSE, &[]), Err(FaultKind::Sender));
        assert_eq!(wire.table.next_client_id(), Ok(id(9)));
        wire.request(8, xdg_surface::request::GET_TOPLEVEL, &[Arg::NewId(id(9))]).unwrap();
    }

    #[test]
    fn senders_opcodes_and_versions_must_exist() {
        let mut wire = desktop();
        let check = |wire: &mut Wire, sender: u32, opcode: u16, body: &[u32], expected: FaultKind| {
            let mut bytes = sender.to_ne_bytes().to_vec();
            bytes.extend(opcode.to_ne_bytes());
            bytes.extend(u16::try_from(8 + 4 * body.len()).unwrap().to_ne_bytes());
            bytes.extend(body.iter().flat_map(|word| word.to_ne_bytes()));
            let before = wire.table.len();
            assert_eq!(wire.raw(Direction::Request, &bytes, 0), Err(expected), "{sender} {opcode}");
            assert_eq!(wire.table.len(), before);
        };
        check(&mut wire, 8, 0, &[], FaultKind::Sender);
        check(&mut wire, 0xff00_0000, 0, &[], FaultKind::Sender);
        check(&mut wire, u32::MAX, 0, &[], FaultKind::Sender);
        check(&mut wire, 0, 0, &[], WireError::NullSender.into());
        check(&mut wire, 4, 11, &[], FaultKind::Opcode);
        check(&mut wire, 1, u16::MAX, &[], FaultKind::Opcode);
        // wl_surface.offset came with version 5; this surface is of version 4.
        let bind = [Arg::Uint(1), Arg::NewIdAny { interface: "wl_compositor", version: 4, id: id(8) }];
        wire.request(2, wl_registry::request::BIND, &bind).unwrap();
        wire.request(8, wl_compositor::request::CREATE_SURFACE, &[Arg::NewId(id(9))]).unwrap();
        let since = FaultKind::Since { since: 5, version: 4 };
        check(&mut wire, 9, wl_surface::request::OFFSET, &[0, 0], since);
        wire.request(4, wl_surface::request::OFFSET, &[Arg::Int(0), Arg::Int(0)]).unwrap();
    }

    #[test]
    fn references_must_be_of_the_right_kind() {
        let mut wire = desktop();
        let attach = |buffer| [Arg::Object(buffer), Arg::Int(0), Arg::Int(0)];
        wire.request(4, wl_surface::request::ATTACH, &attach(None)).unwrap();
        for wrong in [1, 4, 99, 0xff00_0000] {
            assert_eq!(
                wire.request(4, wl_surface::request::ATTACH, &attach(Some(id(wrong)))),
                Err(FaultKind::Object { name: "buffer", id: wrong })
            );
        }
        let mut null = message(
            Direction::Request,
            7,
            &xdg_wm_base::INTERFACE,
            xdg_wm_base::request::GET_XDG_SURFACE,
            &[Arg::NewId(id(8)), Arg::Object(Some(id(4)))],
        );
        null[12..].fill(0);
        assert_eq!(wire.raw(Direction::Request, &null, 0), Err(WireError::Null("surface").into()));
        // A tablet tool cannot exist, so nothing can be one.
        wire.bind(&wp_cursor_shape_manager_v1::INTERFACE, 8).unwrap();
        let tool = [Arg::NewId(id(9)), Arg::Object(Some(id(4)))];
        let get_tool = wp_cursor_shape_manager_v1::request::GET_TABLET_TOOL_V2;
        assert_eq!(wire.request(8, get_tool, &tool), Err(FaultKind::Object { name: "tablet_tool", id: 4 }));
        // A destroyed surface cannot be named by the client, but by events that were on their way.
        wire.request(6, wl_seat::request::GET_KEYBOARD, &[Arg::NewId(id(9))]).unwrap();
        wire.request(4, wl_surface::request::DESTROY, &[]).unwrap();
        wire.event(9, wl_keyboard::event::LEAVE, &[Arg::Uint(1), Arg::Object(Some(id(4)))]).unwrap();
        let get = [Arg::NewId(id(10)), Arg::Object(Some(id(4)))];
        assert_eq!(
            wire.request(7, xdg_wm_base::request::GET_XDG_SURFACE, &get),
            Err(FaultKind::Object { name: "surface", id: 4 })
        );
    }

    #[test]
    fn new_ids_are_free_dense_and_of_their_side() {
        let mut wire = desktop();
        let mut create =
            |new| wire.request(3, wl_compositor::request::CREATE_SURFACE, &[Arg::NewId(id(new))]);
        for bad in [1, 2, 3, 7, 9, 100, 0xfeff_ffff, 0xff00_0000, u32::MAX] {
            assert_eq!(create(bad), Err(FaultKind::NewId(bad)));
        }
        create(8).unwrap();
        assert_eq!(create(8), Err(FaultKind::NewId(8)));
        create(9).unwrap();
    }

    #[test]
    fn the_number_of_objects_is_bounded() {
        let limits = Limits { objects: 10, ..LIMITS };
        let mut wire = Wire::with_globals(&limits);
        wire.bind(&wl_compositor::INTERFACE, 3).unwrap();
        let create = |wire: &mut Wire, new| {
            wire.request(3, wl_compositor::request::CREATE_SURFACE, &[Arg::NewId(id(new))])
        };
        for new in 4..=10 {
            create(&mut wire, new).unwrap();
        }
        assert_eq!(create(&mut wire, 11), Err(FaultKind::TooMany));
        assert_eq!(wire.table.next_client_id(), Err(FaultKind::TooMany));
        // Destroyed is not gone: the server still has it.
        wire.request(10, wl_surface::request::DESTROY, &[]).unwrap();
        assert_eq!(create(&mut wire, 11), Err(FaultKind::TooMany));
        wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(10)]).unwrap();
        create(&mut wire, 10).unwrap();
        assert_eq!(wire.table.len(), 10);
    }

    #[test]
    fn values_must_be_of_their_enum() {
        let mut wire = desktop();
        let mut set = |value| wire.request(4, wl_surface::request::SET_BUFFER_TRANSFORM, &[Arg::Int(value)]);
        set(7).unwrap();
        for bad in [8_i32, -1, i32::MIN] {
            let value = bad.cast_unsigned();
            assert_eq!(set(bad), Err(FaultKind::Value { name: "transform", value }));
        }
    }

    #[test]
    fn descriptors_must_have_come() {
        let mut wire = desktop();
        let args = [Arg::NewId(id(8)), Arg::Fd, Arg::Int(4096)];
        let bytes = message(Direction::Request, 5, &wl_shm::INTERFACE, wl_shm::request::CREATE_POOL, &args);
        assert_eq!(wire.raw(Direction::Request, &bytes, 0), Err(FaultKind::Fds { need: 1, have: 0 }));
        let raw = RawMessage::decode(&bytes).unwrap().unwrap();
        assert_eq!(wire.table.request(&raw, 3).unwrap().fds(), 1);
        let buffer = [Arg::NewId(id(9)), Arg::Int(0), Arg::Int(8), Arg::Int(8), Arg::Int(32), Arg::Uint(1)];
        wire.request(8, wl_shm_pool::request::CREATE_BUFFER, &buffer).unwrap();
        let object = wire.table.live(id(9)).unwrap();
        assert_eq!((object.interface.name, object.version), ("wl_buffer", 1));
    }

    #[test]
    fn a_callback_ends_when_it_is_done() {
        let mut wire = desktop();
        wire.request(1, wl_display::request::SYNC, &[Arg::NewId(id(8))]).unwrap();
        wire.event(8, wl_callback::event::DONE, &[Arg::Uint(0)]).unwrap();
        assert_eq!(wire.table.live(id(8)), None);
        wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(8)]).unwrap();
        assert_eq!(wire.table.get(id(8)), None);
        for bad in [0, 1, 8, 9, 0xff00_0000] {
            assert_eq!(
                wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(bad)]),
                Err(FaultKind::Object { name: "id", id: bad })
            );
        }
    }

    #[test]
    fn servers_ids_are_reused_without_notice() {
        let mut wire = desktop();
        wire.bind(&wl_data_device_manager::INTERFACE, 8).unwrap();
        let get = [Arg::NewId(id(9)), Arg::Object(Some(id(6)))];
        wire.request(8, wl_data_device_manager::request::GET_DATA_DEVICE, &get).unwrap();
        let offer = |wire: &mut Wire, new: u32| {
            wire.event(9, wl_data_device::event::DATA_OFFER, &[Arg::NewId(id(new))])
        };
        let first = 0xff00_0000;
        assert_eq!(offer(&mut wire, 10), Err(FaultKind::NewId(10)));
        assert_eq!(offer(&mut wire, first + 1), Err(FaultKind::NewId(first + 1)));
        assert_eq!(wire.table.next_server_id(), Ok(id(first)));
        offer(&mut wire, first).unwrap();
        assert_eq!(offer(&mut wire, first), Err(FaultKind::NewId(first)));
        wire.event(first, wl_data_offer::event::OFFER, &[Arg::Str(Some("text/plain"))]).unwrap();
        wire.event(9, wl_data_device::event::SELECTION, &[Arg::Object(Some(id(first)))]).unwrap();
        wire.request(first, wl_data_offer::request::RECEIVE, &[Arg::Str(Some("text/plain")), Arg::Fd])
            .unwrap();
        wire.request(first, wl_data_offer::request::DESTROY, &[]).unwrap();
        wire.event(first, wl_data_offer::event::OFFER, &[Arg::Str(Some("late"))]).unwrap();
        offer(&mut wire, first).unwrap();
        assert!(wire.table.live(id(first)).is_some());
        // What comes for a device that the client has released is nothing that the client can ever name.
        wire.request(9, wl_data_device::request::RELEASE, &[]).unwrap();
        offer(&mut wire, first + 1).unwrap();
        assert!(wire.table.get(id(first + 1)).is_some() && wire.table.live(id(first + 1)).is_none());
    }

    /// Gives a `wl_registry.global` to a table and says with which version it is forwarded, if at all.
    fn announced(table: &mut ObjectTable, name: u32, interface: &str, version: u32) -> Option<u32> {
        let args = [Arg::Uint(name), Arg::Str(Some(interface)), Arg::Uint(version)];
        let bytes = message(Direction::Event, 2, &wl_registry::INTERFACE, wl_registry::event::GLOBAL, &args);
        let raw = RawMessage::decode(&bytes).unwrap().unwrap();
        let parsed = table.event(&raw, 0).unwrap();
        if parsed.disposition == Disposition::Drop {
            return None;
        }
        assert_eq!(parsed.bytes().len(), bytes.len());
        let (head, forwarded) = parsed.bytes().split_at(bytes.len() - 4);
        assert_eq!(head, &bytes[..bytes.len() - 4]);
        let forwarded = u32::from_ne_bytes(forwarded.try_into().unwrap());
        assert_eq!(parsed.args.uint(2), Some(forwarded));
        Some(forwarded)
    }

    #[test]
    fn globals_are_filtered_and_cut_down() {
        let mut wire = Wire::new(&LIMITS);
        wire.request(1, wl_display::request::GET_REGISTRY, &[Arg::NewId(id(2))]).unwrap();
        assert_eq!(announced(&mut wire.table, 1, "wl_seat", 7), Some(7));
        assert_eq!(announced(&mut wire.table, 2, "wl_seat", 11), Some(9));
        assert_eq!(announced(&mut wire.table, 3, "wl_seat", 0), None);
        assert_eq!(announced(&mut wire.table, 4, "zwlr_layer_shell_v1", 4), None);
        assert_eq!(announced(&mut wire.table, 5, "wl_surface", 1), None);
        assert_eq!(announced(&mut wire.table, 6, "wl_fixes", 1), None);

        let mut bind = |name, interface, version, new| {
            let new = Arg::NewIdAny { interface, version, id: id(new) };
            wire.request(2, wl_registry::request::BIND, &[Arg::Uint(name), new])
        };
        for (name, interface, version) in [
            (1, "wl_seat", 8),
            (1, "wl_seat", 0),
            (1, "wl_output", 1),
            (2, "wl_seat", 10),
            (3, "wl_seat", 1),
            (4, "zwlr_layer_shell_v1", 1),
            (5, "wl_surface", 1),
            (7, "wl_seat", 1),
        ] {
            assert_eq!(bind(name, interface, version, 3), Err(FaultKind::Bind(name)), "{interface}");
        }
        bind(1, "wl_seat", 7, 3).unwrap();
        bind(1, "wl_seat", 1, 4).unwrap();
        assert_eq!(wire.table.live(id(4)).unwrap().version, 1);
    }

    #[test]
    fn a_withdrawn_global_can_still_be_bound_by_a_late_client() {
        let limits = Limits { globals: 2, ..LIMITS };
        let mut wire = Wire::new(&limits);
        wire.request(1, wl_display::request::GET_REGISTRY, &[Arg::NewId(id(2))]).unwrap();
        let withdraw = |wire: &mut Wire, name| {
            let args = [Arg::Uint(name)];
            let opcode = wl_registry::event::GLOBAL_REMOVE;
            let bytes = message(Direction::Event, 2, &wl_registry::INTERFACE, opcode, &args);
            let raw = RawMessage::decode(&bytes).unwrap().unwrap();
            wire.table.event(&raw, 0).unwrap().disposition
        };
        assert_eq!(announced(&mut wire.table, 10, "wl_output", 4), Some(4));
        assert_eq!(announced(&mut wire.table, 11, "wl_output", 4), Some(4));
        assert_eq!(announced(&mut wire.table, 12, "wl_output", 4), None, "there is no room");
        assert_eq!(withdraw(&mut wire, 12), Disposition::Drop);
        assert_eq!(withdraw(&mut wire, 10), Disposition::Forward);
        let bind = |wire: &mut Wire, name, new| {
            let new = Arg::NewIdAny { interface: "wl_output", version: 4, id: id(new) };
            wire.request(2, wl_registry::request::BIND, &[Arg::Uint(name), new])
        };
        bind(&mut wire, 10, 3).unwrap();
        // Only now its place is needed.
        assert_eq!(announced(&mut wire.table, 13, "wl_output", 4), Some(4));
        assert_eq!(bind(&mut wire, 10, 4), Err(FaultKind::Bind(10)));
        bind(&mut wire, 13, 4).unwrap();
        wire.event(4, wl_output::event::SCALE, &[Arg::Int(2)]).unwrap();
    }

    #[test]
    fn a_fault_tells_who_and_what() {
        let mut wire = desktop();
        let bytes = message(
            Direction::Request,
            4,
            &wl_surface::INTERFACE,
            wl_surface::request::ATTACH,
            &[Arg::Object(Some(id(99))), Arg::Int(0), Arg::Int(0)],
        );
        let raw = RawMessage::decode(&bytes).unwrap().unwrap();
        let fault = wire.table.request(&raw, 0).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "wl_surface@4, opcode 1: argument buffer names object 99, which is not there or of another kind"
        );
        assert_eq!(format!("{:?}", fault.interface), "Some(wl_surface)");
        let code = |kind| Fault { kind, ..fault }.display_error();
        assert_eq!(code(FaultKind::Sender), wl_display::error::INVALID_OBJECT);
        assert_eq!(code(FaultKind::Opcode), wl_display::error::INVALID_METHOD);
        assert_eq!(code(FaultKind::TooMany), wl_display::error::NO_MEMORY);
    }

    #[test]
    fn objects_can_be_kept_without_messages() {
        let mut table = ObjectTable::new(&LIMITS);
        assert!(table.len() == 1 && !table.is_empty());
        let new = table.next_client_id().unwrap();
        table.insert(new, &wl_callback::INTERFACE, 1).unwrap();
        assert_eq!(table.insert(new, &wl_callback::INTERFACE, 1), Err(FaultKind::NewId(2)));
        table.retire(new);
        assert!(table.live(new).is_none() && table.get(new).is_some());
        assert!(table.release(new) && !table.release(new));
        assert_eq!(table.next_client_id(), Ok(new));
        table.retire(id(1));
        assert!(!table.release(id(1)) && table.live(id(1)).is_some(), "the display stays");
    }
}
