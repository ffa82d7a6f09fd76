// SPDX-License-Identifier: GPL-3.0-or-later
//! What counts as the person's wish to paste.
//!
//! In: key presses and buttons as the compositor saw them, before the target does. Out: which
//! selections the target may be told of, and whether it may read them or only see that there is
//! something.

/// Which selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Board {
    /// What was copied.
    Clipboard,
    /// What is selected at the moment.
    Primary,
}

impl Board {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clipboard, Self::Primary];
}

/// A key, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasteKey {
    /// The letter, upper or lower case, in the layout or in the Latin one beside it.
    V,
    /// Insert, on either block.
    Insert,
    /// The key that says "paste".
    Paste,
    /// The key that opens a context menu.
    Menu,
    /// F10.
    F10,
    /// Return or space: chooses in a menu.
    Choose,
}

/// A key press with what is held beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    /// The key.
    pub key: PasteKey,
    /// Control.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
    /// Alt or the logo key: then it is some other shortcut.
    pub other: bool,
    /// A menu of the target has the keyboard.
    pub in_menu: bool,
}

/// What the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gesture {
    /// The usual keys: the clipboard may be read.
    PasteKeys,
    /// Shift+Insert: programs disagree which of the two it means.
    ShiftInsert,
    /// The middle button: the primary selection may be read.
    MiddleButton,
    /// The person calls for a context menu: the target may see that there is something, so that its
    /// "Paste" can be chosen.
    Menu,
    /// Something was chosen in a menu; if the person had called for it: the clipboard may be read.
    Chosen,
}

impl Gesture {
    /// What a key press means.
    #[must_use]
    pub const fn of(stroke: Stroke) -> Option<Self> {
        let Stroke { key, ctrl, shift, other, in_menu } = stroke;
        match (key, ctrl, shift, other) {
            (PasteKey::V, true, _, false) => Some(Self::PasteKeys),
            (PasteKey::Insert, false, true, false) => Some(Self::ShiftInsert),
            (PasteKey::Paste, _, _, _) => Some(Self::PasteKeys),
            (PasteKey::Menu, false, false, false) | (PasteKey::F10, false, true, false) => Some(Self::Menu),
            (PasteKey::Choose, false, false, false) if in_menu => Some(Self::Chosen),
            _ => None,
        }
    }

    /// Which selections it is about.
    #[must_use]
    pub const fn boards(self) -> &'static [Board] {
        match self {
            Self::PasteKeys | Self::Menu | Self::Chosen => &[Board::Clipboard],
            Self::ShiftInsert => &[Board::Clipboard, Board::Primary],
            Self::MiddleButton => &[Board::Primary],
        }
    }

    /// Whether the target may read, or only see that there is something.
    #[must_use]
    pub const fn may_read(self) -> bool {
        !matches!(self, Self::Menu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        use PasteKey as K;
        for (key, ctrl, shift, other, in_menu, expected) in [
            (K::V, true, false, false, false, Some(Gesture::PasteKeys)),
            (K::V, true, true, false, false, Some(Gesture::PasteKeys)),
            (K::V, false, false, false, false, None),
            (K::V, true, false, true, false, None),
            (K::Insert, false, true, false, false, Some(Gesture::ShiftInsert)),
            (K::Insert, true, false, false, false, None),
            (K::Paste, false, false, false, false, Some(Gesture::PasteKeys)),
            (K::Menu, false, false, false, false, Some(Gesture::Menu)),
            (K::F10, false, true, false, false, Some(Gesture::Menu)),
            (K::F10, false, false, false, false, None),
            (K::Choose, false, false, false, true, Some(Gesture::Chosen)),
            (K::Choose, false, false, false, false, None),
        ] {
            assert_eq!(Gesture::of(Stroke { key, ctrl, shift, other, in_menu }), expected, "{key:?}");
        }
    }
}
