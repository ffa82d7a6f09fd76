// SPDX-License-Identifier: GPL-3.0-or-later
//! Running wlcs: many processes, each with some of the tests and a deadline.
//!
//! In: names of tests. Out: one outcome for each. When a process ends or hangs in the middle, the
//! test it was at gets that as its outcome, and those it had not come to are given to another.

#![expect(clippy::disallowed_types, reason = "runs wlcs")]
#![expect(clippy::disallowed_methods, reason = "tests of others have a limit each")]

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Tests that one process gets at a time.
const BATCH: usize = 25;
/// wlcs gives up on the compositor after ten seconds of silence; this is for when wlcs itself hangs.
const TEST_DEADLINE: Duration = Duration::from_secs(60);

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
    /// The process ended during the test.
    Crashed,
    /// The process was ended because the test took too long.
    TimedOut,
}

/// wlcs and the shim.
pub(crate) struct Suite {
    wlcs: PathBuf,
    shim: PathBuf,
    logs: PathBuf,
}

impl Suite {
    pub(crate) fn find() -> Self {
        let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
        let shim = deps.join("libcofferdam_wlcs.so");
        assert!(shim.exists(), "cargo builds {} before this test", shim.display());
        let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wlcs");
        // Logs of an earlier run would be taken for those of this one.
        drop(std::fs::remove_dir_all(&logs));
        std::fs::create_dir_all(&logs).unwrap();
        Self { wlcs: find_wlcs(), shim, logs }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.wlcs);
        command.arg(&self.shim).arg("--gtest_color=no").env_remove("WAYLAND_DEBUG").stdin(Stdio::null());
        command
    }

    /// wlcs' version, from its pkg-config file; empty if there is none.
    pub(crate) fn version(&self) -> String {
        let lib = self.wlcs.parent().and_then(Path::parent).map(|lib| lib.join("pkgconfig/wlcs.pc"));
        let text = lib.and_then(|pc| std::fs::read_to_string(pc).ok()).unwrap_or_default();
        text.lines().find_map(|l| l.strip_prefix("Version:")).unwrap_or_default().trim().to_owned()
    }

    /// The names of all tests that a filter lets through, as wlcs lists them.
    pub(crate) fn list(&self, filter: Option<&str>) -> Vec<String> {
        let filter = format!("--gtest_filter={}", filter.unwrap_or("*"));
        let out = self.command().args(["--gtest_list_tests", &filter]).output().expect("wlcs runs");
        assert!(out.status.success(), "wlcs: {}", String::from_utf8_lossy(&out.stderr));
        let mut group = String::new();
        let mut tests = Vec::new();
        for line in String::from_utf8(out.stdout).expect("names are UTF-8").lines() {
            // A comment behind '#' says which parameter a test gets.
            let name = line.split('#').next().unwrap_or_default();
            if let Some(test) = name.strip_prefix("  ") {
                tests.push(format!("{group}{}", test.trim()));
            } else {
                name.trim().clone_into(&mut group);
            }
        }
        tests.retain(|t| !t.contains("DISABLED_"));
        tests
    }

    /// Runs the tests, spread over the machine's cores.
    pub(crate) fn run(&self, tests: &[String]) -> BTreeMap<String, Outcome> {
        let queue: Mutex<VecDeque<Vec<String>>> =
            Mutex::new(tests.chunks(BATCH).map(<[String]>::to_vec).collect());
        let results = Mutex::new(BTreeMap::new());
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for worker in 0..workers {
                let (queue, results) = (&queue, &results);
                scope.spawn(move || {
                    loop {
                        let next = lock(queue).pop_front();
                        let Some(batch) = next else { break };
                        let (done, left) = self.run_batch(worker, &batch);
                        lock(results).extend(done);
                        if !left.is_empty() {
                            lock(queue).push_front(left);
                        }
                    }
                });
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one process. Gives back outcomes, and the tests that it did not come to.
    fn run_batch(&self, worker: usize, batch: &[String]) -> (BTreeMap<String, Outcome>, Vec<String>) {
        let log = self.logs.join(format!("{worker}-{}.log", batch[0].replace('/', "_")));
        let mut child = self
            .command()
            .arg(format!("--gtest_filter={}", batch.join(":")))
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .expect("wlcs runs");
        let out = child.stdout.take().unwrap();
        let mut done = follow(&mut child, out, &log);
        // The process is over: what was still running ended it.
        child.wait().unwrap();
        let unfinished: Vec<String> =
            done.iter().filter(|(_, o)| o.is_none()).map(|(t, _)| t.clone()).collect();
        for test in unfinished {
            done.insert(test, Some(Outcome::Crashed));
        }
        let left = batch.iter().filter(|t| !done.contains_key(*t)).cloned().collect::<Vec<_>>();
        // A process that did not even begin would be started again for ever.
        assert!(left.len() < batch.len(), "wlcs ran none of {batch:?}; see {}", log.display());
        (done.into_iter().filter_map(|(t, o)| o.map(|o| (t, o))).collect(), left)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find_wlcs() -> PathBuf {
    let debian =
        std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|e| e.path().join("wlcs/wlcs"));
    let others = [PathBuf::from("/usr/libexec/wlcs/wlcs")];
    let found = debian.chain(others).find(|p| p.is_file());
    found.expect("wlcs is installed; on Debian: apt install wlcs")
}

/// Reads a process's report until it ends or a test takes too long, which ends it. Tests that began
/// and have no outcome have `None`.
fn follow(child: &mut Child, out: ChildStdout, log: &Path) -> BTreeMap<String, Option<Outcome>> {
    let (tell, hear) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    let mut done: BTreeMap<String, Option<Outcome>> = BTreeMap::new();
    let mut text = String::new();
    loop {
        match hear.recv_timeout(TEST_DEADLINE) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
                if let Some((test, outcome)) = parse(&line) {
                    done.insert(test.to_owned(), outcome);
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().unwrap();
                for outcome in done.values_mut().filter(|o| o.is_none()) {
                    *outcome = Some(Outcome::TimedOut);
                }
                break;
            }
        }
    }
    drop(hear);
    reader.join().unwrap();
    std::fs::write(log.with_extension("out"), text).unwrap();
    done
}

/// A line of gtest's report: a test that begins (no outcome), or what came of it. The summary at the
/// end repeats names without a time, and is not taken.
fn parse(line: &str) -> Option<(&str, Option<Outcome>)> {
    if let Some(test) = line.strip_prefix("[ RUN      ] ") {
        return Some((test.trim(), None));
    }
    let (outcome, rest) = [
        ("[       OK ] ", Outcome::Passed),
        ("[  FAILED  ] ", Outcome::Failed),
        ("[     SKIP ] ", Outcome::Skipped),
    ]
    .into_iter()
    .find_map(|(mark, outcome)| Some((outcome, line.strip_prefix(mark)?)))?;
    let (name, time) = rest.rsplit_once(" (")?;
    let name = name.split(", where ").next().unwrap_or(name);
    time.ends_with("ms)").then_some((name, Some(outcome)))
}

#[test]
fn reports_are_read() {
    for (line, expected) in [
        ("[ RUN      ] A.b/0", Some(("A.b/0", None))),
        ("[       OK ] A.b/0 (3 ms)", Some(("A.b/0", Some(Outcome::Passed)))),
        ("[  FAILED  ] A.b/0, where GetParam() = x (y) (12 ms)", Some(("A.b/0", Some(Outcome::Failed)))),
        ("[     SKIP ] A.c (0ms)", Some(("A.c", Some(Outcome::Skipped)))),
        ("[  FAILED  ] A.b/0, where GetParam() = x (y)", None),
        ("[  FAILED  ] 2 tests, listed below:", None),
        ("[  PASSED  ] 3 tests.", None),
        ("[  SKIPPED ] A.c", None),
        ("something else", None),
    ] {
        assert_eq!(parse(line), expected, "{line}");
    }
}
