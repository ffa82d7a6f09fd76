// SPDX-License-Identifier: GPL-3.0-or-later
//! Names of things: windows, popups, outputs, owners, and moments of time.
//!
//! In: numbers that the session counts up and never reuses. Out: newtypes that can't be mixed up.

use cofferdam_ids::VmId;

/// A toplevel window. Chosen by the session, counted up, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(pub u64);

/// A popup. Chosen by the session, counted up, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PopupId(pub u64);

/// A layer: a surface of the desktop itself. Chosen by the session, counted up, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub u64);

/// An output. Chosen by the session, counted up, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputId(pub u32);

/// A workspace. There is one for now, [`WorkspaceId::FIRST`]; windows already say theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceId(pub u32);

impl WorkspaceId {
    /// The only one for now.
    pub const FIRST: Self = Self(0);
}

/// Something with a surface of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A toplevel window.
    Window(WindowId),
    /// A popup.
    Popup(PopupId),
    /// The bar, the panel or a dialog of the desktop itself.
    Layer(LayerId),
}

/// Whose window it is. Comes from the fd on which the client speaks, never from the client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// An app VM.
    Vm(VmId),
    /// A program of the desktop itself.
    Trusted,
}

impl Owner {
    /// The VM, if it is one.
    #[must_use]
    pub fn vm(&self) -> Option<&VmId> {
        match self {
            Self::Vm(vm) => Some(vm),
            Self::Trusted => None,
        }
    }
}
