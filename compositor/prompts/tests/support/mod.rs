// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions and cards for tests.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // shared by tests that each use some of it

use cofferdam_ids::VmId;
use cofferdam_ids::{Label, Passage};
use cofferdam_monitor_wire::screen::{About, Prompt, PromptId};
use cofferdam_policy::{Answer, Contact, Host, Transport, Zone};
use cofferdam_prompts::{Effect, Event, Mono, Note, NoteStamp, Place, Rect, Room, Said, Stamp, Target};
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

/// The note that is seen.
pub fn noted(room: &Room) -> Option<(VmId, Note)> {
    room.notice().map(|shown| (shown.vm.clone(), shown.note.clone()))
}

/// The title of the app's note that is seen.
pub fn said(room: &Room) -> Option<String> {
    match room.notice()?.note {
        Note::Said(said) => Some(said.title.to_string()),
        Note::Silenced | Note::PasteAgain => None,
    }
}

/// An app says something.
pub fn say(room: &mut Room, name: &str, tag: u64, title: &str, now: Mono) {
    let said = Said { tag, title: Label::new(title), body: Passage::default() };
    room.handle(Event::Says(vm(name), said), now);
}

/// Inside a note that was placed, clear of its button; on its button; and beside it.
pub const ON_NOTE: Place = Place { x: 1050.0, y: 80.0 };
pub const ON_CLOSE: Place = Place { x: 1245.0, y: 65.0 };
pub const BESIDE: Place = Place { x: 500.0, y: 500.0 };

/// The painter drew the note, if there is one, so many pixels further down.
pub fn place_note(room: &mut Room, down: i32, now: Mono) {
    let Some(revision) = room.notice().map(|shown| shown.revision) else { return };
    let (card, close) = (Rect::new(900, 54 + down, 360, 100), Rect::new(1230, 56 + down, 28, 28));
    room.handle(Event::NotePlaced(NoteStamp { output: 0, look: 0, revision, card, close }), now);
}
