// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: what a Wayland client may see, hold and say.
//!
//! In: a client's identity, which comes from the fd on which it speaks, and the numbers in its
//! requests. Out: the version of a global it may bind, clean numbers, or a [`Fault`]. One table,
//! [`Fault::consequence`], says what a fault costs.
//!
//! The compositor asks here before smithay sees a request, so what stands here is all that a guest
//! can do. What is deliberately absent: layer-shell, screen capture, virtual input, data-control,
//! session lock, foreign toplevels, dmabuf. Nobody gets these by default; adding one is a line in
//! [`globals`] and a reason in the commit.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod fault;
pub mod globals;
mod quota;
pub mod rules;

pub use fault::{Consequence, Fault};
pub use quota::{CACHED_UNIT, Holding, Share};

use cofferdam_ids::VmId;

/// Whom a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientIdentity {
    /// A program inside this VM: hostile until proved otherwise, and it never is.
    Vm(VmId),
    /// A program of the desktop itself, or a test.
    Trusted,
}

impl ClientIdentity {
    /// The VM, if it is one.
    #[must_use]
    pub fn vm(&self) -> Option<&VmId> {
        match self {
            Self::Vm(vm) => Some(vm),
            Self::Trusted => None,
        }
    }
}
