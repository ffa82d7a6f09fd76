// SPDX-License-Identifier: GPL-3.0-or-later
//! Word of what appears in a directory. In: the directory. Out: a wake-up each time a name has been added,
//! so that nobody has to try again and again whether a socket is there yet.

use crate::readiness;
use rustix::fs::inotify;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A directory that is watched.
#[derive(Debug)]
pub struct Watch {
    fd: AsyncFd<OwnedFd>,
}

impl Watch {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the directory does not exist or the kernel refuses.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&fd, directory, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO)?;
        Ok(Self { fd: readiness::watch(fd, Interest::READABLE)? })
    }

    /// Waits until something has appeared since the last call, or since the watch began.
    ///
    /// # Errors
    /// If the kernel refuses to tell.
    pub async fn change(&self) -> io::Result<()> {
        loop {
            let mut guard = self.fd.ready(Interest::READABLE).await?;
            let mut events = [0u8; 4096];
            match rustix::io::read(guard.get_inner(), &mut events) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
