// SPDX-License-Identifier: GPL-3.0-or-later
//! How tests wait: for something that must come, never for time to pass.
//!
//! In: what is waited for, and its name. Out: the thing itself, or a panic that names it. Nothing in here gives
//! up quietly, so no test can take "it has not come yet" for "it never comes": whoever wants to show that
//! something does not happen waits for a later event that is ordered behind it.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a test whose event does not come has failed")]
#![expect(clippy::disallowed_methods, reason = "the one place where tests wait")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Nothing takes longer than this, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How long a look that nothing wakes waits for the next one.
const TICK: Duration = Duration::from_millis(5);

/// The end of a test's patience with one thing.
#[derive(Debug)]
pub struct Deadline<'a> {
    what: &'a str,
    at: Instant,
}

impl<'a> Deadline<'a> {
    /// Begins to wait for `what`.
    #[must_use]
    pub fn new(what: &'a str) -> Self {
        Self { what, at: Instant::now() + PATIENCE }
    }

    /// What is left of it.
    ///
    /// # Panics
    /// If nothing is.
    #[must_use]
    pub fn left(&self) -> Duration {
        let left = self.at.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "waited {PATIENCE:?} for {}", self.what);
        left
    }

    /// Lets a moment pass before the next look: until `fd` can be read, or `at_most`.
    ///
    /// # Panics
    /// If the patience has ended.
    pub fn pause(&self, fd: impl AsFd, at_most: Duration) {
        wait(&fd, self.left().min(at_most));
    }

    /// Lets a moment pass before the next look, where nothing tells that there is something to see.
    ///
    /// # Panics
    /// If the patience has ended.
    pub fn tick(&self) {
        std::thread::sleep(self.left().min(TICK));
    }
}

fn wait(fd: &impl AsFd, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).unwrap_or_default();
    match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&limit)) {
        Ok(ready) => ready > 0,
        Err(rustix::io::Errno::INTR) => false,
        Err(error) => panic!("poll: {error}"),
    }
}

/// Looks again and again until there is something.
///
/// # Panics
/// If there never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::new(what);
    loop {
        if let Some(found) = look() {
            return found;
        }
        deadline.tick();
    }
}

/// Waits until `fd` can be read, or has an end to tell of.
///
/// # Panics
/// If that never happens.
pub fn readable(fd: impl AsFd, what: &str) {
    let deadline = Deadline::new(what);
    while !wait(&fd, deadline.left()) {}
}

/// Waits for the next thing out of a channel.
///
/// # Panics
/// If none comes, or none can come any more.
pub fn received<T>(channel: &Receiver<T>, what: &str) -> T {
    match channel.recv_timeout(PATIENCE) {
        Ok(thing) => thing,
        Err(RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} for {what}"),
        Err(RecvTimeoutError::Disconnected) => panic!("nobody is there to send {what}"),
    }
}

/// Waits for the end of a program.
///
/// # Panics
/// If it goes on, or can't be watched.
pub fn ended(child: &mut Child, what: &str) -> ExitStatus {
    // One that has been waited for already has no pid any more that is its own.
    match child.try_wait() {
        Ok(Some(status)) => return status,
        Ok(None) => {}
        Err(error) => panic!("{what}: {error}"),
    }
    match pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
        Ok(pidfd) => readable(pidfd, what),
        Err(error) => panic!("{what} can't be watched: {error}"),
    }
    child.wait().unwrap_or_else(|error| panic!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_comes_is_given_back() {
        let mut looks = 0;
        let third = until("the third look", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(third, 3);
        let (send, receive) = channel();
        send.send(7).unwrap();
        assert_eq!(received(&receive, "a number"), 7);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        readable(&reader, "the end of a pipe");
    }

    #[test]
    fn what_never_comes_is_named() {
        let (send, receive) = channel::<u8>();
        drop(send);
        let panicked = std::panic::catch_unwind(|| received(&receive, "a number that never comes"));
        let said = panicked.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("a number that never comes"), "{said}");
        let late = Deadline { what: "the past", at: Instant::now() };
        assert!(std::panic::catch_unwind(|| late.left()).is_err());
    }
}
