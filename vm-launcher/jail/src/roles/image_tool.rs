// SPDX-License-Identifier: GPL-3.0-or-later
//! Tools of the base that work on an app's layer and run on this computer.
//!
//! In: nothing. Out: what they need, measured: the linker's, schemas', modules', MIME types', icons', loaders' and
//! fonts' caches, and a layer packed and unpacked. A thread of the builder puts the wall up and starts the tool, so
//! what starting takes is in it; Landlock leaves nothing to start but what is in the tool's own tree.
//!
//! Not in it: `chroot` (a tool then joins paths) and `clock_nanosleep` (one would sleep for two seconds, for the
//! sake of time stamps that are set anyway).

use super::common::{
    FIOCLEX, FIONBIO, IDENTITY, KEEP, LOADER, NAMESPACES, READ, RUNTIME, TCGETS, THREAD_BEGIN, THREADS,
};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, is, none_of};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// The role.
pub static IMAGE_TOOL: Role = Role {
    name: "image tool",
    what: "a tool that makes a layer or its caches",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage {
        name: "running",
        tables: &[&[RUNTIME, THREAD_BEGIN, THREADS, LOADER, IDENTITY, READ, KEEP, RUN]],
        starts: &[],
    }],
    places: &[
        Place::new("programs", Reach::Run, "the tree that it and its libraries come from"),
        Place::new("data", Reach::Read, "the layer or tree that it works on"),
        Place::new("results", Reach::Keep, "what it makes"),
        Place::new("/dev/null", Reach::Write, "its standard input"),
    ],
    connects: false,
    landlock: Need::Required,
    powers: CapabilitySet::empty(),
};

/// What starting a tool takes, and what the tools do with files of their tree.
pub const RUN: Table = Table::new(
    "image tool",
    &[
        Rule::any(libc::SYS_execve, "starting the tool; Landlock says which"),
        Rule::only(libc::SYS_clone, &[none_of(0, NAMESPACES)], "starting the tool"),
        Rule::any(libc::SYS_vfork, "starting the tool").rare("depends on the version of the C library"),
        Rule::any(libc::SYS_pipe2, "what the tool says"),
        Rule::any(libc::SYS_dup2, "what the tool says"),
        Rule::any(libc::SYS_wait4, "how the tool ended"),
        Rule::any(libc::SYS_waitid, "how the tool ended")
            .rare("depends on the version of the standard library"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "what the tool says"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "what the tool says"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "descriptors that a tool has"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "descriptors that a tool has"),
        Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "what the tool says"),
        Rule::only(libc::SYS_ioctl, &[is(1, FIOCLEX)], "files that no other program gets"),
        Rule::only(libc::SYS_ioctl, &[is(1, TCGETS)], "whether somebody looks on"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETLK)], "one writer of a cache at a time"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETLKW)], "one writer of a cache at a time"),
        Rule::any(libc::SYS_link, "one writer of a cache at a time"),
        Rule::any(libc::SYS_dup, "a file is written in two ways"),
        Rule::any(libc::SYS_chdir, "the tree is the root of what it looks at"),
        Rule::any(libc::SYS_chmod, "who may read a cache"),
        Rule::any(libc::SYS_pwrite64, "a cache's parts"),
        Rule::any(libc::SYS_fallocate, "a cache's room"),
        Rule::any(libc::SYS_fadvise64, "files are read at once"),
        Rule::any(libc::SYS_statfs, "where files are"),
        Rule::any(libc::SYS_fstatfs, "where files are"),
        Rule::any(libc::SYS_symlink, "links of a layer"),
        Rule::any(libc::SYS_umask, "files of a layer have the modes that they have"),
        Rule::any(libc::SYS_copy_file_range, "a layer's parts"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_CAPBSET_READ)], "what a library could do as root"),
    ],
);
