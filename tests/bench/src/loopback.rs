// SPDX-License-Identifier: GPL-3.0-or-later
//! Our proxy path without a VM: the guest's bridge and the gpu device in one process.
//!
//! In: a path to listen on; as standard input the device's end of a VM channel; as standard output the
//! bridge's control socket. Out: Wayland clients in the compositor, one per connection.
//!
//! Two threads, as a VM has a guest and a device process. The code on both is what a VM runs, ring,
//! codecs, object tables and arena included. Left out is the machine between them: a kick and an
//! interrupt are an eventfd each, a command is copied once on its way.

use crate::client::BenchError;
use cofferdam_gpu::loopback::{Loopback, LoopbackError};
use cofferdam_gpu_core::{Config, Token};
use cofferdam_guest::bridge::channel::{Blob, Channel};
use cofferdam_guest::bridge::sys::Mapping;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{CHANNEL_RING, CMD_HEADER, GuestCommand, PIXEL_ITEM, QUERY_RING};
use cofferdam_xdomain::ring::{CONSUMED, Consumer, DATA, PRODUCED, RingLayout};
use cofferdam_xdomain::virtio::Command;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// What a VM gets.
const ARENA: u64 = 256 << 20;
/// Only rings are in it, and none of them is used again.
const RAM: u64 = 64 << 20;
/// As the bridge in a VM has it.
const RING_CAPACITY: u32 = 64 * 1024;

/// What the bridge's side asks of the device's.
enum Job {
    /// Opens a channel; the answer is where in RAM its ring begins.
    Open { ctx: u32, answer: Sender<Result<u64, LoopbackError>> },
    /// Carries commands out; `done` becomes readable when they are answered.
    Submit { ctx: u32, ring: Option<u8>, commands: Vec<u8>, done: Option<Arc<OwnedFd>> },
    /// Makes and maps a blob in the arena.
    Blob { ctx: u32, item: u32, size: u64, answer: Sender<Result<ArenaBlob, LoopbackError>> },
    /// Lets go of one.
    Release { ctx: u32, resource: u32 },
    /// The channel's client is gone.
    Close { ctx: u32 },
}

type ArenaBlob = cofferdam_gpu::loopback::Blob;

/// The device's queue as the guest sees it.
#[derive(Clone)]
struct Queue {
    jobs: Sender<Job>,
    kick: Arc<OwnedFd>,
}

impl Queue {
    fn put(&self, job: Job) -> io::Result<()> {
        self.jobs.send(job).map_err(|_gone| io::ErrorKind::BrokenPipe)?;
        signal(&self.kick)
    }
}

fn signal(event: &OwnedFd) -> io::Result<()> {
    rustix::io::write(event, &1u64.to_ne_bytes())?;
    Ok(())
}

/// Serves until the control socket is closed.
///
/// # Errors
/// If `listen` is taken, or what was inherited is not what it should be.
pub(crate) fn serve(listen: &Path) -> Result<(), BenchError> {
    let vm_channel = io::stdin().as_fd().try_clone_to_owned()?;
    let control = io::stdout().as_fd().try_clone_to_owned()?;
    let config = Config { arena: ARENA, limits: Limits::DEFAULT };
    let failed = |e: LoopbackError| BenchError::peer("loopback", e);
    let mut device = Loopback::with_channel(config, RAM, vm_channel).map_err(failed)?;
    let kick = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(io::Error::from)?);
    device.watch_wake(kick.as_fd()).map_err(failed)?;
    let (ram, arena) = (device.ram().try_clone_to_owned()?, device.arena().try_clone_to_owned()?);
    let (jobs, inbox) = channel();
    let queue = Queue { jobs, kick: Arc::clone(&kick) };
    std::thread::Builder::new().name("device".into()).spawn(move || run_device(device, &inbox, &kick))?;
    let listener = UnixListener::bind(listen)?;
    let mut last_ctx = 0;
    let open = || {
        last_ctx += 1;
        LoopChannel::open(last_ctx, queue.clone(), ram.as_fd(), arena.try_clone()?)
    };
    Ok(cofferdam_guest::bridge::serve(listener.into(), control, open)?)
}

/// The device's thread: commands, sockets, answers.
fn run_device(mut device: Loopback, inbox: &Receiver<Job>, kick: &OwnedFd) -> Result<(), LoopbackError> {
    let mut waiting: Vec<(Token, Arc<OwnedFd>)> = Vec::new();
    loop {
        if device.turn(None)? {
            // Empty is fine: an earlier turn may have taken the jobs of this kick.
            let _ = rustix::io::read(kick, &mut [0u8; 8]);
        }
        loop {
            match inbox.try_recv() {
                Ok(job) => carry_out(job, &mut device, &mut waiting)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        waiting.retain(|(token, done)| {
            let answered = device.answer(*token).is_some();
            if answered {
                // Whoever waited is gone if this fails.
                let _ = signal(done);
            }
            !answered
        });
    }
}

fn carry_out(
    job: Job,
    device: &mut Loopback,
    waiting: &mut Vec<(Token, Arc<OwnedFd>)>,
) -> Result<(), LoopbackError> {
    match job {
        // Answers nobody waits for are dropped with their channel.
        Job::Open { ctx, answer } => {
            drop(answer.send(device.open_ring(ctx, RING_CAPACITY).map(|blob| blob.at)));
        }
        Job::Blob { ctx, item, size, answer } => drop(answer.send(device.arena_blob(ctx, item, size))),
        Job::Submit { ctx, ring, commands, done } => {
            let token = device.submit(ctx, ring, &commands)?;
            match done {
                Some(done) => waiting.push((token, done)),
                None => drop(device.answer(token)),
            }
        }
        Job::Release { ctx, resource } => {
            device.call(ctx, Command::CtxDetachResource { resource })?;
            device.call(0, Command::ResourceUnref { resource })?;
        }
        Job::Close { ctx } => drop(device.call(ctx, Command::CtxDestroy)?),
    }
    Ok(())
}

/// One client's channel, as the guest's kernel would give it.
struct LoopChannel {
    ctx: u32,
    queue: Queue,
    ring: Mapping,
    consumer: Consumer,
    arena: OwnedFd,
    /// The interrupt.
    event: Arc<OwnedFd>,
    waiting: bool,
    poll: Vec<u8>,
}

impl LoopChannel {
    fn open(ctx: u32, queue: Queue, ram: BorrowedFd<'_>, arena: OwnedFd) -> io::Result<Self> {
        let (answer, answered) = channel();
        queue.put(Job::Open { ctx, answer })?;
        let at = answered.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
        let size = u64::from(RING_CAPACITY) + u64::try_from(DATA).map_err(io::Error::other)?;
        let layout = RingLayout::new(RING_CAPACITY, size, &Limits::DEFAULT).map_err(io::Error::other)?;
        let ring = Mapping::read_write(ram, usize::try_from(size).map_err(io::Error::other)?, at)?;
        let mut poll = Vec::new();
        GuestCommand::Poll.encode(&mut poll).map_err(io::Error::other)?;
        let event = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok(Self { ctx, queue, ring, consumer: Consumer::new(layout), arena, event, waiting: false, poll })
    }

    fn blob(&self, item: u32, size: u64) -> io::Result<Blob> {
        let (answer, answered) = channel();
        self.queue.put(Job::Blob { ctx: self.ctx, item, size, answer })?;
        let blob = answered.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
        let len = usize::try_from(blob.size).map_err(io::Error::other)?;
        let memory = Mapping::read_write(&self.arena, len, blob.at)?;
        Ok(Blob { resource: blob.resource, handle: blob.resource, memory })
    }
}

impl Channel for LoopChannel {
    fn event_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    fn acknowledge(&mut self) -> io::Result<()> {
        match rustix::io::read(&self.event, &mut [0u8; 8]) {
            Ok(_) => self.waiting = false,
            Err(rustix::io::Errno::AGAIN) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    fn next_message(&mut self, message: &mut Vec<u8>) -> io::Result<bool> {
        let produced = self.ring.load(PRODUCED)?;
        let Some(span) = self.consumer.header(produced).map_err(io::Error::other)? else {
            return Ok(false);
        };
        let mut header = [0u8; CMD_HEADER];
        self.ring.read(span.offset, &mut header)?;
        let record = self.consumer.record(produced, header).map_err(io::Error::other)?;
        message.resize(record.spans.len(), 0);
        let (first, second) = message.split_at_mut(record.spans.first.len);
        self.ring.read(record.spans.first.offset, first)?;
        self.ring.read(record.spans.second.offset, second)?;
        self.ring.store(CONSUMED, self.consumer.consume(record))?;
        Ok(true)
    }

    fn submit(&mut self, commands: &[u8], wake: bool) -> io::Result<()> {
        let wake = wake && !self.waiting;
        if !wake && commands.is_empty() {
            return Ok(());
        }
        let mut all = commands.to_vec();
        let mut done = None;
        if wake {
            all.extend_from_slice(&self.poll);
            done = Some(Arc::clone(&self.event));
            self.waiting = true;
        }
        let ring = wake.then_some(CHANNEL_RING);
        self.queue.put(Job::Submit { ctx: self.ctx, ring, commands: all, done })
    }

    fn submit_fenced(&mut self, commands: &[u8]) -> io::Result<OwnedFd> {
        let done = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let fence = done.try_clone()?;
        let (commands, ring) = (commands.to_vec(), Some(QUERY_RING));
        self.queue.put(Job::Submit { ctx: self.ctx, ring, commands, done: Some(done) })?;
        Ok(fence)
    }

    fn pixels(&mut self, size: u64) -> io::Result<Blob> {
        self.blob(PIXEL_ITEM, size)
    }

    fn claim(&mut self, item: u32, size: u64) -> io::Result<Blob> {
        self.blob(item, size)
    }

    fn release(&mut self, blob: Blob) {
        // A device that is gone has let go of everything.
        let _ = self.queue.put(Job::Release { ctx: self.ctx, resource: blob.resource });
    }
}

impl Drop for LoopChannel {
    fn drop(&mut self) {
        let _ = self.queue.put(Job::Close { ctx: self.ctx });
    }
}
