// SPDX-License-Identifier: GPL-3.0-or-later
//! What the kernel says of a process: CPU time, memory, wake-ups; and how fast memory is today.
//!
//! In: pids. Out: numbers summed over their threads. A process that is gone counts as zero.

use std::path::PathBuf;
use std::time::{Duration, Instant};

fn tasks(pid: u32) -> Vec<PathBuf> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .map(|dir| dir.flatten().map(|e| e.path()).collect())
        .unwrap_or_default()
}

/// CPU time of all threads, from the scheduler's nanosecond count.
#[must_use]
pub(crate) fn cpu(pid: u32) -> Duration {
    let nanos = tasks(pid)
        .iter()
        .filter_map(|t| std::fs::read_to_string(t.join("schedstat")).ok())
        .filter_map(|s| s.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    Duration::from_nanos(nanos)
}

/// Proportional set size in KiB.
#[must_use]
pub(crate) fn pss_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    text.lines()
        .find_map(|l| l.strip_prefix("Pss:"))
        .and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// How often its threads were woken: voluntary context switches.
#[must_use]
pub(crate) fn wakeups(pid: u32) -> u64 {
    tasks(pid)
        .iter()
        .filter_map(|t| std::fs::read_to_string(t.join("status")).ok())
        .filter_map(|s| {
            s.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse::<u64>().ok()
        })
        .sum()
}

/// One-minute load average.
#[must_use]
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Speed of a plain copy of 64 MiB in GiB/s, best of five: what "fast" means on this machine.
#[must_use]
pub(crate) fn memcpy_gib_s() -> f64 {
    let source = vec![1u8; 64 << 20];
    let mut target = vec![2u8; 64 << 20];
    let best = (0..5)
        .map(|_| {
            let begun = Instant::now();
            target.copy_from_slice(std::hint::black_box(&source));
            std::hint::black_box(&target);
            begun.elapsed()
        })
        .min()
        .unwrap_or(Duration::from_secs(1));
    0.0625 / best.as_secs_f64().max(1e-9)
}

/// The middle of some samples, zero of none.
#[must_use]
pub(crate) fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let me = std::process::id();
        assert!(pss_kib(me) > 0);
        assert!(cpu(me) > Duration::ZERO);
        assert_eq!(pss_kib(u32::MAX), 0);
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
