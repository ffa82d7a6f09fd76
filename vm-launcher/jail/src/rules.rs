// SPDX-License-Identifier: GPL-3.0-or-later
//! One permission to make a system call: data, with its reason.
//!
//! In: a call's number, conditions on its arguments, why. Out: a [`Rule`], which a [`crate::Filter`] is made of
//! and which can say by itself what it lets through, so that tests hold it against what programs do.

/// One permission: this call, if all conditions hold. Rules for the same call are alternatives.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Rule {
    /// Number of the call (`libc::SYS_…`).
    pub call: i64,
    /// All must hold; none means any arguments.
    pub when: &'static [When],
    /// Which process the call may be about.
    pub whom: Whom,
    /// Why the program needs it.
    pub why: &'static str,
    /// Why an ordinary run may not show it; a rule without this must be seen in use.
    pub rare: Option<&'static str>,
}

/// A condition on one argument. Only 32 bits are compared: all arguments of interest are `int`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The argument is exactly this.
    Is {
        /// Which argument, from 0.
        arg: u8,
        /// Its value.
        value: u32,
    },
    /// The masked bits of the argument are exactly these.
    Bits {
        /// Which argument, from 0.
        arg: u8,
        /// Bits that are looked at.
        mask: u32,
        /// What they must be.
        value: u32,
    },
}

/// Which process an argument must name. The number is known only when the filter is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The call is about nobody, or its other conditions say enough.
    Anyone,
    /// The argument must be this process.
    Own(u8),
    /// The argument must be one of the children that the filter is told of.
    Child(u8),
}

/// The processes that [`Whom`] speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pids {
    /// This process; unknown where a filter also holds for children, which are somebody else.
    pub own: Option<u32>,
    /// Children that may be signalled.
    pub children: Vec<u32>,
}

impl Pids {
    /// This process and none of its children.
    #[must_use]
    pub fn here() -> Self {
        Self { own: Some(std::process::id()), children: Vec::new() }
    }
}

impl When {
    /// Whether the condition holds.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        // The kernel, too, reads 32 bits of these arguments.
        let low = |arg: u8| args.get(usize::from(arg)).map(|whole| whole & 0xffff_ffff);
        match *self {
            Self::Is { arg, value } => low(arg) == Some(u64::from(value)),
            Self::Bits { arg, mask, value } => {
                low(arg).is_some_and(|a| a & u64::from(mask) == u64::from(value))
            }
        }
    }
}

impl Rule {
    /// Allows the call with any arguments.
    #[must_use]
    pub const fn any(call: i64, why: &'static str) -> Self {
        Self::only(call, &[], why)
    }

    /// Allows the call if all of `when` hold.
    #[must_use]
    pub const fn only(call: i64, when: &'static [When], why: &'static str) -> Self {
        Self { call, when, whom: Whom::Anyone, why, rare: None }
    }

    /// The same, if argument `arg` names this process.
    #[must_use]
    pub const fn own(mut self, arg: u8) -> Self {
        self.whom = Whom::Own(arg);
        self
    }

    /// The same, if argument `arg` names one of its children.
    #[must_use]
    pub const fn child(mut self, arg: u8) -> Self {
        self.whom = Whom::Child(arg);
        self
    }

    /// The same, with the reason why an ordinary run may not show it.
    #[must_use]
    pub const fn rare(mut self, reason: &'static str) -> Self {
        self.rare = Some(reason);
        self
    }

    /// Whether the rule has no condition at all.
    #[must_use]
    pub const fn is_unconditional(&self) -> bool {
        self.when.is_empty() && matches!(self.whom, Whom::Anyone)
    }

    /// The conditions on processes with their numbers: one list for each way in which the rule can hold.
    #[must_use]
    pub(crate) fn whom(&self, pids: &Pids) -> Vec<Option<When>> {
        let is = |arg, value| Some(When::Is { arg, value });
        match self.whom {
            Whom::Anyone => vec![None],
            Whom::Own(arg) => vec![pids.own.and_then(|own| is(arg, own))],
            Whom::Child(arg) => pids.children.iter().map(|child| is(arg, *child)).collect(),
        }
    }

    /// Whether the rule lets this call through.
    #[must_use]
    pub fn admits(&self, call: i64, args: &[u64; 6], pids: &Pids) -> bool {
        self.call == call
            && self.when.iter().all(|when| when.holds(args))
            && self.whom(pids).iter().any(|whom| whom.is_none_or(|when| when.holds(args)))
    }
}

/// `x` as the bits a filter compares; for the C library's signed constants.
#[must_use]
pub const fn bits(x: i32) -> u32 {
    u32::from_ne_bytes(x.to_ne_bytes())
}

/// The argument is exactly this.
#[must_use]
pub const fn is(arg: u8, value: i32) -> When {
    When::Is { arg, value: bits(value) }
}

/// None of these bits is set in the argument.
#[must_use]
pub const fn none_of(arg: u8, mask: i32) -> When {
    When::Bits { arg, mask: bits(mask), value: 0 }
}

/// All of these bits are set in the argument.
#[must_use]
pub const fn all_of(arg: u8, mask: i32) -> When {
    When::Bits { arg, mask: bits(mask), value: bits(mask) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(given: &[u64]) -> [u64; 6] {
        let mut args = [0; 6];
        args[..given.len()].copy_from_slice(given);
        args
    }

    #[test]
    fn a_rule_says_what_it_lets_through() {
        let pids = Pids { own: Some(7), children: vec![8, 9] };
        let check = |rule: &Rule, given: &[u64], expected| {
            assert_eq!(rule.admits(200, &args(given), &pids), expected, "{rule:?} {given:?}");
        };
        check(&Rule::any(200, "x"), &[1, 2], true);
        check(&Rule::any(201, "x"), &[1, 2], false);
        let abort = Rule::only(200, &[When::Is { arg: 2, value: 6 }], "x").own(0);
        check(&abort, &[7, 1, 6], true);
        check(&abort, &[8, 1, 6], false);
        check(&abort, &[7, 1, 9], false);
        let child = Rule::any(200, "x").child(0);
        check(&child, &[8], true);
        check(&child, &[9], true);
        check(&child, &[7], false);
        // What stands in the upper half, the kernel does not read either.
        check(&abort, &[0xffff_ffff_0000_0007, 1, 6], true);
    }

    #[test]
    fn who_is_unknown_is_not_compared() {
        let nobody = Pids::default();
        assert!(Rule::any(200, "x").own(0).admits(200, &args(&[5]), &nobody));
        assert!(!Rule::any(200, "x").child(0).admits(200, &args(&[5]), &nobody), "a child that is not there");
    }

    #[test]
    fn bits_are_those_of_the_kernel() {
        assert!(none_of(1, 4).holds(&args(&[0, 3])));
        assert!(!none_of(1, 4).holds(&args(&[0, 7])));
        assert!(all_of(1, 6).holds(&args(&[0, 7])));
        assert!(!all_of(1, 6).holds(&args(&[0, 3])));
        assert_eq!(is(0, -1), When::Is { arg: 0, value: u32::MAX });
    }
}
