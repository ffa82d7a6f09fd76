// SPDX-License-Identifier: GPL-3.0-or-later
//! Files of the host that were handed to the app. In: their numbers and names, the kernel's requests, the
//! host's answers. Out: a file system below the runtime directory, operations for the host.
//!
//! Mounted when the first file comes; a VM that is given none has none.

mod tree;
mod wire;

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use cofferdam_agent_wire::{FileAnswer, FromGuest};
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::mount::{MountFlags, mount};

use crate::init::{APP_USER, RUNTIME_DIR};

pub use tree::{MAX_WAITING, Step, Tree};
pub use wire::{Ask, MAX_REQUEST, ROOT, Request, decode};

/// Where handed-over files appear, below the runtime directory.
const FOLDER: &str = "cofferdam";

/// What was handed over, as a file system.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    tree: Tree,
    device: Option<File>,
    buffer: Vec<u8>,
}

impl Files {
    /// Makes the mount point, before any app could make something else there.
    pub(crate) fn prepare() -> io::Result<Self> {
        let folder = PathBuf::from(RUNTIME_DIR).join(FOLDER);
        std::fs::create_dir(&folder)?;
        chmod(&folder, Mode::from_raw_mode(0o500))?;
        chown(&folder, Some(Uid::from_raw(APP_USER)), Some(Gid::from_raw(APP_USER)))?;
        Ok(Self { folder, tree: Tree::default(), device: None, buffer: vec![0; MAX_REQUEST] })
    }

    /// The kernel's end, once it is mounted.
    pub(crate) fn device(&self) -> Option<impl AsFd> {
        self.device.as_ref()
    }

    /// Shows something that was handed over; its path. Whether the file system was mounted just now.
    pub(crate) fn add(
        &mut self,
        file: u32,
        name: &str,
        folder: bool,
        writable: bool,
    ) -> io::Result<(PathBuf, bool)> {
        let new = self.device.is_none();
        if new {
            self.device = Some(self.mount()?);
        }
        Ok((self.folder.join(self.tree.add(file, name, folder, writable)), new))
    }

    fn mount(&self) -> io::Result<File> {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let device = File::options().read(true).write(true).custom_flags(flags).open("/dev/fuse")?;
        let options = format!(
            "fd={},rootmode=40000,user_id={APP_USER},group_id={APP_USER},default_permissions,max_read={}",
            device.as_raw_fd(),
            wire::MAX_IO
        );
        let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let options = CString::new(options)?;
        mount("cofferdam", &self.folder, "fuse.cofferdam", quiet, options.as_c_str())?;
        Ok(device)
    }

    /// Something was taken back.
    pub(crate) fn gone(&mut self, file: u32) -> Vec<FromGuest> {
        self.tree.gone(file);
        self.carry_out()
    }

    /// The host answers.
    pub(crate) fn answer(&mut self, serial: u32, answer: FileAnswer) -> Vec<FromGuest> {
        self.tree.answer(serial, answer);
        self.carry_out()
    }

    /// Whether the kernel is to wait until the host has answered some.
    pub(crate) fn is_busy(&self) -> bool {
        self.tree.is_busy()
    }

    /// Reads what the kernel asks. What to tell the host; `None` once the file system is gone.
    pub(crate) fn hear(&mut self) -> Option<Vec<FromGuest>> {
        while !self.tree.is_busy() {
            let mut device = self.device.as_ref()?;
            match device.read(&mut self.buffer) {
                Ok(count) => {
                    // The kernel always sends a header.
                    if let Some(request) = decode(self.buffer.get(..count).unwrap_or_default()) {
                        self.tree.request(request);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                // A request that was taken back before it was read.
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::NotFound) => {}
                Err(_unmounted) => {
                    self.device = None;
                    return None;
                }
            }
        }
        Some(self.carry_out())
    }

    fn carry_out(&mut self) -> Vec<FromGuest> {
        let mut orders = Vec::new();
        while let Some(step) = self.tree.poll() {
            match step {
                Step::Ask { serial, file, op } => orders.push(FromGuest::File { serial, file, op }),
                Step::Reply(bytes) => {
                    if let Some(mut device) = self.device.as_ref() {
                        // Nobody waits any more for a request that was interrupted.
                        drop(device.write_all(&bytes));
                    }
                }
            }
        }
        orders
    }
}
