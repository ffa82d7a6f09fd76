// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard, primary selection and drags between two VMs: real clients on both sides, and the other
//! end of the monitor's wire in the hands of the test.

mod drags;
mod hostile;
mod late;
mod menus;
mod pastes;

use crate::common::{Client, Desktop, Told, Vm, Window};
use cofferdam_compositor::Config;
use cofferdam_control::desktop::{Input, Request, WindowOp};
use cofferdam_ids::{Identity, VmId};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Content, Refusal, Resource};
use rustix::pipe::PipeFlags;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wayland_client::protocol::wl_data_device::WlDataDevice;
use wayland_client::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_client::protocol::wl_data_source::WlDataSource;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_device_manager_v1::ZwpPrimarySelectionDeviceManagerV1;
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_device_v1::ZwpPrimarySelectionDeviceV1;

pub(super) const TEXT: &str = "text/plain;charset=utf-8";
pub(super) const ORANGE: [u8; 3] = [0xE6, 0x9F, 0x00];
pub(super) const SKY: [u8; 3] = [0x56, 0xB4, 0xE9];
const GROUND: [u8; 3] = [40, 40, 40];
pub(super) const KEY_CTRL: u32 = 29;
pub(super) const KEY_SHIFT: u32 = 42;
pub(super) const KEY_V: u32 = 47;
pub(super) const KEY_INSERT: u32 = 110;

/// The monitor's end of the wire.
pub(super) struct Monitor {
    socket: OwnedFd,
    /// What was heard while waiting for something else.
    heard: RefCell<VecDeque<FromScreen>>,
}

/// A ticket that nobody has: its end is how a test knows that all before it was dealt with.
const NOBODYS: u64 = u64::MAX;

impl Monitor {
    fn new(desktop: &Desktop) -> Self {
        let (ours, theirs) = transport::pair().unwrap();
        desktop.give(Request::ServePermissions, vec![theirs]);
        let monitor = Self { socket: ours, heard: RefCell::default() };
        assert!(matches!(monitor.hear(), FromScreen::Can(_)), "it says first what it can do");
        monitor
    }

    /// Everything said before has been dealt with, by what time it is now.
    pub(super) fn settle(&self) {
        self.says(&ToScreen::Cut { ticket: NOBODYS });
        loop {
            match self.listen() {
                FromScreen::CutDone { ticket: NOBODYS } => return,
                other => self.heard.borrow_mut().push_back(other),
            }
        }
    }

    pub(super) fn hear(&self) -> FromScreen {
        let known = self.heard.borrow_mut().pop_front();
        known.unwrap_or_else(|| self.listen())
    }

    fn listen(&self) -> FromScreen {
        let (packet, _) = transport::recv_packet(self.socket.as_fd(), MAX_PACKET, 0).unwrap().unwrap();
        decode(&packet).unwrap()
    }

    /// Waits for a question and gives its number.
    pub(super) fn asked(&self, who: &str, from: &str, what: Content) -> u32 {
        let heard = self.hear();
        let FromScreen::Ask { serial, vm, resource } = heard else { panic!("{heard:?} is no question") };
        assert_eq!(vm.as_str(), who);
        let from: VmId = from.parse().unwrap();
        let (pasted, dropped) = (
            Resource::Clipboard { from: from.clone(), content: what },
            Resource::DragAndDrop { from, content: what },
        );
        assert!(resource == pasted || resource == dropped, "{resource:?}");
        serial
    }

    pub(super) fn says(&self, message: &ToScreen) {
        transport::send_packet(self.socket.as_fd(), &encode(message).unwrap(), &[]).unwrap();
    }

    pub(super) fn allows(&self, serial: u32) {
        let verdict = Ok(Ticket { id: u64::from(serial) + 100, grant: None, until: None, once: true });
        self.says(&ToScreen::Decided { serial, verdict });
    }

    pub(super) fn denies(&self, serial: u32) {
        self.says(&ToScreen::Decided { serial, verdict: Err(Refusal::Answered) });
    }

    /// Waits for the report of what crossed.
    pub(super) fn used(&self) -> (u64, u64) {
        match self.hear() {
            FromScreen::Used { usage, .. } => (usage.times, usage.bytes_in),
            other => panic!("{other:?}"),
        }
    }

    /// Nothing was asked or told.
    pub(super) fn is_left_alone(&self) {
        self.settle();
        assert_eq!(*self.heard.borrow(), []);
    }
}

/// One VM with one client and one window.
pub(super) struct Side {
    pub(super) vm: Vm,
    pub(super) client: Client,
    pub(super) window: Window,
    pub(super) device: WlDataDevice,
    manager: WlDataDeviceManager,
    primary: ZwpPrimarySelectionDeviceV1,
    primary_manager: ZwpPrimarySelectionDeviceManagerV1,
    last_source: Option<WlDataSource>,
}

impl Side {
    fn new(desktop: &Desktop, name: &str, identity: Identity) -> Self {
        let vm = desktop.vm(name, identity);
        let mut client = desktop.client(&vm);
        let queue = client.queue.handle();
        let seat = client.app.bind::<WlSeat>(&queue);
        seat.get_keyboard(&queue, ());
        seat.get_pointer(&queue, ());
        let manager = client.app.bind::<WlDataDeviceManager>(&queue);
        let device = manager.get_data_device(&seat, &queue, ());
        let primary_manager = client.app.bind::<ZwpPrimarySelectionDeviceManagerV1>(&queue);
        let primary = primary_manager.get_device(&seat, &queue, ());
        let window = client.window(200, 150, GROUND);
        Self { vm, client, window, device, manager, primary, primary_manager, last_source: None }
    }

    pub(super) fn source(&mut self, mimes: &[&str]) -> WlDataSource {
        let source = self.manager.create_data_source(&self.client.queue.handle(), ());
        mimes.iter().for_each(|mime| source.offer((*mime).to_owned()));
        self.last_source = Some(source.clone());
        source
    }

    /// Copies something of these types.
    pub(super) fn copies(&mut self, mimes: &[&str]) {
        self.copies_late(mimes, 0);
    }

    /// The same, for a key or click with this serial.
    pub(super) fn copies_late(&mut self, mimes: &[&str], serial: u32) {
        let source = self.source(mimes);
        self.device.set_selection(Some(&source), serial);
        self.client.sync();
    }

    /// Selects something.
    pub(super) fn selects(&mut self, mimes: &[&str]) {
        self.selects_late(mimes, 0);
    }

    /// The same, for a click with this serial.
    pub(super) fn selects_late(&mut self, mimes: &[&str], serial: u32) {
        let source = self.primary_manager.create_source(&self.client.queue.handle(), ());
        mimes.iter().for_each(|mime| source.offer((*mime).to_owned()));
        self.primary.set_selection(Some(&source), serial);
        self.client.sync();
    }

    /// Reads what it was offered last; the other end of the pipe is the result.
    pub(super) fn reads(&mut self, mime: &str) -> OwnedFd {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
        self.client.app.clipboard.as_ref().expect("an offer").receive(mime.to_owned(), writer.as_fd());
        self.client.sync();
        reader
    }

    pub(super) fn reads_primary(&mut self, mime: &str) -> OwnedFd {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
        self.client.app.primary.as_ref().expect("an offer").receive(mime.to_owned(), writer.as_fd());
        self.client.sync();
        reader
    }

    /// The fd into which its source was asked to write.
    pub(super) fn is_asked_for(&mut self, mime: &str) -> OwnedFd {
        self.client.wait("a request for its bytes", |app| !app.wanted.is_empty());
        let (wanted, fd) = self.client.app.wanted.remove(0);
        assert_eq!(wanted, mime);
        fd
    }

    /// Its source writes what it was asked for.
    pub(super) fn writes(&mut self, mime: &str, bytes: &[u8]) {
        write_all(&self.is_asked_for(mime), bytes);
    }

    /// What it was told since the last time, as far as it is about transfers.
    pub(super) fn told(&mut self) -> Vec<Told> {
        self.client.sync();
        let ours = |told: &Told| {
            matches!(
                told,
                Told::Offered(_)
                    | Told::Selection(_)
                    | Told::DragEnter
                    | Told::DragLeave
                    | Told::Dropped
                    | Told::Source(_)
                    | Told::Cancelled
            )
        };
        std::mem::take(&mut self.client.app.told).into_iter().filter(ours).collect()
    }
}

/// Two VMs on a desktop with a monitor.
pub(super) struct Table {
    pub(super) mail: Side,
    pub(super) web: Side,
    pub(super) monitor: Monitor,
    hand: Arc<AtomicU64>,
    pub(super) desktop: Desktop,
}

impl Table {
    pub(super) fn new() -> Self {
        let hand = Arc::new(AtomicU64::new(1_000_000_000_000));
        let desktop = Desktop::with_clock(Config::default(), Some(hand.clone()));
        let monitor = Monitor::new(&desktop);
        let mail = Side::new(&desktop, "mail", Identity::Orange);
        let web = Side::new(&desktop, "web", Identity::Sky);
        let table = Self { mail, web, monitor, hand, desktop };
        let place = |side: &Side, x| {
            table.desktop.window_op(&table.desktop.window_of(&side.vm), WindowOp::Move { x, y: 80 });
        };
        place(&table.mail, 60);
        place(&table.web, 560);
        table
    }

    pub(super) fn activate(&self, vm: &Vm) {
        self.desktop.window_op(&self.desktop.window_of(vm), WindowOp::Activate);
    }

    /// Time goes by, and the compositor notices.
    pub(super) fn later(&self, seconds: u64) {
        let nanos = u64::try_from(Duration::from_secs(seconds).as_nanos()).unwrap();
        self.hand.fetch_add(nanos, Ordering::Relaxed);
        self.monitor.settle();
    }

    /// The first VM copies, the second gets the keyboard.
    pub(super) fn mail_copies(&mut self, mimes: &[&str]) {
        self.activate(&self.mail.vm);
        self.mail.client.sync();
        self.mail.copies(mimes);
        self.activate(&self.web.vm);
        self.web.client.sync();
    }

    /// Keys, held from the first to the last.
    pub(super) fn chord(&self, keys: &[u32]) {
        keys.iter().for_each(|key| self.desktop.key(*key, true));
        keys.iter().rev().for_each(|key| self.desktop.key(*key, false));
    }

    /// Ctrl+V in the window with the keyboard, which is the second VM's.
    pub(super) fn paste_keys(&mut self) {
        self.chord(&[KEY_CTRL, KEY_V]);
        self.web.client.sync();
    }

    pub(super) fn middle_button(&self) {
        for pressed in [true, false] {
            self.desktop.input(Input::PointerButton { code: 0x112, pressed });
        }
    }

    /// A whole paste of text, allowed: what the second VM got.
    pub(super) fn pastes(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.mail_copies(&[TEXT]);
        self.paste_keys();
        let reader = self.web.reads(TEXT);
        let serial = self.monitor.asked("web", "mail", Content::Text);
        self.monitor.allows(serial);
        self.mail.writes(TEXT, bytes);
        let got = read_all(&reader);
        self.monitor.used();
        got
    }
}

impl Desktop {
    fn give(&self, request: Request, fds: Vec<OwnedFd>) {
        self.request(request, fds).unwrap();
    }
}

pub(super) fn write_all(fd: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(rustix::io::Errno::PIPE) => return,
            Err(e) => panic!("{e}"),
        }
    }
}

/// All that is written into a pipe until its other end is closed.
pub(super) fn read_all(fd: &OwnedFd) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match rustix::io::read(fd, &mut buffer).unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}
