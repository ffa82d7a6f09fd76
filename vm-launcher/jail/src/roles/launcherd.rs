// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher, and what it starts to make a VM's data volume and to try the hardware.
//!
//! In: nothing. Out: what they need. The launcher starts shepherds, so all that those and their parts need is
//! allowed to it as well. No byte of a guest reaches it.

use super::common::{END, IDENTITY, KEEP, LOADER, READ, RUNTIME, SERVICE, SPAWN, THREAD_BEGIN};
use super::shepherd::POWERS;
use super::{MACHINE, SHEPHERD, places};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, When, is};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// The role.
pub static LAUNCHERD: Role = Role {
    name: "launcherd",
    what: "cofferdam-launcherd",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage {
        name: "running",
        tables: &[SERVICE, &[KEEP, SPAWN, END]],
        starts: &[&SHEPHERD, &MACHINE, &VOLUME],
    }],
    places: &places![
        Place::new("notes", Reach::Keep, "which images are in use, and whether the hardware can run guests"),
        Place::new("apps", Reach::Read, "descriptions of apps"),
    ],
    connects: true,
    landlock: Need::Wanted,
    powers: POWERS,
};

/// Programs without walls of their own, which stand behind the launcher's: they see nothing of a guest.
pub static VOLUME: Role = Role {
    name: "volume",
    what: "mke2fs and cofferdam-kvm-probe, behind launcherd's wall",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage {
        name: "running",
        tables: &[&[RUNTIME, THREAD_BEGIN, LOADER, IDENTITY, READ, KEEP, MAKE]],
        starts: &[],
    }],
    places: &[],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// What these programs do.
pub const MAKE: Table = Table::new(
    "volume",
    &[
        Rule::any(libc::SYS_pwrite64, "the volume's blocks"),
        Rule::any(libc::SYS_fallocate, "the volume's blocks"),
        Rule::only(
            libc::SYS_prctl,
            &[is(0, libc::PR_GET_DUMPABLE)],
            "whether it has more rights than its user",
        ),
        Rule::any(libc::SYS_getppid, "random numbers of a library"),
        Rule::only(
            libc::SYS_ioctl,
            &[When::Bits { arg: 1, mask: 0xff00, value: 0x1200 }],
            "whether it is a disk",
        ),
        Rule::only(libc::SYS_ioctl, &[is(1, 0x5401)], "whether somebody looks on"),
        Rule::only(
            libc::SYS_ioctl,
            &[When::Bits { arg: 1, mask: 0xff00, value: 0xae00 }],
            "whether the hardware runs a guest",
        )
        .rare("only where there is /dev/kvm"),
    ],
);
