// SPDX-License-Identifier: GPL-3.0-or-later
//! Outputs added, removed and told to clients.
//!
//! In: sizes and scales. Out: smithay's `Output`s with their globals, and the scene's outputs beside
//! them, in the same order and places.

use super::{Backend, Screen};
use crate::backend::Screens;
use crate::render::cast;
use crate::state::State;
use cofferdam_control::desktop::OutputSpec;
use cofferdam_scene::Scene;
use cofferdam_scene::{self as scene, Op, OutputId};
use smithay::backend::renderer::damage::OutputDamageTracker;
use smithay::output::{Mode, Output, PhysicalProperties, Scale, Subpixel};
use smithay::utils::{Physical, Size, Transform};
use std::time::Duration;

/// Pixels of an output's edge.
const EDGE: std::ops::RangeInclusive<u32> = 64..=16_384;
/// Scale in 120ths.
const SCALE: std::ops::RangeInclusive<u32> = 60..=480;
/// Longest name.
const MAX_NAME: usize = 64;

impl State {
    /// Adds a virtual output at the right of the others.
    pub(crate) fn add_output(&mut self, spec: &OutputSpec) -> Result<(), String> {
        if !EDGE.contains(&spec.width) || !EDGE.contains(&spec.height) {
            return Err(format!("an output has {} to {} pixels a side", EDGE.start(), EDGE.end()));
        }
        if !SCALE.contains(&spec.scale_120) {
            return Err(format!("a scale is {} to {} in 120ths", SCALE.start(), SCALE.end()));
        }
        if spec.name.is_empty() || spec.name.len() > MAX_NAME {
            return Err(format!("an output's name has 1 to {MAX_NAME} bytes"));
        }
        if self.screens.list.iter().any(|screen| screen.output.name() == spec.name) {
            return Err(format!("there is an output {:?} already", spec.name));
        }
        let pixels = Size::from((cast::coord(spec.width), cast::coord(spec.height)));
        let id = self.make_screen(&spec.name, pixels, spec.scale_120)?;
        if let Some(Backend::Headless(headless)) = &mut self.screens.backend {
            headless.add(id, pixels).map_err(|e| e.to_string())?;
        }
        self.trusted.looks_different();
        self.screens.redraw_everything();
        Ok(())
    }

    pub(super) fn make_screen(
        &mut self,
        name: &str,
        pixels: Size<i32, Physical>,
        scale_120: u32,
    ) -> Result<OutputId, String> {
        let id = OutputId(self.screens.next_id);
        self.screens.next_id = id.0.saturating_add(1);
        let size = logical(pixels, scale_120);
        self.apply(Op::AddOutput { output: id, size, scale_120 }).map_err(|e| e.to_string())?;
        let properties = PhysicalProperties {
            size: (0, 0).into(),
            subpixel: Subpixel::Unknown,
            make: "Cofferdam".into(),
            model: name.to_owned(),
        };
        let output = Output::new(name.to_owned(), properties);
        let global = output.create_global::<State>(&self.display);
        let refresh = refresh_interval(self.config.refresh_mhz);
        self.screens.list.push(Screen {
            id,
            tracker: OutputDamageTracker::from_output(&output),
            output,
            global,
            pixels,
            refresh,
            wanted: true,
            last_frame: None,
            alarm: None,
            sequence: 0,
        });
        self.screens.tell_outputs(&self.desk.scene, self.config.refresh_mhz);
        Ok(id)
    }

    /// Removes a virtual output; the last one stays.
    pub(crate) fn remove_output(&mut self, name: &str) -> Result<(), String> {
        let index = self
            .screens
            .list
            .iter()
            .position(|screen| screen.output.name() == name)
            .ok_or_else(|| format!("there is no output {name:?}"))?;
        if self.screens.list.len() == 1 {
            return Err("the last output stays".into());
        }
        let screen = self.screens.list.remove(index);
        if let Some(token) = screen.alarm {
            self.event_loop.remove(token);
        }
        if let Some(Backend::Headless(headless)) = &mut self.screens.backend {
            headless.remove(screen.id);
        }
        // Only disabled: a client may be binding it at this moment, and must not be ended for that.
        self.display.disable_global::<State>(screen.global);
        self.apply_or_ignore(Op::RemoveOutput(screen.id));
        self.trusted.looks_different();
        self.screens.tell_outputs(&self.desk.scene, self.config.refresh_mhz);
        self.screens.redraw_everything();
        Ok(())
    }
}

impl Screens {
    /// Tells clients where outputs lie and how large and fine they are.
    pub(super) fn tell_outputs(&mut self, scene: &Scene, refresh_mhz: u32) {
        let millihertz = i32::try_from(refresh_mhz).unwrap_or(i32::MAX);
        for screen in &self.list {
            let Some(output) = scene.output(screen.id) else { continue };
            let size = (screen.pixels.w, screen.pixels.h);
            let mode = Mode { size: size.into(), refresh: millihertz };
            let factor = cast::factor(output.scale_120());
            let scale = if output.scale_120() % 120 == 0 {
                Scale::Integer(cast::round(factor))
            } else {
                Scale::Fractional(factor)
            };
            let place = (output.rect().x, output.rect().y);
            screen.output.change_current_state(
                Some(mode),
                Some(Transform::Normal),
                Some(scale),
                Some(place.into()),
            );
            screen.output.set_preferred(mode);
        }
    }
}

/// Logical size of an output; what is left of a pixel is not used.
pub(super) fn logical(pixels: Size<i32, Physical>, scale_120: u32) -> scene::Size {
    let axis = |v: i32| {
        let n = i64::from(v).saturating_mul(120).checked_div(i64::from(scale_120.max(1)));
        i32::try_from(n.unwrap_or(0)).unwrap_or(i32::MAX)
    };
    scene::Size::new(axis(pixels.w), axis(pixels.h))
}

fn refresh_interval(millihertz: u32) -> Duration {
    const NANOS: u64 = 1_000_000_000_000;
    Duration::from_nanos(NANOS.checked_div(u64::from(millihertz)).unwrap_or(16_666_667))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_sizes() {
        for ((w, h), scale, (lw, lh)) in [
            ((1280, 800), 120, (1280, 800)),
            ((2560, 1440), 240, (1280, 720)),
            ((1920, 1080), 180, (1280, 720)),
            ((1000, 1000), 210, (571, 571)),
        ] {
            assert_eq!(logical((w, h).into(), scale), scene::Size::new(lw, lh));
        }
        assert_eq!(refresh_interval(60_000), Duration::from_nanos(16_666_666));
    }
}
