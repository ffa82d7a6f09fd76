// SPDX-License-Identifier: GPL-3.0-or-later
//! What a VM is made of on the host, as data. In: nothing. Out: [`PARTS`], the table that the state machine, the
//! shepherd, the machine's driver and the device programs walk through.
//!
//! A device is added by a program of its own and one row here.

/// A device of the machine, as the machine has to be told before it asks the device's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Number of its kind in the virtio specification.
    pub virtio_id: u16,
    /// Virtqueues.
    pub queues: u16,
    /// Entries that each of them has at most.
    pub queue_size: u16,
    /// Bytes of its configuration space.
    pub config_size: u16,
}

/// One process beside the machine: a device, jailed, with a socket to the machine and one to the shepherd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// By which programs know it.
    pub name: &'static str,
    /// By which people know it.
    pub words: &'static str,
    /// Its program.
    pub program: &'static str,
    /// What the machine sees of it.
    pub device: Device,
    /// Its enforcement point at the permission monitor, if it is one.
    pub point: Option<&'static str>,
    /// What it is told of this computer: settings by name.
    pub hears: &'static [&'static str],
    /// Whether it speaks to the desktop, over the channel by which the desktop knows the VM. One part does.
    pub desktop: bool,
    /// The VM starts when it is ready, and ends with it. Without another part the VM lives on.
    pub essential: bool,
    /// What a VM without it is like, for a person.
    pub without: &'static str,
}

/// The setting that lists the computer's name servers, one `address:port` a word.
pub const NAME_SERVERS: &str = "name-servers";

/// All parts, in the order in which they are started.
pub static PARTS: &[Part] = &[
    Part {
        name: "gpu",
        words: "gpu device",
        program: "cofferdam-gpu",
        // A queue of 64 deadlocks when 64 contexts wait in it.
        device: Device { virtio_id: 16, queues: 2, queue_size: 256, config_size: 20 },
        point: None,
        hears: &[],
        desktop: true,
        essential: true,
        without: "nothing of the app can be seen",
    },
    Part {
        name: "net",
        words: "network gateway",
        program: "cofferdam-net",
        device: Device { virtio_id: 1, queues: 2, queue_size: 1024, config_size: 12 },
        point: Some("network"),
        hears: &[NAME_SERVERS],
        desktop: false,
        essential: false,
        without: "the app is offline until it is started again",
    },
    Part {
        name: "rng",
        words: "entropy device",
        program: "cofferdam-rng",
        device: Device { virtio_id: 4, queues: 1, queue_size: 64, config_size: 0 },
        point: None,
        hears: &[],
        desktop: false,
        essential: false,
        without: "the guest makes its random numbers of what it has itself",
    },
];

impl Part {
    /// The part of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PARTS.iter().find(|part| part.name == name)
    }

    /// The part whose point this is.
    #[must_use]
    pub fn of_point(point: &str) -> Option<&'static Self> {
        PARTS.iter().find(|part| part.point == Some(point))
    }
}
