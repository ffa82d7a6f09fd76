// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor: headless, and as a window of another desktop.
//!
//! In: nothing. Out: what it needs, in two stages: while it reads its theme and keyboard layout, opens its
//! sockets and its window; and while it serves clients. It starts no program.

use super::common::{ACCEPT, KEEP, LISTEN, SECOND_FILTER, SERVICE};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, all_of, is, none_of};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

const BUS: &str = "only with a session bus";

/// The stage in which it reads what clients say.
pub const SERVING: usize = 1;

/// As pictures in memory.
pub static COMPOSITOR: Role = Role {
    name: "compositor",
    what: "cofferdam-compositor, headless",
    answer: Answer::Refuse,
    before: &[],
    stages: &[
        Stage {
            name: "start",
            tables: &[SERVICE, &[LISTEN, ACCEPT, KEEP, SECOND_FILTER, SERVE]],
            starts: &[],
        },
        Stage { name: "serving", tables: &[SERVICE, &[ACCEPT, SERVE]], starts: &[] },
    ],
    places: PLACES,
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// As a window of another desktop.
pub static NESTED: Role = Role {
    name: "compositor as a window",
    what: "cofferdam-compositor, nested",
    answer: Answer::Refuse,
    before: &[],
    stages: &[
        Stage {
            name: "start",
            tables: &[SERVICE, &[LISTEN, ACCEPT, KEEP, SECOND_FILTER, SERVE, WINDOW]],
            starts: &[],
        },
        Stage { name: "serving", tables: &[SERVICE, &[ACCEPT, SERVE, WINDOW]], starts: &[] },
    ],
    places: PLACES,
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

const PLACES: &[Place] = &[
    Place::new("sockets", Reach::Keep, "its sockets, and those that a lock of an earlier one has left"),
    Place::new("keymaps", Reach::Write, "files without a name: keymaps of clients too old for sealed ones"),
    Place::new("phrase", Reach::Read, "the words by which the person knows the desktop"),
    Place::new("layout", Reach::Read, "the person's own keyboard layouts"),
    Place::new("/usr/share/X11", Reach::Read, "keyboard layouts, names of keys"),
    Place::new("/etc/X11", Reach::Read, "the administrator's keyboard layouts"),
    Place::new(
        "/usr/share/xkeyboard-config-2",
        Reach::Read,
        "keyboard layouts, where newer systems have them",
    ),
    Place::new("/dev/null", Reach::Write, "output that nobody wants"),
    Place::new("/etc/machine-id", Reach::Read, "a bus library asks for it"),
];

/// What it does for its clients.
pub const SERVE: Table = Table::new(
    "compositor",
    &[
        Rule::any(libc::SYS_timerfd_create, "when a frame is due"),
        Rule::any(libc::SYS_timerfd_settime, "when a frame is due"),
        Rule::any(libc::SYS_memfd_create, "keymaps, screenshots, what is pasted"),
        Rule::only(
            libc::SYS_openat,
            &[all_of(2, libc::O_TMPFILE), none_of(2, libc::O_CREAT | libc::O_TRUNC)],
            "a file without a name: the keymap of a client that is too old for a sealed one",
        ),
        Rule::any(libc::SYS_fallocate, "keymaps").rare("depends on a library's way to make memory"),
        Rule::any(libc::SYS_pipe2, "what is pasted"),
        Rule::any(libc::SYS_splice, "what is pasted, to a reader that may be slow"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "a keymap that clients can't change"),
        Rule::any(libc::SYS_epoll_pwait2, "when a frame is due").rare("depends on the version of a library"),
        Rule::any(libc::SYS_clock_nanosleep, "a bus library waits").rare(BUS),
    ],
);

/// What it does for its own window.
pub const WINDOW: Table = Table::new(
    "window",
    &[
        Rule::any(libc::SYS_pwrite64, "frames, into memory that the other desktop reads"),
        Rule::any(libc::SYS_ftruncate, "room for larger frames"),
    ],
);
