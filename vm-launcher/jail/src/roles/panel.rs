// SPDX-License-Identifier: GPL-3.0-or-later
//! The panel, with the bar and the file chooser.
//!
//! In: nothing. Out: what it needs. It opens what a person chooses, so it reaches the person's files, and none
//! of them can it start. Its wires are there when the wall comes; it connects to the bus of screen readers.

use super::common::{KEEP, LOADER, SERVICE};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, is};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

const FONTS: &str = "only when fonts have come or gone";

/// The role.
pub static PANEL: Role = Role {
    name: "panel",
    what: "cofferdam-panel",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage { name: "running", tables: &[SERVICE, &[LOADER, KEEP, SHOW]], starts: &[] }],
    places: &[
        Place::new("files", Reach::Keep, "what a person chooses for an app, and files that are replaced"),
        Place::new("/", Reach::List, "folders that a person looks through on the way"),
        Place::new("/usr/share", Reach::Read, "fonts, time zones; pictures that a person may choose"),
        Place::new("/usr/lib", Reach::Read, "the Wayland library is loaded when it is needed"),
        Place::new("/lib", Reach::Read, "the same"),
        Place::new("/lib64", Reach::Read, "the same"),
        Place::new("/etc/ld.so.cache", Reach::Read, "where libraries are"),
        Place::new("/usr/local/share", Reach::Read, "fonts"),
        Place::new("/etc/fonts", Reach::Read, "which fonts there are"),
        Place::new("/var/cache/fontconfig", Reach::Read, "which fonts there are"),
        Place::new("/etc/localtime", Reach::Read, "the person's time zone"),
        Place::new("/etc/timezone", Reach::Read, "its name"),
        Place::new("/etc/machine-id", Reach::Read, "a bus library asks for it"),
        Place::new("/dev/null", Reach::Write, "output that nobody wants"),
    ],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// What only it does.
pub const SHOW: Table = Table::new(
    "panel",
    &[
        Rule::any(libc::SYS_memfd_create, "its windows' pixels"),
        Rule::any(libc::SYS_pwrite64, "its windows' pixels"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "its windows' pixels")
            .rare("not in every version"),
        Rule::any(libc::SYS_fstatfs, "where fonts are kept"),
        Rule::any(libc::SYS_link, "one writer of the fonts' cache at a time").rare(FONTS),
        Rule::any(libc::SYS_rmdir, "one writer of the fonts' cache at a time").rare(FONTS),
        Rule::any(libc::SYS_sysinfo, "how much memory there is, for a sort of the C library").rare(FONTS),
        Rule::any(libc::SYS_fadvise64, "fonts are read at once"),
        Rule::any(libc::SYS_renameat2, "a file makes room for a new one, and for nothing else")
            .rare("only when one is replaced"),
    ],
);
