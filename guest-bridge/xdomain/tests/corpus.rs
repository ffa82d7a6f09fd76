// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the committed corpus of the fuzz targets, seeds and arbitrary bytes. Out: that the codecs keep their
//! promises on all of them.

#[cfg(test)]
#[path = "../../../tests/fuzz/harness/corpus.rs"]
mod corpus;
#[cfg(test)]
#[allow(unreachable_pub)]
#[path = "../../../tests/fuzz/harness/xdomain.rs"]
mod harness;

#[cfg(test)]
mod tests {
    use cofferdam_xdomain::channel::{
        Capset, GuestCommand, HostMessage, IdKind, IdList, Identifier, ImageQuery, ImageRequirements, Init,
        Init2, Pipe, Transfer, commands,
    };
    use cofferdam_xdomain::virtio::{
        Command, CreateBlob, CtxName, FLAG_FENCE, FLAG_RING_IDX, Header, MapCache, MemEntries, MemEntry,
        Request, Response, ResponseCode,
    };
    use proptest::prelude::*;

    use super::{corpus, harness};

    const BLOB: Identifier = Identifier { id: 7, kind: IdKind::Blob, size: 4096 };
    const PIPE: Identifier = Identifier { id: 0x8000_0001, kind: IdKind::ReadPipe, size: 0 };

    fn send<'a>(ids: &[Identifier], data: &'a [u8]) -> Transfer<'a> {
        Transfer { ids: IdList::from_slice(ids).unwrap(), data }
    }

    fn submit(list: &[GuestCommand<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for command in list {
            command.encode(&mut bytes).unwrap();
        }
        assert_eq!(commands(&bytes, &harness::LIMITS).filter(Result::is_ok).count(), list.len());
        bytes
    }

    #[test]
    fn submits() {
        let init = |channel_ring| Init { query_ring: 2, channel_ring, channel_type: 1 };
        let ring = Init2 { query_ring: None, channel_ring: 3, channel_type: 1, capacity: 65536 };
        let query = ImageQuery { width: 64, height: 64, format: 0x3432_5258, flags: 16 };
        let write = |data| Pipe { id: 3, hang_up: true, data };
        let start = submit(&[GuestCommand::Init(init(Some(3))), GuestCommand::Poll]);
        let old = submit(&[GuestCommand::Init(init(None))]);
        let ring = submit(&[GuestCommand::Init2(ring), GuestCommand::ImageRequirements(query)]);
        let frame = submit(&[
            GuestCommand::Send(send(&[BLOB, PIPE], b"bytes of the stream")),
            GuestCommand::Send(send(&[], b"more of it")),
            GuestCommand::Write(write(b"clipboard")),
            GuestCommand::Poll,
        ]);
        let mut receive = Vec::new();
        HostMessage::Receive(send(&[BLOB], b"an event")).encode(&mut receive).unwrap();
        let mut read = Vec::new();
        HostMessage::Read(write(b"pasted")).encode(&mut read).unwrap();
        let seeds = [
            ("init", start),
            ("init-one-ring", old),
            ("init2-query", ring),
            ("frame", frame),
            ("receive", receive),
            ("read", read),
        ];
        for (name, bytes) in seeds {
            corpus::seed("xdomain_submit", name, &bytes);
        }
        assert!(corpus::replay("xdomain_submit", harness::submit) >= 6);
    }

    #[test]
    fn requests_and_responses() {
        let entries = MemEntries::to_wire(&[
            MemEntry { addr: 0x1000, len: 4096 },
            MemEntry { addr: 0x8000, len: 8192 },
        ]);
        let entries = MemEntries::from_wire(&entries).unwrap();
        let blob = |entries| CreateBlob { resource: 9, mem: 1, flags: 1, blob_id: 0, size: 12288, entries };
        let host = CreateBlob { mem: 2, blob_id: 5, ..blob(MemEntries::default()) };
        let poll = submit(&[GuestCommand::Poll]);
        let requests = [
            ("display-info", Command::GetDisplayInfo),
            ("unref", Command::ResourceUnref { resource: 9 }),
            ("attach-backing", Command::AttachBacking { resource: 9, entries }),
            ("detach-backing", Command::DetachBacking { resource: 9 }),
            ("capset-info", Command::GetCapsetInfo { index: 0 }),
            ("capset", Command::GetCapset { id: 5, version: 1 }),
            ("blob-guest", Command::CreateBlob(blob(entries))),
            ("blob-host", Command::CreateBlob(host)),
            ("ctx-create", Command::CtxCreate { capset: 5, name: CtxName(b"bridge") }),
            ("ctx-destroy", Command::CtxDestroy),
            ("ctx-attach", Command::CtxAttachResource { resource: 9 }),
            ("submit", Command::Submit3d { payload: &poll }),
            ("map", Command::MapBlob { resource: 9, offset: 0x10_0000 }),
            ("unmap", Command::UnmapBlob { resource: 9 }),
        ];
        let header = Header {
            flags: FLAG_FENCE | FLAG_RING_IDX,
            fence_id: 1,
            ctx_id: 1,
            ring_idx: 1,
            ..Header::default()
        };
        for (name, command) in requests {
            let mut bytes = Vec::new();
            Request { header, command }.encode(&mut bytes).unwrap();
            Request::decode(&bytes, &harness::LIMITS).unwrap();
            corpus::seed("xdomain_virtio", name, &bytes);
        }
        let capset = Capset::XD1.encode();
        let responses = [
            ("ok", Response::NoData),
            ("ok-capset", Response::Capset(&capset)),
            ("ok-map", Response::MapInfo(MapCache::Cached)),
            ("error", Response::Error(ResponseCode::ERR_OUT_OF_MEMORY)),
        ];
        for (name, response) in responses {
            let mut bytes = Vec::new();
            response.encode(&header, &mut bytes);
            corpus::seed("xdomain_virtio", name, &bytes);
        }
        let reply = ImageRequirements { size: 4096, blob_id: 2, map_info: 1, ..ImageRequirements::default() };
        corpus::seed("xdomain_virtio", "requirements", &reply.encode());
        assert!(corpus::replay("xdomain_virtio", harness::virtio) >= 19);
    }

    #[test]
    fn rings() {
        // Steps as `harness::ring` reads them: append 40 bytes twice, take one, append over the end, take, lie.
        let append = [0, 40, 0, 5, 0];
        let take = [1, 0, 0, 0, 0];
        let lies = [[2, 40, 0, 0, 0], [2, 0xff, 0xff, 0xff, 0xff], [3, 72, 0, 0, 0], [3, 7, 0, 0, 0]];
        let wrap = [append, append, take, append, take, take].concat();
        corpus::seed("xdomain_ring", "wrap", &[&[1][..], &wrap].concat());
        corpus::seed("xdomain_ring", "lies", &[&[0][..], &append, &lies.concat(), &take].concat());
        assert!(corpus::replay("xdomain_ring", harness::ring) >= 2);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            harness::submit(&bytes);
            harness::virtio(&bytes);
            harness::ring(&bytes);
        }

        /// Bytes that get past the command code.
        #[test]
        fn plausible_bytes(cmd in prop_oneof![1_u8..8, Just(0x80)], size in 8_u16..600, rest in prop::collection::vec(0_u8..8, 600)) {
            let [low, high] = size.to_le_bytes();
            let bytes = [&[cmd, 0, low, high, 0, 0, 0, 0][..], &rest].concat();
            harness::submit(&bytes);
            let request = [&[cmd, 1 + (size % 2) as u8, 0, 0][..], &bytes[4..]].concat();
            harness::virtio(&request);
        }

        #[test]
        fn any_ring_traffic(shape: u8, steps in prop::collection::vec((0_u8..4, 0_u16..128, any::<u16>()), 0..200)) {
            let mut bytes = vec![shape];
            for (kind, len, word) in steps {
                bytes.push(kind);
                bytes.extend(len.to_le_bytes());
                bytes.extend(word.to_le_bytes());
            }
            harness::ring(&bytes);
        }
    }
}
