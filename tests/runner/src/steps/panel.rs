// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps at the panel, the bar and trusted dialogs. In: accessible names. Out: real clicks and keys, where
//! the panel says the thing is and the compositor says the surface is.

use super::{Run, StepError};
use crate::desktop::DesktopError;
use crate::format::{Panel, PanelOp};
use cofferdam_bus::panel::Element;
use cofferdam_control::desktop::{Input, Request, WindowInfo};
use std::time::{Duration, Instant};

/// The key that shows and hides the panel.
const KEY: &str = "ctrl+alt+p";
/// The left button.
const BUTTON: u32 = 0x110;
/// More presses of Tab than any surface has stops.
const MOST_STOPS: usize = 200;
/// How long the panel may take to say that something changed before it is asked again.
const LOOK: Duration = Duration::from_millis(200);

fn unreachable_panel(error: zbus::Error) -> StepError {
    StepError::Desktop(DesktopError::Panel(error))
}

impl Run<'_> {
    pub(super) fn panel(&mut self, step: &Panel) -> Result<(), StepError> {
        let label = step.label.as_deref().unwrap_or_default();
        let has = |e: &Element| {
            e.surface == step.surface
                && e.label.contains(label)
                && step.role.as_ref().is_none_or(|role| *role == e.role)
        };
        match step.op {
            PanelOp::Open => self.show_panel(true, step.timeout_s),
            PanelOp::Close => self.show_panel(false, step.timeout_s),
            PanelOp::Expect => {
                self.wait_elements(step, |all| all.iter().any(has))?;
                self.wait_surface(step)
            }
            PanelOp::ExpectGone => self.wait_elements(step, |all| !all.iter().any(has)).map(|_| ()),
            PanelOp::Click => {
                // Of an earlier one elements may still be known, and nothing is to be seen.
                self.wait_surface(step)?;
                let ready = |e: &Element| e.seen && e.enabled && has(e);
                let all = self.wait_elements(step, |all| all.iter().any(ready))?;
                let element = pick(all.into_iter().filter(ready).collect(), label, step.nth)?;
                self.click_element(&element)
            }
            PanelOp::Press => {
                self.wait_surface(step)?;
                let ready = |e: &Element| e.enabled && has(e);
                let all = self.wait_elements(step, |all| all.iter().any(ready))?;
                let element = pick(all.into_iter().filter(ready).collect(), label, step.nth)?;
                self.press_element(step, &element.label, &element.role)
            }
        }
    }

    pub(super) fn show_panel(&mut self, shown: bool, timeout_s: u64) -> Result<(), StepError> {
        if self.surface("panel")?.is_some() != shown {
            self.chord(if shown { KEY } else { "esc" })?;
        }
        self.eventually(timeout_s, |run| {
            let there = run.surface("panel")?.is_some();
            Ok((there != shown)
                .then(|| format!("the panel should be {}", if shown { "open" } else { "closed" })))
        })
    }

    /// What the panel has made is on the screen, too: from here on keys and clicks get there.
    fn wait_surface(&mut self, step: &Panel) -> Result<(), StepError> {
        self.until(step.timeout_s, |run| {
            let there = run.surface(&step.surface)?.is_some();
            Ok((!there).then(|| format!("the {} is not on the screen", step.surface)))
        })
    }

    /// One of the desktop's own surfaces that is on the screen.
    pub(super) fn surface(&mut self, name: &str) -> Result<Option<WindowInfo>, StepError> {
        let own = |w: &WindowInfo| w.vm.is_none() && w.visible && w.app_id.as_str() == name;
        Ok(self.desktop.windows()?.into_iter().rfind(own))
    }

    pub(super) fn click_element(&mut self, element: &Element) -> Result<(), StepError> {
        let Some(surface) = self.surface(&element.surface)? else {
            return Err(StepError::Expectation(format!("the {} is not on the screen", element.surface)));
        };
        let x = f64::from(surface.content.x) + element.x + element.w / 2.0;
        let y = f64::from(surface.content.y) + element.y + element.h / 2.0;
        self.desktop.call(Request::Input(Input::PointerMove { x, y }))?;
        for pressed in [true, false] {
            self.desktop.call(Request::Input(Input::PointerButton { code: BUTTON, pressed }))?;
        }
        self.desktop.call(Request::Sync)?;
        Ok(())
    }

    /// Tab until it has the focus, then Space.
    fn press_element(&mut self, step: &Panel, label: &str, role: &str) -> Result<(), StepError> {
        let mut left = step.nth.unwrap_or(1);
        let place = |all: &[Element]| all.iter().position(|e| e.focused);
        for _ in 0..MOST_STOPS {
            let all = self.elements()?;
            let wanted = |e: &Element| e.surface == step.surface && e.label == label && e.role == role;
            if all.iter().any(|e| e.focused && wanted(e)) {
                left = left.saturating_sub(1);
                if left == 0 {
                    return self.chord("space");
                }
            }
            let before = place(&all);
            self.chord("tab")?;
            // The focus has moved, or there is only one stop.
            self.wait_elements(step, |all| place(all) != before)?;
        }
        Err(StepError::Expectation(format!("Tab does not get to {:?}", step.label)))
    }

    pub(super) fn elements(&self) -> Result<Vec<Element>, StepError> {
        self.desktop.panel()?.elements().map_err(unreachable_panel)
    }

    /// Asks the panel after each of its changes until what it shows is as wanted.
    fn wait_elements(
        &mut self,
        step: &Panel,
        wanted: impl Fn(&[Element]) -> bool,
    ) -> Result<Vec<Element>, StepError> {
        let deadline = Instant::now() + Duration::from_secs(step.timeout_s);
        loop {
            let all = self.elements()?;
            if wanted(&all) {
                return Ok(all);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let label = step.label.as_deref().unwrap_or_default();
                return Err(StepError::Expectation(format!(
                    "waited {} s for {label:?} on the {}; there is {}",
                    step.timeout_s,
                    step.surface,
                    labels(&all, &step.surface)
                )));
            }
            self.desktop.panel()?.wait_for_change(left.min(LOOK));
        }
    }
}

/// The one element that is meant.
fn pick(mut found: Vec<Element>, label: &str, nth: Option<usize>) -> Result<Element, StepError> {
    // A name as it stands wins over names that contain it.
    if found.iter().any(|e| e.label == label) {
        found.retain(|e| e.label == label);
    }
    if let Some(nth) = nth {
        found.sort_by(|a, b| a.y.total_cmp(&b.y));
        found = found.into_iter().skip(nth.saturating_sub(1)).take(1).collect();
    }
    match (found.pop(), found.is_empty()) {
        (Some(element), true) => Ok(element),
        (Some(_), false) => Err(StepError::Expectation(format!(
            "{} things are called {label:?}; say which with role, with nth, or with more of the name",
            found.len() + 1
        ))),
        (None, _) => Err(StepError::Expectation(format!("nothing is called {label:?}"))),
    }
}

pub(super) fn labels(all: &[Element], surface: &str) -> String {
    let there = all.iter().filter(|e| e.surface == surface && !e.label.is_empty());
    there.map(|e| format!("{:?}", e.label)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(label: &str) -> Element {
        Element {
            surface: "panel".into(),
            role: "button".into(),
            label: label.into(),
            value: String::new(),
            x: 0.0,
            y: 0.0,
            w: 10.0,
            h: 10.0,
            seen: true,
            enabled: true,
            focused: false,
        }
    }

    #[test]
    fn one_thing_is_meant() {
        let found =
            |names: &[&str], label: &str| pick(names.iter().map(|n| element(n)).collect(), label, None);
        assert_eq!(found(&["Stop from now"], "Stop").unwrap().label, "Stop from now");
        assert_eq!(found(&["Stop all", "Stop"], "Stop").unwrap().label, "Stop");
        assert!(found(&["Stop a", "Stop b"], "Stop").unwrap_err().to_string().starts_with("2 things"));
        assert!(found(&[], "Stop").is_err());
        let mut second = element("Stop");
        second.y = 50.0;
        let both = || vec![second.clone(), element("Stop")];
        assert!(pick(both(), "Stop", None).is_err());
        assert!(pick(both(), "Stop", Some(2)).unwrap().y > 0.0);
        assert!(pick(both(), "Stop", Some(3)).is_err());
        assert_eq!(labels(&[element("a"), element("")], "panel"), "\"a\"");
    }
}
