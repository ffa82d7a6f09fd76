// SPDX-License-Identifier: GPL-3.0-or-later
//! A private desktop, used through `coffer`. In: command lines. Out: what was printed, and exit codes.

#![expect(clippy::disallowed_types, reason = "runs coffer")]
#![expect(clippy::disallowed_methods, reason = "each wait has a deadline, and fails at it")]

use crate::{PATIENCE, out_dir, program};
use cofferdam_kit::paths::Paths;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a question is asked again.
const LOOK: Duration = Duration::from_millis(200);

/// Calls `ask`, which takes its time, until it gives something.
fn wait<T>(mut ask: impl FnMut() -> Result<Option<T>, Box<dyn Error>>) -> Result<T, Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(value) = ask()? {
            return Ok(value);
        }
    }
    Err(format!("waited {PATIENCE:?}").into())
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A running `coffer desktop --private`.
#[derive(Debug)]
pub struct CliDesktop {
    child: Child,
    name: String,
    /// Address of its bus.
    pub bus: String,
}

impl CliDesktop {
    /// Starts a headless desktop with `arguments` and waits until it is ready.
    ///
    /// # Errors
    /// If it ends before.
    pub fn start(name: &str, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let directory = out_dir(name);
        std::fs::create_dir_all(&directory)?;
        let name = format!("{name}-{}", std::process::id());
        let mut child = Command::new(program("coffer"))
            .args(["--desktop", &name, "desktop", "--headless", "--private", "--ready-json"])
            // A test that is killed takes its desktop along.
            .args(["--parent", &std::process::id().to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(directory.join("desktop.log"))?)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let ready: serde_json::Value =
            serde_json::from_str(&line).map_err(|_e| format!("not ready; see {}", directory.display()))?;
        let bus = ready["bus"].as_str().ok_or("no bus")?.to_owned();
        Ok(Self { child, name, bus })
    }

    /// Runs `coffer` against this desktop with `input` on standard input.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<Said, Box<dyn Error>> {
        let mut child = Command::new(program("coffer"))
            .args(["--desktop", &self.name])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().ok_or("no input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        Ok(Said {
            code: output.status.code().ok_or("killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Runs `coffer` and checks its exit code and a part of what it prints on each stream.
    ///
    /// # Errors
    /// If anything differs.
    pub fn check(&self, arguments: &[&str], code: i32, out: &str, err: &str) -> Result<(), Box<dyn Error>> {
        let said = self.run(arguments, "")?;
        if said.code == code && said.stdout.contains(out) && said.stderr.contains(err) {
            return Ok(());
        }
        Err(format!("coffer {}: wanted {code}, {out:?}, {err:?}; got {said:?}", arguments.join(" ")).into())
    }

    /// The process that keeps the desktop's daemons.
    #[must_use]
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Asks `done` again and again until it gives something.
    ///
    /// # Errors
    /// When [`PATIENCE`] ends, or the desktop does.
    pub fn wait_until<T>(&mut self, mut done: impl FnMut() -> Option<T>) -> Result<T, Box<dyn Error>> {
        let child = &mut self.child;
        wait(|| {
            // The end of the desktop wakes us, otherwise it is time to ask again.
            let over = crate::processes::ended_within(child, LOOK)?;
            if over { Err("the desktop ended".into()) } else { Ok(done()) }
        })
    }

    /// Asks `done` again and again until it is true, after the desktop was killed.
    ///
    /// # Errors
    /// When [`PATIENCE`] ends.
    pub fn wait_for_death(mut self, mut done: impl FnMut() -> bool) -> Result<(), Box<dyn Error>> {
        self.child.wait()?;
        let (never, _held) = std::io::pipe()?;
        wait(|| {
            crate::processes::readable_within(&never, LOOK)?;
            Ok(done().then_some(()))
        })
    }

    /// Ends the desktop as Ctrl-C does; it must end well and leave nothing.
    ///
    /// # Errors
    /// If it doesn't.
    pub fn finish(mut self) -> Result<(), Box<dyn Error>> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        if !crate::processes::ended_within(&mut self.child, PATIENCE)? {
            return Err("the desktop does not end".into());
        }
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the desktop ended with {status}").into()) }
    }
}

impl Drop for CliDesktop {
    fn drop(&mut self) {
        // A desktop that ended well has removed its directories; one that was killed can't.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Ok(paths) = Paths::of(&self.name) {
            let _ = std::fs::remove_file(paths.runtime.with_extension("lock"));
            let _ = std::fs::remove_dir_all(paths.runtime);
            let _ = std::fs::remove_dir_all(paths.data);
        }
    }
}
