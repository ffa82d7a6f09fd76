// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether there is any harm. In: the desktop's pixels. Out: whether the witness looks as it did, and
//! whether a window keeps to its own frame.

use super::Outcome;
use cofferdam_control::desktop::{Rect, Request, WindowId, WindowInfo, WindowOp};
use cofferdam_ids::VmId;
use cofferdam_runner::desktop::DesktopError;
use cofferdam_runner::picture::{Area, Picture, near};
use cofferdam_system_tests::{PATIENCE, TestDesktop, out_dir};
use cofferdam_themes::{Library, Rgb};
use std::time::{Duration, Instant};

/// The colour with which the attacks paint where they should not.
const MAGENTA: [u8; 3] = [255, 0, 255];
/// Pixels at each corner that a rounded frame leaves to the background.
const CORNER: u32 = 12;
/// How long the witness may take to look as it did: its chrome has to become that of a focused window again.
const SETTLE: Duration = Duration::from_secs(20);

/// A window of another VM.
#[derive(Debug)]
pub(crate) struct Witness {
    window: WindowId,
    frame: Area,
    looks: Picture,
}

impl Witness {
    /// Remembers how the window of `vm` looks when it has the keyboard.
    #[expect(clippy::disallowed_methods, reason = "each wait has a deadline, and fails at it")]
    pub(crate) fn look(t: &mut TestDesktop, vm: &VmId) -> Outcome<Self> {
        let window =
            t.desktop.windows()?.into_iter().find(|w| w.vm.as_ref() == Some(vm)).ok_or("no window")?;
        let frame = area(window.frame);
        raised(t, window.id)?;
        // Its app may be drawing still.
        if !t.desktop.wait_still(vm, &[], Instant::now() + PATIENCE)? {
            return Err("the witness does not stand still".into());
        }
        let (whole, _) = t.desktop.screenshot()?;
        whole.save(&out_dir("hostile").join("before.png"))?;
        Ok(Self { window: window.id, frame, looks: whole.crop(frame) })
    }

    /// Fails unless every pixel of its frame is what it was; keeps the picture if not.
    #[expect(clippy::disallowed_methods, reason = "each wait has a deadline, and fails at it")]
    pub(crate) fn check(&self, t: &mut TestDesktop, name: &str) -> Outcome {
        let deadline = Instant::now() + SETTLE;
        loop {
            let whole = raised(t, self.window)?;
            let now = whole.crop(self.frame);
            if self.is(&now) {
                return Ok(whole.save(&out_dir("hostile").join("after.png"))?);
            }
            if Instant::now() >= deadline {
                whole.save(&out_dir("hostile").join(format!("{name}-harm.png")))?;
                let share = now.compare(&self.looks).share;
                return Err(format!("{:.2} % of its pixels differ", share * 100.0).into());
            }
            t.desktop.next_event(Instant::now() + Duration::from_millis(100))?;
        }
    }
}

impl Witness {
    /// Whether this is how it looked, but for what shines through at its rounded corners.
    fn is(&self, now: &Picture) -> bool {
        let all = Area { x: 0, y: 0, w: self.looks.width(), h: self.looks.height() };
        let same = |x, y| corner(all, x, y) || now.rgb(x, y) == self.looks.rgb(x, y);
        now.width() == all.w && now.height() == all.h && (0..all.h).all(|y| (0..all.w).all(|x| same(x, y)))
    }
}

/// The desktop with this window on top.
fn raised(t: &mut TestDesktop, window: WindowId) -> Result<Picture, DesktopError> {
    t.desktop.call(Request::WindowOp { window, op: WindowOp::Activate })?;
    t.desktop.call(Request::Sync)?;
    Ok(t.desktop.screenshot()?.0)
}

/// Fails unless the whole border of a window is its VM's, and nothing of what it paints is outside of it.
pub(crate) fn own_frame(t: &mut TestDesktop, window: &WindowInfo, name: &str) -> Outcome {
    let picture = raised(t, window.id)?;
    picture.save(&out_dir("hostile").join(format!("{name}.png")))?;
    let window = t.desktop.windows()?.into_iter().find(|w| w.id == window.id).ok_or("its window is gone")?;
    if window.title.as_str().chars().any(|c| c.is_control() || ('\u{202a}'..='\u{2069}').contains(&c)) {
        return Err(format!("its title {:?} has marks in it", window.title.as_str()).into());
    }
    let frames: Vec<(Rect, Rect)> = std::iter::once((window.frame, window.content))
        .chain(window.popups.iter().map(|p| (p.frame, p.content)))
        .collect();
    let identity = window.identity.ok_or("it has no identity")?;
    let style = Library::built_in()?;
    let style = style.identities.get(identity);
    let above: Vec<Area> = frames.iter().skip(1).map(|(frame, _)| area(*frame)).collect();
    for (index, (frame, content)) in frames.iter().enumerate() {
        let outer = area(*frame);
        // Those of popups are thinner.
        let border = if index == 0 { window.border } else { content.x - frame.x };
        let mut inner = area(shrunk(*frame, border));
        if window.fullscreen {
            // Only the strip at the top stays.
            inner = Area { x: 0, w: outer.w, h: outer.h, ..inner };
        }
        let ring = picture.check_ring(
            outer,
            inner,
            |[r, g, b]| style.owns_border_pixel(Rgb { r, g, b }, 12),
            |x, y| corner(outer, x, y) || above.iter().skip(index).any(|a| a.contains(x, y)),
        );
        // A popup may hide its window, but nothing hides the uppermost of them.
        if ring.checked == 0 && index == above.len() {
            return Err(format!("nothing of the border of {frame:?} can be seen").into());
        }
        if let Some((x, y, rgb)) = ring.first_wrong {
            let wrong = ring.checked - ring.right;
            let of = ring.checked;
            return Err(
                format!("{wrong} of {of} border pixels are not its VM's: ({x}, {y}) is {rgb:?}").into()
            );
        }
    }
    let contents: Vec<Area> = frames.iter().map(|(_, content)| area(*content)).collect();
    let all = Area { x: 0, y: 0, w: picture.width(), h: picture.height() };
    let nowhere = Area { x: 0, y: 0, w: 0, h: 0 };
    let outside = picture.check_ring(
        all,
        nowhere,
        |rgb| !near(&rgb, &MAGENTA, 8),
        |x, y| contents.iter().any(|a| a.contains(x, y)),
    );
    match outside.first_wrong {
        Some((x, y, _)) => Err(format!("it has painted ({x}, {y}), outside of its window").into()),
        None => Ok(()),
    }
}

fn corner(outer: Area, x: u32, y: u32) -> bool {
    let near = |v: u32, start: u32, len: u32| v < start + CORNER || v + CORNER >= start + len;
    near(x, outer.x, outer.w) && near(y, outer.y, outer.h)
}

const fn shrunk(r: Rect, by: i32) -> Rect {
    Rect { x: r.x + by, y: r.y + by, w: r.w - 2 * by, h: r.h - 2 * by }
}

/// A rectangle in the pixels of the only output, which has scale 1, cut at its left and upper edge.
fn area(r: Rect) -> Area {
    let cut = |from: i32, len: i32| {
        let (start, end) = (from.max(0), (from + len).max(0));
        (start.unsigned_abs(), (end - start).max(0).unsigned_abs())
    };
    let ((x, w), (y, h)) = (cut(r.x, r.w), cut(r.y, r.h));
    Area { x, y, w, h }
}
