// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the committed corpus of the fuzz targets, seeds and arbitrary bytes. Out: that streams and the object
//! table keep their promises on all of them.

#[cfg(test)]
mod common;
#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/wayland.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use cofferdam_wayland_wire::protocol::{
        wl_buffer, wl_callback, wl_compositor, wl_data_device, wl_data_device_manager, wl_data_offer,
        wl_data_source, wl_display, wl_keyboard, wl_pointer, wl_registry, wl_seat, wl_shm, wl_shm_pool,
        wl_surface, xdg_surface, xdg_toplevel, xdg_wm_base, zwp_text_input_manager_v3, zwp_text_input_v3,
    };
    use cofferdam_wayland_wire::{Arg, Fixed, MessageBuilder};
    use proptest::prelude::*;

    use super::common::{Wire, id};
    use super::{corpus, harness};

    /// A connection as the harness has it.
    fn wire() -> Wire {
        Wire::with_globals(&harness::LIMITS)
    }

    /// The start of every window: objects 3 to 9 are compositor, shm, seat, wm base, surface and its roles.
    fn window(wire: &mut Wire) {
        wire.bind(&wl_compositor::INTERFACE, 3).unwrap();
        wire.bind(&wl_shm::INTERFACE, 4).unwrap();
        wire.bind(&wl_seat::INTERFACE, 5).unwrap();
        wire.bind(&xdg_wm_base::INTERFACE, 6).unwrap();
        wire.request(3, wl_compositor::request::CREATE_SURFACE, &[Arg::NewId(id(7))]).unwrap();
        let surface = [Arg::NewId(id(8)), Arg::Object(Some(id(7)))];
        wire.request(6, xdg_wm_base::request::GET_XDG_SURFACE, &surface).unwrap();
        wire.request(8, xdg_surface::request::GET_TOPLEVEL, &[Arg::NewId(id(9))]).unwrap();
        wire.request(9, xdg_toplevel::request::SET_TITLE, &[Arg::Str(Some("Terminal"))]).unwrap();
        wire.request(7, wl_surface::request::COMMIT, &[]).unwrap();
    }

    /// A buffer (11) of a pool (10), attached, damaged and committed; then the pool goes.
    fn frame(wire: &mut Wire) {
        let pool = [Arg::NewId(id(10)), Arg::Fd, Arg::Int(65536)];
        wire.request(4, wl_shm::request::CREATE_POOL, &pool).unwrap();
        let buffer =
            [Arg::NewId(id(11)), Arg::Int(0), Arg::Int(128), Arg::Int(128), Arg::Int(512), Arg::Uint(1)];
        wire.request(10, wl_shm_pool::request::CREATE_BUFFER, &buffer).unwrap();
        wire.request(10, wl_shm_pool::request::DESTROY, &[]).unwrap();
        let attach = [Arg::Object(Some(id(11))), Arg::Int(0), Arg::Int(0)];
        wire.request(7, wl_surface::request::ATTACH, &attach).unwrap();
        let damage = [Arg::Int(0), Arg::Int(0), Arg::Int(i32::MAX), Arg::Int(i32::MAX)];
        wire.request(7, wl_surface::request::DAMAGE_BUFFER, &damage).unwrap();
        wire.request(7, wl_surface::request::FRAME, &[Arg::NewId(id(12))]).unwrap();
        wire.request(7, wl_surface::request::COMMIT, &[]).unwrap();
    }

    /// What a client sends, without tags: the harness's other form.
    fn requests_only(script: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = script;
        while let Some((tag, message)) = rest.split_first() {
            let size = usize::from(u16::from_ne_bytes([message[6], message[7]]));
            if tag & 1 == 0 {
                bytes.extend_from_slice(&message[..size]);
            }
            rest = &message[size..];
        }
        bytes
    }

    #[test]
    fn request_streams() {
        let mut wire = wire();
        window(&mut wire);
        frame(&mut wire);
        let session = requests_only(&wire.script);
        for (name, cut) in [("window-whole", 255), ("window-pieces", 1)] {
            corpus::seed("wayland_request_stream", name, &[&[cut][..], &session].concat());
        }
        let mut flood = vec![16];
        for serial in 3..80 {
            MessageBuilder::new(&mut flood, id(1), wl_display::request::SYNC).uint(serial).finish().unwrap();
        }
        corpus::seed("wayland_request_stream", "sync-flood", &flood);
        let mut text = Wire::with_globals(&harness::LIMITS);
        text.bind(&wl_seat::INTERFACE, 3).unwrap();
        text.bind(&zwp_text_input_manager_v3::INTERFACE, 4).unwrap();
        let input = [Arg::NewId(id(5)), Arg::Object(Some(id(3)))];
        text.request(4, zwp_text_input_manager_v3::request::GET_TEXT_INPUT, &input).unwrap();
        text.request(5, zwp_text_input_v3::request::SET_CONTENT_TYPE, &[Arg::Uint(3), Arg::Uint(1)]).unwrap();
        let around = [Arg::Str(Some("two words")), Arg::Int(3), Arg::Int(3)];
        text.request(5, zwp_text_input_v3::request::SET_SURROUNDING_TEXT, &around).unwrap();
        text.request(5, zwp_text_input_v3::request::DESTROY, &[]).unwrap();
        let text = requests_only(&text.script);
        corpus::seed("wayland_request_stream", "text-input", &[&[255][..], &text].concat());
        assert!(corpus::replay("wayland_request_stream", harness::request_stream) >= 4);
    }

    #[test]
    fn event_streams() {
        let mut wire = wire();
        window(&mut wire);
        let configure = [Arg::Int(640), Arg::Int(480), Arg::Array(&[4, 0, 0, 0])];
        wire.event(9, xdg_toplevel::event::CONFIGURE, &configure).unwrap();
        wire.event(8, xdg_surface::event::CONFIGURE, &[Arg::Uint(1)]).unwrap();
        wire.request(8, xdg_surface::request::ACK_CONFIGURE, &[Arg::Uint(1)]).unwrap();
        frame(&mut wire);
        wire.event(12, wl_callback::event::DONE, &[Arg::Uint(17)]).unwrap();
        wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(12)]).unwrap();
        wire.event(11, wl_buffer::event::RELEASE, &[]).unwrap();
        wire.request(11, wl_buffer::request::DESTROY, &[]).unwrap();
        wire.event(1, wl_display::event::DELETE_ID, &[Arg::Uint(11)]).unwrap();
        corpus::seed("wayland_event_stream", "window", &wire.script);

        let mut input = Wire::with_globals(&harness::LIMITS);
        window(&mut input);
        input.event(5, wl_seat::event::CAPABILITIES, &[Arg::Uint(3)]).unwrap();
        input.request(5, wl_seat::request::GET_POINTER, &[Arg::NewId(id(10))]).unwrap();
        input.request(5, wl_seat::request::GET_KEYBOARD, &[Arg::NewId(id(11))]).unwrap();
        input.event(11, wl_keyboard::event::KEYMAP, &[Arg::Uint(1), Arg::Fd, Arg::Uint(65536)]).unwrap();
        let at = Arg::Fixed(Fixed(2560));
        input.event(10, wl_pointer::event::ENTER, &[Arg::Uint(1), Arg::Object(Some(id(7))), at, at]).unwrap();
        input.event(10, wl_pointer::event::FRAME, &[]).unwrap();
        input.request(10, wl_pointer::request::RELEASE, &[]).unwrap();
        input.event(10, wl_pointer::event::MOTION, &[Arg::Uint(9), at, at]).unwrap();
        corpus::seed("wayland_event_stream", "input", &input.script);

        corpus::seed("wayland_event_stream", "clipboard", &clipboard());

        let mut globals = Wire::with_globals(&harness::LIMITS);
        globals.event(2, wl_registry::event::GLOBAL_REMOVE, &[Arg::Uint(4)]).unwrap();
        globals.announce(40, "wl_output", 9).unwrap();
        globals.announce(41, "zwlr_layer_shell_v1", 4).unwrap();
        globals.event(2, wl_registry::event::GLOBAL_REMOVE, &[Arg::Uint(41)]).unwrap();
        let error = [Arg::Object(Some(id(99))), Arg::Uint(1), Arg::Str(Some("no"))];
        globals.event(1, wl_display::event::ERROR, &error).unwrap();
        corpus::seed("wayland_event_stream", "globals", &globals.script);
        assert!(corpus::replay("wayland_event_stream", harness::event_stream) >= 4);
    }

    fn clipboard() -> Vec<u8> {
        let mut wire = wire();
        wire.bind(&wl_seat::INTERFACE, 3).unwrap();
        wire.bind(&wl_data_device_manager::INTERFACE, 4).unwrap();
        let device = [Arg::NewId(id(5)), Arg::Object(Some(id(3)))];
        wire.request(4, wl_data_device_manager::request::GET_DATA_DEVICE, &device).unwrap();
        let offer = 0xff00_0000;
        let text = Arg::Str(Some("text/plain"));
        for _ in 0..2 {
            wire.event(5, wl_data_device::event::DATA_OFFER, &[Arg::NewId(id(offer))]).unwrap();
            wire.event(offer, wl_data_offer::event::OFFER, &[text]).unwrap();
            wire.event(5, wl_data_device::event::SELECTION, &[Arg::Object(Some(id(offer)))]).unwrap();
            wire.request(offer, wl_data_offer::request::RECEIVE, &[text, Arg::Fd]).unwrap();
            wire.request(offer, wl_data_offer::request::DESTROY, &[]).unwrap();
        }
        let create = wl_data_device_manager::request::CREATE_DATA_SOURCE;
        wire.request(4, create, &[Arg::NewId(id(6))]).unwrap();
        wire.request(6, wl_data_source::request::SET_ACTIONS, &[Arg::Uint(3)]).unwrap();
        wire.event(6, wl_data_source::event::SEND, &[text, Arg::Fd]).unwrap();
        wire.script
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            harness::request_stream(&bytes);
            harness::event_stream(&bytes);
        }

        /// Messages whose headers are right and whose arguments are small numbers.
        #[test]
        fn plausible_messages(
            messages in prop::collection::vec((0_u8..8, 1_u32..12, 0_u16..8, prop::collection::vec(0_u32..16, 0..6)), 0..40),
        ) {
            let (mut tagged, mut plain) = (Vec::new(), vec![3]);
            for (tag, sender, opcode, words) in messages {
                tagged.push(tag);
                for out in [&mut tagged, &mut plain] {
                    let builder = MessageBuilder::new(out, id(sender), opcode);
                    words.iter().fold(builder, |builder, word| builder.uint(*word)).finish().unwrap();
                }
            }
            harness::event_stream(&tagged);
            harness::request_stream(&plain);
        }

        /// An honest session with some bytes changed.
        #[test]
        fn damaged_sessions(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
            let mut wire = wire();
            window(&mut wire);
            frame(&mut wire);
            for (index, value) in changes {
                let index = index.index(wire.script.len());
                wire.script[index] = value;
            }
            harness::event_stream(&wire.script);
        }
    }
}
