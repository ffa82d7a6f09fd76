// SPDX-License-Identifier: GPL-3.0-or-later
//! Ring against one message per POLL, in the loopback: what decided the wire.
//!
//! In: nothing. Out: a table on standard output: time and commands (each of them a kick, and each answer an
//! interrupt, in a VM) for round trips, for bursts of events, and for bulk data. Interleaved, medians.
#![expect(clippy::disallowed_methods, reason = "measures time and prints it")]
#![allow(clippy::unwrap_used, reason = "a measurement that fails should stop")]

use cofferdam_control::vm_channel;
use cofferdam_gpu::loopback::{Blob, Loopback};
use cofferdam_gpu_core::{Config, Token};
use cofferdam_kit::transport;
use cofferdam_wayland_wire::{Arg, MessageBuilder, ObjectId};
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{GuestCommand, HostMessage, IdList, Transfer, V1_RING};
use cofferdam_xdomain::ring::{CONSUMED, Consumer, PRODUCED, RingLayout};
use rustix::net::{RecvFlags, SendFlags};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

const RING: u32 = 64 * 1024;
const ROUNDS: usize = 15;

/// How messages reach the guest.
enum Carrier {
    Single,
    Ring(Consumer),
}

struct Guest {
    gpu: Loopback,
    peer: OwnedFd,
    blob: Blob,
    carrier: Carrier,
    poll: Option<Token>,
    commands: u64,
}

impl Guest {
    fn new(ring: bool) -> Self {
        let config = Config { arena: 1 << 20, limits: Limits::DEFAULT };
        let (mut gpu, channel) = Loopback::new(config, 16 << 20).unwrap();
        let (blob, carrier) = if ring {
            let blob = gpu.open_ring(1, RING).unwrap();
            let layout = RingLayout::new(RING, blob.size, &Limits::DEFAULT).unwrap();
            (blob, Carrier::Ring(Consumer::new(layout)))
        } else {
            (gpu.open_v1(1).unwrap(), Carrier::Single)
        };
        let (_, mut fds) =
            transport::recv::<vm_channel::FromDevice>(&channel, vm_channel::MAX_PACKET, 1).unwrap().unwrap();
        let mut guest = Self { gpu, peer: fds.pop().unwrap(), blob, carrier, poll: None, commands: 0 };
        guest.send(&message(1, 1, &[Arg::NewId(ObjectId::new(2).unwrap())]));
        guest.drain_peer();
        guest
    }

    /// A SEND, with a POLL in the same submission if none waits.
    fn send(&mut self, data: &[u8]) {
        let mut payload = Vec::new();
        GuestCommand::Send(Transfer { ids: IdList::new(), data }).encode(&mut payload).unwrap();
        self.submit(&payload);
    }

    fn submit(&mut self, payload: &[u8]) {
        self.commands += 1;
        if self.poll.is_none() {
            self.poll = Some(self.gpu.submit_and_poll(1, payload).unwrap());
        } else {
            let token = self.gpu.submit(1, None, payload).unwrap();
            assert!(!self.gpu.code(token).unwrap().is_error());
        }
    }

    fn drain_peer(&self) {
        let mut bytes = [0; 4096];
        while rustix::net::recv(&self.peer, &mut bytes, RecvFlags::DONTWAIT).is_ok() {}
    }

    fn say(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::net::send(&self.peer, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(n) => rest = &rest[n..],
                Err(_) => drop(self.gpu.turn(Some(Duration::ZERO)).unwrap()),
            }
        }
    }

    /// Receives `want` bytes as a guest does: sleeps with a POLL, wakes when it is answered, takes what is there.
    fn receive(&mut self, want: usize) {
        let mut got = 0;
        loop {
            self.gpu.turn(Some(Duration::ZERO)).unwrap();
            if self.poll.is_some_and(|poll| self.gpu.code(poll).is_some()) {
                self.poll = None;
                got += self.take();
            }
            if got >= want {
                return;
            }
            if self.poll.is_none() {
                self.submit(&[]);
            }
        }
    }

    fn take(&mut self) -> usize {
        let at = |offset: usize| self.blob.at + u64::try_from(offset).unwrap();
        match &mut self.carrier {
            Carrier::Single => length(&self.gpu.read(self.blob.at, V1_RING).unwrap()),
            Carrier::Ring(consumer) => {
                let mut total = 0;
                loop {
                    let produced = self.gpu.read(at(PRODUCED), 4).unwrap().try_into().unwrap();
                    let produced = u32::from_ne_bytes(produced);
                    let Some(span) = consumer.header(produced).unwrap() else { return total };
                    let header = self.gpu.read(at(span.offset), 8).unwrap().try_into().unwrap();
                    let record = consumer.record(produced, header).unwrap();
                    let (first, second) = (record.spans.first, record.spans.second);
                    let mut bytes = self.gpu.read(at(first.offset), first.len).unwrap();
                    bytes.extend(self.gpu.read(at(second.offset), second.len).unwrap());
                    total += length(&bytes);
                    let consumed = consumer.consume(record);
                    self.gpu.write(at(CONSUMED), &consumed.to_ne_bytes()).unwrap();
                }
            }
        }
    }
}

fn length(bytes: &[u8]) -> usize {
    match HostMessage::decode(bytes, &Limits::DEFAULT).unwrap().0 {
        HostMessage::Receive(transfer) => transfer.data.len(),
        _ => 0,
    }
}

fn message(object: u32, opcode: u16, args: &[Arg<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = MessageBuilder::new(&mut out, ObjectId::new(object).unwrap(), opcode);
    args.iter().fold(builder, |builder, arg| builder.arg(*arg)).finish().unwrap();
    out
}

/// Runs `work` on both kinds alternately; medians of nanoseconds and of commands, ring first.
fn compare(mut work: impl FnMut(&mut Guest)) -> [(u128, u64); 2] {
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (kind, samples) in [true, false].into_iter().zip(&mut samples) {
            let mut guest = Guest::new(kind);
            guest.commands = 0;
            let start = Instant::now();
            work(&mut guest);
            samples.push((start.elapsed().as_nanos(), guest.commands));
        }
    }
    samples.map(|mut samples| {
        samples.sort_unstable();
        samples[samples.len() / 2]
    })
}

fn main() -> std::io::Result<()> {
    let sync = message(1, 0, &[Arg::NewId(ObjectId::new(3).unwrap())]);
    let mut done = message(3, 0, &[Arg::Uint(0)]);
    done.extend(message(1, 1, &[Arg::Uint(3)]));
    let global = message(2, 0, &[Arg::Uint(1), Arg::Str(Some("wl_shm")), Arg::Uint(1)]);
    let burst = global.repeat(32);
    // Less than the device queues for a guest that does not read.
    let bulk = global.repeat(4_000);

    let rows = [
        (
            "1,000 round trips",
            compare(|guest| {
                for _ in 0..1000 {
                    guest.send(&sync);
                    guest.drain_peer();
                    guest.say(&done);
                    guest.receive(done.len());
                }
            }),
        ),
        (
            "1,000 bursts of 32 events in one write",
            compare(|guest| {
                for _ in 0..1000 {
                    guest.say(&burst);
                    guest.receive(burst.len());
                }
            }),
        ),
        (
            "1,000 bursts of 32 events in 32 writes",
            compare(|guest| {
                for _ in 0..1000 {
                    for event in burst.chunks(global.len()) {
                        guest.say(event);
                        guest.gpu.turn(Some(Duration::ZERO)).unwrap();
                    }
                    guest.receive(burst.len());
                }
            }),
        ),
        (
            "112 kB at once",
            compare(|guest| {
                guest.say(&bulk);
                guest.receive(bulk.len());
            }),
        ),
    ];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| what | ring | one a POLL | ring, commands | one a POLL, commands |\n|---|---|---|---|---|"
    )?;
    for (name, [ring, single]) in rows {
        let ms = |ns: u128| format!("{}.{:02} ms", ns / 1_000_000, ns / 10_000 % 100);
        writeln!(out, "| {name} | {} | {} | {} | {} |", ms(ring.0), ms(single.0), ring.1, single.1)?;
    }
    Ok(())
}
