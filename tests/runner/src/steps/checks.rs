// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps that look at pixels and window states.

use super::{Run, StepError};
use crate::picture::{Area, Picture, RingCheck, near};
use crate::report::Shot;
use cofferdam_control::desktop::{Rect, WindowInfo};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Largest difference in a channel of a border pixel: rounding at fractional scales.
const BORDER_TOLERANCE: u8 = 12;

/// Least share of a border that shows the identity's plain colour.
const MIN_FILL: f64 = 0.3;

/// Logical pixels at each corner that a rounded frame leaves to the background.
const CORNER: i32 = 12;

/// How far a window's shadow reaches over a lower window, in logical pixels.
const SHADOW: i32 = 64;

impl Run<'_> {
    pub(super) fn expect_host_file(
        &mut self,
        path: &str,
        text: &str,
        timeout_s: u64,
    ) -> Result<(), StepError> {
        self.until(timeout_s, |run| Ok(run.home.differs(path, text)))
    }

    pub(super) fn expect_border(&mut self, name: &str) -> Result<(), StepError> {
        let window = self.window(name)?;
        let above = windows_above(self.desktop.windows()?, &window);
        let (picture, scale) = self.picture()?;
        let identity = window
            .identity
            .ok_or_else(|| StepError::Expectation(format!("`{name}` has no identity, so no border")))?;
        let library = cofferdam_themes::Library::built_in()
            .map_err(|e| StepError::Expectation(format!("built-in themes: {e}")))?;
        let style = library.identities.get(identity);
        let checked =
            ring(&picture, scale, &window, &above, |c| style.owns_border_pixel(rgb_of(c), BORDER_TOLERANCE));
        let filled = ring(&picture, scale, &window, &above, |c| {
            style.color.max_difference(rgb_of(c)) <= BORDER_TOLERANCE
        });
        if checked.checked == 0 {
            return Err(StepError::Expectation(format!("no border pixel of `{name}` can be seen")));
        }
        match checked.first_wrong {
            // A border of nothing but pattern ink would be the same dark line for everybody.
            None if f64::from(filled.right) < f64::from(filled.checked) * MIN_FILL => {
                Err(StepError::Expectation(format!(
                    "only {} of {} border pixels of `{name}` are plain {identity}",
                    filled.right, filled.checked
                )))
            }
            None => Ok(()),
            Some((x, y, rgb)) => Err(StepError::Expectation(format!(
                "the border of `{name}` should be {} all around; {} of {} pixels are not, the first at ({x}, {y}) is {rgb:?}",
                identity.name(),
                checked.checked - checked.right,
                checked.checked
            ))),
        }
    }

    /// What is wrong with a pixel of the content, if anything is.
    pub(super) fn wrong_pixel(
        &mut self,
        name: &str,
        at: [f64; 2],
        rgb: [u8; 3],
        tolerance: u8,
    ) -> Result<Option<String>, StepError> {
        let content = self.window(name)?.content;
        let (picture, scale) = self.picture()?;
        let x = physical(f64::from(content.x) + at[0], scale);
        let y = physical(f64::from(content.y) + at[1], scale);
        let Some(seen) = picture.rgb(x, y) else {
            return Ok(Some(format!("({x}, {y}) lies outside the picture")));
        };
        let wrong = !near(&seen, &rgb, tolerance);
        Ok(wrong.then(|| format!("pixel ({x}, {y}) should be {rgb:?} ± {tolerance}, it is {seen:?}")))
    }

    /// What is wrong with the state of a window, if anything is.
    pub(super) fn wrong_window(
        &mut self,
        name: &str,
        title: Option<&str>,
        flags: &[(&str, Option<bool>)],
    ) -> Result<Option<String>, StepError> {
        let window = self.window(name)?;
        let is = window.title.as_str();
        if let Some(t) = title.filter(|t| !is.contains(t)) {
            return Ok(Some(format!("the title {is:?} should contain {t:?}")));
        }
        let state = [window.fullscreen, window.maximized, window.minimized, window.focused];
        let wrong = flags.iter().zip(state).find(|((_, want), is)| want.is_some_and(|w| w != *is));
        Ok(wrong.map(|((flag, _), is)| format!("`{name}` should have {flag} = {}, it is {is}", !is)))
    }

    /// Takes a picture. With a share of pixels that may differ from the golden and a time in seconds, this waits
    /// until the picture is like it: what an app draws comes when the app is ready.
    pub(super) fn screenshot(
        &mut self,
        name: &str,
        window: Option<&str>,
        wanted: Option<(f64, u64)>,
    ) -> Result<(), StepError> {
        let golden_path = self.golden_path(name);
        let golden = match wanted {
            Some(_) if !self.goldens.update && golden_path.exists() => Some(Picture::load(&golden_path)?),
            _ => None,
        };
        let picture = match (&golden, wanted) {
            (Some(golden), Some((max_different, timeout_s))) => {
                self.picture_like(window, golden, max_different, timeout_s)?
            }
            _ => self.picture_of(window)?,
        };
        let actual = self.goldens.out.join(format!("{name}.png"));
        picture.save(&actual)?;
        let mut shot = Shot { name: name.into(), actual, golden: None, diff: None, different: None };
        let result = match wanted {
            Some((max_different, _)) => {
                self.compare(&picture, golden.as_ref(), &golden_path, max_different, &mut shot)
            }
            None => Ok(()),
        };
        self.shots.push(shot);
        result
    }

    /// The first picture that is like the golden, or else the last one before the deadline. Only a new frame is a
    /// reason to compare again.
    fn picture_like(
        &mut self,
        window: Option<&str>,
        golden: &Picture,
        max_different: f64,
        timeout_s: u64,
    ) -> Result<Picture, StepError> {
        let deadline = Instant::now() + Duration::from_secs(timeout_s);
        loop {
            let seen = self.desktop.frames()?;
            let picture = self.picture_of(window)?;
            if picture.compare(golden).share <= max_different {
                return Ok(picture);
            }
            // Nobody tells of frames, so look for one now and then.
            while self.desktop.frames()? == seen {
                if Instant::now() >= deadline {
                    return Ok(picture);
                }
                self.next_look(deadline)?;
            }
        }
    }

    /// The desktop, or the frame of one window.
    fn picture_of(&mut self, window: Option<&str>) -> Result<Picture, StepError> {
        let (whole, scale) = self.picture()?;
        Ok(match window {
            Some(name) => whole.crop(area(self.frame_of(name)?, scale)),
            None => whole,
        })
    }

    /// Where an app's window is, or else one of the desktop's own surfaces of that name.
    fn frame_of(&mut self, name: &str) -> Result<Rect, StepError> {
        let surface = if self.apps.contains_key(name) { None } else { self.surface(name)? };
        surface.map_or_else(|| self.window(name), Ok).map(|window| window.frame)
    }

    fn golden_path(&self, name: &str) -> PathBuf {
        let dir = self.scenario.path.parent().map(PathBuf::from).unwrap_or_default();
        let stem = self.scenario.path.file_stem().unwrap_or_default().to_string_lossy();
        dir.join("goldens").join(stem.as_ref()).join(format!("{name}.png"))
    }

    fn compare(
        &self,
        picture: &Picture,
        golden: Option<&Picture>,
        golden_path: &Path,
        max_different: f64,
        shot: &mut Shot,
    ) -> Result<(), StepError> {
        if self.goldens.update {
            picture.save(golden_path)?;
            shot.golden = Some(golden_path.to_owned());
            shot.different = Some(0.0);
            return Ok(());
        }
        let Some(golden) = golden else {
            return Err(StepError::Expectation(format!(
                "there is no golden {}; look at the picture and accept it with --update",
                golden_path.display()
            )));
        };
        let difference = picture.compare(golden);
        shot.golden = Some(golden_path.to_owned());
        shot.different = Some(difference.share);
        if difference.share <= max_different {
            return Ok(());
        }
        if let Some(diff) = difference.picture {
            let path = self.goldens.out.join(format!("{}-diff.png", shot.name));
            diff.save(&path)?;
            shot.diff = Some(path);
        }
        Err(StepError::Expectation(format!(
            "{:.3} % of the pixels of `{}` differ from the golden, {:.3} % may; if it is meant to look so, accept it with --update",
            difference.share * 100.0,
            shot.name,
            max_different * 100.0
        )))
    }
}

fn windows_above(windows: Vec<WindowInfo>, of: &WindowInfo) -> Vec<WindowInfo> {
    windows.into_iter().skip_while(|w| w.id != of.id).skip(1).filter(|w| w.visible).collect()
}

/// Checks the four border strips, leaving out rounded corners, the title bar between the upper
/// strip and the content, the window's own popups and whatever higher windows cover or shade.
fn ring(
    picture: &Picture,
    scale: f64,
    window: &WindowInfo,
    above: &[WindowInfo],
    right: impl Fn([u8; 3]) -> bool,
) -> RingCheck {
    let outer = area(window.frame, scale);
    let inner = area(shrink(window.frame, window.border), scale);
    let corners = corner_areas(window.frame).map(|r| area(r, scale));
    let mut hidden: Vec<Area> = above.iter().map(|w| area(grow(w.frame, SHADOW), scale)).collect();
    hidden.extend(
        above.iter().chain([window]).flat_map(|w| &w.popups).map(|p| area(grow(p.frame, SHADOW), scale)),
    );
    picture.check_ring(outer, inner, right, |x, y| corners.iter().chain(&hidden).any(|a| a.contains(x, y)))
}

const fn rgb_of([r, g, b]: [u8; 3]) -> cofferdam_themes::Rgb {
    cofferdam_themes::Rgb { r, g, b }
}

fn corner_areas(f: Rect) -> [Rect; 4] {
    let (right, bottom) = (f.x.saturating_add(f.w) - CORNER, f.y.saturating_add(f.h) - CORNER);
    [(f.x, f.y), (right, f.y), (f.x, bottom), (right, bottom)].map(|(x, y)| Rect {
        x,
        y,
        w: CORNER,
        h: CORNER,
    })
}

const fn grow(r: Rect, by: i32) -> Rect {
    Rect {
        x: r.x.saturating_sub(by),
        y: r.y.saturating_sub(by),
        w: r.w.saturating_add(by.saturating_mul(2)),
        h: r.h.saturating_add(by.saturating_mul(2)),
    }
}

const fn shrink(r: Rect, by: i32) -> Rect {
    grow(r, by.saturating_neg())
}

/// A logical coordinate in physical pixels of a picture whose origin is (0, 0).
fn physical(logical: f64, scale: f64) -> u32 {
    // Clamped to what a picture can have, so nothing is lost.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let p = (logical * scale).round().clamp(0.0, 65_535.0) as u32;
    p
}

fn area(r: Rect, scale: f64) -> Area {
    let (x, y) = (physical(f64::from(r.x), scale), physical(f64::from(r.y), scale));
    let right = physical(f64::from(r.x.saturating_add(r.w)), scale);
    let bottom = physical(f64::from(r.y.saturating_add(r.h)), scale);
    Area { x, y, w: right.saturating_sub(x), h: bottom.saturating_sub(y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_clip_and_scale() {
        let r = Rect { x: -4, y: 10, w: 20, h: 5 };
        assert_eq!(area(r, 2.0), Area { x: 0, y: 20, w: 32, h: 10 });
        assert_eq!(shrink(grow(r, 7), 7), r);
    }
}
