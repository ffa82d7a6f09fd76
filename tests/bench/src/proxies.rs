// SPDX-License-Identifier: GPL-3.0-or-later
//! Ways for Wayland to reach a compositor: direct, through two relays, through waypipe, and through
//! our bridge and gpu device in loopback.
//!
//! In: our compositor, which of the ways can be had. Out: rows. In each round every way does the same
//! work in turn. CPU is that of the processes in the middle; client and compositor count for nobody.

use crate::client::{BenchClient, BenchError};
use crate::measure::{cpu_of_tree, median, memcpy_seconds_per_byte};
use crate::peers::{Kind, Peer};
use crate::table::Row;
use crate::ways::{Way, WayKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Round trips per sample.
const SYNCS: usize = 500;
/// Samples of round trips in a round.
const TURNS: usize = 10;
/// Frames per sample, each after the compositor asked for it: two seconds at its 60 Hz.
const FRAMES: usize = 120;
/// Frames of 33 MB.
const BIG_FRAMES: usize = 30;

const OURS: WayKind = WayKind::Loopback;
const FULL_HD: (i32, i32) = (1920, 1080);
const ULTRA_HD: (i32, i32) = (3840, 2160);
const SMALL: (i32, i32) = (64, 64);

/// What one way did in one round.
#[derive(Debug, Default)]
struct Samples {
    sync: Vec<f64>,
    /// CPU milliseconds per frame, then bytes copied per frame; by case.
    frames: BTreeMap<usize, (Vec<f64>, Vec<f64>)>,
}

/// One kind of drawing.
struct Case {
    name: &'static str,
    size: (i32, i32),
    damage: (i32, i32),
    frames: usize,
}

const CASES: [Case; 3] = [
    Case { name: "1080p, all damaged", size: FULL_HD, damage: FULL_HD, frames: FRAMES },
    Case { name: "4K, all damaged", size: ULTRA_HD, damage: ULTRA_HD, frames: BIG_FRAMES },
    Case { name: "1080p, 64×64 damaged", size: FULL_HD, damage: SMALL, frames: FRAMES },
];

/// One way with its client. Fields are dropped in this order: client, processes, compositor.
struct Lane {
    kind: WayKind,
    client: BenchClient,
    way: Way,
    /// A compositor for each, so that none finds the windows or the heap of another.
    _peer: Peer,
}

/// Measures all ways; what can't be measured is named in the second list.
pub(crate) fn measure(exe: &Path, libexec: &Path, rounds: usize) -> (Vec<Row>, Vec<String>) {
    let mut missing = Vec::new();
    let mut samples: BTreeMap<WayKind, Samples> = BTreeMap::new();
    let mut copies = Vec::new();
    for _ in 0..rounds {
        round(exe, libexec, &mut samples, &mut missing);
        copies.push(memcpy_seconds_per_byte());
    }
    (rows(samples, median(&mut copies)), missing)
}

/// All ways side by side: each step is done by one after the other before the next step begins.
fn round(exe: &Path, libexec: &Path, samples: &mut BTreeMap<WayKind, Samples>, missing: &mut Vec<String>) {
    let mut lanes = Vec::new();
    for kind in [WayKind::Native, WayKind::TwoRelays, WayKind::Waypipe, OURS] {
        match lane(kind, exe, libexec) {
            Ok(lane) => lanes.push(lane),
            Err(error) => missing.push(format!("{}: {error}", kind.name())),
        }
    }
    let mut each = |step: &dyn Fn(&mut Lane, &mut Samples) -> Result<(), BenchError>| {
        lanes.retain_mut(|lane| match step(lane, samples.entry(lane.kind).or_default()) {
            Ok(()) => true,
            Err(error) => {
                missing.push(format!("{}: {error}", lane.kind.name()));
                false
            }
        });
    };
    for _ in 0..TURNS {
        each(&|lane, samples| {
            samples.sync.push(median(&mut lane.client.sync_times(SYNCS)?));
            Ok(())
        });
    }
    for (number, case) in CASES.iter().enumerate() {
        each(&|lane, samples| {
            let (ms, bytes) = draw(&lane.way, &mut lane.client, case)?;
            let entry = samples.frames.entry(number).or_default();
            entry.0.push(ms);
            entry.1.push(bytes);
            Ok(())
        });
    }
}

fn lane(kind: WayKind, exe: &Path, libexec: &Path) -> Result<Lane, BenchError> {
    let peer = Peer::start(Kind::Ours, libexec)?;
    let way = Way::start(kind, exe, &peer)?;
    let mut client = way.client(&peer)?;
    client.sync_times(SYNCS)?;
    Ok(Lane { kind, client, way, _peer: peer })
}

/// CPU milliseconds and bytes copied per frame, of the processes in the middle.
fn draw(way: &Way, client: &mut BenchClient, case: &Case) -> Result<(f64, f64), BenchError> {
    let Case { size, damage, frames, .. } = *case;
    client.open(size.0, size.1)?;
    // Both buffers and all of the proxy's own have been seen before it counts.
    client.frames(6, size)?;
    client.frames(6, damage)?;
    let pids = way.pids();
    let (cpu, bytes) = (cpu_of_tree(&pids), way.bytes()?);
    client.frames(frames, damage)?;
    let (cpu, bytes) = (cpu_of_tree(&pids).saturating_sub(cpu), way.bytes()?.saturating_sub(bytes));
    #[expect(clippy::cast_precision_loss)] // far below 2^52
    let (n, bytes) = (frames as f64, bytes as f64);
    client.close_last()?;
    Ok((cpu.as_secs_f64() * 1e3 / n, bytes / n))
}

fn rows(mut samples: BTreeMap<WayKind, Samples>, copy: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(mut ours) = samples.remove(&OURS).filter(|s| !s.sync.is_empty()) else { return rows };
    let row = |what: String, unit, ours, peer: &str, theirs, aim| Row {
        what,
        unit,
        ours,
        peer: peer.into(),
        theirs,
        aim,
    };
    let sync = median(&mut ours.sync);
    for (kind, theirs) in samples.iter_mut().filter(|(_, s)| !s.sync.is_empty()) {
        let aim = (*kind == WayKind::TwoRelays).then_some(1.0);
        let what = "wl_display.sync through bridge and device (loopback)".into();
        rows.push(row(what, "µs", sync, kind.name(), median(&mut theirs.sync), aim));
    }
    for (number, Case { name, damage, .. }) in CASES.iter().enumerate() {
        let Some((ms, bytes)) = ours.frames.get_mut(&number) else { continue };
        let (ms, bytes) = (median(ms), median(bytes));
        let floor = f64::from(damage.0) * f64::from(damage.1) * 4.0;
        let what = |what: &str| format!("proxies' {what} per frame, {name}");
        for kind in [WayKind::Waypipe, WayKind::TwoRelays] {
            let Some((theirs, _)) = samples.get_mut(&kind).and_then(|s| s.frames.get_mut(&number)) else {
                continue;
            };
            let aim = (kind == WayKind::Waypipe && *damage != SMALL).then_some(0.1);
            rows.push(row(what("CPU"), "ms", ms, kind.name(), median(theirs), aim));
        }
        rows.push(row(what("CPU"), "ms", ms, "one memcpy of it", floor * copy * 1e3, None));
        let kib = |bytes: f64| bytes / 1024.0;
        rows.push(row(what("bytes copied"), "KiB", kib(bytes), "the damage", kib(floor), Some(1.0)));
        let waypipe = samples.get_mut(&WayKind::Waypipe).and_then(|s| s.frames.get_mut(&number));
        if let Some((_, theirs)) = waypipe {
            let what = what("bytes copied (waypipe: through its socket)");
            rows.push(row(what, "KiB", kib(bytes), WayKind::Waypipe.name(), kib(median(theirs)), None));
        }
    }
    rows
}
