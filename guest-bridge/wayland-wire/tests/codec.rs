// SPDX-License-Identifier: GPL-3.0-or-later
//! In: messages as bytes and as values. Out: that one becomes the other and back, and what is refused.

#[cfg(test)]
mod common;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use cofferdam_wayland_wire::protocol::{wl_data_offer, wl_display, wl_registry, wl_surface, xdg_wm_base};
    use cofferdam_wayland_wire::{
        Arg, Direction, EncodeError, FaultKind, Fixed, Limits, MAX_MESSAGE, MessageBuilder, ObjectId,
        RawMessage, Role, StreamDecoder, StreamError, WireError, encode,
    };
    use proptest::prelude::*;

    use super::common::{Wire, id, message};

    const LIMITS: Limits = Limits::DEFAULT;

    #[test]
    fn a_header_is_checked_as_soon_as_it_is_there() {
        let header = |sender: u32, size: u16| {
            let mut bytes = sender.to_ne_bytes().to_vec();
            bytes.extend(3_u16.to_ne_bytes());
            bytes.extend(size.to_ne_bytes());
            bytes
        };
        for size in [0, 4, 7, 9, 10, 11, 4100, u16::MAX] {
            assert_eq!(RawMessage::decode(&header(1, size)), Err(WireError::Size(size)));
        }
        assert_eq!(RawMessage::decode(&header(0, 8)), Err(WireError::NullSender));
        assert_eq!(RawMessage::decode(&header(5, 12)), Ok(None));
        assert_eq!(RawMessage::decode(&header(5, 8)[..7]), Ok(None));
        let bytes = [header(5, 12), vec![1, 2, 3, 4, 5]].concat();
        let message = RawMessage::decode(&bytes).unwrap().unwrap();
        assert_eq!((message.sender, message.opcode), (id(5), 3));
        assert_eq!((message.bytes(), message.body()), (&bytes[..12], &[1, 2, 3, 4][..]));
    }

    /// What becomes of a `wl_data_offer.offer`-like body: one string.
    fn offer(body: &[u8]) -> Result<(), FaultKind> {
        let mut wire = Wire::new(&LIMITS);
        wire.table.insert(id(2), &wl_data_offer::INTERFACE, 3).unwrap();
        let mut bytes = vec![2, 0, 0, 0, 0, 0];
        bytes.extend(u16::try_from(8 + body.len()).unwrap().to_ne_bytes());
        bytes.extend(body);
        wire.raw(Direction::Event, &bytes, 0)
    }

    #[test]
    fn text_is_terminated_utf8_without_nul() {
        assert_eq!(offer(&[4, 0, 0, 0, b'a', b'b', b'c', 0]), Ok(()));
        assert_eq!(offer(&[1, 0, 0, 0, 0, 0xff, 0xff, 0xff]), Ok(()), "padding is not looked at");
        let text = Err(WireError::Text("mime_type").into());
        let cut = Err(WireError::Truncated("mime_type").into());
        assert_eq!(offer(&[4, 0, 0, 0, b'a', b'b', b'c', b'd']), text);
        assert_eq!(offer(&[4, 0, 0, 0, b'a', 0, b'c', 0]), text);
        assert_eq!(offer(&[2, 0, 0, 0, 0xff, 0, 0, 0]), text);
        assert_eq!(offer(&[4, 0, 0, 0, 0xed, 0xa0, 0x80, 0]), text, "no surrogates");
        assert_eq!(offer(&[0, 0, 0, 0]), Err(WireError::Null("mime_type").into()));
        assert_eq!(offer(&[]), cut);
        assert_eq!(offer(&[5, 0, 0, 0, b'a', 0, 0, 0]), cut);
        for len in [0xff_u8, 0x80, 0x7f] {
            assert_eq!(offer(&[0xfd, 0xff, 0xff, len, b'a', 0, 0, 0]), cut);
            assert_eq!(offer(&[0xff, 0xff, 0xff, len, b'a', 0, 0, 0]), cut);
        }
        assert_eq!(offer(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(WireError::Trailing(4).into()));
    }

    #[test]
    fn messages_are_built_whole_or_not_at_all() {
        let mut out = vec![7];
        let long = "x".repeat(MAX_MESSAGE - 8 - 4 - 1);
        let set = |out: &mut Vec<u8>, text: &str| MessageBuilder::new(out, id(9), 2).str(Some(text)).finish();
        set(&mut out, &long).unwrap();
        assert_eq!(out.len(), 1 + MAX_MESSAGE);
        assert_eq!(set(&mut out, &format!("{long}x")), Err(EncodeError::TooLong(MAX_MESSAGE + 4)));
        assert_eq!(set(&mut out, &"x".repeat(1 << 20)), Err(EncodeError::TooLong((1 << 20) + 1)));
        assert_eq!(set(&mut out, "a\0b"), Err(EncodeError::Text));
        assert_eq!(out.len(), 1 + MAX_MESSAGE);
        let attach = &wl_surface::INTERFACE.requests[usize::from(wl_surface::request::ATTACH)];
        let mismatch = Err(EncodeError::Mismatch("attach"));
        let int = Arg::Int(0);
        assert_eq!(encode(&mut out, id(9), attach, &[Arg::Object(None), int]), mismatch);
        assert_eq!(encode(&mut out, id(9), attach, &[Arg::Uint(0), int, int]), mismatch);
        let frame = &wl_surface::INTERFACE.requests[usize::from(wl_surface::request::FRAME)];
        assert_eq!(encode(&mut out, id(9), frame, &[Arg::Object(None)]), Err(EncodeError::Mismatch("frame")));
        assert_eq!(out.len(), 1 + MAX_MESSAGE);
    }

    #[test]
    fn fixed_point_is_24_8() {
        for (raw, value) in [(0, 0.0), (256, 1.0), (-128, -0.5), (i32::MAX, 8_388_607.996_093_75)] {
            assert!((Fixed(raw).to_f64() - value).abs() < 1e-9, "{raw}");
            assert_eq!(Fixed::from_f64(value), Fixed(raw));
        }
        assert_eq!(Fixed::from_f64(1e30), Fixed(i32::MAX));
        assert_eq!(Fixed::from_f64(f64::NAN), Fixed(0));
    }

    #[test]
    fn ids_know_their_side() {
        assert_eq!(ObjectId::new(0), None);
        for (number, server) in [(1, false), (0xfeff_ffff, false), (0xff00_0000, true), (u32::MAX, true)] {
            assert_eq!((id(number).get(), id(number).is_server()), (number, server));
            assert_eq!(id(number).to_string(), number.to_string());
        }
    }

    #[test]
    fn translation_changes_ids_and_nothing_else() {
        let mut wire = Wire::with_globals(&LIMITS);
        let bind = message(
            Direction::Request,
            2,
            &wl_registry::INTERFACE,
            wl_registry::request::BIND,
            &[Arg::Uint(1), Arg::NewIdAny { interface: "wl_compositor", version: 5, id: id(3) }],
        );
        let raw = RawMessage::decode(&bind).unwrap().unwrap();
        let parsed = wire.table.request(&raw, 0).unwrap();
        assert_eq!(parsed.bytes(), bind);
        let mut out = vec![9];
        let mut roles = Vec::new();
        let map = |role, old: ObjectId| {
            roles.push((role, old.get()));
            Ok::<_, EncodeError>(id(old.get() + 0x100))
        };
        parsed.translate(&mut out, map).unwrap();
        assert_eq!(roles, [(Role::Sender, 2), (Role::New, 3)]);
        let expected = message(
            Direction::Request,
            0x102,
            &wl_registry::INTERFACE,
            wl_registry::request::BIND,
            &[Arg::Uint(1), Arg::NewIdAny { interface: "wl_compositor", version: 5, id: id(0x103) }],
        );
        assert_eq!(out[1..], expected);
        // What cannot be mapped leaves nothing behind.
        let refuse = |role, old| if role == Role::New { Err(EncodeError::Text) } else { Ok(old) };
        assert_eq!(parsed.translate(&mut out, refuse), Err(EncodeError::Text));
        assert_eq!(out.len(), 1 + expected.len());
    }

    #[test]
    fn references_and_new_ids_are_told_apart() {
        let mut wire = Wire::with_globals(&LIMITS);
        wire.bind(&xdg_wm_base::INTERFACE, 3).unwrap();
        wire.table.insert(id(4), &wl_surface::INTERFACE, 6).unwrap();
        let get = xdg_wm_base::request::GET_XDG_SURFACE;
        let args = |new, surface| [Arg::NewId(id(new)), Arg::Object(Some(id(surface)))];
        let bytes = message(Direction::Request, 3, &xdg_wm_base::INTERFACE, get, &args(5, 4));
        let raw = RawMessage::decode(&bytes).unwrap().unwrap();
        let parsed = wire.table.request(&raw, 0).unwrap();
        assert!(parsed.is(&xdg_wm_base::INTERFACE, get) && parsed.fds() == 0);
        assert!(!parsed.is(&xdg_wm_base::INTERFACE, get + 1) && !parsed.is(&wl_surface::INTERFACE, get));
        let mut out = Vec::new();
        let map = |role, old: ObjectId| {
            let offset = match role {
                Role::Sender => 0x100,
                Role::Reference => 0x200,
                Role::New => 0x300,
                Role::Deleted => return Err(EncodeError::Text),
            };
            Ok(id(old.get() + offset))
        };
        parsed.translate(&mut out, map).unwrap();
        let expected = args(0x305, 0x204);
        assert_eq!(out, message(Direction::Request, 0x103, &xdg_wm_base::INTERFACE, get, &expected));
        // Null stays null, and is not asked for.
        let bytes = message(
            Direction::Request,
            4,
            &wl_surface::INTERFACE,
            wl_surface::request::ATTACH,
            &[Arg::Object(None), Arg::Int(0), Arg::Int(0)],
        );
        let raw = RawMessage::decode(&bytes).unwrap().unwrap();
        let parsed = wire.table.request(&raw, 0).unwrap();
        out.clear();
        let map = |role, old| if role == Role::Sender { Ok(old) } else { Err(EncodeError::Text) };
        parsed.translate(&mut out, map).unwrap();
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_deleted_id_is_translated_too() {
        let mut wire = Wire::with_globals(&LIMITS);
        wire.request(1, wl_display::request::SYNC, &[Arg::NewId(id(3))]).unwrap();
        let delete = message(
            Direction::Event,
            1,
            &wl_display::INTERFACE,
            wl_display::event::DELETE_ID,
            &[Arg::Uint(3)],
        );
        let raw = RawMessage::decode(&delete).unwrap().unwrap();
        let parsed = wire.table.event(&raw, 0).unwrap();
        assert_eq!(parsed.released, Some(id(3)));
        let mut out = Vec::new();
        let map = |role, old| Ok::<_, EncodeError>(if role == Role::Deleted { id(77) } else { old });
        parsed.translate(&mut out, map).unwrap();
        assert_eq!(out[8..], 77_u32.to_ne_bytes());
    }

    #[test]
    fn a_stream_gives_messages_and_their_descriptors_in_order() {
        let mut bytes = Vec::new();
        for opcode in 0..3 {
            MessageBuilder::new(&mut bytes, id(4), opcode).uint(5).finish().unwrap();
        }
        for cut in 1..=bytes.len() {
            let mut stream = StreamDecoder::new(&LIMITS);
            let (mut opcodes, mut taken) = (Vec::new(), Vec::new());
            for (index, chunk) in bytes.chunks(cut).enumerate() {
                stream.push(chunk, [index]).unwrap();
                while let Some((raw, fds)) = stream.next().unwrap() {
                    opcodes.push(raw.opcode);
                    taken.extend(fds.drain(..));
                }
            }
            assert_eq!(opcodes, [0, 1, 2], "{cut}");
            assert_eq!(taken, (0..bytes.len().div_ceil(cut)).collect::<Vec<_>>(), "{cut}");
            assert_eq!(stream.waiting(), 0);
        }
    }

    #[test]
    fn a_stream_holds_so_much_and_no_more() {
        let limits = Limits { stream_bytes: 16, stream_fds: 2, ..LIMITS };
        let mut stream = StreamDecoder::new(&limits);
        stream.push(&[1, 0, 0, 0, 0, 0, 16, 0], [(), ()]).unwrap();
        assert_eq!(stream.push(&[0; 4], [()]), Err(StreamError::Fds(3)));
        assert_eq!(stream.push(&[0; 9], []), Err(StreamError::Bytes(17)));
        // Neither was taken in.
        assert_eq!(stream.next().unwrap(), None);
        assert_eq!(stream.waiting(), 8);
        stream.push(&[0; 8], []).unwrap();
        let (raw, fds) = stream.next().unwrap().unwrap();
        assert_eq!((raw.body(), fds.len()), (&[0; 8][..], 2));
        assert_eq!(stream.take_fds().len(), 2);
        stream.push(&[0; 16], []).unwrap();
        assert_eq!(stream.next(), Err(WireError::Size(0)));
    }

    fn any_arg() -> impl Strategy<Value = (u8, u32, Vec<u8>)> {
        (0_u8..5, any::<u32>(), prop::collection::vec(1_u8..127, 0..40))
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(serial: u32, x: i32, keys in prop::collection::vec(any::<u8>(), 0..4000)) {
            use cofferdam_wayland_wire::protocol::wl_keyboard;
            let mut wire = Wire::new(&LIMITS);
            wire.table.insert(id(2), &wl_surface::INTERFACE, 6).unwrap();
            wire.table.insert(id(3), &wl_keyboard::INTERFACE, 9).unwrap();
            let args = [Arg::Uint(serial), Arg::Object(Some(id(2))), Arg::Array(&keys)];
            let bytes = message(Direction::Event, 3, &wl_keyboard::INTERFACE, wl_keyboard::event::ENTER, &args);
            let raw = RawMessage::decode(&bytes).unwrap().unwrap();
            let parsed = wire.table.event(&raw, 0).unwrap();
            prop_assert_eq!(&parsed.args[..], &args[..]);
            let moved = [Arg::Object(None), Arg::Int(x), Arg::Int(x.wrapping_neg())];
            let bytes = message(Direction::Request, 2, &wl_surface::INTERFACE, wl_surface::request::ATTACH, &moved);
            let raw = RawMessage::decode(&bytes).unwrap().unwrap();
            // Version 5 moved the offset into a request of its own, which is the compositor's to enforce.
            prop_assert_eq!(&wire.table.request(&raw, 0).unwrap().args[..], &moved[..]);
        }

        #[test]
        fn builders_make_whole_messages(args in prop::collection::vec(any_arg(), 0..12), opcode: u16) {
            let mut bytes = Vec::new();
            let mut builder = MessageBuilder::new(&mut bytes, id(1), opcode);
            for (kind, number, data) in &args {
                let text = std::str::from_utf8(data).unwrap();
                builder = match kind {
                    0 => builder.uint(*number),
                    1 => builder.str(Some(text)),
                    2 => builder.arg(Arg::Array(data)),
                    3 => builder.arg(Arg::Fixed(Fixed(number.cast_signed()))),
                    _ => builder.arg(Arg::Object(ObjectId::new(*number))),
                };
            }
            builder.finish().unwrap();
            let raw = RawMessage::decode(&bytes).unwrap().unwrap();
            prop_assert_eq!((raw.opcode, raw.bytes().len()), (opcode, bytes.len()));
        }

        #[test]
        fn streams_never_hold_more_than_their_limit(
            chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..600), 0_usize..4), 0..20),
        ) {
            let limits = Limits { stream_bytes: 1024, stream_fds: 4, ..LIMITS };
            let mut stream = StreamDecoder::new(&limits);
            for (bytes, fds) in chunks {
                let _refused_is_fine = stream.push(&bytes, std::iter::repeat_n((), fds));
                prop_assert!(stream.waiting() <= limits.stream_bytes);
                while let Ok(Some((_, fds))) = stream.next() {
                    prop_assert!(fds.len() <= limits.stream_fds);
                    *fds = VecDeque::new();
                }
            }
        }
    }
}
