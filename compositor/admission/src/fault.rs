// SPDX-License-Identifier: GPL-3.0-or-later
//! What can be wrong with a request, and what it costs.
//!
//! In: findings of [`crate::rules`] and [`crate::Share`]. Out: [`Fault::consequence`], the one table.

use crate::Holding;

/// A client's mistake, or its attack: the compositor need not know which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It holds as many of these as it may.
    #[error("quota: too many {}", .0.plural())]
    Quota(Holding),
    /// A buffer that does not fit its pool, or is larger than a screen can be.
    #[error("the buffer does not fit its pool, or is larger than 16384 pixels")]
    Buffer,
    /// A buffer whose pixels do not begin at whole pixels.
    #[error("offset and stride must be whole pixels")]
    Alignment,
    /// A pool without size.
    #[error("the size of a pool must be positive")]
    PoolSize,
    /// A size below zero, or an empty one where there has to be an area.
    #[error("a size can't be negative or empty here")]
    Size,
    /// A factor or a size beyond anything that can be shown.
    #[error("the scale or size is beyond anything that can be shown")]
    TooLarge,
    /// A number that its enumeration does not have.
    #[error("the value is not in its enumeration")]
    Value,
    /// A tree of subsurfaces that is a circle, too deep or too wide, or one of them placed beside a stranger.
    #[error("the tree of subsurfaces is a circle, too deep or too large, or this is no sibling")]
    Tree,
    /// A region with more rectangles than count.
    #[error("the region is too complex and counts as absent")]
    Region,
    /// A cursor image larger than cursors are.
    #[error("the cursor image is larger than a cursor can be")]
    Cursor,
    /// A serial that is not from a press inside this client.
    #[error("the serial is not of an event that this client got")]
    Serial,
    /// More popups or windows than the scene takes, or a parent of another owner.
    #[error("the desktop does not take the window")]
    Scene,
}

/// What a fault costs the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consequence {
    /// The request counts as not sent; the protocol allows that it has no effect.
    Ignore,
    /// The object that it asks for is made and ended at once (`popup_done`, `close`).
    RefuseRequest,
    /// A protocol error: this connection ends, its VM's others go on.
    KillClient,
}

impl Fault {
    /// The table.
    #[must_use]
    pub const fn consequence(self) -> Consequence {
        match self {
            // Honest clients race here: focus may move while a request is on its way.
            Self::Serial => Consequence::Ignore,
            // Hints: without them the client looks or works a little worse, and only it.
            Self::Region | Self::Cursor => Consequence::Ignore,
            // The protocol lets the compositor close windows and dismiss popups at any time.
            Self::Scene => Consequence::RefuseRequest,
            // Objects exist as soon as they are asked for, so there is no polite no.
            Self::Quota(_)
            | Self::Buffer
            | Self::Alignment
            | Self::PoolSize
            | Self::Size
            | Self::TooLarge
            | Self::Value
            | Self::Tree => Consequence::KillClient,
        }
    }

    /// The machine-readable kind, as subscribers of the desktop see it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Quota(_) => "quota",
            Self::Buffer | Self::Alignment | Self::PoolSize => "buffer",
            Self::Size | Self::TooLarge | Self::Value => "value",
            Self::Tree => "tree",
            Self::Region | Self::Cursor => "hint",
            Self::Serial => "serial",
            Self::Scene => "scene",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consequences() {
        for (fault, consequence, kind) in [
            (Fault::Quota(Holding::Surface), Consequence::KillClient, "quota"),
            (Fault::Buffer, Consequence::KillClient, "buffer"),
            (Fault::Alignment, Consequence::KillClient, "buffer"),
            (Fault::PoolSize, Consequence::KillClient, "buffer"),
            (Fault::Size, Consequence::KillClient, "value"),
            (Fault::TooLarge, Consequence::KillClient, "value"),
            (Fault::Value, Consequence::KillClient, "value"),
            (Fault::Tree, Consequence::KillClient, "tree"),
            (Fault::Region, Consequence::Ignore, "hint"),
            (Fault::Cursor, Consequence::Ignore, "hint"),
            (Fault::Serial, Consequence::Ignore, "serial"),
            (Fault::Scene, Consequence::RefuseRequest, "scene"),
        ] {
            assert_eq!((fault.consequence(), fault.kind()), (consequence, kind), "{fault}");
        }
    }
}
