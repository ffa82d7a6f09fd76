// SPDX-License-Identifier: GPL-3.0-or-later
//! Random days of the trusted path, checked against rules that know nothing of how it works.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test says with it what went wrong

mod support;

use cofferdam_policy::Answer;
use cofferdam_prompts::{
    ARMING, Effect, Event, Meaning, Mono, Place, Room, Route, Settings, Showing, Source, Target,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::{BESIDE, ON_CLOSE, ON_NOTE, centre, effects, ms, place_all, place_note, prompt, say, vm};

const APPS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Op {
    Ask { app: usize },
    AskForNobody,
    Withdraw { nth: usize },
    LinkLost,
    VmGone { app: usize },
    Silenced { app: usize },
    TooLate { app: usize },
    Say { app: usize, tag: u64 },
    Unsay { app: usize, tag: Option<u64> },
    DrawNote { down: i32 },
    Lock(bool),
    Attention,
    Draw { shift: i32 },
    Disturbed,
    LetGo,
    Press { source: Source, meaning: Meaning },
    Release { source: Source },
    Move { to: Place },
    Wait { millis: u64 },
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        3 => (0u8..3).prop_map(Target::Choice),
        1 => Just(Target::NotNow),
        1 => Just(Target::Never),
        1 => Just(Target::Lock),
        1 => Just(Target::Cut),
        1 => Just(Target::Undo),
    ]
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        (1u32..6).prop_map(Source::Key),
        (0x110u32..0x112).prop_map(Source::Button),
        (0u32..2).prop_map(Source::Finger),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let notes = prop::sample::select(vec![ON_NOTE, ON_CLOSE, BESIDE]);
    prop_oneof![target().prop_map(centre), notes]
}

fn meaning() -> impl Strategy<Value = Meaning> {
    prop_oneof![
        1 => Just(Meaning::Next),
        1 => Just(Meaning::Previous),
        1 => Just(Meaning::Enter),
        3 => Just(Meaning::Space),
        1 => Just(Meaning::Escape),
        3 => (0u8..4).prop_map(Meaning::Digit),
        1 => Just(Meaning::Modifier),
        4 => place().prop_map(Meaning::Point),
        1 => Just(Meaning::Other),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let app = 0..APPS.len();
    prop_oneof![
        4 => app.clone().prop_map(|app| Op::Ask { app }),
        1 => Just(Op::AskForNobody),
        1 => (0usize..4).prop_map(|nth| Op::Withdraw { nth }),
        1 => Just(Op::LinkLost),
        1 => app.clone().prop_map(|app| Op::VmGone { app }),
        1 => app.clone().prop_map(|app| Op::Silenced { app }),
        1 => app.clone().prop_map(|app| Op::TooLate { app }),
        4 => (app.clone(), 0u64..6).prop_map(|(app, tag)| Op::Say { app, tag }),
        1 => (app, prop::option::of(0u64..6)).prop_map(|(app, tag)| Op::Unsay { app, tag }),
        6 => prop_oneof![8 => Just(0), 1 => Just(4)].prop_map(|down| Op::DrawNote { down }),
        1 => any::<bool>().prop_map(Op::Lock),
        1 => Just(Op::Attention),
        8 => prop_oneof![8 => Just(0), 1 => Just(4)].prop_map(|shift| Op::Draw { shift }),
        1 => Just(Op::Disturbed),
        1 => Just(Op::LetGo),
        10 => (source(), meaning()).prop_map(|(source, meaning)| Op::Press { source, meaning }),
        10 => source().prop_map(|source| Op::Release { source }),
        4 => place().prop_map(|to| Op::Move { to }),
        8 => prop_oneof![0u64..50, 900u64..1100, 1000u64..1001, 59_000u64..61_000].prop_map(|millis| Op::Wait { millis }),
    ]
}

/// What somebody who only watches knows.
#[derive(Default)]
struct Watcher {
    now: u64,
    next: u64,
    /// Asked and neither answered nor void, by whom.
    open: BTreeMap<u64, &'static str>,
    answered: BTreeSet<u64>,
    shown: Option<u64>,
    showing: Showing,
    /// When what is on the screen was first drawn as it is: since then nothing has moved, and, until it
    /// was armed, nobody has touched anything.
    still: Option<(u64, i32)>,
    armed: bool,
    /// Held, and more than a modifier.
    busy: BTreeSet<Source>,
    /// What was pressed since, and when; only while exactly that is down.
    pressed: Option<(Source, Meaning)>,
    down: BTreeSet<Source>,
    /// What clients think is down.
    clients: BTreeSet<Source>,
    /// What was pressed on a note and is down.
    ours: BTreeSet<Source>,
    up: bool,
    pointer: Option<Place>,
    /// The note that is drawn, how far down, and since when it is so.
    note: Option<(u64, i32, u64)>,
    /// A press that may be one on a note, and on which.
    on_note: Option<(Source, u64)>,
}

impl Watcher {
    fn time(&self) -> Mono {
        ms(self.now)
    }

    /// Whether a yes may come now from the release of `source`.
    fn may_give(&self, source: Source) -> bool {
        let gives = |meaning| {
            !matches!(meaning, Meaning::Enter | Meaning::Escape | Meaning::Other | Meaning::Modifier)
        };
        self.armed && self.pressed.is_some_and(|(s, meaning)| s == source && gives(meaning))
    }

    /// Time has passed, or was looked at.
    fn arm(&mut self) {
        let patience = u64::try_from(ARMING.as_millis()).unwrap();
        let still = self.still.is_some_and(|(since, _)| self.now - since >= patience);
        self.armed |= still && self.busy.is_empty();
    }

    /// A press or a release of more than a modifier.
    fn touched(&mut self) {
        if !self.armed
            && let Some((since, _)) = &mut self.still
        {
            *since = self.now;
        }
    }

    fn check(&mut self, room: &mut Room, released: Option<Source>) -> Result<(), TestCaseError> {
        for effect in effects(room) {
            match effect {
                Effect::Answer { id, answer, silence } => {
                    prop_assert!(self.open.remove(&id.0).is_some(), "{id:?} is not open");
                    prop_assert!(self.answered.insert(id.0), "{id:?} twice");
                    prop_assert!(!silence || answer == Answer::NotNow);
                    if answer != Answer::NotNow {
                        prop_assert_eq!(self.shown, Some(id.0), "not the one on the screen");
                        prop_assert_eq!(self.showing, Showing::Prompt);
                        let source = released.expect("only a release says yes");
                        prop_assert!(self.may_give(source), "{answer:?} without patience or a fresh press");
                    }
                }
                Effect::NoteChosen(_) => {
                    let source = released.expect("only a release brings an app");
                    prop_assert!(!self.up, "under a card");
                    let pressed = self.on_note.filter(|(s, _)| *s == source).map(|(_, revision)| revision);
                    prop_assert!(pressed.is_some(), "{source:?} was not pressed on a note that stood still");
                    prop_assert_eq!(pressed, self.note.map(|(revision, ..)| revision), "or on another one");
                }
                Effect::UndoCut => {
                    prop_assert!(self.may_give(released.expect("a release")));
                }
                Effect::Raise => {
                    prop_assert!(!self.up);
                    self.up = true;
                    self.clients.clear();
                    self.ours.clear();
                }
                Effect::Lower => {
                    prop_assert!(self.up);
                    self.up = false;
                }
                Effect::Broken(broken) => prop_assert!(false, "{broken:?}"),
                _ => {}
            }
        }
        let shown = room.prompt().map(|prompt| prompt.id.0);
        prop_assert_eq!(room.is_up(), self.up);
        prop_assert!(!room.is_locked() || (room.showing() == Showing::Lock && shown.is_none()));
        prop_assert!(shown.is_none() || room.showing() == Showing::Prompt);
        if let Some(id) = shown {
            prop_assert!(self.open.contains_key(&id), "{id} is shown but not open");
        }
        let waiting: BTreeSet<u64> = room.queued().map(|prompt| prompt.id.0).chain(shown).collect();
        prop_assert_eq!(waiting, self.open.keys().copied().collect::<BTreeSet<_>>());
        if (shown, room.showing()) != (self.shown, self.showing) || room.stamp().is_none() {
            self.still = None;
            self.armed = false;
            self.pressed = None;
        }
        self.shown = shown;
        self.showing = room.showing();
        let note = room.notice();
        prop_assert!(!(self.up && note.is_some()), "a note beside a card");
        prop_assert!(!(self.up && room.note_has_pointer()));
        if note.is_none_or(|note| note.stamp.is_none() || self.note.is_some_and(|(r, ..)| r != note.revision))
        {
            (self.note, self.on_note) = (None, None);
        }
        Ok(())
    }

    fn step(&mut self, room: &mut Room, op: Op) -> Result<(), TestCaseError> {
        let now = self.time();
        let mut released = None;
        match op {
            Op::Ask { app } => {
                self.next += 1;
                self.open.insert(self.next, APPS[app]);
                room.handle(Event::Ask(prompt(self.next, APPS[app])), now);
            }
            Op::AskForNobody => {
                self.next += 1;
                self.open.insert(self.next, "x");
                room.handle(Event::AskForNobody(prompt(self.next, "x")), now);
            }
            Op::Withdraw { nth } => {
                if let Some(id) = self.open.keys().nth(nth).copied() {
                    self.open.remove(&id);
                    room.handle(Event::Withdraw(prompt(id, "a").id), now);
                }
            }
            Op::LinkLost => {
                self.open.clear();
                room.handle(Event::LinkLost, now);
            }
            Op::VmGone { app } => room.handle(Event::VmGone(vm(APPS[app])), now),
            Op::Silenced { app } => room.handle(Event::Silenced(vm(APPS[app])), now),
            Op::TooLate { app } => room.handle(Event::TooLate(vm(APPS[app])), now),
            Op::Say { app, tag } => say(room, APPS[app], tag, &format!("{tag} {}", self.now % 3), now),
            Op::Unsay { app, tag } => room.handle(Event::Unsays(vm(APPS[app]), tag), now),
            Op::DrawNote { down } => self.draw_note(room, down),
            Op::Lock(on) => room.handle(Event::Lock(on), now),
            Op::Attention => room.handle(Event::AttentionKey, now),
            Op::Draw { shift } => {
                if room.is_up() && self.still.is_none_or(|(_, at)| at != shift) {
                    self.still = Some((self.now, shift));
                    self.armed = false;
                    self.pressed = None;
                }
                place_all(room, shift, now);
            }
            Op::Disturbed => room.handle(Event::Disturbed, now),
            Op::LetGo => {
                self.down.clear();
                self.busy.clear();
                self.clients.clear();
                self.ours.clear();
                room.handle(Event::LetGo, now);
            }
            Op::Press { source, meaning } => return self.press(room, source, meaning),
            Op::Release { source } => {
                self.down.remove(&source);
                self.ours.remove(&source);
                if self.busy.remove(&source) {
                    self.touched();
                }
                let was = self.clients.remove(&source);
                let route = room.release(source, now);
                // A client hears the end of what it heard the beginning of, and of nothing else.
                prop_assert!(!was || route == Route::Clients);
                released = Some(source);
            }
            Op::Move { to } => {
                self.pointer = Some(to);
                let route = room.moved(None, to, now);
                let held = self.clients.iter().any(|s| matches!(s, Source::Button(_)));
                prop_assert!(self.up || !held || route == Route::Clients, "a client lost what it holds");
                prop_assert!(!self.up || route == Route::Ours);
            }
            Op::Wait { millis } => {
                self.now += millis;
                self.arm();
                room.tick(self.time());
            }
        }
        self.check(room, released)
    }

    fn draw_note(&mut self, room: &mut Room, down: i32) {
        if let Some(revision) = room.notice().map(|shown| shown.revision)
            && self.note.is_none_or(|(r, d, _)| (r, d) != (revision, down))
        {
            (self.note, self.on_note) = (Some((revision, down, self.now)), None);
        }
        place_note(room, down, self.time());
    }

    fn press(&mut self, room: &mut Room, source: Source, meaning: Meaning) -> Result<(), TestCaseError> {
        let route = room.press(source, meaning, self.time());
        let fresh = self.down.insert(source);
        let was_theirs = self.clients.contains(&source);
        // Beside a note, all presses go to clients; keys always do.
        let place = match (source, meaning) {
            (Source::Key(_), _) => None,
            (Source::Finger(_), Meaning::Point(place)) => Some(place),
            (Source::Finger(_), _) => None,
            (Source::Button(_), _) => self.pointer,
        };
        let may_be_on_note = place.is_some_and(|place| [ON_NOTE, ON_CLOSE].contains(&place));
        let goes_on =
            matches!(source, Source::Button(_)) && self.ours.iter().any(|s| matches!(s, Source::Button(_)));
        prop_assert!(route == Route::Clients || self.up || may_be_on_note || goes_on);
        prop_assert!(route != Route::Clients || !self.up);
        if let (Some((revision, _, since)), true) = (self.note, may_be_on_note)
            && !self.up
        {
            let held = self.clients.iter().any(|s| matches!(s, Source::Button(_)));
            let theirs = was_theirs || (held && matches!(source, Source::Button(_)));
            prop_assert!(route == Route::Ours || theirs);
            // What stays a client's is not on the note, and takes nothing from what is.
            if route == Route::Ours {
                let patience = u64::try_from(ARMING.as_millis()).unwrap();
                let counts = fresh && self.now - since >= patience;
                self.on_note = counts.then_some((source, revision));
            }
        }
        if route == Route::Clients {
            self.clients.insert(source);
        } else if !self.up {
            self.ours.insert(source);
        }
        if meaning == Meaning::Modifier {
            self.busy.remove(&source);
        } else {
            self.busy.insert(source);
            self.pressed = (self.up && fresh && self.armed).then_some((source, meaning));
            self.touched();
        }
        self.check(room, None)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_without_a_patient_fresh_yes(ops in prop::collection::vec(op(), 1..120)) {
        let mut room = Room::new(Settings::default());
        let mut watcher = Watcher::default();
        for op in ops {
            watcher.step(&mut room, op)?;
        }
        // Whoever still waits is answered when nobody does anything any more.
        room.handle(Event::Lock(false), watcher.time());
        room.handle(Event::Attention(false), watcher.time());
        watcher.check(&mut room, None)?;
        while let Some(at) = room.poll_timeout() {
            watcher.now = watcher.now.max(u64::try_from(at.0.as_millis()).unwrap());
            room.tick(watcher.time());
            watcher.check(&mut room, None)?;
        }
        prop_assert!(watcher.open.is_empty(), "never answered: {:?}", watcher.open);
    }
}
