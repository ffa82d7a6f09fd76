// SPDX-License-Identifier: GPL-3.0-or-later
//! The committed corpus of the whole-device fuzz target, and lives that a person wrote.
//!
//! In: seeds made here, and what a fuzzer has found. Out: that the device keeps its promises on all of them.

#[path = "../../../../tests/fuzz/harness/corpus.rs"]
mod files;
#[allow(unreachable_pub)]
#[path = "../../../../tests/fuzz/harness/gpu.rs"]
mod harness;

use crate::common::{id, message};
use cofferdam_wayland_wire::Arg;
use proptest::prelude::*;

/// A length as the harness reads it, and that many bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(2), 0);
    let mut out = vec![u8::try_from(padded.len() / 2).unwrap()];
    out.extend(padded);
    out
}

/// Context 1 with a real ring in resource 1, the registry as object 2, and these globals bound from 3 on.
fn opened(globals: &[&str]) -> Vec<u8> {
    let mut steps =
        vec![2, 1, /* blob */ 4, 1, 0, 2, 5, /* attach */ 6, 1, 1, /* INIT2 */ 12, 1, 1];
    let mut say = |sender_is_guest: bool, bytes: &[u8]| {
        steps.extend(if sender_is_guest { [14, 1, 0] } else { [19, 1, 0] });
        steps.extend(sized(bytes));
    };
    say(true, &message(1, 1, &[Arg::NewId(id(2))]));
    for (name, interface) in (1..).zip(globals) {
        say(false, &message(2, 0, &[Arg::Uint(name), Arg::Str(Some(interface)), Arg::Uint(3)]));
        let new = Arg::NewIdAny { interface, version: 1, id: id(name + 2) };
        say(true, &message(2, 0, &[Arg::Uint(name), new]));
    }
    steps
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut ring = opened(&["wl_compositor"]);
    ring.extend([17, 1]); // POLL
    ring.extend([24, 0, 16, 1]); // the guest's counter lies
    ring.extend([17, 1]);

    let mut pixels = opened(&["wl_shm"]);
    pixels.extend([5, 2, 1, 3, 1]); // an arena blob of three pages
    pixels.extend([6, 2, 1, 9, 2, 4, 22, 1]); // attached, mapped, and the machine agrees
    pixels.extend([14, 1, 1, 1, 2]);
    pixels.extend(sized(&message(3, 0, &[Arg::NewId(id(4)), Arg::Fd, Arg::Int(8192)])));
    pixels.extend([14, 1, 0]);
    let int = Arg::Int;
    let buffer = [Arg::NewId(id(5)), int(0), int(16), int(16), int(64), Arg::Uint(0)];
    pixels.extend(sized(&message(4, 0, &buffer)));
    pixels.extend([8, 2, 3, 1]);

    let mut keymap = opened(&["wl_seat"]);
    keymap.extend([14, 1, 0]);
    keymap.extend(sized(&message(3, 1, &[Arg::NewId(id(4))])));
    keymap.extend([19, 1, 1, 0, 100]);
    keymap.extend(sized(&message(4, 0, &[Arg::Uint(1), Arg::Fd, Arg::Uint(100)])));
    keymap.extend([5, 3, 2, 1, 1, 9, 3, 0, 22, 1]); // claimed and mapped

    let mut copy = opened(&["wl_seat", "wl_data_device_manager"]);
    copy.extend([14, 1, 0]);
    copy.extend(sized(&message(4, 0, &[Arg::NewId(id(5))])));
    copy.extend([19, 1, 1, 1]);
    copy.extend(sized(&message(5, 1, &[Arg::Str(Some("text")), Arg::Fd])));
    for _ in 0..4 {
        copy.extend([18, 1, 2]);
        copy.extend(sized(&[9; 60]));
        copy.push(0);
    }
    copy.extend([21, 1, 0, 2, 200, 2]); // the reader took some
    copy.extend([18, 1, 2, 0, 1]); // the last word

    let mut paste = opened(&["wl_seat", "wl_data_device_manager"]);
    paste.extend([14, 1, 0]);
    paste.extend(sized(&message(4, 1, &[Arg::NewId(id(5)), Arg::Object(Some(id(3)))])));
    paste.extend([19, 1, 0]);
    paste.extend(sized(&message(5, 0, &[Arg::NewId(id(0xff00_0000))])));
    paste.extend([14, 1, 1, 0, 1]);
    paste.extend(sized(&message(0xff00_0000, 1, &[Arg::Str(Some("text")), Arg::Fd])));
    paste.extend([21, 1, 1, 1, 200, 0]); // bytes
    paste.extend([23, 61]); // and then none for a minute

    let mut single = vec![2, 1, 4, 1, 0, 1, 0, 6, 1, 1, 11, 1, 1, 1, 17, 1];
    single.extend([14, 1, 0]);
    single.extend(sized(&message(1, 0, &[Arg::NewId(id(2))])));
    single.extend([19, 1, 0]);
    single.extend(sized(&message(2, 0, &[Arg::Uint(7)])));
    single.extend([21, 1, 0, 0, 0, 4, 17, 1]); // the compositor leaves
    vec![
        ("ring", ring),
        ("pixels", pixels),
        ("keymap", keymap),
        ("copy", copy),
        ("paste", paste),
        ("single", single),
    ]
}

#[test]
fn the_corpus_keeps_its_promises() {
    // What a seed must reach, or it is of no use.
    let wanted: [(&str, &[&str]); 6] = [
        ("ring", &["requests", "report", "close-client"]),
        ("pixels", &["pool", "map-arena", "punch"]),
        ("keymap", &["fill-arena"]),
        ("copy", &["adopt-pipe", "to-pipe", "close-pipe"]),
        ("paste", &["pipe", "close-pipe", "report"]),
        ("single", &["requests", "close-client"]),
    ];
    for ((name, bytes), (same, wanted)) in seeds().into_iter().zip(wanted) {
        assert_eq!(name, same);
        let effects = harness::effects(&bytes);
        for effect in wanted {
            assert!(effects.contains(effect), "{name} reaches {effects:?}, not {effect}");
        }
        files::seed("gpu_device", name, &bytes);
    }
    assert!(files::replay("gpu_device", harness::device) >= 6);
}

proptest! {
    #[test]
    fn any_bytes_keep_them(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        harness::device(&data);
    }
}
