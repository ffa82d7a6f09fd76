// SPDX-License-Identifier: GPL-3.0-or-later
//! Runs many scenarios, each on a private desktop of its own, as many at once as memory allows.
//!
//! In: scenario files and [`Options`]. Out: a [`ScenarioResult`] for each, in the order of the
//! files, and a callback as each one ends.

#![expect(
    clippy::disallowed_methods,
    reason = "a thread for each scenario at a time, and how long each step took"
)]

use crate::apps::Apps;
use crate::desktop::{Desktop, DesktopError, DesktopSpec};
use crate::format::{Scenario, Step};
use crate::home::Home;
use crate::net::TestNet;
use crate::report::{Failure, ScenarioResult, Took};
use crate::steps::{Goldens, Run};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// Memory that one scenario's desktop and two VMs may need, in MiB.
const SCENARIO_MIB: u64 = 2048;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where results go.
    pub out: PathBuf,
    /// Accept what is drawn as the new goldens.
    pub update: bool,
    /// How many scenarios at once; 0: as many as cores and memory allow.
    pub jobs: usize,
    /// The program that starts a desktop, `coffer` itself.
    pub coffer: PathBuf,
}

/// Part `index` of `count`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

/// The text is no `i/n`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard; write for instance 2/4 for the second of four parts")]
pub struct ShardError(String);

impl std::str::FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(ShardError(text.to_owned())),
        }
    }
}

impl Shard {
    /// The items of this part: every `count`-th, so that slow neighbours are spread.
    pub fn of<T>(self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.index - 1).step_by(self.count).collect()
    }
}

/// Runs all scenarios; `done` is called from worker threads as each one ends.
pub fn run(
    scenarios: &[Scenario],
    options: &Options,
    done: &(dyn Fn(&ScenarioResult) + Sync),
) -> Vec<ScenarioResult> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..scenarios.len()).collect());
    let results: Mutex<Vec<(usize, ScenarioResult)>> = Mutex::new(Vec::new());
    let next = || queue.lock().ok().and_then(|mut q| q.pop_front());
    let worker = || {
        while let Some((index, scenario)) = next().and_then(|i| Some((i, scenarios.get(i)?))) {
            let result = run_one(scenario, options);
            done(&result);
            if let Ok(mut all) = results.lock() {
                all.push((index, result));
            }
        }
    };
    let jobs = if options.jobs == 0 { default_jobs() } else { options.jobs };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(scenarios.len()).max(1) {
            scope.spawn(worker);
        }
    });
    let mut all = results.into_inner().unwrap_or_default();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

fn default_jobs() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A VM without hardware virtualisation keeps about two cores busy while it starts.
    (cores / 2).min(memory_jobs(available_mib())).max(1)
}

fn memory_jobs(mib: u64) -> usize {
    usize::try_from(mib / SCENARIO_MIB).unwrap_or(1).max(1)
}

fn available_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:")).unwrap_or("0 kB");
    line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Runs one scenario from the start of its desktop to its end.
pub fn run_one(scenario: &Scenario, options: &Options) -> ScenarioResult {
    let begun = Instant::now();
    let out = options.out.join(slug(&scenario.path));
    let log = out.join("desktop.log");
    let mut result = ScenarioResult {
        path: scenario.path.clone(),
        name: scenario.name.clone(),
        seconds: 0.0,
        steps: 0,
        failure: None,
        shots: Vec::new(),
        log: Some(log.clone()),
        took: Vec::new(),
    };
    let apps = Apps::of(scenario);
    let home = Home::at(&out.join("home"));
    let spec = DesktopSpec {
        coffer: options.coffer.clone(),
        width: scenario.output.width,
        height: scenario.output.height,
        scale: scenario.output.scale,
        theme: scenario.theme.clone(),
        log,
        app_dirs: apps.search_path(),
        home: Some(home.path().to_owned()),
        dns: None,
        guest: None,
    };
    let mut clock = Clock::start();
    let ready = home.make().and_then(|()| apps.ensure(&options.coffer)).map_err(DesktopError::Start);
    let started = ready.and_then(|()| start(&spec));
    result.took.push(clock.took(None, "start of the desktop"));
    match started {
        Err(error) => result.failure = Some(Failure { line: None, message: error.to_string() }),
        Ok((mut desktop, net)) => {
            let goldens = Goldens { update: options.update, out };
            let mut run = Run::new(scenario, &mut desktop, goldens, net, home);
            result.failure = steps(&mut run, &scenario.steps, &mut result, &mut clock);
            result.shots = run.into_shots();
            if let Err(error) = desktop.finish() {
                let message = format!("the desktop did not end cleanly: {error}");
                result.failure.get_or_insert(Failure { line: None, message });
            }
            result.took.push(clock.took(None, "end of the desktop"));
        }
    }
    result.seconds = begun.elapsed().as_secs_f64();
    result
}

/// A desktop, and the internet that its apps get to.
fn start(spec: &DesktopSpec) -> Result<(Desktop, TestNet), DesktopError> {
    let net = TestNet::start().map_err(|e| DesktopError::Start(format!("name server: {e}")))?;
    let desktop = Desktop::start(&DesktopSpec { dns: Some(net.dns()), ..spec.clone() })?;
    Ok((desktop, net))
}

/// What has passed since it was looked at last.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn took(&mut self, line: Option<usize>, what: &str) -> Took {
        let now = Instant::now();
        let seconds = now.saturating_duration_since(std::mem::replace(&mut self.0, now)).as_secs_f64();
        Took { line, what: what.to_owned(), seconds }
    }
}

fn steps(
    run: &mut Run<'_>,
    steps: &[Step],
    result: &mut ScenarioResult,
    clock: &mut Clock,
) -> Option<Failure> {
    for step in steps {
        let done = run.step(step);
        result.took.push(clock.took(Some(step.line), &step.words));
        if let Err(error) = done {
            run.shoot_failure();
            return Some(Failure { line: Some(step.line), message: error.to_string() });
        }
        result.steps += 1;
    }
    let agreed = run.finish();
    result.took.push(clock.took(None, "agreement about permissions"));
    agreed.err().map(|error| Failure { line: None, message: error.to_string() })
}

/// A directory name for a scenario: its path with separators made harmless.
fn slug(path: &Path) -> String {
    let text = path.with_extension("").display().to_string();
    text.trim_start_matches(['/', '.']).replace(['/', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_everything_once() {
        let all: Vec<u32> = (0..10).collect();
        let mut seen: Vec<u32> =
            (1..=3).flat_map(|index| Shard { index, count: 3 }.of(all.clone())).collect();
        seen.sort_unstable();
        assert_eq!(seen, all);
        for bad in ["0/3", "4/3", "1", "a/b", "1/0", ""] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
        assert_eq!("2/4".parse(), Ok(Shard { index: 2, count: 4 }));
    }

    #[test]
    fn slugs() {
        assert_eq!(slug(Path::new("./tests/scenarios/two apps.toml")), "tests-scenarios-two-apps");
        assert_eq!(memory_jobs(0), 1);
        assert_eq!(memory_jobs(9000), 4);
    }
}
