// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest and a raw Wayland peer with the device between them.
//!
//! In: requests and events with pixels, keymaps and pipes. Out: what the other side must see.

use crate::common::{self, Got, Guest, MIB, blob_id, id, message, read_pipe, send, write};
use cofferdam_wayland_wire::Arg;
use cofferdam_xdomain::channel::{CHANNEL_RING, FIRST_READ_PIPE, IdKind, PIXEL_ITEM, QUERY_RING};
use rustix::fs::MemfdFlags;
use std::os::fd::OwnedFd;

const ARGB: u32 = 0;

fn memfd(bytes: &[u8]) -> OwnedFd {
    let fd = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(rustix::io::pwrite(&fd, bytes, 0).unwrap(), bytes.len());
    fd
}

fn create_pool(pool: u32, size: i32) -> Vec<u8> {
    message(3, 0, &[Arg::NewId(id(pool)), Arg::Fd, Arg::Int(size)])
}

fn create_buffer(pool: u32, buffer: u32, [offset, width, height, stride]: [i32; 4], format: u32) -> Vec<u8> {
    let int = |n| Arg::Int(n);
    let args = [Arg::NewId(id(buffer)), int(offset), int(width), int(height), int(stride), Arg::Uint(format)];
    message(pool, 0, &args)
}

#[test]
fn a_pool_on_a_blob_is_a_pool_on_the_arena() {
    let mut guest = Guest::new(&[("wl_shm", 1)]);
    let _padding = guest.gpu.arena_blob(1, PIXEL_ITEM, MIB).unwrap();
    let blob = guest.gpu.arena_blob(1, PIXEL_ITEM, MIB).unwrap();
    rustix::io::pwrite(guest.gpu.arena(), b"pixels", blob.at).unwrap();
    assert!(!guest.send(&create_pool(4, 1 << 20), &[blob_id(blob.resource)]));
    assert!(!guest.send(&create_buffer(4, 5, [4096, 100, 50, 512], ARGB), &[]));
    let requests = guest.peer.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].object, requests[0].opcode, requests[0].word(1)), (3, 0, 2 << 20));
    assert_eq!((requests[1].object, requests[1].word(1)), (4, (1 << 20) + 4096));
    // The compositor reads the guest's pixels through the descriptor that it got.
    let mut bytes = [0; 6];
    rustix::io::pread(&guest.peer.fds[0], &mut bytes, blob.at).unwrap();
    assert_eq!(&bytes, b"pixels");
    assert_eq!(guest.gpu.shell().counters().pixel_bytes_copied, 0);
    assert_eq!(guest.faults(), 0);
}

#[test]
fn buffers_stay_inside_their_blob() {
    let cases: &[([i32; 4], u32, bool)] = &[
        ([0, 512, 512, 2048], ARGB, true),
        ([0, 512, 512, 2048], 1, true),
        ([0, 1, 1, 4], 0x3432_4241, true),
        ([4096, 512, 510, 2048], ARGB, true),
        ([4096, 512, 512, 2048], ARGB, false), // ends behind the blob
        ([0, 512, 513, 2048], ARGB, false),
        ([0, 513, 512, 2048], ARGB, false), // stride below the row
        ([0, 0, 1, 4], ARGB, false),
        ([0, 1, 0, 4], ARGB, false),
        ([0, -1, 1, 4], ARGB, false),
        ([0, 1, -1, 4], ARGB, false),
        ([-4096, 1, 1, 4], ARGB, false),
        ([0, 1, 1, -4], ARGB, false),
        ([0, 16385, 1, 65540], ARGB, false),
        ([0, 1, 16385, 4], ARGB, false),
        ([i32::MAX, 1, 1, 4], ARGB, false),
        ([0, 16384, 16384, i32::MAX], ARGB, false),
        ([0, i32::MAX, i32::MAX, i32::MAX], ARGB, false),
        ([i32::MAX, i32::MAX, i32::MAX, i32::MAX], ARGB, false),
        ([0, 1, 1, 4], 2, false),           // no format of that number
        ([0, 1, 1, 4], 0x3631_4752, false), // a listed format of two bytes
    ];
    for (geometry, format, ok) in cases {
        let mut guest = Guest::new(&[("wl_shm", 1)]);
        let blob = guest.gpu.arena_blob(1, PIXEL_ITEM, MIB).unwrap();
        assert!(!guest.send(&create_pool(4, 1 << 20), &[blob_id(blob.resource)]));
        guest.peer.requests();
        let refused = guest.send(&create_buffer(4, 5, *geometry, *format), &[]);
        assert_eq!(refused, !ok, "{geometry:?} {format:#x}");
        assert_eq!(guest.faults(), u64::from(!ok), "{geometry:?} {format:#x}");
        assert_eq!(guest.peer.requests().len(), usize::from(*ok), "{geometry:?}");
        assert_eq!(guest.peer.closed, !ok);
        assert_eq!(guest.receive() == [Got::Closed], !ok);
    }
}

#[test]
fn pools_need_an_attached_mapped_arena_blob() {
    // What the guest names, and how large it says the pool is.
    let check = |name: &str, pick: &dyn Fn(&mut Guest) -> u32, size: i32, ok: bool| {
        let mut guest = Guest::new(&[("wl_shm", 1)]);
        let resource = pick(&mut guest);
        assert_eq!(guest.send(&create_pool(4, size), &[blob_id(resource)]), !ok, "{name}");
        assert_eq!(guest.faults(), u64::from(!ok), "{name}");
    };
    let arena = |guest: &mut Guest| guest.gpu.arena_blob(1, PIXEL_ITEM, 8192).unwrap().resource;
    check("whole blob", &arena, 8192, true);
    check("part of it", &arena, 4096, true);
    check("more than it", &arena, 8193, false);
    check("nothing", &arena, 0, false);
    check("negative", &arena, -1, false);
    check("unknown", &|_| 4242, 4096, false);
    check("null", &|_| 0, 4096, false);
    check("guest memory", &|guest| guest.gpu.guest_blob(1, 8192).unwrap().resource, 4096, false);
    let foreign = |guest: &mut Guest| {
        guest.gpu.create_context(2).unwrap();
        guest.gpu.arena_blob(2, PIXEL_ITEM, 8192).unwrap().resource
    };
    check("of another context", &foreign, 4096, false);
}

#[test]
fn a_blob_that_went_away_takes_its_pool_along() {
    use cofferdam_xdomain::virtio::Command;
    let mut guest = Guest::new(&[("wl_shm", 1)]);
    let blob = guest.gpu.arena_blob(1, PIXEL_ITEM, 8192).unwrap();
    rustix::io::pwrite(guest.gpu.arena(), b"pixels", blob.at).unwrap();
    assert!(!guest.send(&create_pool(4, 8192), &[blob_id(blob.resource)]));
    let resource = blob.resource;
    assert!(!guest.gpu.call(1, Command::ResourceUnref { resource }).unwrap().is_error());
    // Its pages are zero again before anybody else can have them.
    let mut bytes = [1; 6];
    rustix::io::pread(guest.gpu.arena(), &mut bytes, blob.at).unwrap();
    assert_eq!(bytes, [0; 6]);
    assert!(guest.send(&create_buffer(4, 5, [0, 1, 1, 4], ARGB), &[]));
    guest.peer.requests();
    assert!(guest.peer.closed);
}

#[test]
fn pools_do_not_grow() {
    for (size, ok) in [(4096, true), (8192, true), (8193, false), (0, false), (-1, false), (i32::MAX, false)]
    {
        let mut guest = Guest::new(&[("wl_shm", 1)]);
        let blob = guest.gpu.arena_blob(1, PIXEL_ITEM, 8192).unwrap();
        assert!(!guest.send(&create_pool(4, 4096), &[blob_id(blob.resource)]));
        guest.peer.requests();
        assert_eq!(guest.send(&message(4, 2, &[Arg::Int(size)]), &[]), !ok, "{size}");
        assert_eq!(guest.peer.requests(), [], "{size}");
    }
}

#[test]
fn a_keymap_arrives_as_a_blob() {
    let mut guest = Guest::new(&[("wl_seat", 9)]);
    assert!(!guest.send(&message(3, 1, &[Arg::NewId(id(4))]), &[])); // get_keyboard
    let keymap = vec![0x4b; 5000];
    let event = message(4, 0, &[Arg::Uint(1), Arg::Fd, Arg::Uint(5000)]);
    guest.say(&event, &[&memfd(&keymap)]);
    let received = guest.receive();
    let [Got::Wayland(bytes, ids)] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(bytes, &event);
    assert_eq!((ids[0].kind, ids[0].size), (IdKind::Blob, 5000));
    assert_eq!(guest.gpu.shell().held_descriptors(), 2); // the client and the keymap
    let blob = guest.gpu.arena_blob(1, ids[0].id, 5000).unwrap();
    let mut bytes = vec![0; 8192];
    rustix::io::pread(guest.gpu.arena(), &mut bytes, blob.at).unwrap();
    assert_eq!(&bytes[..5000], keymap.as_slice());
    assert_eq!(guest.gpu.shell().held_descriptors(), 1);
    // A second claim of the same item, and one of an item that never was.
    assert!(guest.gpu.arena_blob(1, ids[0].id, 5000).is_err());
    assert!(guest.gpu.arena_blob(1, 4711, 5000).is_err());
}

#[test]
fn keymaps_nobody_claims_do_not_pile_up() {
    let mut guest = Guest::new(&[("wl_seat", 9)]);
    assert!(!guest.send(&message(3, 1, &[Arg::NewId(id(4))]), &[]));
    let event = message(4, 0, &[Arg::Uint(1), Arg::Fd, Arg::Uint(10)]);
    for _ in 0..200 {
        guest.say(&event, &[&memfd(b"0123456789")]);
        guest.receive();
    }
    assert_eq!(guest.gpu.shell().held_descriptors(), 1 + 56);
    // The last one is still there, the first one is not.
    assert!(guest.gpu.arena_blob(1, 2, 10).is_err());
    assert!(guest.gpu.arena_blob(1, 201, 10).is_ok());
}

#[test]
fn a_keymap_that_lies_about_its_size_ends_the_client() {
    let mut guest = Guest::new(&[("wl_seat", 9)]);
    assert!(!guest.send(&message(3, 1, &[Arg::NewId(id(4))]), &[]));
    guest.say(&message(4, 0, &[Arg::Uint(1), Arg::Fd, Arg::Uint(11)]), &[&memfd(b"0123456789")]);
    assert_eq!(guest.receive(), [Got::Closed]);
    assert_eq!(guest.gpu.shell().held_descriptors(), 0);
    assert_eq!(guest.faults(), 0, "not the guest's fault");
}

/// Binds the data device manager and makes an offer (object `0xff000000`) known to the guest.
fn with_offer() -> Guest {
    let mut guest = Guest::new(&[("wl_seat", 9), ("wl_data_device_manager", 3)]);
    let seat = Arg::Object(Some(id(3)));
    assert!(!guest.send(&message(4, 1, &[Arg::NewId(id(5)), seat]), &[])); // get_data_device
    guest.say(&message(5, 0, &[Arg::NewId(id(0xff00_0000))]), &[]); // data_offer
    guest.receive();
    guest.peer.requests();
    guest
}

fn receive(guest: &mut Guest, pipe: u32) -> bool {
    let request = message(0xff00_0000, 1, &[Arg::Str(Some("text/plain")), Arg::Fd]);
    guest.send(&request, &[read_pipe(pipe)])
}

#[test]
fn what_is_pasted_streams_to_the_guest() {
    let mut guest = with_offer();
    assert!(!receive(&mut guest, FIRST_READ_PIPE));
    assert_eq!(guest.peer.requests().len(), 1);
    let writer = guest.peer.fds.pop().unwrap();
    let text = vec![b'x'; 10_000];
    assert_eq!(rustix::io::write(&writer, &text).unwrap(), text.len());
    guest.turn();
    drop(writer);
    guest.turn();
    let mut pasted = Vec::new();
    let mut ended = false;
    for message in guest.receive() {
        let Got::Pipe(FIRST_READ_PIPE, bytes, hang_up) = message else { panic!("{message:?}") };
        pasted.extend(bytes);
        ended |= hang_up;
    }
    assert!(ended);
    assert_eq!(pasted, text);
    assert_eq!(guest.gpu.shell().held_descriptors(), 1);
}

#[test]
fn a_reader_that_gives_up_is_told_to_the_writer() {
    let mut guest = with_offer();
    assert!(!receive(&mut guest, FIRST_READ_PIPE));
    assert_eq!(guest.peer.requests().len(), 1);
    let writer = guest.peer.fds.pop().unwrap();
    assert_eq!(rustix::io::write(&writer, b"x"), Ok(1));
    let mut is_refused = |bytes: &[u8]| {
        let token = guest.gpu.submit(1, None, &write(FIRST_READ_PIPE, bytes, true)).unwrap();
        guest.gpu.code(token).unwrap().is_error()
    };
    assert!(!is_refused(b""));
    assert_eq!(rustix::io::write(&writer, b"y"), Err(rustix::io::Errno::PIPE));
    assert!(!is_refused(b""), "both may leave at the same moment");
    assert!(is_refused(b"y"), "what somebody else writes is not the guest's to write");
    assert_eq!(guest.gpu.shell().held_descriptors(), 1);
}

#[test]
fn pipes_are_few_and_their_ids_are_new() {
    let mut guest = with_offer();
    for pipe in 0..16 {
        assert!(!receive(&mut guest, FIRST_READ_PIPE + pipe), "{pipe}");
    }
    guest.peer.requests();
    assert!(receive(&mut guest, FIRST_READ_PIPE + 16));
    assert_eq!(guest.receive().last(), Some(&Got::Closed));
    for bad in [FIRST_READ_PIPE - 1, 0, 1] {
        let mut guest = with_offer();
        assert!(receive(&mut guest, bad), "{bad:#x}");
    }
    let mut guest = with_offer();
    assert!(!receive(&mut guest, FIRST_READ_PIPE));
    assert!(receive(&mut guest, FIRST_READ_PIPE), "taken");
}

/// A data source (object 6) of the guest; the compositor asks for its content. Returns the reading end and
/// the pipe's id.
fn with_source() -> (Guest, OwnedFd, u32) {
    let mut guest = Guest::new(&[("wl_seat", 9), ("wl_data_device_manager", 3)]);
    assert!(!guest.send(&message(4, 0, &[Arg::NewId(id(5))]), &[])); // create_data_source
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    guest.say(&message(5, 1, &[Arg::Str(Some("text/plain")), Arg::Fd]), &[&writer]);
    let received = guest.receive();
    let [Got::Wayland(_, ids)] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(ids[0].kind, IdKind::WritePipe);
    let pipe = ids[0].id;
    (guest, reader, pipe)
}

#[test]
fn what_is_copied_streams_from_the_guest() {
    let (mut guest, reader, pipe) = with_source();
    let token = guest.gpu.submit(1, None, &write(pipe, &[b'y'; 4000], false)).unwrap();
    assert!(!guest.gpu.code(token).unwrap().is_error());
    let token = guest.gpu.submit(1, None, &write(pipe, b"end", true)).unwrap();
    assert!(!guest.gpu.code(token).unwrap().is_error());
    let mut text = vec![0; 5000];
    assert_eq!(rustix::io::read(&reader, &mut text).unwrap(), 4003);
    assert_eq!(rustix::io::read(&reader, &mut text).unwrap(), 0, "the device has closed its end");
    assert_eq!(guest.gpu.shell().held_descriptors(), 1);
    assert_eq!(guest.faults(), 0);
}

#[test]
fn a_slow_reader_holds_the_writer_and_nothing_else() {
    let (mut guest, reader, pipe) = with_source();
    let chunk = vec![b'z'; 4072];
    let mut sent = 0;
    // 64 KiB lie in the kernel's pipe; past 32 KiB in the device the fenced answer is withheld.
    let held = loop {
        let token = guest.gpu.submit(1, Some(QUERY_RING), &write(pipe, &chunk, false)).unwrap();
        sent += chunk.len();
        assert!(sent < 200_000);
        match guest.gpu.code(token) {
            Some(code) => assert!(!code.is_error()),
            None => break token,
        }
    };
    assert!(sent > 65536 + 32768);
    assert!(!guest.send(&message(1, 0, &[Arg::NewId(id(6))]), &[]), "other requests go on");
    let mut text = vec![0; 200_000];
    let mut read = 0;
    while read < sent {
        read += rustix::io::read(&reader, &mut text).unwrap();
        guest.turn();
    }
    assert_eq!(read, sent);
    assert!(!guest.gpu.code(held).unwrap().is_error());
    // A writer that does not wait loses the pipe, and only the pipe.
    let refused = (0..100).any(|_| {
        let token = guest.gpu.submit(1, Some(QUERY_RING), &write(pipe, &chunk, false)).unwrap();
        guest.gpu.code(token).is_some_and(cofferdam_xdomain::virtio::ResponseCode::is_error)
    });
    assert!(refused);
    assert!(guest.faults() > 0);
    assert_eq!(guest.gpu.shell().held_descriptors(), 1);
    assert!(!guest.send(&message(1, 0, &[Arg::NewId(id(7))]), &[]));
}

#[test]
fn a_reader_that_left_costs_nothing() {
    let (mut guest, reader, pipe) = with_source();
    drop(reader);
    for _ in 0..3 {
        let token = guest.gpu.submit(1, None, &write(pipe, b"text", false)).unwrap();
        assert!(!guest.gpu.code(token).unwrap().is_error());
    }
    assert_eq!(guest.faults(), 0);
    let token = guest.gpu.submit(1, None, &write(4711, b"text", false)).unwrap();
    assert!(guest.gpu.code(token).unwrap().is_error());
    assert_eq!(guest.faults(), 1);
}

#[test]
fn globals_are_filtered_and_capped() {
    let mut guest = Guest::new(&[]);
    for (name, interface, version) in
        [(1, "wl_compositor", 9), (2, "zwlr_layer_shell_v1", 4), (3, "wl_shm", 1), (4, "wl_drm", 1)]
    {
        let args = [Arg::Uint(name), Arg::Str(Some(interface)), Arg::Uint(version)];
        guest.say(&message(2, 0, &args), &[]);
    }
    let mut bytes = Vec::new();
    for message in guest.receive() {
        let Got::Wayland(data, _) = message else { panic!("{message:?}") };
        bytes.extend(data);
    }
    let seen: Vec<u32> = common::split(&mut bytes).iter().map(|m| m.word(0)).collect();
    assert_eq!(seen, [1, 3]);
    // A bind to what was not announced, above the version, or as something else.
    for (name, interface, version, ok) in [
        (1, "wl_compositor", 6, true),
        (1, "wl_compositor", 7, false),
        (2, "zwlr_layer_shell_v1", 1, false),
        (3, "wl_compositor", 1, false),
        (9, "wl_shm", 1, false),
    ] {
        let mut guest = Guest::new(&[]);
        for (name, interface) in [(1, "wl_compositor"), (2, "zwlr_layer_shell_v1"), (3, "wl_shm")] {
            let args = [Arg::Uint(name), Arg::Str(Some(interface)), Arg::Uint(9)];
            guest.say(&message(2, 0, &args), &[]);
        }
        let bind = Arg::NewIdAny { interface, version, id: id(3) };
        assert_eq!(guest.send(&message(2, 0, &[Arg::Uint(name), bind]), &[]), !ok, "{interface} {version}");
    }
}

#[test]
fn descriptors_come_only_with_the_requests_that_have_them() {
    // An identifier of the wrong kind, none at all, and more than are used.
    for (ids, ok) in [
        (vec![read_pipe(FIRST_READ_PIPE)], false),
        (vec![], false),
        (vec![blob_id(1), blob_id(1)], true), // the second one waits for a message that uses it
    ] {
        let mut guest = Guest::new(&[("wl_shm", 1)]);
        let blob = guest.gpu.arena_blob(1, PIXEL_ITEM, 4096).unwrap();
        let ids: Vec<_> =
            ids.iter().map(|i| if i.kind == IdKind::Blob { blob_id(blob.resource) } else { *i }).collect();
        assert_eq!(guest.send(&create_pool(4, 4096), &ids), !ok, "{ids:?}");
    }
    let mut guest = Guest::new(&[]);
    let flood: Vec<_> = vec![blob_id(1); 28];
    let refused = (0..4).any(|_| guest.send(&[], &flood));
    assert!(refused, "identifiers without messages are bounded");
}

#[test]
fn broken_streams_end_their_connection() {
    for (name, bytes) in [
        ("size below a header", vec![1, 0, 0, 0, 0, 0, 4, 0]),
        ("size not of words", vec![1, 0, 0, 0, 0, 0, 13, 0]),
        ("null object", vec![0, 0, 0, 0, 0, 0, 8, 0]),
        ("unknown object", message(77, 0, &[])),
        ("unknown opcode", message(1, 9, &[])),
        ("object id taken", message(1, 0, &[Arg::NewId(id(2))])),
        ("object id leaves a gap", message(1, 0, &[Arg::NewId(id(9))])),
        ("object id of the server", message(1, 0, &[Arg::NewId(id(0xff00_0000))])),
        ("arguments cut off", message(1, 0, &[])),
        ("bytes after the arguments", message(1, 0, &[Arg::NewId(id(3)), Arg::Uint(0)])),
    ] {
        let mut guest = Guest::new(&[]);
        assert!(guest.send(&bytes, &[]), "{name}");
        assert_eq!(guest.faults(), 1, "{name}");
        guest.peer.requests();
        assert!(guest.peer.closed, "{name}");
        assert_eq!(guest.receive(), [Got::Closed], "{name}");
        assert!(guest.send(&message(1, 0, &[Arg::NewId(id(3))]), &[]), "{name}: closed for good");
        assert_eq!(guest.gpu.shell().held_descriptors(), 0, "{name}");
    }
}

#[test]
fn messages_may_be_cut_anywhere() {
    let mut guest = Guest::new(&[("wl_compositor", 6)]);
    let mut stream = message(3, 0, &[Arg::NewId(id(4))]);
    stream.extend(message(4, 6, &[]));
    for byte in &stream {
        assert!(!guest.send(&[*byte], &[]));
    }
    assert_eq!(guest.peer.requests().len(), 2);
}

#[test]
fn a_full_channel_stops_the_compositor_and_not_the_device() {
    let mut guest = Guest::new(&[("wl_output", 4)]);
    let event = message(3, 4, &[Arg::Str(Some(&"n".repeat(1000)))]); // wl_output.name
    let mut said = 0;
    // The guest never reads: ring, queue and socket fill up and the peer cannot say any more.
    for _ in 0..5000 {
        let n = guest.peer.try_say(&event);
        said += n;
        guest.turn();
        if n < event.len() {
            break;
        }
    }
    assert!(said > 256 * 1024 && said < 2 * 1024 * 1024, "{said}");
    // Then it reads after all, and every byte is there.
    let mut got = 0;
    for _ in 0..1000 {
        let messages = guest.receive();
        got += messages
            .iter()
            .map(|message| match message {
                Got::Wayland(bytes, _) => bytes.len(),
                other => panic!("{other:?}"),
            })
            .sum::<usize>();
        let token = guest.gpu.submit_and_poll(1, &[]).unwrap();
        guest.turn();
        if guest.gpu.code(token).is_none() {
            break;
        }
    }
    assert_eq!(got / event.len(), said / event.len());
}

#[test]
fn endings_that_nobody_reads_do_not_pile_up() {
    let mut guest = with_offer();
    for pipe in 0..20_000 {
        if receive(&mut guest, FIRST_READ_PIPE + pipe) {
            break;
        }
        guest.peer.requests();
        guest.peer.fds.clear();
        guest.turn();
        let waiting = guest.gpu.shell().device().waiting(1);
        assert!(waiting <= 256 * 1024 + 16 * 1024, "{waiting} after {pipe}");
        assert!(guest.gpu.shell().held_descriptors() <= 1 + 16);
    }
    // Sixteen pipes wait for a guest that reads; the next one was one too many.
    assert!(guest.faults() > 0);
}

#[test]
fn a_compositor_that_does_not_read_costs_the_client_only() {
    let mut guest = Guest::new(&[("wl_compositor", 6)]);
    assert!(!guest.send(&message(3, 0, &[Arg::NewId(id(4))]), &[]));
    let burst = message(4, 6, &[]).repeat(450);
    let refused = (0..2000).any(|_| guest.send(&burst, &[]));
    assert!(refused);
    assert_eq!(guest.receive(), [Got::Closed]);
    assert_eq!(guest.gpu.shell().held_descriptors(), 0);
}

#[test]
fn the_compositors_end_is_the_channels_end() {
    let mut guest = Guest::new(&[]);
    let token = guest.gpu.submit_and_poll(1, &[]).unwrap();
    let last = message(1, 0, &[Arg::Object(Some(id(1))), Arg::Uint(0), Arg::Str(Some("enough"))]);
    guest.peer.say(&last, &[]);
    let Guest { peer, .. } = &mut guest;
    let closed = std::mem::replace(peer, common::Peer::accept_none());
    drop(closed);
    guest.turn();
    assert!(!guest.gpu.code(token).unwrap().is_error());
    assert_eq!(guest.receive(), [Got::Wayland(last, vec![]), Got::Closed]);
    assert_eq!(guest.gpu.shell().held_descriptors(), 0);
}

#[test]
fn without_a_compositor_there_are_no_new_contexts() {
    let mut guest = Guest::new(&[]);
    guest.channel = rustix::pipe::pipe().unwrap().0;
    guest.turn();
    assert!(guest.gpu.open_ring(2, common::RING).is_err());
    assert!(
        !guest.send(&message(1, 0, &[Arg::NewId(id(3))]), &[]),
        "the old one lives as long as its socket"
    );
}

#[test]
fn requests_and_poll_travel_together() {
    let mut guest = Guest::new(&[]);
    let commands = send(&message(1, 0, &[Arg::NewId(id(3))]), &[]);
    let token = guest.gpu.submit_and_poll(1, &commands).unwrap();
    assert!(guest.gpu.code(token).is_none());
    assert_eq!(guest.peer.requests().len(), 1);
    guest.say(&message(3, 0, &[Arg::Uint(1)]), &[]);
    assert!(!guest.gpu.code(token).unwrap().is_error());
    // A POLL that comes while something is unread is answered at once; after reading it waits.
    let token = guest.gpu.submit(1, Some(CHANNEL_RING), &[3, 0, 8, 0, 0, 0, 0, 0]).unwrap();
    assert!(!guest.gpu.code(token).unwrap().is_error());
    assert_eq!(guest.receive().len(), 1);
    let token = guest.gpu.submit_and_poll(1, &[]).unwrap();
    assert!(guest.gpu.code(token).is_none());
}
