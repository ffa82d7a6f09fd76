// SPDX-License-Identifier: GPL-3.0-or-later
//! The trusted path against real clients; the monitor's end of the wire is in the hands of the test.

mod attacks;
mod notes;
mod prompts;
mod views;

use crate::common::{Client, Desktop, Told, Vm};
use cofferdam_compositor::Config;
use cofferdam_control::desktop::{ChoiceInfo, PromptInfo, Reply, Request};
use cofferdam_ids::VmId;
use cofferdam_kit::transport;
use cofferdam_monitor_wire::screen::{Abilities, About, FromScreen, Prompt, PromptId, ToScreen};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Answer, Contact, Host, Transport, Zone};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wayland_client::protocol::wl_seat::WlSeat;

const RED: [u8; 3] = [255, 0, 0];
const KEY_ESC: u32 = 1;
const KEY_1: u32 = 2;
const KEY_TAB: u32 = 15;
const KEY_ENTER: u32 = 28;
const KEY_CTRL: u32 = 29;
const KEY_A: u32 = 30;
const KEY_ALT: u32 = 56;
const KEY_SPACE: u32 = 57;
const BTN_LEFT: u32 = 0x110;
/// Stands for nobody: a question for it is answered at once.
const NOBODY: u64 = 1 << 40;

/// A desktop on a clock of the test's, with a monitor.
struct Stage {
    desktop: Desktop,
    hand: Arc<AtomicU64>,
    monitor: OwnedFd,
}

impl Stage {
    fn new() -> Self {
        Self::with(Config { phrase: "slow green lighthouse".into(), ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let hand = Arc::new(AtomicU64::new(1_000_000_000));
        let desktop = Desktop::with_clock(config, Some(hand.clone()));
        let monitor = Self::connect(&desktop);
        Self { desktop, hand, monitor }
    }

    fn connect(desktop: &Desktop) -> OwnedFd {
        let (ours, theirs) = transport::pair().unwrap();
        desktop.request(Request::ServePermissions, vec![theirs]).unwrap();
        let can = FromScreen::Can(Abilities { notes: true, idle: false });
        assert_eq!(hear(&ours), can, "it says first what it can do");
        ours
    }

    /// Time passes, and the desktop knows.
    fn wait(&self, millis: u64) {
        self.hand.fetch_add(millis * 1_000_000, Ordering::Relaxed);
        self.desktop.ask(Request::Sync);
    }

    fn say(&self, message: &ToScreen) {
        transport::send_packet(self.monitor.as_fd(), &encode(message).unwrap(), &[]).unwrap();
    }

    fn hear(&self) -> FromScreen {
        hear(&self.monitor)
    }

    /// Everything said before has been heard, and its frame drawn.
    fn settle(&self) {
        let nobody = "nobody-there".parse().unwrap();
        self.say(&ToScreen::Ask(Prompt { vm: nobody, ..question(NOBODY, "x") }));
        assert_eq!(
            self.hear(),
            FromScreen::Answered { id: PromptId(NOBODY), answer: Answer::NotNow, silence: true }
        );
        self.desktop.ask(Request::Sync);
    }

    fn asks(&self, id: u64, vm: &Vm) {
        self.say(&ToScreen::Ask(question(id, vm.id.as_str())));
        self.settle();
    }

    fn prompt(&self) -> Option<PromptInfo> {
        match self.desktop.ask(Request::Prompt) {
            Reply::Prompt(prompt) => prompt,
            other => panic!("{other:?}"),
        }
    }

    fn choice(&self, answer: &str) -> ChoiceInfo {
        let prompt = self.prompt().expect("a question");
        prompt.choices.into_iter().find(|choice| choice.answer == answer).expect("this choice")
    }

    /// Where a choice is.
    fn place(&self, answer: &str) -> (i32, i32) {
        let r = self.choice(answer).place;
        (r.x + r.w / 2, r.y + r.h / 2)
    }

    fn tap(&self, key: u32) {
        self.desktop.key(key, true);
        self.desktop.key(key, false);
    }

    fn answered(&self, id: u64, answer: Answer) {
        assert_eq!(self.hear(), FromScreen::Answered { id: PromptId(id), answer, silence: false });
    }
}

pub(crate) fn question(id: u64, vm: &str) -> Prompt {
    let vm: VmId = vm.parse().unwrap();
    let host = Host::parse("imap.example.org").unwrap();
    let contact = Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 993 };
    Prompt {
        id: PromptId(id),
        vm,
        about: About::Network { contact, first: true },
        answers: vec![Answer::ThisTime, Answer::UntilClosed, Answer::Hour, Answer::Always],
        uses: 0,
    }
}

fn hear(monitor: &OwnedFd) -> FromScreen {
    let (packet, _) = transport::recv_packet(monitor.as_fd(), MAX_PACKET, 0).unwrap().unwrap();
    decode(&packet).unwrap()
}

/// Pointer, keyboard and touch for a client.
fn devices(client: &mut Client) {
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    seat.get_keyboard(&queue, ());
    seat.get_pointer(&queue, ());
    seat.get_touch(&queue, ());
    client.sync();
}

/// What a client heard of the devices.
fn heard(client: &mut Client) -> Vec<Told> {
    client.sync();
    std::mem::take(&mut client.app.told)
        .into_iter()
        .filter(|told| !matches!(told, Told::Toplevel(..) | Told::Enter | Told::Selection(_)))
        .collect()
}
