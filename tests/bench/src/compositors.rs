// SPDX-License-Identifier: GPL-3.0-or-later
//! Compositor against compositor: start, memory, drawing, idling.
//!
//! In: which peers are installed. Out: rows. In each round every compositor does the same work in
//! turn, so that a busy neighbour on the machine hits all alike.

use crate::client::{BenchClient, BenchError};
use crate::measure::{cpu, median, pss_kib, wakeups};
use crate::peers::{Kind, Peer};
use crate::table::Row;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Frames per sample.
const FRAMES: usize = 120;

/// How long idling is watched.
const IDLE: Duration = Duration::from_secs(5);

/// Numbers of open windows.
const WINDOWS: [usize; 3] = [1, 10, 50];

// Places in the table.
const PSS: usize = 1;
const FRAME_ORDER: usize = 10;
const IDLE_ORDER: usize = 30;

/// What our compositor may use without a window, in MiB.
const PSS_LIMIT: f64 = 20.0;

/// Samples by what was measured, then by compositor.
type Samples = BTreeMap<(usize, String, &'static str), BTreeMap<&'static str, Vec<f64>>>;

/// Measures all compositors; what can't be started is named in the second list.
pub(crate) fn measure(libexec: &Path, rounds: usize) -> (Vec<Row>, Vec<String>) {
    let mut samples = Samples::new();
    let mut missing = Vec::new();
    let mut kinds = vec![Kind::Ours, Kind::Weston, Kind::Sway, Kind::Labwc];
    for _ in 0..rounds {
        kinds.retain(|kind| match one(*kind, libexec, &mut samples) {
            Ok(()) => true,
            Err(error) => {
                missing.push(format!("{}: {error}", kind.name()));
                false
            }
        });
    }
    (rows(samples), missing)
}

fn one(kind: Kind, libexec: &Path, samples: &mut Samples) -> Result<(), BenchError> {
    let mut put = |order: usize, what: String, unit, value: f64| {
        samples.entry((order, what, unit)).or_default().entry(kind.name()).or_default().push(value);
    };
    let peer = Peer::start(kind, libexec)?;
    put(0, "start to first answer".into(), "ms", peer.started_in.as_secs_f64() * 1e3);
    let mut client = peer.client()?;
    client.idle(Duration::from_millis(500))?;
    #[expect(clippy::cast_precision_loss)] // far below 2^52
    put(PSS, "memory (PSS) without a window".into(), "MiB", pss_kib(peer.pid()) as f64 / 1024.0);
    let mut open = 0;
    for (n, windows) in WINDOWS.into_iter().enumerate() {
        while open < windows {
            client.open(640, 480)?;
            open += 1;
        }
        for (m, damage) in [(640, 480), (64, 64)].into_iter().enumerate() {
            let per_frame = draw(&peer, &mut client, damage)?;
            let what = format!("CPU per frame, {windows} window(s), {}×{} damage", damage.0, damage.1);
            put(FRAME_ORDER + n * 2 + m, what, "ms", per_frame * 1e3);
        }
    }
    client.idle(Duration::from_millis(500))?;
    let before = wakeups(peer.pid());
    client.idle(IDLE)?;
    #[expect(clippy::cast_precision_loss)] // far below 2^52
    put(
        IDLE_ORDER,
        "idle wake-ups, 50 windows (aim: none)".into(),
        "/s",
        (wakeups(peer.pid()) - before) as f64 / IDLE.as_secs_f64(),
    );
    Ok(())
}

/// CPU seconds of the compositor for one frame.
fn draw(peer: &Peer, client: &mut BenchClient, damage: (i32, i32)) -> Result<f64, BenchError> {
    client.frames(10, damage)?;
    let before = cpu(peer.pid());
    client.frames(FRAMES, damage)?;
    #[expect(clippy::cast_precision_loss)] // far below 2^52
    let frames = FRAMES as f64;
    Ok((cpu(peer.pid()).saturating_sub(before)).as_secs_f64() / frames)
}

fn rows(samples: Samples) -> Vec<Row> {
    let mut rows = Vec::new();
    for ((order, what, unit), mut by_kind) in samples {
        let Some(ours) = by_kind.get_mut(Kind::Ours.name()).map(|s| median(s)) else { continue };
        if order == PSS {
            let (what, peer) = (what.clone(), "our limit".into());
            rows.push(Row { what, unit, ours, peer, theirs: PSS_LIMIT, aim: Some(1.0) });
        }
        // Where labwc is missing, weston stands for it.
        let judge = if by_kind.contains_key(Kind::Labwc.name()) { Kind::Labwc } else { Kind::Weston };
        for kind in [Kind::Weston, Kind::Sway, Kind::Labwc] {
            let Some(theirs) = by_kind.get_mut(kind.name()).map(|s| median(s)) else { continue };
            let small = (FRAME_ORDER..IDLE_ORDER).contains(&order) && (order - FRAME_ORDER) % 2 == 1;
            let aim = (small && kind == judge).then_some(1.0);
            rows.push(Row { what: what.clone(), unit, ours, peer: kind.name().into(), theirs, aim });
        }
    }
    rows
}
