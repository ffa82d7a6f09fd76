// SPDX-License-Identifier: GPL-3.0-or-later
//! Per-VM entropy device: what this computer's kernel has gathered, for a guest's.
//!
//! In: buffers of a guest, wherever it says they are. Out: random bytes in them, so many and no more, so often and
//! no oftener; counted faults. A guest has no other use of this process.

pub mod program;
pub mod vhost;
