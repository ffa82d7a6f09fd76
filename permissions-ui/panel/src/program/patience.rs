// SPDX-License-Identifier: GPL-3.0-or-later
//! When something may be handed over.
//!
//! In: whether the dialog has the keyboard, presses, changes of what is chosen, alarms. Out: armed or not.
//! A dialog without the keyboard is behind something, or the person is at another window; what is pressed
//! before it is armed was meant for something else, and makes it wait anew.

/// The patience of one dialog.
#[derive(Debug, Default)]
pub(super) struct Patience {
    has_keyboard: bool,
    armed: bool,
    round: u64,
}

impl Patience {
    pub(super) const fn is_armed(&self) -> bool {
        self.armed
    }

    /// The dialog has the keyboard, or has it no more. Gives the number of the alarm to set.
    pub(super) const fn keyboard(&mut self, on: bool) -> Option<u64> {
        self.has_keyboard = on;
        self.restart()
    }

    /// Something was pressed.
    pub(super) const fn pressed(&mut self) -> Option<u64> {
        if self.armed { None } else { self.restart() }
    }

    /// What would be handed over is something else now.
    pub(super) const fn restart(&mut self) -> Option<u64> {
        self.armed = false;
        self.round = self.round.wrapping_add(1);
        if self.has_keyboard { Some(self.round) } else { None }
    }

    /// An alarm rang. Only the last one that was set counts.
    pub(super) const fn rang(&mut self, round: u64) {
        self.armed |= self.has_keyboard && round == self.round;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_still_second_with_the_keyboard_counts() {
        let mut patience = Patience::default();
        assert_eq!(patience.pressed(), None, "it is not on the screen, or not what the person is at");
        patience.rang(1);
        assert!(!patience.is_armed());
        let first = patience.keyboard(true).unwrap();
        // Clicking on and on.
        let second = patience.pressed().unwrap();
        patience.rang(first);
        assert!(!patience.is_armed());
        patience.rang(second);
        assert!(patience.is_armed());
        assert_eq!(patience.pressed(), None, "this one counts");
        assert!(patience.is_armed());
        // Another file is selected.
        let third = patience.restart().unwrap();
        assert!(!patience.is_armed());
        // A question, the lock or another window came in between.
        assert_eq!(patience.keyboard(false), None);
        patience.rang(third);
        assert!(!patience.is_armed());
        let fourth = patience.keyboard(true).unwrap();
        patience.rang(third);
        assert!(!patience.is_armed());
        patience.rang(fourth);
        assert!(patience.is_armed());
    }
}
