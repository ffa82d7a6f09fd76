// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent link as an enforcement point; decides what passes, does nothing itself. In: what the guest
//! and the monitor said, what became of jobs, the time. Out: [`Effect`]s, in order.
//!
//! Absent on purpose: any answer but "no" that did not come from the monitor. Without one, everything is
//! denied; when one goes away, all that it allowed is cut.

use super::fault::Fault;
use super::files::{Done, Job, failed};
use super::given::{Given, Handles};
use super::wish;
use cofferdam_agent_wire::{
    FileAnswer, FileOp, PortalOutcome as GuestOutcome, PortalWish as GuestWish, ToGuest,
};
use cofferdam_kit::guarded::Guarded;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, PortalOutcome, PortalWish, ToPoint};
use cofferdam_policy::{FileAccess, FileKind, Refusal, Resource};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Wishes of one VM that may be open at one time.
pub(crate) const MAX_WISHES: usize = 16;
/// Wishes that a VM may have at once after a pause, and how long until it has one more.
pub(crate) const BURST: u32 = 32;
const REFILL: Duration = Duration::from_millis(500);
/// Files and folders that a VM may hold at one time.
pub(crate) const MAX_FILES: usize = 64;
/// File operations of a VM that may wait.
pub(crate) const MAX_JOBS: usize = 64;

/// What the shell has to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Tell the guest.
    Guest(ToGuest),
    /// Tell the guest, if the file behind it still lives when the message's turn comes.
    GuestWhile {
        /// What.
        message: ToGuest,
        /// False once it was cut.
        live: Arc<AtomicBool>,
        /// What is said then.
        otherwise: ToGuest,
    },
    /// Tell the monitor.
    Monitor(FromPoint),
    /// Do something with a file.
    Work(Job),
    /// The guest broke a rule for the nth time.
    Fault(Fault, u64),
    /// The monitor broke the wire: close it.
    HangUp(&'static str),
}

/// A wish that the monitor has.
#[derive(Debug)]
struct Wish {
    /// The guest's number for it.
    serial: u32,
    /// It goes on after a yes, until the guest forgets it.
    lasts: bool,
}

/// The agent link of one VM.
#[derive(Debug, Default)]
pub(crate) struct Core {
    /// Whether a monitor hears us.
    connected: bool,
    next_wish: u32,
    /// By our number: the monitor never sees the guest's, so that no old answer meets a new wish.
    wishes: BTreeMap<u32, Wish>,
    next_file: u32,
    files: BTreeMap<u32, Given>,
    handles: Handles,
    /// Operations under way, by file: numbers of tickets begin anew with each socket, those of files do not.
    jobs: BTreeMap<u32, usize>,
    /// Tickets whose cut waits for operations under way, and for those on which files.
    cutting: BTreeMap<u64, BTreeSet<u32>>,
    /// Wishes that the guest has used of its allowance, as time.
    spent: Duration,
    faults: BTreeMap<Fault, u64>,
    /// What is no app's, whoever says so.
    guarded: Guarded,
    effects: VecDeque<Effect>,
}

impl Core {
    /// An agent link with nothing handed over, and never anything of `guarded`.
    pub(crate) fn new(guarded: Guarded) -> Self {
        Self { guarded, ..Self::default() }
    }

    /// What to do next.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// A monitor hears us from now on. What an earlier one allowed is over.
    pub(crate) fn connected(&mut self) {
        self.disconnected();
        self.connected = true;
    }

    /// The monitor is gone, and with it all that it allowed.
    pub(crate) fn disconnected(&mut self) {
        self.connected = false;
        for file in self.files.keys().copied().collect::<Vec<_>>() {
            self.take_back(file);
        }
        self.cutting.clear();
        for (_, wish) in std::mem::take(&mut self.wishes) {
            self.deny(wish.serial);
        }
    }

    /// An app asks for something.
    pub(crate) fn wish(&mut self, serial: u32, wish: GuestWish, now: Duration) {
        if self.wishes.values().any(|open| open.serial == serial) {
            // Whose question an answer would be is not known any more: the first one keeps its own.
            return self.fault(Fault::SerialInUse);
        }
        let wish = match wish::translate(wish) {
            Ok(wish) => wish,
            Err(fault) => {
                self.fault(fault);
                return self.deny(serial);
            }
        };
        if !self.afford(now) || self.wishes.len() >= MAX_WISHES {
            self.fault(Fault::Flood);
            return self.deny(serial);
        }
        if !self.connected {
            return self.deny(serial);
        }
        let ours = self.next_wish;
        self.next_wish = ours.wrapping_add(1);
        let lasts = matches!(wish, PortalWish::InhibitIdle { .. });
        self.wishes.insert(ours, Wish { serial, lasts });
        self.effects.push_back(Effect::Monitor(FromPoint::Portal { serial: ours, wish }));
    }

    /// An app gave up on a wish.
    pub(crate) fn forget(&mut self, serial: u32) {
        // One that is answered already, or was never asked: nothing is lost.
        let Some(ours) = self.wishes.iter().find(|(_, w)| w.serial == serial).map(|(ours, _)| *ours) else {
            return;
        };
        self.wishes.remove(&ours);
        self.effects.push_back(Effect::Monitor(FromPoint::Forget { serial: ours }));
    }

    /// The guest wants something done with a file.
    pub(crate) fn file(&mut self, serial: u32, file: u32, op: FileOp) {
        let waiting: usize = self.jobs.values().sum();
        let result = if waiting >= MAX_JOBS { Err(Fault::TooManyOps) } else { self.admit(serial, file, op) };
        if let Err(fault) = result {
            // A file that was just taken back is no mistake of the guest's.
            if fault != Fault::UnknownFile || file >= self.next_file {
                self.fault(fault);
            }
            let answer = failed(fault.errno());
            self.effects.push_back(Effect::Guest(ToGuest::FileReply { serial, answer }));
        }
    }

    fn admit(&mut self, serial: u32, file: u32, op: FileOp) -> Result<(), Fault> {
        let given = self.files.get_mut(&file).ok_or(Fault::UnknownFile)?;
        wish::check_op(&op)?;
        let handle = match &op {
            FileOp::Read { handle, .. }
            | FileOp::Write { handle, .. }
            | FileOp::Sync { handle }
            | FileOp::Close { handle } => Some(*handle),
            _ => None,
        };
        let open = handle.map(|h| self.handles.get(h, file)).transpose()?;
        match &op {
            FileOp::Close { handle } => {
                self.handles.close(*handle);
                self.effects
                    .push_back(Effect::Guest(ToGuest::FileReply { serial, answer: FileAnswer::Done }));
                self.report(file);
                return Ok(());
            }
            FileOp::Open { .. } if self.handles.is_full() => return Err(Fault::TooManyHandles),
            FileOp::Write { handle, data, .. } => {
                self.handles.is_writable(*handle)?;
                given.may_write(data.len())?;
            }
            _ => {}
        }
        let job = Job {
            serial,
            file,
            root: Arc::clone(&given.root),
            handle: open,
            writable: given.writable,
            live: Arc::clone(&given.live),
            op,
        };
        *self.jobs.entry(job.file).or_default() += 1;
        self.effects.push_back(Effect::Work(job));
        Ok(())
    }

    /// An operation is over.
    pub(crate) fn done(&mut self, done: Done) {
        if let Some(left) = self.jobs.get_mut(&done.file) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.jobs.remove(&done.file);
                self.at_rest(done.file);
            }
        }
        // Cut meanwhile: what it read goes nowhere. The guest was told that the file is gone.
        let Some(given) = self.files.get_mut(&done.file) else { return };
        let report = given.count(done.read, done.written);
        let live = Arc::clone(&given.live);
        let answer = match (done.answer, done.opened) {
            (FileAnswer::Opened { stat, .. }, Some(fd)) => match self.handles.open(done.file, fd, done.write)
            {
                Ok(handle) => FileAnswer::Opened { handle, stat },
                Err(fault) => failed(fault.errno()),
            },
            (answer, _) => answer,
        };
        let message = ToGuest::FileReply { serial: done.serial, answer };
        let otherwise = ToGuest::FileReply { serial: done.serial, answer: failed(Errno::IO) };
        self.effects.push_back(Effect::GuestWhile { message, live, otherwise });
        if report {
            self.report(done.file);
        }
    }

    /// The monitor says something.
    pub(crate) fn monitor(&mut self, message: ToPoint, mut fds: Vec<OwnedFd>) {
        match message {
            ToPoint::PortalDone { serial, outcome } => self.outcome(serial, outcome, fds.pop()),
            ToPoint::Cut { ticket } => self.cut(ticket),
            // The level is told to the apps by the answers.
            ToPoint::Level(_) => {}
            ToPoint::Decided { .. } | ToPoint::Checked { .. } => {
                self.effects.push_back(Effect::HangUp("it decided what nobody asked"));
            }
        }
    }

    fn outcome(&mut self, ours: u32, outcome: PortalOutcome, fd: Option<OwnedFd>) {
        if matches!(outcome, PortalOutcome::File { .. }) != fd.is_some() {
            return self.effects.push_back(Effect::HangUp("a file without an fd, or an fd without a file"));
        }
        let wish = self.wishes.remove(&ours);
        match outcome {
            PortalOutcome::File { ticket, name, folder, writable } => {
                let Some(fd) = fd else { return };
                let Some(wish) = wish.filter(|w| !w.lasts) else {
                    // Forgotten meanwhile: it was never used, and won't be.
                    self.effects.push_back(Effect::Monitor(FromPoint::CutDone { ticket: ticket.id }));
                    return;
                };
                let refusal = if self.files.len() >= MAX_FILES {
                    Some(Refusal::Silenced)
                } else {
                    self.guarded.check(&fd).err().map(|_ours| Refusal::Mismatch)
                };
                if let Some(why) = refusal {
                    let access = if writable { FileAccess::Write } else { FileAccess::Read };
                    let kind = if folder { FileKind::Folder } else { FileKind::File };
                    let resource = Resource::Files { kind, access };
                    self.effects.push_back(Effect::Monitor(FromPoint::Refused { resource, why }));
                    self.effects.push_back(Effect::Monitor(FromPoint::CutDone { ticket: ticket.id }));
                    return self.deny(wish.serial);
                }
                let file = self.next_file;
                self.next_file = file.wrapping_add(1);
                self.files.insert(file, Given::new(ticket, fd, folder, writable));
                let outcome = GuestOutcome::File { file, name: name.into(), folder, writable };
                self.reply(wish.serial, outcome);
            }
            PortalOutcome::Done | PortalOutcome::OpenedBy(_) => {
                let Some(wish) = wish else { return };
                self.reply(wish.serial, GuestOutcome::Done);
                if wish.lasts {
                    self.wishes.insert(ours, wish);
                }
            }
            PortalOutcome::Denied(_) => {
                if let Some(wish) = wish {
                    self.deny(wish.serial);
                }
            }
        }
    }

    fn cut(&mut self, ticket: u64) {
        let under: Vec<u32> =
            self.files.iter().filter(|(_, f)| f.ticket.id == ticket).map(|(n, _)| *n).collect();
        for file in &under {
            self.take_back(*file);
        }
        // What an earlier socket allowed was taken back when that closed; a thread may still be at it.
        let before = self.jobs.keys().filter(|file| ticket == BEFORE && !self.files.contains_key(file));
        let busy = under.iter().filter(|file| self.jobs.contains_key(file)).chain(before);
        let busy: BTreeSet<u32> = busy.copied().collect();
        if busy.is_empty() {
            self.effects.push_back(Effect::Monitor(FromPoint::CutDone { ticket }));
        } else {
            self.cutting.insert(ticket, busy);
        }
    }

    /// No operation on a file is under way any more.
    fn at_rest(&mut self, file: u32) {
        let done = self.cutting.extract_if(.., |_, files| files.remove(&file) && files.is_empty());
        let done = done.map(|(ticket, _)| Effect::Monitor(FromPoint::CutDone { ticket }));
        self.effects.extend(done);
    }

    /// From here on not one more byte of it passes, in either direction.
    fn take_back(&mut self, file: u32) {
        self.report(file);
        let Some(given) = self.files.remove(&file) else { return };
        given.end();
        self.handles.close_all_of(file);
        self.effects.push_back(Effect::Guest(ToGuest::FileGone { file }));
    }

    /// Tells the monitor how much was used since it was told last.
    fn report(&mut self, file: u32) {
        let Some((ticket, resource, usage)) = self.files.get_mut(&file).and_then(Given::take_usage) else {
            return;
        };
        if self.connected {
            self.effects.push_back(Effect::Monitor(FromPoint::Used { ticket, resource, usage }));
        }
    }

    fn deny(&mut self, serial: u32) {
        self.reply(serial, GuestOutcome::Denied);
    }

    fn reply(&mut self, serial: u32, outcome: GuestOutcome) {
        self.effects.push_back(Effect::Guest(ToGuest::PortalReply { serial, outcome }));
    }

    fn fault(&mut self, fault: Fault) {
        let count = self.faults.entry(fault).or_default();
        *count = count.saturating_add(1);
        self.effects.push_back(Effect::Fault(fault, *count));
    }

    /// Takes one wish off the guest's allowance, if there is one left.
    fn afford(&mut self, now: Duration) -> bool {
        // `spent` is the time at which the allowance will be whole again.
        let whole = self.spent.max(now);
        let after = whole.saturating_add(REFILL);
        let affordable = after.saturating_sub(now) <= REFILL.saturating_mul(BURST);
        if affordable {
            self.spent = after;
        }
        affordable
    }
}
