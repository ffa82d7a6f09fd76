// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about notes on the screen: the desktop's own about an app, and what apps say. In: what to expect or
//! click. Out: whether it is there, motions and buttons of the virtual seat.

use super::{Run, StepError};
use crate::format::{ClickNote, ExpectNote};
use cofferdam_control::desktop::{Input, NoticeInfo, Reply, Request};
use cofferdam_ids::VmId;
use std::time::{Duration, Instant};

impl Run<'_> {
    pub(super) fn expect_note(&mut self, wanted: &ExpectNote) -> Result<(), StepError> {
        let vm = self.vm(&wanted.r#as)?;
        let parts = [&wanted.heading, &wanted.title, &wanted.text];
        let says = |note: &NoticeInfo| {
            let lines = [&note.heading, &note.title, &note.text];
            parts.iter().zip(lines).all(|(part, line)| part.as_ref().is_none_or(|part| line.contains(part)))
        };
        let none = parts.iter().all(|part| part.is_none());
        let last = self.wait_note(wanted.timeout_s, |note| {
            let theirs = note.filter(|note| note.vm == vm);
            if none { theirs.is_none() } else { theirs.is_some_and(says) }
        })?;
        last.map(drop).map_err(|note| {
            let wish: Vec<String> =
                parts.iter().filter_map(|part| part.as_ref()).map(|p| format!("{p:?}")).collect();
            StepError::Expectation(if none {
                format!("there should be no note about `{}`, but {}", wanted.r#as, describe(note.as_ref()))
            } else {
                format!(
                    "a note of `{}` should say {}, but {}",
                    wanted.r#as,
                    wish.join(" and "),
                    describe(note.as_ref())
                )
            })
        })
    }

    pub(super) fn click_note(&mut self, click: &ClickNote) -> Result<(), StepError> {
        let vm: VmId = self.vm(&click.r#as)?;
        let found =
            self.wait_note(click.timeout_s, |note| note.is_some_and(|note| note.vm == vm && note.armed))?;
        let note = found.ok().flatten().ok_or_else(|| {
            StepError::Expectation(format!("there should be a note of `{}` that takes clicks", click.r#as))
        })?;
        let place = if click.close { note.close } else { note.card };
        // On the card clear of the cross, which is in its upper corner.
        let (x, y) =
            (f64::from(place.x) + f64::from(place.w) / 2.0, f64::from(place.y) + f64::from(place.h) / 2.0);
        self.input(Input::PointerMove { x, y })?;
        for pressed in [true, false] {
            self.input(Input::PointerButton { code: click.button.code(), pressed })?;
        }
        self.sync()
    }

    /// Looks until the note is as wanted; what it was last comes back either way.
    fn wait_note(
        &mut self,
        timeout_s: u64,
        wanted: impl Fn(Option<&NoticeInfo>) -> bool,
    ) -> Result<Result<Option<NoticeInfo>, Option<NoticeInfo>>, StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let (Reply::Notice(note), _) = self.desktop.call(Request::Notice)? else {
                return Err(crate::desktop::DesktopError::Answer.into());
            };
            if wanted(note.as_ref()) {
                return Ok(Ok(note));
            }
            if Instant::now() >= deadline {
                return Ok(Err(note));
            }
            self.next_look(deadline)?;
        }
    }
}

fn describe(note: Option<&NoticeInfo>) -> String {
    match note {
        None => "there is none".to_owned(),
        Some(note) => {
            format!("there is {:?}, {:?}, {:?} of {}", note.heading, note.title, note.text, note.vm)
        }
    }
}
