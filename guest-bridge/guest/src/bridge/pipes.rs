// SPDX-License-Identifier: GPL-3.0-or-later
//! Pipes of clipboard and drags, one end with the app and the other on the host. In: descriptors, bytes of
//! either side. Out: the same bytes on the other side, never more in between than a bound.

#![expect(clippy::disallowed_methods, reason = "looks, without waiting, whether a reader is still there")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cofferdam_xdomain::EncodeError;
use cofferdam_xdomain::channel::{FIRST_READ_PIPE, GuestCommand, IdKind, Identifier, Pipe, V1_PIPE};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

/// Pipes of one client, as the device allows.
const MAX_PIPES: usize = 16;
/// Bytes for the app's side above which the host is not listened to.
const HIGH_WATER: usize = 256 * 1024;
/// Bytes read from the app at once. With what the device holds back at most, this stays below its limit.
const READ_AT_ONCE: usize = 16 * 1024;

/// A pipe whose bytes come from the host; the app reads.
#[derive(Debug)]
struct Inbound {
    app: OwnedFd,
    queue: VecDeque<u8>,
    ended: bool,
    /// It can have a reader that leaves: a file can't, and can't be watched either.
    has_reader: bool,
}

/// All pipes of one client.
#[derive(Debug)]
pub(crate) struct Pipes {
    next: u32,
    inbound: BTreeMap<u32, Inbound>,
    /// Pipes that the app writes: our reading ends.
    outbound: BTreeMap<u32, OwnedFd>,
    /// Pipes whose reader left before the end, which the host does not know yet.
    deserted: Vec<u32>,
}

/// What a pipe waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Bytes of the app.
    Read,
    /// Room for bytes of the host.
    Write,
    /// Nothing but the news that the app has stopped reading.
    End,
}

impl Pipes {
    /// No pipes.
    pub(crate) fn new() -> Self {
        Self {
            next: FIRST_READ_PIPE,
            inbound: BTreeMap::new(),
            outbound: BTreeMap::new(),
            deserted: Vec::new(),
        }
    }

    fn is_at_limit(&self) -> bool {
        self.inbound.len().saturating_add(self.outbound.len()) >= MAX_PIPES
    }

    /// Takes the writing end on which the app waits for the host's bytes. `None` if there are too many pipes;
    /// the app then reads an end at once.
    pub(crate) fn add_inbound(&mut self, app: OwnedFd) -> Option<Identifier> {
        if self.is_at_limit() || rustix::io::ioctl_fionbio(&app, true).is_err() {
            return None;
        }
        let id = self.next;
        self.next = id.checked_add(1)?;
        let kind = rustix::fs::fstat(&app).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let has_reader = matches!(kind, Ok(FileType::Fifo | FileType::Socket));
        self.inbound.insert(id, Inbound { app, queue: VecDeque::new(), ended: false, has_reader });
        Some(Identifier { id, kind: IdKind::ReadPipe, size: 0 })
    }

    /// Makes a pipe for what the app will write to the host; returns the app's end.
    pub(crate) fn add_outbound(&mut self, id: u32) -> io::Result<OwnedFd> {
        let (ours, apps) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.outbound.insert(id, ours);
        Ok(apps)
    }

    /// Bytes of the host. Unknown pipes are those whose reader has gone.
    pub(crate) fn take_in(&mut self, pipe: &Pipe<'_>) {
        if let Some(inbound) = self.inbound.get_mut(&pipe.id) {
            inbound.queue.extend(pipe.data);
            inbound.ended |= pipe.hang_up;
            self.write(pipe.id);
        }
    }

    /// Gives an app what its pipe takes.
    pub(crate) fn write(&mut self, id: u32) {
        let Some(inbound) = self.inbound.get_mut(&id) else { return };
        while !inbound.queue.is_empty() {
            match rustix::io::write(&inbound.app, inbound.queue.as_slices().0) {
                Ok(count) => drop(inbound.queue.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => return self.desert(id),
            }
        }
        if inbound.ended {
            self.inbound.remove(&id);
        } else if inbound.has_reader && is_deserted(&inbound.app) {
            self.desert(id);
        }
    }

    /// The app has stopped reading; what still comes is dropped.
    fn desert(&mut self, id: u32) {
        if self.inbound.remove(&id).is_some_and(|inbound| !inbound.ended) {
            self.deserted.push(id);
        }
    }

    /// Appends the commands that tell the host who has stopped reading; `false` if nobody has.
    pub(crate) fn tell_deserted(&mut self, commands: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let some = !self.deserted.is_empty();
        for id in self.deserted.drain(..) {
            GuestCommand::Write(Pipe { id, hang_up: true, data: &[] }).encode(commands)?;
        }
        Ok(some)
    }

    /// Reads what the app wrote and appends the commands that carry it; `false` if there was nothing.
    pub(crate) fn read(&mut self, id: u32, commands: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let Some(fd) = self.outbound.get(&id) else { return Ok(false) };
        let mut buf = vec![0u8; READ_AT_ONCE];
        let count = match rustix::io::read(fd, &mut buf) {
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Ok(count) => count,
            Err(_) => 0,
        };
        for data in buf.get(..count).unwrap_or_default().chunks(V1_PIPE) {
            GuestCommand::Write(Pipe { id, hang_up: false, data }).encode(commands)?;
        }
        if count == 0 {
            self.outbound.remove(&id);
            GuestCommand::Write(Pipe { id, hang_up: true, data: &[] }).encode(commands)?;
        }
        Ok(true)
    }

    /// Whether an app lets so much wait that the host should not be listened to.
    pub(crate) fn is_full(&self) -> bool {
        self.inbound.values().any(|inbound| inbound.queue.len() >= HIGH_WATER)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.inbound.is_empty() && self.outbound.is_empty()
    }

    /// The descriptors that wait for something.
    pub(crate) fn needs(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>, Need)> {
        let need = |inbound: &Inbound| if inbound.queue.is_empty() { Need::End } else { Need::Write };
        let inbound =
            self.inbound.iter().filter(|(_, inbound)| inbound.has_reader || !inbound.queue.is_empty());
        let inbound = inbound.map(move |(id, inbound)| (*id, inbound.app.as_fd(), need(inbound)));
        let outbound = self.outbound.iter();
        inbound.chain(outbound.map(|(id, fd)| (*id, fd.as_fd(), Need::Read)))
    }
}

/// Whether nobody reads this pipe any more.
fn is_deserted(fd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled = rustix::event::poll(&mut fds, Some(&now));
    polled.is_ok() && fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_xdomain::Limits;
    use cofferdam_xdomain::channel::commands;

    #[test]
    fn the_host_streams_to_the_app() {
        let mut pipes = Pipes::new();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let id = pipes.add_inbound(write).unwrap();
        assert_eq!((id.id, id.kind), (FIRST_READ_PIPE, IdKind::ReadPipe));
        let data = vec![5u8; 4000];
        for _ in 0..30 {
            pipes.take_in(&Pipe { id: id.id, hang_up: false, data: &data });
        }
        pipes.take_in(&Pipe { id: id.id, hang_up: true, data: &[] });
        assert_eq!(pipes.needs().map(|(_, _, need)| need).collect::<Vec<_>>(), [Need::Write]);
        let (mut total, mut buf) = (0, vec![0u8; 65536]);
        loop {
            match rustix::io::read(&read, &mut buf).unwrap() {
                0 => break,
                count => total += count,
            }
            pipes.write(id.id);
        }
        assert_eq!(total, 120_000);
        assert!(pipes.is_empty());
        pipes.take_in(&Pipe { id: id.id, hang_up: false, data: &data });
    }

    #[test]
    fn an_app_that_does_not_read_fills_it_up() {
        let mut pipes = Pipes::new();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let id = pipes.add_inbound(write).unwrap().id;
        while !pipes.is_full() {
            pipes.take_in(&Pipe { id, hang_up: false, data: &[0; 4072] });
        }
        drop(read);
        pipes.write(id);
        assert!(pipes.is_empty());
        assert_eq!(told(&mut pipes), [id]);
    }

    /// The pipes of which the host is told that nobody reads them.
    fn told(pipes: &mut Pipes) -> Vec<u32> {
        let mut out = Vec::new();
        pipes.tell_deserted(&mut out).unwrap();
        let told = commands(&out, &Limits::DEFAULT).map(|command| match command.unwrap() {
            GuestCommand::Write(Pipe { id, hang_up: true, data: [] }) => id,
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn an_app_that_gives_up_waiting_is_told_of() {
        let mut pipes = Pipes::new();
        let ends: Vec<_> = (0..3).map(|_| pipe_with(PipeFlags::CLOEXEC).unwrap()).collect();
        let mut reading = Vec::new();
        let mut ids = Vec::new();
        for (read, write) in ends {
            reading.push(read);
            ids.push(pipes.add_inbound(write).unwrap().id);
        }
        assert!(pipes.needs().all(|(_, _, need)| need == Need::End));
        // Somebody else woke us: nobody has left.
        pipes.write(ids[1]);
        assert_eq!(told(&mut pipes), [0; 0]);
        reading.remove(1);
        pipes.write(ids[1]);
        assert_eq!(told(&mut pipes), [ids[1]]);
        assert_eq!(told(&mut pipes), [0; 0], "once");
        // Who has read to the end leaves as everybody does.
        pipes.take_in(&Pipe { id: ids[0], hang_up: true, data: b"all" });
        drop(reading);
        pipes.write(ids[0]);
        assert_eq!(told(&mut pipes), [0; 0]);
        assert_eq!(pipes.needs().map(|(id, ..)| id).collect::<Vec<_>>(), [ids[2]]);
    }

    #[test]
    fn a_file_is_written_and_not_watched() {
        let mut pipes = Pipes::new();
        let file = rustix::fs::memfd_create("paste", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let id = pipes.add_inbound(file.try_clone().unwrap()).unwrap().id;
        assert_eq!(pipes.needs().count(), 0);
        pipes.take_in(&Pipe { id, hang_up: false, data: b"some" });
        assert_eq!(pipes.needs().count(), 0);
        pipes.take_in(&Pipe { id, hang_up: true, data: b"thing" });
        let mut got = [0; 20];
        assert_eq!(rustix::io::pread(&file, &mut got, 0), Ok(9));
        assert_eq!((&got[..9], told(&mut pipes)), (&b"something"[..], vec![]));
    }

    #[test]
    fn the_app_streams_to_the_host() {
        let mut pipes = Pipes::new();
        let app = pipes.add_outbound(9).unwrap();
        let mut out = Vec::new();
        assert_eq!(pipes.read(9, &mut out), Ok(false));
        rustix::io::write(&app, &[3; 10_000]).unwrap();
        assert_eq!(pipes.read(9, &mut out), Ok(true));
        drop(app);
        assert_eq!(pipes.read(9, &mut out), Ok(true));
        assert_eq!(pipes.read(9, &mut out), Ok(false));
        let mut got = Vec::new();
        for command in commands(&out, &Limits::DEFAULT) {
            let GuestCommand::Write(pipe) = command.unwrap() else { panic!("not a WRITE") };
            got.push((pipe.id, pipe.data.len(), pipe.hang_up));
        }
        assert_eq!(got, [(9, 4072, false), (9, 4072, false), (9, 1856, false), (9, 0, true)]);
    }

    #[test]
    fn there_is_an_end_to_pipes() {
        let mut pipes = Pipes::new();
        let (_read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        for _ in 0..MAX_PIPES {
            assert!(pipes.add_inbound(write.try_clone().unwrap()).is_some());
        }
        assert!(pipes.add_inbound(write).is_none());
    }
}
