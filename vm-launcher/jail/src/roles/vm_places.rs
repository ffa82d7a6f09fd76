// SPDX-License-Identifier: GPL-3.0-or-later
//! What of the file system a VM's parts need together, and so those who start them.

/// The places of a shepherd, and more behind them.
macro_rules! places {
    ($($more:expr),* $(,)?) => {
        [
            $crate::places::Place::new("programs", $crate::places::Reach::Run, "the parts of a VM"),
            $crate::places::Place::new("sockets", $crate::places::Reach::Keep, "its socket, those of the desktop"),
            $crate::places::Place::new("data", $crate::places::Reach::Keep, "what is kept of VMs"),
            $crate::places::Place::new("images", $crate::places::Reach::Run, "the emulator, kernels and layers"),
            $crate::places::Place::new("files", $crate::places::Reach::Keep, "folders that a person has handed over"),
            $crate::places::Place::new("/", $crate::places::Reach::List, "which folders are a person's"),
            $crate::places::Place::new("/usr", $crate::places::Reach::Run, "libraries, an emulator that is installed"),
            $crate::places::Place::new("/lib", $crate::places::Reach::Run, "libraries"),
            $crate::places::Place::new("/lib64", $crate::places::Reach::Run, "libraries"),
            $crate::places::Place::new("/bin", $crate::places::Reach::Run, "system programs"),
            $crate::places::Place::new("/sbin", $crate::places::Reach::Run, "system programs"),
            $crate::places::Place::new("/etc", $crate::places::Reach::Read, "libraries, name servers, time zone"),
            $crate::places::Place::new("resolver", $crate::places::Reach::Read, "name servers, where links to them lead"),
            $crate::places::Place::new("/proc", $crate::places::Reach::Read, "descriptors by number, processors"),
            $crate::places::Place::new("/sys", $crate::places::Reach::Read, "processors"),
            $crate::places::Place::new("/dev/null", $crate::places::Reach::Write, "input and output that nobody wants"),
            $crate::places::Place::new("/dev/urandom", $crate::places::Reach::Read, "random numbers for guests"),
            $crate::places::Place::new("/dev/kvm", $crate::places::Reach::Write, "the hardware's virtual processors"),
            $($more),*
        ]
    };
}
pub(super) use places;
