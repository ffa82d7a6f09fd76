// SPDX-License-Identifier: GPL-3.0-or-later
//! In: questions of the monitor, keys, buttons and fingers, the places where things were drawn, time.
//! Out: which one question is on the screen, its words, who gets each press, and answers.
//!
//! This is the trusted path. Its rules:
//!
//! - One question at a time, each app in turn, none while the session is locked.
//! - What gives something away is dead until the picture has stood still for [`ARMING`], and then
//!   needs a press and a release, both afterwards and both in the same place. Enter never gives.
//! - Silence, Escape, a lost monitor and a VM that is gone all mean no.
//! - Notes say something and ask nothing; none is above a question or on the lock.
//! - While a question, the attention view or the lock is shown no press goes to a client, and what was held when it appeared or
//!   when it went reaches nobody until it is released.
//!
//! Knows no Wayland, no pixels and no clock; [`Room`] is driven by the compositor.

#![forbid(unsafe_code)]

mod attention;
mod geometry;
mod host;
mod input;
mod queue;
mod room;
mod wording;

pub use attention::{Row, rows};
pub use cofferdam_ids::Mono;
pub use geometry::{Place, Rect, Stamp};
pub use host::elide_host;
pub use input::{Meaning, Route, Source};
pub use queue::{Broken, MAX_WAITING, MAX_WAITING_OF_ONE};
pub use room::{
    ARMING, Effect, Event, MAX_NOTES, MAX_NOTES_OF_ONE, NOTICE, Note, NotePart, NoteStamp, Room, SILENCE,
    Said, Settings, Showing, Shown, Target,
};
pub use wording::{ChoiceWords, Names, Span, Words, answer_name, plain, words};
