// SPDX-License-Identifier: GPL-3.0-or-later
//! Waiting for a child with a deadline. In: a child and how long it may take. Out: its status, or
//! none after it was killed and reaped.

#![expect(clippy::disallowed_methods, reason = "waits for a child until its deadline")]

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// Waits at most `limit` for `child`; a child that takes longer is killed, reaped and `None`.
pub(crate) fn wait_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    if readable_within(&pidfd, limit)? {
        return child.wait().map(Some);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Waits at most `limit` until `fd` has something to say, or has ended.
pub(crate) fn readable_within(fd: impl AsFd, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_e| io::Error::from(io::ErrorKind::InvalidInput))?;
        match rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "a child to wait for")]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_in_time_and_one_too_late() {
        let mut quick = Command::new("true").spawn().unwrap();
        assert!(wait_within(&mut quick, Duration::from_secs(20)).unwrap().unwrap().success());
        let mut slow = Command::new("tail").args(["-f", "/dev/null"]).spawn().unwrap();
        assert_eq!(wait_within(&mut slow, Duration::from_millis(5)).unwrap(), None);
    }
}
