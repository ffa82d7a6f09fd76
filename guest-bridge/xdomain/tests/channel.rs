// SPDX-License-Identifier: GPL-3.0-or-later
//! In: cross-domain commands and messages, good and bad. Out: what must become of each.

#[cfg(test)]
mod tests {
    use cofferdam_xdomain::channel::{
        Capset, GuestCommand, HostMessage, IdKind, IdList, Identifier, ImageQuery, ImageRequirements, Init,
        Init2, MAX_IDS, Pipe, TRANSFER_HEADER, Transfer, V1_PIPE, V1_RING, V1_TRANSFER, commands,
    };
    use cofferdam_xdomain::{DecodeError, EncodeError, Limits};
    use proptest::prelude::*;

    const LIMITS: Limits = Limits::DEFAULT;

    /// A command with this code and size field, and these words behind its header.
    fn raw(cmd: u8, size: u16, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![cmd, 0];
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    fn encoded(command: &GuestCommand<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        command.encode(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn guest_commands_have_the_public_layout() {
        let check = |command: GuestCommand<'_>, bytes: Vec<u8>| {
            assert_eq!(encoded(&command), bytes);
            assert_eq!(GuestCommand::decode(&bytes, &LIMITS), Ok((command, bytes.len())));
        };
        let init = |channel_ring| Init { query_ring: 3, channel_ring, channel_type: 1 };
        check(GuestCommand::Init(init(None)), raw(1, 16, &[3, 1]));
        check(GuestCommand::Init(init(Some(4))), raw(1, 20, &[3, 4, 1]));
        let query = ImageQuery { width: 640, height: 480, format: 0x3432_5258, flags: 16 };
        check(GuestCommand::ImageRequirements(query), raw(2, 24, &[640, 480, 0x3432_5258, 16]));
        check(GuestCommand::Poll, raw(3, 8, &[]));
        let write = Pipe { id: 0x8000_0001, hang_up: true, data: b"abcd" };
        check(GuestCommand::Write(write), raw(7, 28, &[0x8000_0001, 1, 4, 0, 0x6463_6261]));
        let ring = Init2 { query_ring: None, channel_ring: 4, channel_type: 1, capacity: 65536 };
        check(GuestCommand::Init2(ring), raw(0x80, 24, &[0, 4, 1, 65536]));
        let mut words = [0_u32; 87];
        words[0] = 1;
        words[1] = 4;
        words[2] = 77;
        words[2 + MAX_IDS] = 1;
        words[2 + 2 * MAX_IDS] = 4096;
        words[86] = 0x6463_6261;
        let ids = IdList::from_slice(&[Identifier { id: 77, kind: IdKind::Blob, size: 4096 }]).unwrap();
        check(GuestCommand::Send(Transfer { ids, data: b"abcd" }), raw(4, 356, &words));
    }

    fn decode(bytes: &[u8]) -> GuestCommand<'_> {
        GuestCommand::decode(bytes, &LIMITS).unwrap().0
    }

    #[test]
    fn known_dialects_of_a_command_are_understood() {
        let with_uuid = raw(1, 36, &[3, 4, 1, 9, 9, 9, 9]);
        let expected = Init { query_ring: 3, channel_ring: Some(4), channel_type: 1 };
        assert_eq!(decode(&with_uuid), GuestCommand::Init(expected));
        assert_eq!(decode(&raw(3, 16, &[0, 0])), GuestCommand::Poll);
    }

    #[test]
    fn several_commands_share_a_submit() {
        let send = GuestCommand::Send(Transfer { ids: IdList::new(), data: b"abc" });
        let poll = GuestCommand::Poll;
        let payload = [encoded(&send), encoded(&send), encoded(&poll)].concat();
        let seen: Vec<_> = commands(&payload, &LIMITS).collect();
        assert_eq!(seen, [Ok(send), Ok(send), Ok(poll)]);
    }

    #[test]
    fn a_bad_command_ends_the_submit() {
        let check = |bad: Vec<u8>, expected: DecodeError| {
            let payload = [raw(3, 8, &[]), bad, raw(3, 8, &[])].concat();
            let seen: Vec<_> = commands(&payload, &LIMITS).collect();
            assert_eq!(seen, [Ok(GuestCommand::Poll), Err(expected)]);
        };
        let invalid = |what, value| DecodeError::Invalid { what, value };
        let unknown = |what, code| DecodeError::Unknown { what, code };
        let large = |what, value, max| DecodeError::TooLarge { what, value, max };
        let short = |what, need, have| DecodeError::Truncated { what, need, have };
        // A size of zero once made another endpoint loop for ever.
        for size in 0..8 {
            check(raw(3, size, &[]), invalid("cmd_size", size.into()));
        }
        check(raw(4, 65535, &[0; 8]), short("cross-domain command", 65527, 40));
        for cmd in [0, 5, 6, 8, 9, 10, 11, 12, 13, 14, 0x7f, 0x81, 0xff] {
            check(raw(cmd, 8, &[]), unknown("cross-domain command", cmd.into()));
        }
        check(raw(1, 12, &[3]), invalid("size of INIT", 4));
        check(raw(1, 24, &[3, 4, 1, 1]), invalid("size of INIT", 16));
        check(raw(0x80, 20, &[3, 4, 1]), short("cross-domain command", 4, 0));
        check(raw(7, 24, &[1, 0, 4, 0]), short("pipe data", 4, 0));
        check(raw(7, 24, &[1, 0, 4073, 0]), large("data_size", 4073, 4072));
        check(raw(4, 348, &[0; 85]), short("transfer", 4, 0));
        let transfer = |num_ids: u32, size: u32, kind: u32| {
            let mut words = [0_u32; 86];
            (words[0], words[1], words[2 + MAX_IDS]) = (num_ids, size, kind);
            raw(4, 352, &words)
        };
        check(transfer(29, 0, 1), large("number of identifiers", 29, 28));
        check(transfer(u32::MAX, 0, 1), large("number of identifiers", u32::MAX.into(), 28));
        check(transfer(0, u32::MAX, 1), large("data_size", u32::MAX.into(), LIMITS.transfer_bytes as u64));
        check(transfer(0, 1, 1), short("transfer", 1, 0));
        for kind in [0, 2, 5, 6, 7, u32::MAX] {
            check(transfer(1, 0, kind), unknown("identifier type", kind));
        }
    }

    #[test]
    fn a_submit_holds_so_many_commands_and_no_more() {
        let limits = Limits { commands_per_submit: 2, ..LIMITS };
        let payload = raw(3, 8, &[]).repeat(4);
        let seen: Vec<_> = commands(&payload, &limits).collect();
        let too_many = DecodeError::TooLarge { what: "number of commands", value: 3, max: 2 };
        assert_eq!(seen, [Ok(GuestCommand::Poll), Ok(GuestCommand::Poll), Err(too_many)]);
    }

    #[test]
    fn host_messages_round_trip_and_fit_a_version_1_ring() {
        let ids = [
            Identifier { id: 2, kind: IdKind::Blob, size: 65536 },
            Identifier { id: 0x8000_0001, kind: IdKind::ReadPipe, size: 0 },
            Identifier { id: 3, kind: IdKind::WritePipe, size: 0 },
        ];
        let data = vec![7; V1_RING];
        let receive = |ids: &[Identifier], len| {
            HostMessage::Receive(Transfer { ids: IdList::from_slice(ids).unwrap(), data: &data[..len] })
        };
        let read = |len| HostMessage::Read(Pipe { id: 9, hang_up: false, data: &data[..len] });
        let table = [
            (HostMessage::closed(), 352),
            (receive(&ids, 0), 352),
            (receive(&ids, 5), 360),
            (receive(&[ids[0]; MAX_IDS], V1_TRANSFER), V1_RING),
            (read(0), 24),
            (read(V1_PIPE), V1_RING),
        ];
        for (message, size) in table {
            let mut bytes = vec![0xaa];
            message.encode(&mut bytes).unwrap();
            assert_eq!(bytes.len() - 1, size);
            assert_eq!(message.encoded_len(), size);
            assert_eq!(HostMessage::decode(&bytes[1..], &LIMITS), Ok((message, size)));
        }
        assert!(HostMessage::closed().is_closed());
        assert!(!receive(&ids, 0).is_closed() && !read(0).is_closed());
    }

    #[test]
    fn what_does_not_fit_leaves_the_buffer_alone() {
        let data = vec![0; LIMITS.transfer_bytes + 4];
        let mut bytes = vec![1, 2, 3];
        let full = GuestCommand::Send(Transfer { ids: IdList::new(), data: &data[..LIMITS.transfer_bytes] });
        let over = GuestCommand::Send(Transfer { ids: IdList::new(), data: &data });
        assert!(matches!(over.encode(&mut bytes), Err(EncodeError::TooLarge { value: 65536, .. })));
        assert_eq!(bytes, [1, 2, 3]);
        full.encode(&mut bytes).unwrap();
        assert_eq!(bytes.len() - 3, TRANSFER_HEADER + LIMITS.transfer_bytes);
        assert_eq!(GuestCommand::decode(&bytes[3..], &LIMITS), Ok((full, bytes.len() - 3)));
        let id = Identifier { id: 1, kind: IdKind::Blob, size: 0 };
        assert!(IdList::from_slice(&[id; MAX_IDS + 1]).is_err());
    }

    #[test]
    fn replies_have_the_public_layout() {
        let bytes = Capset::XD1.encode();
        assert_eq!(bytes, [0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(Capset::decode(&bytes), Ok(Capset::XD1));
        assert!(Capset::XD1.has_ring() && !Capset { version: 1, ..Capset::XD1 }.has_ring());
        let plain = Capset { version: 1, ..Capset::XD1 };
        assert_eq!(Capset::decode(&plain.encode()), Ok(plain));
        assert!(Capset::decode(&[0; 16]).is_err() && Capset::decode(&bytes[..15]).is_err());

        let reply = ImageRequirements {
            strides: [2560, 0, 0, 0],
            size: 2560 * 480,
            blob_id: 2,
            map_info: 1,
            ..ImageRequirements::default()
        };
        let bytes = reply.encode();
        assert_eq!(ImageRequirements::decode(&bytes), Ok(reply));
        assert_eq!(bytes[40..56], [0, 0xc0, 0x12, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[56..], [0xff; 8]);
    }

    fn identifier() -> impl Strategy<Value = Identifier> {
        let kind = prop_oneof![Just(IdKind::Blob), Just(IdKind::ReadPipe), Just(IdKind::WritePipe)];
        (any::<u32>(), kind, any::<u32>()).prop_map(|(id, kind, size)| Identifier { id, kind, size })
    }

    proptest! {
        #[test]
        fn any_transfer_comes_back(
            ids in prop::collection::vec(identifier(), 0..=MAX_IDS),
            data in prop::collection::vec(any::<u8>(), 0..5000),
            tail in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let transfer = Transfer { ids: IdList::from_slice(&ids).unwrap(), data: &data };
            let mut bytes = Vec::new();
            GuestCommand::Send(transfer).encode(&mut bytes).unwrap();
            let len = bytes.len();
            bytes.extend(&tail);
            prop_assert_eq!(GuestCommand::decode(&bytes, &LIMITS), Ok((GuestCommand::Send(transfer), len)));
            bytes.clear();
            HostMessage::Receive(transfer).encode(&mut bytes).unwrap();
            bytes.extend(&tail);
            prop_assert_eq!(HostMessage::decode(&bytes, &LIMITS), Ok((HostMessage::Receive(transfer), len)));
        }

        #[test]
        fn any_pipe_data_comes_back(id: u32, hang_up: bool, data in prop::collection::vec(any::<u8>(), 0..4072)) {
            let pipe = Pipe { id, hang_up, data: &data };
            let mut bytes = Vec::new();
            GuestCommand::Write(pipe).encode(&mut bytes).unwrap();
            prop_assert_eq!(GuestCommand::decode(&bytes, &LIMITS), Ok((GuestCommand::Write(pipe), bytes.len())));
            bytes.clear();
            HostMessage::Read(pipe).encode(&mut bytes).unwrap();
            prop_assert_eq!(HostMessage::decode(&bytes, &LIMITS), Ok((HostMessage::Read(pipe), bytes.len())));
        }

        #[test]
        fn any_parameters_come_back(words in any::<[u32; 4]>(), legacy: bool) {
            let [a, b, c, d] = words;
            let commands = [
                GuestCommand::Init(Init { query_ring: a, channel_ring: (!legacy).then_some(b), channel_type: c }),
                GuestCommand::Init2(Init2 {
                    query_ring: (a != 0).then_some(a),
                    channel_ring: b,
                    channel_type: c,
                    capacity: d,
                }),
                GuestCommand::ImageRequirements(ImageQuery { width: a, height: b, format: c, flags: d }),
            ];
            for command in commands {
                let bytes = encoded(&command);
                prop_assert_eq!(GuestCommand::decode(&bytes, &LIMITS), Ok((command, bytes.len())));
            }
        }
    }
}
