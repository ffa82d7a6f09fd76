// SPDX-License-Identifier: GPL-3.0-or-later
//! Screenshots.
//!
//! In: an output's name. Out: a sealed memfd of tightly packed RGBA rows, and what it shows. What is
//! pending is drawn first, so the picture is the desktop as it is and not as it was.

use super::cast;
use crate::state::State;
use cofferdam_control::desktop::Reply;
use rustix::fs::{MemfdFlags, SealFlags};
use std::os::fd::OwnedFd;

impl State {
    pub(crate) fn screenshot(&mut self, output: Option<&str>) -> Result<(Reply, OwnedFd), String> {
        self.draw_all();
        let screen = match output {
            Some(name) => self.screens.list.iter().find(|screen| screen.output.name() == name),
            None => self.screens.list.first(),
        };
        let screen = screen.ok_or_else(|| match output {
            Some(name) => format!("there is no output {name:?}"),
            None => "there is no output".to_owned(),
        })?;
        let (id, size) = (screen.id, screen.pixels);
        let place = self.desk.scene.output(id).ok_or("the output is gone")?;
        let reply = Reply::Image {
            width: cast::length(size.w),
            height: cast::length(size.h),
            x: place.rect().x,
            y: place.rect().y,
            scale_120: place.scale_120(),
        };
        let pixels = self.copy_output(id)?;
        Ok((reply, sealed(&pixels).map_err(|e| format!("no memory for the picture: {e}"))?))
    }
}

fn sealed(bytes: &[u8]) -> Result<OwnedFd, rustix::io::Errno> {
    let fd = rustix::fs::memfd_create("screenshot", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = rustix::io::retry_on_intr(|| rustix::io::write(&fd, rest))?;
        rest = rest.get(n..).unwrap_or_default();
    }
    rustix::fs::fcntl_add_seals(
        &fd,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(fd)
}
