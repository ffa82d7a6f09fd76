// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions and cards for tests.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // shared by tests that each use some of it

use cofferdam_ids::VmId;
use cofferdam_monitor_wire::screen::{About, Prompt, PromptId};
use cofferdam_policy::{Answer, Contact, Host, Transport, Zone};
use cofferdam_prompts::{Effect, Event, Mono, Place, Rect, Room, Stamp, Target};
use std::time::Duration;

pub const CHOICES: [Answer; 2] = [Answer::ThisTime, Answer::Always];

pub fn ms(millis: u64) -> Mono {
    Mono(Duration::from_millis(millis))
}

pub fn vm(name: &str) -> VmId {
    name.parse().unwrap()
}

pub fn contact(host: &str) -> Contact {
    Contact { host: Host::parse(host).unwrap(), zone: Zone::Internet, transport: Transport::Tcp, port: 993 }
}

pub fn prompt(id: u64, name: &str) -> Prompt {
    Prompt {
        id: PromptId(id),
        vm: vm(name),
        about: About::Network { contact: contact("imap.example.org"), first: true },
        answers: CHOICES.to_vec(),
        uses: 0,
    }
}

pub fn ask(room: &mut Room, id: u64, name: &str, now: Mono) {
    room.handle(Event::Ask(prompt(id, name)), now);
}

fn row(target: Target) -> i32 {
    match target {
        Target::NotNow | Target::Lock | Target::Unlock => 0,
        Target::Choice(n) => 1 + i32::from(n),
        Target::Cut | Target::Undo => 8,
        Target::Never => 9,
    }
}

/// Where a choice is when its card is not shifted.
pub fn centre(target: Target) -> Place {
    Place { x: 50.0, y: f64::from(row(target) * 50 + 20) }
}

/// The painter drew it, shifted by some pixels.
pub fn place_all(room: &mut Room, shift: i32, now: Mono) {
    let places = room.targets().iter().map(|t| (*t, Rect::new(shift, row(*t) * 50, 100, 40))).collect();
    room.handle(
        Event::Placed(Stamp { output: 0, look: 0, card: Rect::new(shift, 0, 100, 500), places }),
        now,
    );
}

pub fn effects(room: &mut Room) -> Vec<Effect> {
    std::iter::from_fn(|| room.poll_effect()).collect()
}

pub fn answers(room: &mut Room) -> Vec<(u64, Answer, bool)> {
    effects(room)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Answer { id, answer, silence } => Some((id.0, answer, silence)),
            _ => None,
        })
        .collect()
}
