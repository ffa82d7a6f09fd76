// SPDX-License-Identifier: GPL-3.0-or-later
//! Attacks on the gpu device: raw cross-domain commands. In: a render node. Out: commands that no bridge
//! would write, on contexts of their own.

use crate::attack::{Attack, Deed, Seen, Way};
use crate::transport::{Context, Received, Transport};
use cofferdam_guest::bridge::channel::Channel;
use cofferdam_guest::bridge::sys::{Mapping, drm};
use cofferdam_xdomain::channel::{
    CHANNEL_RING, GuestCommand, IdKind, IdList, Identifier, ImageQuery, Init, Init2, Pipe, QUERY_RING,
    Transfer, channel_type, cmd,
};
use cofferdam_xdomain::ring::{CONSUMED, DATA, PRODUCED};
use rustix::event::{PollFd, PollFlags};
use std::fs::File;
use std::io;

const NODE: &str = "/dev/dri/renderD128";
const GUEST: u32 = 1;
const HOST: u32 = 2;
const MAPPABLE: u32 = 1;
const RING: u32 = 64 * 1024;

pub(crate) fn attacks() -> Vec<Attack> {
    let attack =
        |name, end, deed| Attack { name, way: Way::Device, end, fault: true, deed: Deed::Device(deed) };
    let refused = |name, deed| attack(name, Seen::Survived, deed);
    let closed = |name, deed| attack(name, Seen::Closed, deed);
    let mut all = vec![
        refused("command-of-no-size", || bytes(&[cmd::SEND, 0, 0, 0, 0, 0, 0, 0])),
        refused("command-below-header", || bytes(&[cmd::SEND, 0, 4, 0, 0, 0, 0, 0])),
        refused("command-beyond-payload", || bytes(&[cmd::SEND, 0, 0xff, 0xff, 0, 0, 0, 0])),
        refused("half-a-header", || bytes(&[cmd::POLL, 0, 8, 0])),
        refused("one-byte", || bytes(&[cmd::POLL])),
        refused("every-unknown-command", unknown_commands),
        refused("send-that-is-cut-off", || corrupt_send(|c| c.truncate(100))),
        refused("send-of-more-than-there-is", || corrupt_send(|c| word(c, 12, 60_000))),
        refused("send-of-endless-size", || corrupt_send(|c| word(c, 12, u32::MAX))),
        refused("send-of-29-identifiers", || corrupt_send(|c| word(c, 8, 29))),
        refused("send-of-endless-identifiers", || corrupt_send(|c| word(c, 8, u32::MAX))),
        refused("send-of-unknown-kinds", unknown_kinds),
        refused("write-to-a-pipe-of-nobody", || command(pipe(0x8000_0001))),
        refused("write-to-pipe-zero", || command(pipe(0))),
        refused("image-of-endless-size", || command(image(u32::MAX, u32::MAX))),
        refused("image-of-nothing", || command(image(0, 0))),
        refused("init-twice", || command(init2(1, RING))),
        refused("poll-on-no-ring", || command(GuestCommand::Poll)),
        refused("257-commands", too_many_commands),
        refused("send-before-init", || {
            fresh(|node| {
                exec(node, &encode(GuestCommand::Send(Transfer { ids: IdList::new(), data: &[0; 12] }))?)
            })
        }),
        refused("poll-before-init", || {
            fresh(|node| drm::exec(node, &encode(GuestCommand::Poll)?, Some(CHANNEL_RING.into())))
        }),
        refused("init-in-a-ring-of-nobody", || fresh(|node| exec(node, &encode(init2(0x7fff_ffff, RING))?))),
        refused("init-in-another-contexts-ring", foreign_ring),
        refused("init-in-a-ring-too-small", small_ring),
        refused("init-of-odd-capacity", odd_ring),
        refused("init-in-the-arena", arena_ring),
        refused("init-of-another-channel", other_channel),
        closed("counters-that-cannot-be", lying_ring),
        closed("identifier-for-nothing", || {
            command(GuestCommand::Send(Transfer { ids: blob_ids(3)?, data: &[1, 2, 3, 4, 5, 6, 7, 8] }))
        }),
    ];
    all.extend(quantities());
    all
}

fn quantities() -> Vec<Attack> {
    let attack =
        |name, end, deed| Attack { name, way: Way::Device, end, fault: true, deed: Deed::Device(deed) };
    vec![
        attack("payload-of-a-megabyte", Seen::Survived, || bytes(&vec![0; 1 << 20])),
        attack("five-thousand-blobs", Seen::Survived, blobs),
        attack("blob-of-an-item-of-nobody", Seen::Survived, || fresh(|node| blob_of_item(node, 0xdead))),
        attack("a-hundred-contexts", Seen::Survived, contexts),
        Attack {
            name: "all-of-the-arena",
            way: Way::Device,
            end: Seen::Survived,
            // The guest's own kernel hands the arena out, and has nothing left before the device hears of it.
            fault: false,
            deed: Deed::Device(arena),
        },
        Attack {
            name: "other-capability-sets",
            way: Way::Device,
            end: Seen::Refused,
            fault: false,
            deed: Deed::Device(capsets),
        },
    ]
}

fn encode(command: GuestCommand<'_>) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    command.encode(&mut out).map_err(io::Error::other)?;
    Ok(out)
}

fn exec(node: &File, commands: &[u8]) -> io::Result<()> {
    drm::exec(node, commands, None)
}

/// Whether an open channel still answers `wl_display.sync`.
fn alive(context: &mut Context) -> io::Result<Seen> {
    // get_registry as object 2: any answer will do.
    let mut bytes = 1_u32.to_ne_bytes().to_vec();
    bytes.extend(1_u16.to_ne_bytes());
    bytes.extend(12_u16.to_ne_bytes());
    bytes.extend(2_u32.to_ne_bytes());
    context.send(&bytes, &[])?;
    Ok(match context.receive()? {
        Received::Bytes(_) => Seen::Survived,
        Received::Closed => Seen::Closed,
        Received::Silence => Seen::Silent,
    })
}

/// Submits bytes on an open channel.
fn bytes(commands: &[u8]) -> io::Result<Seen> {
    let mut context = Context::open()?;
    match context.channel.submit(commands, false) {
        Ok(()) => alive(&mut context),
        Err(_) => Ok(Seen::Refused),
    }
}

fn command(command: GuestCommand<'_>) -> io::Result<Seen> {
    bytes(&encode(command)?)
}

/// Does something with a context that has no channel yet, then tries a good one.
fn fresh(deed: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Seen> {
    let node = context()?;
    match deed(&node) {
        Ok(()) => alive(&mut Context::open()?),
        Err(_) => Ok(Seen::Refused),
    }
}

fn context() -> io::Result<File> {
    let node = File::options().read(true).write(true).open(NODE)?;
    drm::context_init(&node, &[[1, 5], [2, 2], [3, 1 << CHANNEL_RING]])?;
    Ok(node)
}

fn word(command: &mut [u8], at: usize, value: u32) {
    if let Some(place) = command.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        *place = value.to_le_bytes();
    }
}

/// A SEND that was right before `change`.
fn corrupt_send(change: impl FnOnce(&mut Vec<u8>)) -> io::Result<Seen> {
    let mut command = encode(GuestCommand::Send(Transfer { ids: IdList::new(), data: &[0; 64] }))?;
    change(&mut command);
    bytes(&command)
}

fn unknown_commands() -> io::Result<Seen> {
    let mut context = Context::open()?;
    for code in
        (0..=u8::MAX).filter(|code| !(1..=4).contains(code) && *code != cmd::WRITE && *code != cmd::INIT2)
    {
        context.channel.submit(&[code, 0, 16, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2], false)?;
    }
    alive(&mut context)
}

fn unknown_kinds() -> io::Result<Seen> {
    let mut context = Context::open()?;
    for kind in [0, 2, 5, 6, 7, u32::MAX] {
        let mut command = encode(GuestCommand::Send(Transfer { ids: blob_ids(1)?, data: &[0; 8] }))?;
        // The second column of the identifiers.
        word(&mut command, 16 + 28 * 4, kind);
        context.channel.submit(&command, false)?;
    }
    alive(&mut context)
}

fn blob_ids(count: usize) -> io::Result<IdList> {
    let id = Identifier { id: 1, kind: IdKind::Blob, size: 0 };
    IdList::from_slice(&vec![id; count]).map_err(io::Error::other)
}

const fn pipe(id: u32) -> GuestCommand<'static> {
    GuestCommand::Write(Pipe { id, hang_up: true, data: b"hostile!" })
}

const fn image(width: u32, height: u32) -> GuestCommand<'static> {
    GuestCommand::ImageRequirements(ImageQuery {
        width,
        height,
        format: u32::from_le_bytes(*b"AR24"),
        flags: 0,
    })
}

const fn init2(channel_ring: u32, capacity: u32) -> GuestCommand<'static> {
    GuestCommand::Init2(Init2 {
        query_ring: None,
        channel_ring,
        channel_type: channel_type::WAYLAND,
        capacity,
    })
}

fn too_many_commands() -> io::Result<Seen> {
    let one = encode(GuestCommand::Send(Transfer::default()))?;
    bytes(&one.repeat(160))?;
    let poll = encode(pipe(7))?;
    bytes(&poll.repeat(257))
}

fn foreign_ring() -> io::Result<Seen> {
    let other = context()?;
    let (_, ring) = drm::create_blob(&other, GUEST, MAPPABLE, u64::from(RING) + 4096, 0)?;
    let seen = fresh(|node| exec(node, &encode(init2(ring, RING))?));
    drop(other);
    seen
}

fn small_ring() -> io::Result<Seen> {
    fresh(|node| {
        let (_, ring) = drm::create_blob(node, GUEST, MAPPABLE, 4096, 0)?;
        exec(node, &encode(init2(ring, RING))?)
    })
}

fn odd_ring() -> io::Result<Seen> {
    fresh(|node| {
        let (_, ring) = drm::create_blob(node, GUEST, MAPPABLE, 1 << 20, 0)?;
        for capacity in [0, 1, RING + 8, 1 << 19, u32::MAX] {
            exec(node, &encode(init2(ring, capacity))?)?;
        }
        Ok(())
    })
}

fn arena_ring() -> io::Result<Seen> {
    fresh(|node| {
        let (_, ring) = drm::create_blob(node, HOST, MAPPABLE, 1 << 20, 1)?;
        exec(node, &encode(init2(ring, RING))?)
    })
}

fn other_channel() -> io::Result<Seen> {
    fresh(|node| {
        let (_, ring) = drm::create_blob(node, GUEST, MAPPABLE, 4096, 0)?;
        for channel_type in [0, 2, 0x10, 0x11, 0x12, u32::MAX] {
            let init = Init { query_ring: ring, channel_ring: Some(ring), channel_type };
            exec(node, &encode(GuestCommand::Init(init))?)?;
        }
        Ok(())
    })
}

/// A ring whose consumer claims to have read what was never written.
#[expect(clippy::disallowed_methods, reason = "waits for the device")]
fn lying_ring() -> io::Result<Seen> {
    let node = context()?;
    let size = u64::from(RING) + u64::try_from(DATA).map_err(io::Error::other)?;
    let (handle, ring) = drm::create_blob(&node, GUEST, MAPPABLE, size, 0)?;
    let len = usize::try_from(size).map_err(io::Error::other)?;
    let memory = Mapping::read_write(&node, len, drm::map_offset(&node, handle)?)?;
    // The device sets the counters to zero when it takes the ring: the lie comes after that.
    let taken = drm::exec_fenced(&node, &encode(init2(ring, RING))?, QUERY_RING.into())?;
    rustix::event::poll(&mut [PollFd::new(&taken, PollFlags::IN)], None)?;
    memory.store(CONSUMED, 0x8000_0000)?;
    memory.store(PRODUCED, 0xffff_fff0)?;
    let mut sync = 1_u32.to_ne_bytes().to_vec();
    sync.extend([0, 0, 12, 0, 2, 0, 0, 0]);
    let mut commands = encode(GuestCommand::Send(Transfer { ids: IdList::new(), data: &sync }))?;
    commands.extend(encode(GuestCommand::Poll)?);
    // The POLL is answered when the device gives up the ring, with nothing in it.
    drm::exec(&node, &commands, Some(CHANNEL_RING.into()))?;
    rustix::io::read(&node, &mut [0_u8; 64])?;
    let untouched = memory.load(PRODUCED)? == 0xffff_fff0;
    Ok(if untouched { Seen::Closed } else { Seen::Survived })
}

fn blob_of_item(node: &File, item: u64) -> io::Result<()> {
    // The driver asks the device and does not wait for its answer.
    drm::create_blob(node, HOST, MAPPABLE, 4096, item).map(drop)
}

fn blobs() -> io::Result<Seen> {
    fresh(|node| {
        for _ in 0..5000 {
            if drm::create_blob(node, GUEST, MAPPABLE, 4096, 0).is_err() {
                break;
            }
        }
        Ok(())
    })
    .and_then(|_while_full| alive(&mut Context::open()?))
}

fn contexts() -> io::Result<Seen> {
    let all: Vec<File> = (0..100).map_while(|_| context().ok()).collect();
    drop(all);
    alive(&mut Context::open()?)
}

fn arena() -> io::Result<Seen> {
    fresh(|node| {
        while drm::create_blob(node, HOST, MAPPABLE, 8 << 20, 1).is_ok() {}
        Ok(())
    })
}

fn capsets() -> io::Result<Seen> {
    let node = File::options().read(true).write(true).open(NODE)?;
    for capset in [0, 1, 2, 3, 4, 6, 63, u64::MAX] {
        if drm::context_init(&node, &[[1, capset], [2, 2]]).is_ok() {
            return Ok(Seen::Survived);
        }
    }
    Ok(Seen::Refused)
}
