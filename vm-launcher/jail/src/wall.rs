// SPDX-License-Identifier: GPL-3.0-or-later
//! A kind of process and the wall around it.
//!
//! In: a [`Role`], which is data, and what only the running program knows: where its places are, which
//! descriptors and children it has. Out: the wall is up, stage by stage, or a [`JailError`].

use crate::enter::{self, JailError, Landlock, Limits, Report};
use crate::filter::{Answer, Filter};
use crate::places::{self, Place, Reach};
use crate::rules::{Pids, Rule};
use rustix::thread::CapabilitySet;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// Rules that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name in lists.
    pub name: &'static str,
    /// The rules.
    pub rules: &'static [Rule],
}

/// A part of a process's life in which it may do certain things. A later one is stricter.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Its name in lists.
    pub name: &'static str,
    /// What the process itself does.
    pub tables: &'static [&'static [Table]],
    /// Roles whose processes it starts in this stage. Filters are inherited, so all that those need is allowed
    /// to it as well; each of them then puts up its own.
    pub starts: &'static [&'static Role],
}

/// What is left of Landlock's part to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Where the kernel has none, seccomp holds alone.
    Wanted,
    /// Seccomp leaves it `open`, so it must not start without.
    Required,
}

/// One kind of process.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    /// Its name in lists.
    pub name: &'static str,
    /// What stands behind this wall.
    pub what: &'static str,
    /// What happens at any other call.
    pub answer: Answer,
    /// What it does before the wall stands: it is in its parent's then.
    pub before: &'static [Table],
    /// Stages, in order.
    pub stages: &'static [Stage],
    /// Paths.
    pub places: &'static [Place],
    /// Whether it opens TCP connections.
    pub connects: bool,
    /// Whether it may run without Landlock.
    pub landlock: Need,
    /// What stays of root's powers where the process is root.
    pub powers: CapabilitySet,
}

impl Stage {
    /// All tables, in order.
    pub fn tables(&self) -> impl Iterator<Item = &'static Table> + use<> {
        self.tables.iter().copied().flatten()
    }
}

impl Table {
    /// A table.
    #[must_use]
    pub const fn new(name: &'static str, rules: &'static [Rule]) -> Self {
        Self { name, rules }
    }
}

impl Role {
    /// All rules of a stage, with the processes that they speak of.
    #[must_use]
    pub fn rules(&self, stage: usize, pids: &Pids) -> Vec<(&'static Rule, Pids)> {
        let Some(stage) = self.stages.get(stage) else { return Vec::new() };
        let mut rules: Vec<_> = of(stage.tables()).map(|rule| (rule, pids.clone())).collect();
        for child in stage.starts {
            // Which numbers children and their children will have, nobody knows now.
            let unknown = Pids::default();
            rules.extend(of(child.before.iter()).map(|rule| (rule, unknown.clone())));
            for own in 0..child.stages.len() {
                rules.extend(child.rules(own, &unknown));
            }
        }
        rules
    }

    /// Whether a stage lets a call through.
    #[must_use]
    pub fn admits(&self, stage: usize, call: i64, args: &[u64; 6], pids: &Pids) -> bool {
        self.rules(stage, pids).iter().any(|(rule, pids)| rule.admits(call, args, pids))
    }

    /// The filter of a stage.
    ///
    /// # Errors
    /// [`JailError::Stage`], or [`JailError::Filter`] if its rules don't compile.
    pub fn filter(&self, stage: usize, pids: &Pids) -> Result<Filter, JailError> {
        if stage >= self.stages.len() {
            return Err(JailError::Stage { role: self.name, stage });
        }
        let rules = self.rules(stage, pids);
        Ok(Filter::of(rules.iter().map(|(rule, pids)| (*rule, pids)), self.answer)?)
    }
}

fn of(tables: impl Iterator<Item = &'static Table>) -> impl Iterator<Item = &'static Rule> {
    tables.flat_map(|table| table.rules)
}

/// A wall that is being put up.
#[derive(Debug, Clone)]
pub struct Wall {
    role: &'static Role,
    places: Vec<(Reach, PathBuf)>,
    unknown: Option<&'static str>,
    keep: Option<Vec<RawFd>>,
    limits: Option<Limits>,
    parent: Option<u32>,
    user: Option<u32>,
    landlock: bool,
    abstract_sockets: bool,
}

impl Wall {
    /// The wall of a role, with the paths that are the same on each machine.
    #[must_use]
    pub fn of(role: &'static Role) -> Self {
        let fixed = role.places.iter().filter(|place| place.is_fixed());
        let places = fixed.map(|place| (place.reach, place.name.into())).collect();
        Self {
            role,
            places,
            unknown: None,
            keep: None,
            limits: None,
            parent: None,
            user: None,
            landlock: true,
            abstract_sockets: false,
        }
    }

    /// Says where the place `name` of the role is; several times if it is in several places.
    #[must_use]
    pub fn at(mut self, name: &'static str, path: impl Into<PathBuf>) -> Self {
        match self.role.places.iter().find(|place| place.name == name && !place.is_fixed()) {
            Some(place) => self.places.push((place.reach, path.into())),
            None => self.unknown = Some(name),
        }
        self
    }

    /// Closes every inherited descriptor but these, and 0, 1 and 2.
    #[must_use]
    pub fn keeping(mut self, descriptors: impl IntoIterator<Item = RawFd>) -> Self {
        self.keep = Some(descriptors.into_iter().collect());
        self
    }

    /// Limits numbers of things.
    #[must_use]
    pub const fn limited(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Has the process die with its parent, which must be this one.
    #[must_use]
    pub fn child_of(mut self, parent: impl Into<Option<u32>>) -> Self {
        self.parent = parent.into();
        self
    }

    /// Has the process become this user and group, and leave all groups. Only root can.
    #[must_use]
    pub const fn user(mut self, user: Option<u32>) -> Self {
        self.user = user;
        self
    }

    /// Says that the session bus, which is yet to be connected to, is at this address. Old buses have abstract
    /// sockets; only then are those left.
    #[must_use]
    pub fn bus(mut self, address: Option<&std::ffi::OsStr>) -> Self {
        self.abstract_sockets = address.is_some_and(|a| a.to_string_lossy().contains("abstract="));
        self
    }

    /// Leaves Landlock out. Only for tests: what seccomp is to hold, it must hold alone.
    #[must_use]
    pub const fn without_landlock(mut self) -> Self {
        self.landlock = false;
        self
    }

    /// Puts it up around this thread and what it starts, for a program that has others: no limits, no closed
    /// descriptors, and the first stage's filter for this thread alone.
    ///
    /// # Errors
    /// Any [`JailError`]; the thread must end then.
    pub fn enter_on_this_thread(self) -> Result<Landlock, JailError> {
        if let Some(place) = self.unknown {
            return Err(JailError::Place { role: self.role.name, place });
        }
        enter::keep_powers(self.role.powers)?;
        let landlock = self.restrict()?;
        self.role.filter(0, &Pids::here())?.install_here()?;
        Ok(landlock)
    }

    /// Puts it up, with the first stage's filter. Call it while there is one thread: Landlock holds for this
    /// one and what it starts, seccomp for all.
    ///
    /// # Errors
    /// Any [`JailError`]; the process must end then.
    pub fn enter(self) -> Result<Report, JailError> {
        if let Some(place) = self.unknown {
            return Err(JailError::Place { role: self.role.name, place });
        }
        if let Some(keep) = &self.keep {
            enter::close_strays(keep)?;
        }
        if let Some(limits) = self.limits {
            enter::set_limits(limits)?;
        }
        // Before the parent-death signal, which another user clears.
        enter::become_user(self.user)?;
        if self.parent.is_some() {
            enter::die_with_parent(self.parent)?;
        }
        enter::give_up_privileges(self.role.powers)?;
        let landlock = self.restrict()?;
        // Asked before the filter comes: not every role may.
        let uid = rustix::process::getuid().as_raw();
        self.role.filter(0, &Pids::here())?.install()?;
        Ok(Report { uid, landlock })
    }

    fn restrict(&self) -> Result<Landlock, JailError> {
        if !self.landlock {
            return Ok(Landlock::Off);
        }
        let stands =
            places::restrict(&self.places, self.role.connects, places::outside(self.abstract_sockets))?;
        if stands == Landlock::Absent && self.role.landlock == Need::Required {
            return Err(JailError::NoLandlock { role: self.role.what });
        }
        Ok(stands)
    }
}

/// Goes on to a later stage of `role`, on all threads. `children` are those that may still be signalled.
///
/// # Errors
/// [`JailError::Stage`], or [`JailError::Filter`] if the kernel refuses the filter.
pub fn tighten_to(role: &'static Role, stage: usize, children: Vec<u32>) -> Result<(), JailError> {
    let pids = Pids { children, ..Pids::here() };
    Ok(role.filter(stage, &pids)?.install()?)
}
