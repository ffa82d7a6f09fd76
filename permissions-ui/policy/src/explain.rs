// SPDX-License-Identifier: GPL-3.0-or-later
//! Decisions in words.
//!
//! In: the same judgement that a decision is made of. Out: an [`Explanation`]: which rule, grant or level
//! it was, and who set it; its text is fit for the panel and the command line.

use crate::decide::Why;
use crate::{Author, Decision, Effect, Grant, Level, Lifetime, Millis, Resource, State};
use cofferdam_ids::VmId;
use std::fmt;

/// What a decision came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// The VM does not run.
    NotRunning,
    /// The request makes no sense.
    Malformed,
    /// The VM asks for what it copied itself.
    Own,
    /// A rule of a file; its name.
    Rule(String),
    /// A grant.
    Grant(Grant),
    /// A level, and who set it; nobody if it is the initial one.
    Level(Level, Option<Author>),
    /// The app asked too often.
    Silenced,
    /// What holds for the parent.
    Parent(VmId, Box<Explanation>),
    /// It has more generations of parents than are looked at.
    TooDeep,
}

/// A decision, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Where it comes from.
    pub because: Because,
}

impl State {
    /// What [`State::decide`] says, and why.
    #[must_use]
    pub fn explain(&self, vm: &VmId, resource: &Resource, now: Millis) -> Explanation {
        self.explain_from(vm, resource, now, 0)
    }

    fn explain_from(&self, vm: &VmId, resource: &Resource, now: Millis, depth: usize) -> Explanation {
        let (verdict, why) = self.judge(vm, resource, now, depth);
        let because = match why {
            Why::NotRunning => Because::NotRunning,
            Why::Malformed => Because::Malformed,
            Why::Own => Because::Own,
            Why::Rule(rule) => Because::Rule(rule.map(|r| r.name.clone()).unwrap_or_default()),
            Why::Grant(grant) => Because::Grant(grant.clone()),
            Why::Level(level, author) => Because::Level(level, author),
            Why::Silenced => Because::Silenced,
            Why::TooDeep => Because::TooDeep,
            Why::Parent(parent) => {
                let theirs = self.explain_from(parent, resource, now, depth.saturating_add(1));
                Because::Parent(parent.clone(), Box::new(theirs))
            }
        };
        Explanation { decision: verdict.into_decision(resource), because }
    }
}

const fn by(author: Author) -> &'static str {
    match author {
        Author::Prompt => "you, when you were asked",
        Author::Person => "you",
        Author::Admin => "the administrator",
        Author::Policy => "the desktop",
    }
}

const fn lasts(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Once => "this time only",
        Lifetime::Run(_) => "until the app is closed",
        Lifetime::Until(_) => "for a limited time",
        Lifetime::Standing => "until you take it back",
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the app is not running"),
            Self::Malformed => f.write_str("the request makes no sense"),
            Self::Own => f.write_str("the app copied it itself"),
            Self::Rule(name) => write!(f, "a rule says so: {name}"),
            Self::Grant(g) if g.effect == Effect::Deny => {
                write!(f, "\"never\" was said by {} (grant {})", by(g.author), g.id.0)
            }
            Self::Grant(g) => {
                write!(f, "allowed {} by {} (grant {})", lasts(g.lifetime), by(g.author), g.id.0)
            }
            Self::Level(level, None) => write!(f, "the level is \"{level}\", as for every new app"),
            Self::Level(level, Some(author)) => {
                write!(f, "the level is \"{level}\", set by {}", by(*author))
            }
            Self::Silenced => f.write_str("it asked too often and is not heard until it is closed"),
            Self::Parent(parent, theirs) => {
                write!(f, "it never has more than {parent}, and there {}", theirs.because)
            }
            Self::TooDeep => f.write_str("too many apps stand between it and you"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.decision {
            Decision::Allow { .. } => "Allowed",
            Decision::Deny(_) => "Not allowed",
            Decision::Ask { .. } => "You would be asked",
        };
        write!(f, "{word}: {}.", self.because)
    }
}
