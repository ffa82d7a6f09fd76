// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls of PID 1 that have no safe wrapper. In: checked buffers. Out: the kernel's answer.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

const DM_HEADER: usize = 312;

/// One device-mapper request; the answer overwrites `buf`.
pub(crate) fn dm_ioctl(control: impl AsFd, command: u32, buf: &mut [u8]) -> io::Result<()> {
    let claimed = buf.get(12..16).and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes);
    if buf.len() < DM_HEADER || claimed.map(|n| usize::try_from(n).ok()) != Some(Some(buf.len())) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // _IOWR(0xfd, command, struct dm_ioctl)
    let request = (3u64 << 30) | (0x138 << 16) | (0xfd << 8) | u64::from(command & 0xff);
    // SAFETY: the kernel reads and writes at most `data_size` bytes from the pointer, and the check
    // above makes that field equal to the length of the exclusively borrowed buffer.
    let result = unsafe { libc::ioctl(control.as_fd().as_raw_fd(), request, buf.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Brings the loopback interface up: some apps talk to themselves on it.
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    let mut name = [0 as libc::c_char; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(c"lo".to_bytes()) {
        *to = libc::c_char::try_from(*from).map_err(io::Error::other)?;
    }
    let flags = libc::c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(io::Error::other)?;
    let request =
        libc::ifreq { ifr_name: name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags } };
    // SAFETY: SIOCSIFFLAGS only reads one `ifreq`, which is fully initialised and outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends SIGKILL to every process but PID 1. Fails if there is none.
pub(crate) fn kill_all() -> io::Result<()> {
    // SAFETY: `kill` takes two integers and touches no memory of ours.
    let result = unsafe { libc::kill(-1, libc::SIGKILL) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
