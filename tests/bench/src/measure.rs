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

/// CPU time of these processes and all that they started and that still run.
#[must_use]
pub(crate) fn cpu_of_tree(pids: &[u32]) -> Duration {
    tree(pids).into_iter().map(cpu).sum()
}

/// Bytes that these processes, and those that they started, read and wrote by `read` and `write`.
#[must_use]
pub(crate) fn io_bytes_of_tree(pids: &[u32]) -> u64 {
    tree(pids)
        .into_iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/io")).ok())
        .map(|text| {
            text.lines()
                .filter_map(|l| l.strip_prefix("rchar:").or_else(|| l.strip_prefix("wchar:")))
                .filter_map(|n| n.trim().parse::<u64>().ok())
                .sum::<u64>()
        })
        .sum()
}

fn tree(pids: &[u32]) -> Vec<u32> {
    let mut all = pids.to_vec();
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        next += 1;
        for task in tasks(pid) {
            let children = std::fs::read_to_string(task.join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|c| c.parse::<u32>().ok()));
        }
    }
    all
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
    1.0 / (memcpy_seconds_per_byte() * f64::from(1 << 30)).max(1e-12)
}

/// Time of a plain copy per byte, from the best of five of 64 MiB.
#[must_use]
pub(crate) fn memcpy_seconds_per_byte() -> f64 {
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
    best.as_secs_f64() / f64::from(64 << 20)
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
        assert!(cpu_of_tree(&[me]) >= cpu(me).saturating_sub(Duration::from_secs(1)));
        assert!(io_bytes_of_tree(&[me]) > 0);
        assert_eq!(pss_kib(u32::MAX), 0);
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
