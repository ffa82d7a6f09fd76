// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps about what goes from one app to another by drag and drop.
//! In: what to do or expect. Out: motions and buttons of the virtual seat, or what the desktop shows.

use super::input::between;
use super::{Run, StepError};
use crate::format::{Carry, ExpectDrag, LetGo};
use cofferdam_control::desktop::{DragInfo, Input, Reply, Request};
use cofferdam_ids::VmId;
use std::time::{Duration, Instant};

/// So far the pointer moves inside the window that is dragged from, until its app begins the drag: more
/// than any toolkit's threshold.
const TUG: f64 = 40.0;

impl Run<'_> {
    pub(super) fn carry(&mut self, carry: &Carry) -> Result<(), StepError> {
        let vm = self.vm(&carry.window)?;
        let from = self.place(&carry.window, carry.from)?;
        let to = self.place(carry.over.as_deref().unwrap_or(&carry.window), carry.to)?;
        self.input(Input::PointerMove { x: from[0], y: from[1] })?;
        self.input(Input::PointerButton { code: carry.button.code(), pressed: true })?;
        let tugged = [from[0] + TUG, from[1]];
        for [x, y] in between(from, tugged) {
            self.input(Input::PointerMove { x, y })?;
        }
        self.tug_until_it_comes(carry, &vm, tugged)?;
        for [x, y] in between(tugged, to) {
            self.input(Input::PointerMove { x, y })?;
        }
        self.sync()
    }

    /// A hand is never quite still, and GTK looks at the last motion only when there is another one.
    fn tug_until_it_comes(&mut self, carry: &Carry, vm: &VmId, at: [f64; 2]) -> Result<(), StepError> {
        let deadline = Instant::now() + Duration::from_secs(carry.timeout_s);
        for aside in [1.0, 0.0].into_iter().cycle() {
            let drag = self.drag_info()?;
            if drag.as_ref().is_some_and(|drag| drag.from.as_ref() == Some(vm)) {
                break;
            }
            if Instant::now() >= deadline {
                return Err(StepError::Expectation(format!(
                    "`{}` should have begun a drag within {} s, but {}",
                    carry.window,
                    carry.timeout_s,
                    describe(drag.as_ref())
                )));
            }
            self.input(Input::PointerMove { x: at[0] + aside, y: at[1] })?;
            self.next_look(deadline)?;
        }
        Ok(())
    }

    pub(super) fn let_go(&mut self, let_go: LetGo) -> Result<(), StepError> {
        self.input(Input::PointerButton { code: let_go.button.code(), pressed: false })?;
        self.sync()
    }

    pub(super) fn expect_drag(&mut self, wanted: &ExpectDrag) -> Result<(), StepError> {
        let from = self.vm(&wanted.r#as)?;
        let over = wanted.over.as_deref().map(|name| self.vm(name)).transpose()?;
        let wish = DragInfo { from: Some(from), over, possible: wanted.possible };
        self.wait_drag(wanted.timeout_s, |drag| drag == Some(&wish))?.map_err(|last| {
            StepError::Expectation(format!(
                "there should be {}, but {}",
                describe(Some(&wish)),
                describe(last.as_ref())
            ))
        })
    }

    fn drag_info(&mut self) -> Result<Option<DragInfo>, StepError> {
        match self.desktop.call(Request::Drag)? {
            (Reply::Drag(drag), _) => Ok(drag),
            _ => Err(crate::desktop::DesktopError::Answer.into()),
        }
    }

    /// Looks at the drag until it is as wanted; what it was last is in the inner error.
    fn wait_drag(
        &mut self,
        timeout_s: u64,
        wanted: impl Fn(Option<&DragInfo>) -> bool,
    ) -> Result<Result<(), Option<DragInfo>>, StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let drag = self.drag_info()?;
            if wanted(drag.as_ref()) {
                return Ok(Ok(()));
            }
            if Instant::now() >= deadline {
                return Ok(Err(drag));
            }
            self.next_look(deadline)?;
        }
    }

    /// Drags and notes are no events of the compositor's, so look up now and then.
    pub(super) fn next_look(&mut self, deadline: Instant) -> Result<(), StepError> {
        self.desktop.check_vms(self.apps.values())?;
        self.desktop.next_event(deadline.min(Instant::now() + Duration::from_millis(100)))?;
        Ok(())
    }
}

fn describe(drag: Option<&DragInfo>) -> String {
    let name = |vm: &Option<VmId>| vm.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    match drag {
        None => "nothing is dragged".to_owned(),
        Some(drag) => format!(
            "a drag of {} over {}'s window, where it {} be dropped",
            name(&drag.from),
            name(&drag.over),
            if drag.possible { "can" } else { "can't" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drags_in_words() {
        let mut drag =
            DragInfo { from: Some("a".parse().unwrap()), over: Some("b".parse().unwrap()), possible: true };
        assert_eq!(describe(Some(&drag)), "a drag of a over b's window, where it can be dropped");
        drag.possible = false;
        assert!(describe(Some(&drag)).ends_with("can't be dropped"));
        assert_eq!(describe(None), "nothing is dragged");
    }
}
