// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine as a table of stories: one copy, one gesture, one answer at a time.

#![allow(clippy::unwrap_used)]

use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{Content, Refusal, Resource};
use cofferdam_transfers::{
    Board, Collector, Copied, Dropped, Effect, Event, Gesture, Limits, Mono, Offer, SinkId, TransferId,
    Transfers,
};
use std::time::Duration;

const TEXT: &str = "text/plain;charset=utf-8";

fn vm(name: &str) -> VmId {
    name.parse().unwrap()
}

fn ticket(id: u64) -> Ticket {
    Ticket { id, grant: None, until: None, once: true }
}

/// A machine with a clock, and what it did last.
struct Bench {
    machine: Transfers,
    now: Mono,
    sinks: u64,
}

/// What can be compared of an effect.
fn seen(effects: Vec<Effect>) -> Vec<String> {
    let short = |effect| match effect {
        Effect::Offers => None,
        Effect::Read { id, mime, .. } => Some(format!("read {} {mime}", id.0)),
        Effect::StopReading(id) => Some(format!("stop {}", id.0)),
        Effect::CheckImage { id, .. } => Some(format!("check {}", id.0)),
        Effect::Ask { serial, vm, resource } => Some(format!("ask {serial} {vm} {:?}", content(&resource))),
        Effect::Forget { serial } => Some(format!("forget {serial}")),
        Effect::Used { ticket, usage, .. } => {
            Some(format!("used {ticket} {}×{}", usage.times, usage.bytes_in))
        }
        Effect::Refused { why, .. } => Some(format!("refused {why:?}")),
        Effect::CutDone { ticket } => Some(format!("cut {ticket}")),
        Effect::Feed { sink, snapshot } => {
            Some(format!("feed {} {}", sink.0, String::from_utf8_lossy(snapshot.bytes())))
        }
        Effect::CloseSink(sink) => Some(format!("close {}", sink.0)),
        Effect::TooLate { vm } => Some(format!("too late {vm}")),
        Effect::Deliver { id, content } => Some(format!("deliver {} {content:?}", id.0)),
        Effect::DropEnded { id, done } => Some(format!("dropped {} {done}", id.0)),
    };
    effects.into_iter().filter_map(short).collect()
}

fn content(resource: &Resource) -> Option<Content> {
    match resource {
        Resource::Clipboard { content, .. } | Resource::DragAndDrop { content, .. } => Some(*content),
        _ => None,
    }
}

impl Bench {
    fn new() -> Self {
        let now = Mono(Duration::from_secs(1000));
        Self { machine: Transfers::new(Limits::default()), now, sinks: 0 }
    }

    fn effects(&mut self) -> Vec<String> {
        seen(std::iter::from_fn(|| self.machine.poll_effect()).collect())
    }

    fn does(&mut self, event: Event<'_>) -> Vec<String> {
        self.machine.handle(event, self.now);
        self.effects()
    }

    fn copies(&mut self, from: &str, mimes: &[&str]) -> u64 {
        let mimes: Vec<String> = mimes.iter().map(|m| (*m).to_owned()).collect();
        let from = Some(vm(from));
        let generation = self.machine.copied(Copied { board: Board::Clipboard, from, mimes: &mimes });
        assert_eq!(self.effects(), [""; 0]);
        generation
    }

    fn gesture(&mut self, target: &str, gesture: Gesture) {
        assert_eq!(self.does(Event::Gesture { target: vm(target), gesture }), [""; 0]);
    }

    /// The person calls for a menu, and it opens.
    fn menu(&mut self, target: &str) {
        self.gesture(target, Gesture::Menu);
        assert_eq!(self.does(Event::MenuOpened(vm(target))), [""; 0]);
    }

    /// How much the shell had given to a sink that it was told to close.
    fn had(&mut self, sink: u64, bytes: u64) -> Vec<String> {
        self.machine.sink_closed(SinkId(sink), bytes);
        self.effects()
    }

    /// The target reads what it is offered, as `mime`.
    fn receives(&mut self, target: &str, mime: &str) -> Vec<String> {
        let offer = self.machine.offer(Board::Clipboard, Some(&vm(target)));
        let (generation, window) = match offer {
            Offer::Across { generation, window, .. } => (generation, window),
            Offer::Own { .. } | Offer::Nothing => (1, 1),
        };
        self.sinks += 1;
        let sink = SinkId(self.sinks);
        self.does(Event::Receive { board: Board::Clipboard, generation, window, mime, sink })
    }

    fn writes(&mut self, id: u64, bytes: &[u8]) -> Vec<String> {
        let id = TransferId(id);
        let mut all = self.does(Event::Bytes { id, piece: bytes });
        all.extend(self.does(Event::End(id)));
        all
    }

    fn later(&mut self, seconds: u64) -> Vec<String> {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.does(Event::Tick)
    }

    fn allows(&mut self, serial: u32) -> Vec<String> {
        self.does(Event::Decided { serial, verdict: Ok(ticket(70)) })
    }

    fn fed(&mut self, sink: u64, bytes: u64) -> Vec<String> {
        self.does(Event::SinkDone { sink: SinkId(sink), bytes, complete: true })
    }
}

#[test]
fn a_paste_that_is_allowed() {
    let mut b = Bench::new();
    b.copies("mail", &["text/html", TEXT]);
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), Offer::Nothing);
    assert!(matches!(b.machine.offer(Board::Clipboard, Some(&vm("mail"))), Offer::Own { generation: 1 }));
    b.gesture("web", Gesture::PasteKeys);
    let mimes = vec![TEXT, "UTF8_STRING", "text/plain"];
    let across = Offer::Across { generation: 1, window: 1, mimes };
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), across);
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("other"))), Offer::Nothing);
    assert_eq!(b.machine.offer(Board::Primary, Some(&vm("web"))), Offer::Nothing);
    assert_eq!(b.receives("web", "text/plain"), ["ask 1 web Some(Text)"], "the source hears of nothing");
    assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
    assert_eq!(b.writes(1, b"hello"), ["feed 1 hello"]);
    assert_eq!(b.fed(1, 5), ["used 70 1×5"]);
    // The same gesture, the same answer: programs read twice.
    assert_eq!(b.receives("web", TEXT), ["feed 2 hello"]);
    assert_eq!(b.fed(2, 5), ["used 70 0×5"]);
    // But not after the gesture, and not once more for the next one.
    assert_eq!(b.later(3), [""; 0]);
    assert_eq!(b.receives("web", TEXT), ["close 3"]);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"]);
    assert_eq!(b.allows(2), ["feed 4 hello"], "what was read is kept");
}

#[test]
fn without_a_gesture_and_after_it_there_is_nothing() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    assert_eq!(b.receives("web", TEXT), ["close 1"]);
    // Another VM's gesture.
    b.gesture("other", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 1 other Some(Text)"]);
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    // A gesture for what was there, not for what came since.
    b.copies("bank", &[TEXT]);
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), Offer::Nothing);
    assert_eq!(b.receives("web", TEXT), ["close 1"]);
    // The keyboard went elsewhere and came back.
    b.gesture("web", Gesture::PasteKeys);
    b.does(Event::Focused(None));
    b.does(Event::Focused(Some(vm("web"))));
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), Offer::Nothing);
}

#[test]
fn a_menu_shows_that_there_is_something_and_a_choice_reads_it() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::Menu);
    let offer = b.machine.offer(Board::Clipboard, Some(&vm("web")));
    assert!(matches!(offer, Offer::Across { window: 1, .. }));
    assert_eq!(b.receives("web", TEXT), ["close 1"], "looking is not reading");
    b.menu("web");
    b.later(29);
    b.gesture("web", Gesture::Chosen);
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), offer, "the offer stays");
    b.does(Event::MenusClosed(vm("web")));
    assert_eq!(b.receives("web", TEXT), ["ask 1 web Some(Text)"]);
    // A menu that is closed without a choice takes the offer with it.
    b.menu("web");
    b.does(Event::MenusClosed(vm("web")));
    assert_eq!(b.machine.offer(Board::Clipboard, Some(&vm("web"))), Offer::Nothing);
}

#[test]
fn a_choice_in_a_menu_that_nobody_called_for_is_some_other_choice() {
    let nothing = |b: &Bench| b.machine.offer(Board::Clipboard, Some(&vm("web"))) == Offer::Nothing;
    // A menu that the person did not call for, as for a list of words to choose from.
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.does(Event::MenuOpened(vm("web")));
    b.gesture("web", Gesture::Chosen);
    assert!(nothing(&b));
    // Called for, but it never opened: neither read nor seen for longer than any other gesture.
    b.gesture("web", Gesture::Menu);
    b.gesture("web", Gesture::Chosen);
    assert_eq!(b.receives("web", TEXT), ["close 1"]);
    b.later(3);
    assert!(nothing(&b));
    b.does(Event::MenuOpened(vm("web")));
    assert!(nothing(&b), "too late");
    // What was copied since the menu opened is not what it was called for.
    b.menu("web");
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::Chosen);
    assert!(nothing(&b));
    // The menu of before makes room for the one that is called for.
    b.gesture("web", Gesture::Menu);
    b.does(Event::MenusClosed(vm("web")));
    b.does(Event::MenuOpened(vm("web")));
    b.gesture("web", Gesture::Chosen);
    assert_eq!(b.receives("web", TEXT), ["ask 1 web Some(Text)"]);
}

#[test]
fn an_offer_stays_as_long_as_somebody_reads_it() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    // The person thinks. GTK 3 would drop the paste if the offer went meanwhile.
    assert_eq!(b.later(60), [""; 0]);
    let offered = |b: &Bench| b.machine.offer(Board::Clipboard, Some(&vm("web"))) != Offer::Nothing;
    assert!(offered(&b));
    // But that is no time to begin another read.
    assert_eq!(b.receives("web", "text/plain"), ["close 2"]);
    b.does(Event::Decided { serial: 1, verdict: Ok(ticket(7)) });
    b.does(Event::Bytes { id: TransferId(1), piece: b"hi" });
    assert_eq!(b.does(Event::End(TransferId(1))), ["feed 1 hi"]);
    assert!(offered(&b));
    b.does(Event::SinkDone { sink: SinkId(1), bytes: 2, complete: true });
    // It may take the program a moment to see the end.
    b.later(2);
    assert!(offered(&b));
    b.later(1);
    assert!(!offered(&b));
    // And what came since is not offered for a gesture of before.
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.later(5);
    b.copies("mail", &[TEXT]);
    assert!(!offered(&b));
}

#[test]
fn a_no_closes_and_lasts_as_long_as_the_gesture() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    assert_eq!(b.does(Event::Decided { serial: 1, verdict: Err(Refusal::Answered) }), ["close 1"]);
    assert_eq!(b.receives("web", TEXT), ["close 2"], "it is not asked again under the same gesture");
    assert_eq!(b.writes(1, b"late"), [""; 0]);
    assert_eq!(b.does(Event::Decided { serial: 1, verdict: Ok(ticket(1)) }), [""; 0], "and no is no");
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"]);
}

#[test]
fn a_source_that_stalls_lies_or_never_ends() {
    for (bytes, expected) in [
        (b"\xff\xfe".to_vec(), vec!["stop 1", "refused Mismatch", "close 1"]),
        (b"a\0b".to_vec(), vec!["stop 1", "refused Mismatch", "close 1"]),
        (vec![b'x'; (1 << 20) + 1], vec!["stop 1", "refused Mismatch", "close 1"]),
        (Vec::new(), vec!["stop 1", "close 1"]),
    ] {
        let mut b = Bench::new();
        b.copies("mail", &[TEXT]);
        b.gesture("web", Gesture::PasteKeys);
        b.receives("web", TEXT);
        assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
        assert_eq!(b.writes(1, &bytes), expected);
    }
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.later(30);
    // The person took their time; the source has its own.
    assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
    b.later(9);
    b.does(Event::Bytes { id: TransferId(1), piece: b"half" });
    assert_eq!(b.later(1), ["stop 1", "close 1"]);
    assert_eq!(b.writes(1, b"the rest"), [""; 0]);
}

#[test]
fn an_image_is_looked_at_twice() {
    let mut b = Bench::new();
    b.copies("mail", &["image/png"]);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", "image/png"), ["ask 1 web Some(Image)"]);
    assert_eq!(b.allows(1), ["read 1 image/png"]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(b.writes(1, &png), ["check 1"]);
    let mut clean = Collector::new(Content::Image);
    clean.push(b"clean").unwrap();
    let image = Some(clean.finish());
    assert_eq!(b.does(Event::Checked { id: TransferId(1), image }), ["feed 1 clean"]);

    let mut b = Bench::new();
    b.copies("mail", &["image/png"]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", "image/png");
    b.allows(1);
    b.writes(1, &png);
    let lost = b.does(Event::Checked { id: TransferId(1), image: None });
    assert_eq!(lost, ["stop 1", "refused Mismatch", "close 1"]);
}

#[test]
fn a_short_copy_after_a_long_one_has_nothing_of_it() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.allows(1);
    b.writes(1, "a long secret".repeat(1000).as_bytes());
    b.fed(1, 13_000);
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"]);
    assert_eq!(b.allows(2), [format!("read 2 {TEXT}")]);
    assert_eq!(b.writes(2, b"short"), ["feed 2 short"]);
}

#[test]
fn a_late_reply_of_an_older_copy_replaces_nothing() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.allows(1);
    b.copies("bank", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.allows(2);
    assert_eq!(b.writes(2, b"new"), ["feed 2 new"]);
    assert_eq!(b.fed(2, 3), ["used 70 1×3"]);
    assert_eq!(b.writes(1, b"old"), ["feed 1 old"], "who asked for the old one gets the old one");
    // And what was read of the old one is not taken for the new one.
    assert_eq!(b.receives("web", TEXT), ["feed 3 new"]);
}

#[test]
fn a_yes_that_came_too_late_for_the_program_is_good_for_the_next_paste() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    let gave_up = Event::SinkDone { sink: SinkId(1), bytes: 0, complete: false };
    assert_eq!(b.does(gave_up), [""; 0], "the question stays");
    b.later(5);
    assert_eq!(b.allows(1), ["too late web"], "the person is told to paste again, and nothing is read");
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), [format!("read 2 {TEXT}")]);
    assert_eq!(b.writes(2, b"hello"), ["feed 2 hello"]);
    b.fed(2, 5);
    b.later(3);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"], "once");
    // A no is no reason to paste again.
    assert_eq!(b.does(Event::SinkDone { sink: SinkId(3), bytes: 0, complete: false }), [""; 0]);
    let no = Event::Decided { serial: 2, verdict: Err(Refusal::Answered) };
    assert_eq!(b.does(no), [""; 0]);

    // The source may be what is late.
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
    b.does(Event::SinkDone { sink: SinkId(1), bytes: 0, complete: false });
    assert_eq!(b.writes(1, b"hello"), ["too late web"]);

    // Not for another copy, not for another VM, not for ever.
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.does(Event::SinkDone { sink: SinkId(1), bytes: 0, complete: false });
    b.allows(1);
    b.later(3);
    b.gesture("other", Gesture::PasteKeys);
    assert_eq!(b.receives("other", TEXT), ["ask 2 other Some(Text)"]);
    b.later(60);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 3 web Some(Text)"]);
}

#[test]
fn a_program_that_gives_up_at_the_moment_of_the_yes_is_too_late_as_well() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
    let gave_up = Event::SinkDone { sink: SinkId(1), bytes: 0, complete: false };
    assert_eq!(b.does(gave_up), ["too late web"]);
}

#[test]
fn a_yes_that_waits_can_be_taken_back() {
    for taken_back in [Event::Cut { ticket: 70 }, Event::MonitorGone, Event::VmGone(vm("web"))] {
        let mut b = Bench::new();
        b.copies("mail", &[TEXT]);
        b.gesture("web", Gesture::PasteKeys);
        b.receives("web", TEXT);
        b.does(Event::SinkDone { sink: SinkId(1), bytes: 0, complete: false });
        b.allows(1);
        b.later(3);
        b.does(taken_back);
        b.gesture("web", Gesture::PasteKeys);
        assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"]);
    }
}

#[test]
fn a_cut_ends_what_lives_under_the_ticket() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.allows(1);
    assert_eq!(b.writes(1, b"hello"), ["feed 1 hello"]);
    assert_eq!(b.does(Event::Cut { ticket: 70 }), ["close 1", "cut 70"]);
    assert_eq!(b.receives("web", TEXT), ["close 2"]);
    assert_eq!(b.does(Event::Cut { ticket: 99 }), ["cut 99"]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    assert_eq!(b.does(Event::MonitorGone), ["close 3"]);
    assert_eq!(b.allows(2), [""; 0]);
}

#[test]
fn what_crossed_before_the_end_is_reported_and_used_up() {
    let fed = || {
        let mut b = Bench::new();
        b.copies("mail", &[TEXT]);
        b.gesture("web", Gesture::PasteKeys);
        b.receives("web", TEXT);
        b.receives("web", TEXT);
        b.allows(1);
        assert_eq!(b.writes(1, b"hello"), ["feed 1 hello", "feed 2 hello"]);
        b
    };
    // Ended by the monitor: told before the end is reported.
    let mut b = fed();
    b.machine.handle(Event::Cut { ticket: 70 }, b.now);
    let mut all = Vec::new();
    while let Some(effect) = b.machine.poll_effect() {
        if let Effect::CloseSink(sink) = effect {
            b.machine.sink_closed(sink, sink.0);
        }
        all.extend(seen(vec![effect]));
    }
    assert_eq!(all, ["close 1", "used 70 1×1", "close 2", "used 70 0×2", "cut 70"]);
    // Ended by the deadline.
    let mut b = fed();
    assert_eq!(b.later(60), ["close 1", "close 2"]);
    assert_eq!(b.had(1, 0), [""; 0]);
    assert_eq!(b.had(2, 3), ["used 70 1×3"]);
    assert_eq!(b.had(2, 3), [""; 0], "once");
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"], "that yes was used");
    // Nothing crossed: the yes is as good as before.
    let mut b = fed();
    b.later(60);
    b.had(1, 0);
    b.had(2, 0);
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["feed 3 hello"]);
}

#[test]
fn what_was_read_is_wiped() {
    let mut b = Bench::new();
    b.copies("mail", &[TEXT]);
    b.gesture("web", Gesture::PasteKeys);
    b.receives("web", TEXT);
    b.allows(1);
    b.writes(1, b"hello");
    b.fed(1, 5);
    b.later(120);
    assert_eq!(b.machine.poll_timeout(), None, "nothing is left to wipe");
    b.gesture("web", Gesture::PasteKeys);
    assert_eq!(b.receives("web", TEXT), ["ask 2 web Some(Text)"]);
    assert_eq!(b.allows(2), [format!("read 2 {TEXT}")]);
}

#[test]
fn drops() {
    let mimes = [TEXT.to_owned()];
    let dropped = |b: &mut Bench, mimes: &[String]| {
        let id = b.machine.dropped(Dropped { from: vm("mail"), target: vm("web"), mimes }, b.now);
        (id, b.effects())
    };
    let mut b = Bench::new();
    let (id, effects) = dropped(&mut b, &mimes);
    assert_eq!((id, effects), (Some(TransferId(1)), vec!["ask 1 web Some(Text)".into()]));
    let early = Event::ReceiveDrop { id: TransferId(1), mime: TEXT, sink: SinkId(1) };
    assert_eq!(b.does(early), ["close 1"]);
    assert_eq!(b.allows(1), [format!("read 1 {TEXT}")]);
    assert_eq!(b.writes(1, b"dragged"), ["deliver 1 Text"]);
    let read = Event::ReceiveDrop { id: TransferId(1), mime: TEXT, sink: SinkId(2) };
    assert_eq!(b.does(read), ["feed 2 dragged"]);
    assert_eq!(b.does(Event::DropOver(TransferId(1))), [""; 0], "it still gets the rest");
    assert_eq!(b.fed(2, 7), ["used 70 1×7", "dropped 1 true"]);

    // No, and nobody reads.
    let mut b = Bench::new();
    dropped(&mut b, &mimes);
    let no = Event::Decided { serial: 1, verdict: Err(Refusal::Answered) };
    assert_eq!(b.does(no), ["dropped 1 false"]);
    dropped(&mut b, &mimes);
    b.allows(2);
    assert_eq!(b.writes(2, b"dragged"), ["deliver 2 Text"]);
    assert_eq!(b.later(60), ["dropped 2 false"]);

    // Files stay where they are.
    let (id, effects) = dropped(&mut b, &["text/uri-list".to_owned()]);
    assert_eq!((id, effects), (None, vec!["refused Off".to_owned()]));
    assert_eq!(dropped(&mut b, &["application/x-color".to_owned()]), (None, vec![]));
}

#[test]
fn nobody_can_have_more_than_a_few() {
    let mut b = Bench::new();
    for n in 1..=40 {
        b.copies("mail", &[TEXT]);
        b.gesture("web", Gesture::PasteKeys);
        let effects = b.receives("web", TEXT);
        let expected = if n <= 8 { format!("ask {n} web Some(Text)") } else { format!("close {n}") };
        assert_eq!(effects, [expected]);
    }
    b.gesture("other", Gesture::PasteKeys);
    assert_eq!(b.receives("other", TEXT)[0], "ask 9 other Some(Text)");
    let gone = b.does(Event::VmGone(vm("web")));
    assert_eq!(gone.iter().filter(|e| e.starts_with("forget")).count(), 8);
}

#[test]
fn the_desktop_itself_gives_and_takes_nothing() {
    let mut machine = Transfers::new(Limits::default());
    machine.copied(Copied { board: Board::Clipboard, from: None, mimes: &[TEXT.to_owned()] });
    machine.handle(Event::Gesture { target: vm("web"), gesture: Gesture::PasteKeys }, Mono::default());
    assert_eq!(machine.offer(Board::Clipboard, Some(&vm("web"))), Offer::Nothing);
    assert!(matches!(machine.offer(Board::Clipboard, None), Offer::Own { .. }));
}
