// SPDX-License-Identifier: GPL-3.0-or-later
//! In: requests and responses of the control queue, good and bad. Out: what must become of each.

#[cfg(test)]
mod tests {
    use cofferdam_xdomain::virtio::{
        CapsetInfo, Command, CreateBlob, CtxName, DisplayMode, FLAG_FENCE, FLAG_RING_IDX, Header, MapCache,
        MemEntries, MemEntry, Request, Response, ResponseCode, SCANOUTS, Timeline, blob_mem, code,
        config_space, feature,
    };
    use cofferdam_xdomain::{DecodeError, Limits};

    const LIMITS: Limits = Limits::DEFAULT;

    /// A request with these 32-bit words after its header.
    fn request(kind: u32, words: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Header::new(kind, 7).encode(&mut bytes);
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    fn check(kind: u32, words: &[u32], expected: &Command<'_>) {
        let bytes = request(kind, words);
        let (decoded, used) = Request::decode(&bytes, &LIMITS).unwrap();
        assert_eq!(&decoded.command, expected);
        assert_eq!((decoded.header, used), (Header::new(kind, 7), bytes.len()));
        let mut again = Vec::new();
        decoded.encode(&mut again).unwrap();
        assert_eq!(again, bytes);
    }

    #[test]
    fn commands_have_the_kernels_layout() {
        check(0x100, &[], &Command::GetDisplayInfo);
        check(0x102, &[9, 0], &Command::ResourceUnref { resource: 9 });
        check(0x107, &[9, 0], &Command::DetachBacking { resource: 9 });
        check(0x108, &[1, 0], &Command::GetCapsetInfo { index: 1 });
        check(0x109, &[5, 1], &Command::GetCapset { id: 5, version: 1 });
        check(0x201, &[], &Command::CtxDestroy);
        check(0x202, &[9, 0], &Command::CtxAttachResource { resource: 9 });
        check(0x203, &[9, 0], &Command::CtxDetachResource { resource: 9 });
        check(0x208, &[9, 0, 0x1000, 2], &Command::MapBlob { resource: 9, offset: 0x2_0000_1000 });
        check(0x209, &[9, 0], &Command::UnmapBlob { resource: 9 });
        check(0x207, &[4, 0, 0x0403_0201], &Command::Submit3d { payload: &[1, 2, 3, 4] });
    }

    #[test]
    fn extents_keep_address_length_and_order() {
        let entries = [MemEntry { addr: 0x1_2345_6000, len: 4096 }, MemEntry { addr: 0x8000, len: 8192 }];
        let wire = MemEntries::to_wire(&entries);
        let entries_view = MemEntries::from_wire(&wire).unwrap();
        assert_eq!(entries_view.iter().collect::<Vec<_>>(), entries);
        assert!(entries_view.len() == 2 && !entries_view.is_empty() && MemEntries::default().is_empty());
        let words = [3, blob_mem::GUEST, 1, 2, 0, 0, 12288, 0, 0x2345_6000, 1, 4096, 0, 0x8000, 0, 8192, 0];
        let blob = CreateBlob {
            resource: 3,
            mem: blob_mem::GUEST,
            flags: 1,
            blob_id: 0,
            size: 12288,
            entries: entries_view,
        };
        check(code::RESOURCE_CREATE_BLOB, &words, &Command::CreateBlob(blob));
        let backing = Command::AttachBacking { resource: 3, entries: entries_view };
        check(code::RESOURCE_ATTACH_BACKING, &[&[3, 2], &words[8..]].concat(), &backing);
    }

    #[test]
    fn a_context_name_is_cut_to_what_was_sent() {
        for (len, expected) in [(0, ""), (3, "foo"), (64, "foo"), (u32::MAX, "foo")] {
            let mut words = [0_u32; 18];
            words[..3].copy_from_slice(&[len, 0xff05, u32::from_le_bytes(*b"foo\0")]);
            let bytes = request(code::CTX_CREATE, &words);
            let (decoded, _) = Request::decode(&bytes, &LIMITS).unwrap();
            let Command::CtxCreate { capset, name: CtxName(name) } = decoded.command else {
                panic!("{decoded:?}");
            };
            assert_eq!(capset, 5);
            assert_eq!(String::from_utf8_lossy(name).trim_end_matches('\0'), expected, "{len}");
        }
    }

    #[test]
    fn what_is_not_spoken_or_does_not_add_up_is_refused() {
        let refused = |kind: u32, words: &[u32]| {
            let bytes = request(kind, words);
            let error = Request::decode(&bytes, &LIMITS).unwrap_err();
            (error, error.response())
        };
        // 2D and virgl resources, cursors, EDID, uuids.
        for kind in
            [0, 0x101, 0x103, 0x104, 0x105, 0x10a, 0x10b, 0x204, 0x205, 0x206, 0x300, 0x1100, u32::MAX]
        {
            let unknown = DecodeError::Unknown { what: "virtio-gpu command", code: kind };
            assert_eq!(refused(kind, &[0; 32]), (unknown, ResponseCode::ERR_UNSPEC));
        }
        let parameter = [
            refused(code::RESOURCE_UNREF, &[1]),
            refused(code::RESOURCE_MAP_BLOB, &[1, 0, 5]),
            refused(code::SUBMIT_3D, &[8, 0, 1]),
            refused(code::SUBMIT_3D, &[u32::MAX, 0, 1]),
            refused(code::SUBMIT_3D, &vec![0; 16 * 1024 + 3]),
            // One extent announced, none or two sent; more extents than can be.
            refused(code::RESOURCE_CREATE_BLOB, &[1, 1, 1, 1, 0, 0, 4096, 0]),
            refused(code::RESOURCE_CREATE_BLOB, &[1, 1, 1, 1, 0, 0, 4096, 0, 0, 0, 4096, 0, 0, 0, 4096, 0]),
            refused(code::RESOURCE_CREATE_BLOB, &[1, 1, 1, u32::MAX, 0, 0, 4096, 0]),
            refused(code::RESOURCE_ATTACH_BACKING, &[1, 0x1000_0001]),
            refused(code::CTX_CREATE, &[3, 5, 0]),
        ];
        for (error, response) in parameter {
            assert_eq!(response, ResponseCode::ERR_INVALID_PARAMETER, "{error}");
        }
        for len in 0..24 {
            let bytes = request(code::CTX_DESTROY, &[]);
            assert!(matches!(Header::decode(&bytes[..len]), Err(DecodeError::Truncated { .. })), "{len}");
        }
    }

    #[test]
    fn limits_are_exact() {
        let limits = Limits { blob_entries: 2, request_bytes: 64, submit_bytes: 16, ..LIMITS };
        let decode = |bytes: &[u8]| Request::decode(bytes, &limits).map(|(_, used)| used);
        let too_large = |what, value, max| Err(DecodeError::TooLarge { what, value, max });
        let backing =
            |count: u32| request(code::RESOURCE_ATTACH_BACKING, &vec![count; 2 + 4 * count as usize]);
        assert_eq!(decode(&backing(2)), Ok(24 + 8 + 32));
        assert_eq!(decode(&backing(3)), too_large("number of extents", 3, 2));
        assert_eq!(decode(&backing(5)), too_large("bytes of a request", 88, 64));
        let submit = |size: u32| request(code::SUBMIT_3D, &vec![size; 2 + size as usize / 4]);
        assert_eq!(decode(&submit(16)), Ok(24 + 8 + 16));
        assert_eq!(decode(&submit(20)), too_large("bytes of a request", 28, 16));
        let name = |len| Command::CtxCreate { capset: 5, name: CtxName(&[b'x'; 65][..len]) };
        let encode = |command| Request { header: Header::default(), command }.encode(&mut Vec::new());
        assert_eq!(encode(name(64)), Ok(()));
        assert!(encode(name(65)).is_err());
    }

    #[test]
    fn errors_begin_where_the_kernel_says() {
        let header = |code: u32| {
            let mut bytes = Vec::new();
            Header::new(code, 0).encode(&mut bytes);
            Response::decode(&bytes).map(|(_, response)| response.code().is_error())
        };
        assert_eq!(header(0x1100), Ok(false));
        assert_eq!(header(0x1200), Ok(true));
        assert_eq!(header(0x1205), Ok(true));
        assert_eq!(header(0x11ff), Err(DecodeError::Unknown { what: "response", code: 0x11ff }));
    }

    #[test]
    fn a_reply_carries_the_fence_whatever_it_says() {
        let fenced = Header {
            kind: code::SUBMIT_3D,
            flags: FLAG_FENCE | FLAG_RING_IDX,
            fence_id: 0x1122_3344_5566,
            ctx_id: 7,
            ring_idx: 1,
        };
        for response in [Response::NoData, Response::Error(ResponseCode::ERR_OUT_OF_MEMORY)] {
            let mut bytes = Vec::new();
            response.encode(&fenced, &mut bytes);
            let (header, decoded) = Response::decode(&bytes).unwrap();
            assert_eq!(decoded, response);
            assert_eq!(header, Header { kind: response.code().0, ..fenced });
        }
        let unfenced = Header { flags: FLAG_RING_IDX, ..fenced };
        assert_eq!(unfenced.reply(ResponseCode::OK_NODATA), Header::new(0x1100, 0));
    }

    #[test]
    fn a_fence_belongs_to_one_timeline() {
        let timeline = |flags| Header { flags, ctx_id: 3, ring_idx: 1, ..Header::default() }.timeline();
        assert_eq!(timeline(0), None);
        assert_eq!(timeline(FLAG_RING_IDX), None);
        assert_eq!(timeline(FLAG_FENCE), Some(Timeline::Global));
        assert_eq!(timeline(FLAG_FENCE | FLAG_RING_IDX), Some(Timeline::Ring { ctx_id: 3, ring_idx: 1 }));
    }

    #[test]
    fn responses_have_the_kernels_layout() {
        let check = |response: Response<'_>, words: &[u32]| {
            let mut bytes = Vec::new();
            response.encode(&Header::default(), &mut bytes);
            let payload: Vec<u32> =
                bytes[24..].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
            assert_eq!(payload, words);
            assert_eq!(Response::decode(&bytes).unwrap().1, response);
        };
        check(Response::NoData, &[]);
        check(Response::DisplayInfo(&[DisplayMode::default(); SCANOUTS]), &[0; 96]);
        check(Response::CapsetInfo(CapsetInfo { id: 5, max_version: 1, max_size: 16 }), &[5, 1, 16, 0]);
        check(Response::Capset(&[1, 0, 0, 0, 2, 0, 0, 0]), &[1, 2]);
        check(Response::MapInfo(MapCache::Cached), &[1, 0]);
        check(Response::MapInfo(MapCache::WriteCombining), &[3, 0]);
    }

    #[test]
    fn the_device_offers_what_the_driver_needs() {
        assert_eq!(feature::OFFERED, 0x1_3000_0019);
        // Scanouts at 8 and capsets at 12.
        assert_eq!(config_space()[8..16], [1, 0, 0, 0, 1, 0, 0, 0]);
    }
}
