// SPDX-License-Identifier: GPL-3.0-or-later
//! The bridge between a real Wayland client and a real Wayland server in one process. In: what apps do. Out:
//! what the host sees of it, and what the apps get back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test that cannot go on fails")]

mod app;
mod device;
mod server;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use app::{App, Image};
use cofferdam_agent_wire::{BridgeCounters, Decoder};
use device::Loopback;
use rustix::fs::{SealFlags, fcntl_get_seals, ftruncate};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use server::{CLIPBOARD, Frame, KEYMAP, Told};
use wayland_client::protocol::{wl_data_device_manager, wl_seat, wl_shm, wl_surface};

/// A bridge, the host behind it, and what the host sees.
struct World {
    _dir: tempfile::TempDir,
    path: PathBuf,
    control: OwnedFd,
    told: Receiver<Told>,
    bridge: Option<JoinHandle<()>>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "the host's and the bridge's own threads")]
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wayland-0");
        let listener = OwnedFd::from(UnixListener::bind(&path).unwrap());
        let (control, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let (to_server, connections) = channel();
        let (to_test, told) = channel();
        std::thread::spawn(move || server::serve(&connections, to_test));
        let bridge = std::thread::spawn(move || {
            cofferdam_guest::bridge::serve(listener, theirs, || Loopback::open(&to_server)).unwrap();
        });
        Self { _dir: dir, path, control, told, bridge: Some(bridge) }
    }

    fn app(&self) -> App {
        App::connect(&self.path)
    }

    fn told(&self) -> Told {
        cofferdam_patience::received(&self.told, "what the host is told")
    }

    fn frame(&self) -> Frame {
        match self.told() {
            Told::Frame(frame) => frame,
            Told::Copied(_) => panic!("not a frame"),
        }
    }

    fn counters(&self) -> BridgeCounters {
        send(&self.control, b"?", SendFlags::NOSIGNAL).unwrap();
        let mut buf = [0u8; 512];
        let (_, count) = recv(&self.control, &mut buf[..], RecvFlags::empty()).unwrap();
        let mut decoder = Decoder::new();
        decoder.push(&buf[..count]);
        decoder.next().unwrap().unwrap()
    }

    /// Ends the bridge and says whether it ended well.
    fn finish(mut self) {
        rustix::net::shutdown(&self.control, rustix::net::Shutdown::Both).unwrap();
        self.bridge.take().unwrap().join().unwrap();
    }
}

const WIDTH: usize = 70;
const HEIGHT: usize = 40;
const STRIDE: usize = WIDTH * 4 + 12;

fn int(value: usize) -> i32 {
    i32::try_from(value).unwrap()
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Draws with `damage` and checks that the host sees exactly the app's image after each commit.
fn drawing(sealed: bool, scale: i32, damage: fn(&wl_surface::WlSurface, i32, [i32; 4])) {
    let world = World::new();
    let mut app = world.app();
    let size = STRIDE * HEIGHT + 100;
    let (file, pool) = app.pool(int(size), sealed);
    let (width, height, stride) = (int(WIDTH), int(HEIGHT), int(STRIDE));
    let buffer = pool.create_buffer(100, width, height, stride, wl_shm::Format::Argb8888, &app.handle, ());
    pool.destroy();
    let image = Image { file, offset: 100, width: WIDTH, height: HEIGHT, stride: STRIDE };
    let surface = app.surface();
    surface.set_buffer_scale(scale);
    let mut pixels = vec![0u8; WIDTH * HEIGHT * 4];
    let mut dice = Dice(7);
    let before = world.counters();
    for round in 0..80usize {
        let (x, y) = (dice.roll(WIDTH / 2) * 2, dice.roll(HEIGHT / 2) * 2);
        let (w, h) = ((dice.roll(8) + 1) * 2, (dice.roll(8) + 1) * 2);
        for row in y..(y + h).min(HEIGHT) {
            for byte in &mut pixels[(row * WIDTH + x) * 4..(row * WIDTH + (x + w).min(WIDTH)) * 4] {
                *byte = u8::try_from(round + 1).unwrap();
            }
        }
        image.draw(&pixels);
        surface.attach(Some(&buffer), 0, 0);
        damage(&surface, scale, [int(x), int(y), int(w), int(h)]);
        surface.frame(&app.handle, ());
        surface.commit();
        app.roundtrip();
        assert_eq!(app.seen.releases, round + 1, "the app has its buffer back at once");
        assert_eq!(app.seen.frames, round + 1);
        let frame = world.frame();
        assert_eq!(frame.size, Some((width, height)));
        assert!(frame.pixels == pixels, "commit {round} shows something else");
        assert!(!frame.damage.is_empty());
    }
    let after = world.counters();
    let whole = u64::try_from(WIDTH * HEIGHT * 4).unwrap();
    assert_eq!(after.commits - before.commits, 80);
    let (copied, damaged) = (after.pixel_bytes_copied, after.pixel_bytes_damaged);
    assert!(damaged <= 80 * 16 * 16 * 4, "{damaged}");
    // Each of up to four copies starts with a whole image and then follows the damage.
    assert!(copied <= 4 * whole + 4 * damaged, "{copied} copied for {damaged}");
    world.finish();
}

#[test]
fn the_host_sees_what_the_app_draws() {
    drawing(true, 1, |surface, _, [x, y, w, h]| surface.damage_buffer(x, y, w, h));
}

#[test]
fn a_file_that_may_shrink_is_read_the_slow_way() {
    drawing(false, 1, |surface, _, [x, y, w, h]| surface.damage_buffer(x, y, w, h));
}

#[test]
fn surface_damage_is_scaled() {
    drawing(true, 2, |surface, scale, [x, y, w, h]| {
        surface.damage(x / scale, y / scale, w / scale, h / scale);
    });
}

#[test]
fn surfaces_come_and_go_and_change_size() {
    let world = World::new();
    let mut app = world.app();
    for round in 0..30usize {
        let surface = app.surface();
        for side in [10 + round, 200 - round] {
            let (file, pool) = app.pool(int(side * side * 4), true);
            let (edge, stride) = (int(side), int(side * 4));
            let format = wl_shm::Format::Argb8888;
            let buffer = pool.create_buffer(0, edge, edge, stride, format, &app.handle, ());
            let pixels = vec![u8::try_from(side % 256).unwrap(); side * side * 4];
            Image { file, offset: 0, width: side, height: side, stride: side * 4 }.draw(&pixels);
            surface.attach(Some(&buffer), 0, 0);
            // No damage at all: what was never shown must be shown whole.
            surface.commit();
            buffer.destroy();
            pool.destroy();
            app.roundtrip();
            let frame = world.frame();
            assert_eq!((frame.size, frame.pixels), (Some((edge, edge)), pixels));
        }
        surface.attach(None, 0, 0);
        surface.commit();
        surface.destroy();
        app.roundtrip();
        assert_eq!(world.frame().size, None);
    }
    let used = world.counters().arena_bytes;
    assert!(used <= 17 * 1024 * 1024, "{used} bytes are kept");
    drop(app);
    let other = world.app();
    // Another client's round trip comes after the first one's end.
    drop(other);
    world.finish();
}

#[test]
fn an_app_that_shrinks_its_file_harms_only_its_own_picture() {
    let world = World::new();
    let (mut bad, mut good) = (world.app(), world.app());
    let (file, pool) = bad.pool(40_000, false);
    let buffer = pool.create_buffer(0, 100, 100, 400, wl_shm::Format::Argb8888, &bad.handle, ());
    let surface = bad.surface();
    ftruncate(&file, 0).unwrap();
    surface.attach(Some(&buffer), 0, 0);
    surface.damage_buffer(0, 0, 100, 100);
    surface.commit();
    bad.roundtrip();
    good.roundtrip();
    assert_eq!(world.frame().size, Some((100, 100)));
    world.finish();
}

#[test]
fn formats_that_the_bridge_cannot_copy_are_not_offered() {
    let world = World::new();
    let mut app = world.app();
    app.roundtrip();
    assert_eq!(app.seen.formats, [wl_shm::Format::Argb8888]);
    world.finish();
}

#[test]
fn keymaps_arrive_as_sealed_files() {
    let world = World::new();
    let mut app = world.app();
    let seat: wl_seat::WlSeat = app.globals.bind(&app.handle, 5..=7, ()).unwrap();
    seat.get_keyboard(&app.handle, ());
    app.roundtrip();
    let (fd, size) = app.seen.keymap.take().unwrap();
    let seals = fcntl_get_seals(&fd).unwrap();
    assert!(seals.contains(SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL));
    let mut bytes = vec![0u8; usize::try_from(size).unwrap()];
    std::os::unix::fs::FileExt::read_exact_at(&std::fs::File::from(fd), &mut bytes, 0).unwrap();
    assert_eq!(bytes, KEYMAP);
    world.finish();
}

#[test]
fn the_clipboard_streams_both_ways() {
    let world = World::new();
    let mut app = world.app();
    let seat: wl_seat::WlSeat = app.globals.bind(&app.handle, 5..=7, ()).unwrap();
    let manager: wl_data_device_manager::WlDataDeviceManager =
        app.globals.bind(&app.handle, 3..=3, ()).unwrap();
    let device = manager.get_data_device(&seat, &app.handle, ());
    app.roundtrip();
    let offer = app.seen.offer.take().unwrap();
    let (read, write) = rustix::pipe::pipe().unwrap();
    offer.receive("text/plain".to_owned(), std::os::fd::AsFd::as_fd(&write));
    app.roundtrip();
    drop(write);
    let mut pasted = Vec::new();
    std::fs::File::from(read).read_to_end(&mut pasted).unwrap();
    assert!(pasted == vec![b'c'; CLIPBOARD], "{} bytes pasted", pasted.len());
    offer.destroy();

    app.seen.copy_out = (0..=250u8).cycle().take(200_000).collect();
    let source = manager.create_data_source(&app.handle, ());
    source.offer("text/plain".to_owned());
    device.set_selection(Some(&source), 1);
    app.roundtrip();
    match world.told() {
        Told::Copied(bytes) => assert!(bytes == app.seen.copy_out, "{} bytes copied", bytes.len()),
        Told::Frame(_) => panic!("not a copy"),
    }
    world.finish();
}

#[test]
fn the_last_words_of_an_app_are_heard() {
    let world = World::new();
    let mut app = world.app();
    let surface = app.surface();
    app.roundtrip();
    // In pieces that fit libwayland's buffer: to that library a full socket in between is fatal.
    for _ in 0..100 {
        for _ in 0..200 {
            surface.set_input_region(None);
        }
        app.flush();
    }
    surface.attach(None, 0, 0);
    surface.commit();
    app.flush();
    drop((surface, app));
    assert_eq!(world.frame().size, None);
    world.finish();
}

/// Sends raw bytes and returns the code of the error that the bridge answers before it hangs up.
fn provoke(world: &World, bytes: &[u8]) -> u32 {
    let mut socket = UnixStream::connect(&world.path).unwrap();
    socket.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // Ends only because the bridge closes the connection.
    socket.read_to_end(&mut answer).unwrap();
    let word = |at: usize| u32::from_ne_bytes(answer[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(4) & 0xffff), (1, 0), "wl_display.error");
    word(12)
}

fn message(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn an_app_that_breaks_the_protocol_ends_alone() {
    let world = World::new();
    let mut good = world.app();
    let cases = [
        (message(&[99, 8 << 16]), 0),              // an object that is not there
        (message(&[1, (8 << 16) | 77]), 1),        // a request that is not there
        (message(&[1, 0xffff << 16]), 1),          // too long
        (message(&[1, 4 << 16]), 1),               // too short
        (message(&[0, 8 << 16]), 1),               // nobody
        (message(&[1, 12 << 16, 5000]), 0),        // an id that leaves a gap
        (message(&[1, 12 << 16, 0xff00_0000]), 0), // an id of the server
        (message(&[1, 12 << 16, 1]), 0),           // an id in use
    ];
    for (faults, (bytes, code)) in (1u64..).zip(&cases) {
        assert_eq!(provoke(&world, bytes), *code, "{bytes:?}");
        assert_eq!(world.counters().faults, faults);
        good.roundtrip();
    }
    world.finish();
}

#[test]
fn a_flood_of_requests_is_carried_without_loss() {
    let world = World::new();
    let mut app = world.app();
    let surface = app.surface();
    surface.frame(&app.handle, ());
    // Far more than may be on its way at once.
    for _ in 0..1000 {
        for _ in 0..200 {
            surface.set_input_region(None);
        }
        app.flush();
    }
    surface.commit();
    app.flush();
    app.roundtrip();
    assert_eq!(app.seen.frames, 1);
    world.finish();
}
