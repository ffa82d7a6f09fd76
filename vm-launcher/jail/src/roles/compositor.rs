// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor: headless, and as a window of another desktop.
//!
//! In: nothing. Out: what it needs, in two stages: while it reads its theme and keyboard layout, opens its
//! sockets and, as a window, loads graphics drivers; and while it serves clients. It starts no program.

use super::common::{
    ACCEPT, CONNECT, IDENTITY, KEEP, LISTEN, LOADER, LOOP, READ, RUNTIME, SECOND_FILTER, SOCKETS,
    THREAD_BEGIN, THREADS,
};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, When, is};
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
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "threads", rules: THREADS },
                Table { name: "loop", rules: LOOP },
                Table { name: "identity", rules: IDENTITY },
                Table { name: "sockets", rules: SOCKETS },
                Table { name: "connect", rules: CONNECT },
                Table { name: "listen", rules: LISTEN },
                Table { name: "accept", rules: ACCEPT },
                Table { name: "read", rules: READ },
                Table { name: "keep", rules: KEEP },
                Table { name: "second filter", rules: SECOND_FILTER },
                Table { name: "compositor", rules: SERVE },
            ],
            starts: &[],
        },
        Stage { name: "serving", tables: SERVES, starts: &[] },
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
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "threads", rules: THREADS },
                Table { name: "loop", rules: LOOP },
                Table { name: "identity", rules: IDENTITY },
                Table { name: "sockets", rules: SOCKETS },
                Table { name: "connect", rules: CONNECT },
                Table { name: "listen", rules: LISTEN },
                Table { name: "accept", rules: ACCEPT },
                Table { name: "read", rules: READ },
                Table { name: "keep", rules: KEEP },
                Table { name: "second filter", rules: SECOND_FILTER },
                Table { name: "compositor", rules: SERVE },
                Table { name: "loader", rules: LOADER },
                Table { name: "graphics", rules: GRAPHICS },
            ],
            starts: &[],
        },
        Stage {
            name: "serving",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "threads", rules: THREADS },
                Table { name: "loop", rules: LOOP },
                Table { name: "identity", rules: IDENTITY },
                Table { name: "sockets", rules: SOCKETS },
                Table { name: "connect", rules: CONNECT },
                Table { name: "accept", rules: ACCEPT },
                Table { name: "read", rules: READ },
                Table { name: "keep", rules: KEEP },
                Table { name: "compositor", rules: SERVE },
                Table { name: "loader", rules: LOADER },
                Table { name: "graphics", rules: GRAPHICS },
            ],
            starts: &[],
        },
    ],
    places: NESTED_PLACES,
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

const SERVES: &[Table] = &[
    Table { name: "runtime", rules: RUNTIME },
    Table { name: "thread begin", rules: THREAD_BEGIN },
    Table { name: "threads", rules: THREADS },
    Table { name: "loop", rules: LOOP },
    Table { name: "identity", rules: IDENTITY },
    Table { name: "sockets", rules: SOCKETS },
    Table { name: "connect", rules: CONNECT },
    Table { name: "accept", rules: ACCEPT },
    Table { name: "read", rules: READ },
    Table { name: "compositor", rules: SERVE },
];

const PLACES: &[Place] = &[
    Place::new("sockets", Reach::Keep, "its sockets, and those that a lock of an earlier one has left"),
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

const NESTED_PLACES: &[Place] = &[
    Place::new("sockets", Reach::Keep, "its sockets"),
    Place::new("phrase", Reach::Read, "the words by which the person knows the desktop"),
    Place::new("layout", Reach::Read, "the person's own keyboard layouts"),
    Place::new("/dev/null", Reach::Write, "output that nobody wants"),
    Place::new("/usr", Reach::Read, "graphics drivers and what they read, keyboard layouts, cursors"),
    Place::new("/lib", Reach::Read, "graphics drivers"),
    Place::new("/lib64", Reach::Read, "graphics drivers"),
    Place::new("/etc", Reach::Read, "how graphics drivers are set up"),
    Place::new("/sys", Reach::Read, "which graphics card there is"),
    Place::new("/dev/dri", Reach::Write, "the graphics card"),
    Place::new("/dev/udmabuf", Reach::Write, "memory shared with the graphics card"),
    Place::new("/dev/shm", Reach::Keep, "memory shared with the other desktop"),
    Place::new("/proc", Reach::Read, "drivers ask who they are in"),
    Place::new("shaders", Reach::Keep, "shaders that drivers have compiled"),
    Place::new("display", Reach::Read, "the other desktop's socket and its key"),
];

/// What it does for its clients.
pub const SERVE: &[Rule] = &[
    Rule::any(libc::SYS_timerfd_create, "when a frame is due"),
    Rule::any(libc::SYS_timerfd_settime, "when a frame is due"),
    Rule::any(libc::SYS_memfd_create, "keymaps, screenshots, what is pasted"),
    Rule::any(libc::SYS_ftruncate, "keymaps, screenshots"),
    Rule::any(libc::SYS_fallocate, "keymaps").rare("depends on a library's way to make memory"),
    Rule::any(libc::SYS_pipe2, "what is pasted"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "a keymap that clients can't change"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GET_SEALS)], "whether a client's memory can shrink"),
    Rule::any(libc::SYS_epoll_pwait2, "when a frame is due").rare("depends on the version of a library"),
    Rule::any(libc::SYS_clock_nanosleep, "a bus library waits").rare(BUS),
];

/// One family of `ioctl`: all calls with this letter.
const fn family(letter: u8) -> When {
    When::Bits { arg: 1, mask: 0xff00, value: (letter as u32) << 8 }
}

const CARD: &str = "only with a graphics card";

/// What graphics drivers do. Each has calls of its own, on files that Landlock names.
pub const GRAPHICS: &[Rule] = &[
    Rule::only(libc::SYS_ioctl, &[family(b'd')], "the graphics card").rare(CARD),
    Rule::only(libc::SYS_ioctl, &[family(b'b')], "memory shared with it").rare(CARD),
    Rule::only(libc::SYS_ioctl, &[family(b'>')], "when it is done").rare(CARD),
    Rule::only(libc::SYS_ioctl, &[family(b'F')], "NVIDIA's own driver").rare(CARD),
    Rule::only(libc::SYS_ioctl, &[family(b'u')], "memory shared with it").rare(CARD),
];
