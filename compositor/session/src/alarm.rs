// SPDX-License-Identifier: GPL-3.0-or-later
//! A timer for a machine that knows when it has something to do.
//!
//! In: its next deadline, whenever that may have changed. Out: a call at that moment; while there is no
//! deadline, nothing that could wake anybody.

use crate::clock::Mono;
use crate::state::State;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken};

/// The one timer of a machine.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Mono, RegistrationToken)>);

impl Alarm {
    /// Rings at `due`, once, in place of whatever was set before. `itself` finds this alarm in the state.
    pub(crate) fn set(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Mono,
        due: Option<Mono>,
        itself: fn(&mut State) -> &mut Self,
        ring: fn(&mut State),
    ) {
        if self.0.as_ref().map(|(at, _)| *at) == due {
            return;
        }
        if let Some((_, token)) = self.0.take() {
            handle.remove(token);
        }
        let Some(due) = due else { return };
        let source = handle.insert_source(Timer::from_duration(due.since(now)), move |_, (), state| {
            itself(state).0 = None;
            ring(state);
            TimeoutAction::Drop
        });
        match source {
            Ok(token) => self.0 = Some((due, token)),
            Err(e) => tracing::error!("no timer: {e}"),
        }
    }
}
