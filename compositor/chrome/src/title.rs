// SPDX-License-Identifier: GPL-3.0-or-later
//! In: whose window it is, its title and how its buttons are used. Out: the title bar, or the text
//! row of the fullscreen strip, without borders.

use crate::canvas::{Canvas, polyline, rounded};
use crate::pattern::draw_mark;
use crate::px;
use crate::raster::{PixelRect, Raster};
use crate::spec::{ButtonStates, Icon, TitleButton};
use crate::text::{Face, TextEngine, TextStyle, centred_baseline};
use cofferdam_themes::{IdentityStyle, Metrics, Rgb, Theme};
use std::sync::Arc;
use tiny_skia::LineCap;

/// What a title bar shows.
pub(crate) struct TitleSpec<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scale: f32,
    pub(crate) style: &'a IdentityStyle,
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) icon: Option<&'a Icon>,
    pub(crate) focused: bool,
    pub(crate) buttons: ButtonStates,
    /// Whether the middle button leads back to a normal window.
    pub(crate) restores: bool,
}

const BUTTONS: [TitleButton; 3] = [TitleButton::Minimize, TitleButton::Maximize, TitleButton::Close];

/// Where the buttons lie inside a title bar of `width` × `height` pixels, the outermost first: those
/// that leave room for mark and name, and the first one if there is room for the mark. The scene's
/// hit test has the same rule.
pub(crate) fn button_rects(
    width: u32,
    height: u32,
    scale: f32,
) -> impl Iterator<Item = (TitleButton, PixelRect)> {
    let button = px::at_least_one(f32::from(Metrics::TITLE_BUTTON), scale);
    let label = px::at_least_one(f32::from(Metrics::TITLE_LABEL), scale);
    BUTTONS.into_iter().rev().zip(1u32..).filter_map(move |(which, n)| {
        let x = width.checked_sub(n * button)?;
        let keep = if which == TitleButton::Close { button } else { label };
        (x >= keep).then(|| (which, PixelRect::new(px::coord(x), 0, button, height)))
    })
}

pub(crate) fn draw(text: &mut TextEngine, theme: &Theme, spec: &TitleSpec<'_>) -> Arc<Raster> {
    let s = Metrics::clamp_scale(spec.scale);
    let ground = if spec.focused { theme.surface.base } else { theme.surface.background };
    let mut canvas = Canvas::filled(spec.width, spec.height, ground);
    let mark = px::at_least_one(f32::from(Metrics::MARK), s).min(spec.height);
    let top = (spec.height - mark) / 2;
    let mut x = px::u(8.0 * s);
    draw_mark(&mut canvas, spec.style, x, top, mark);
    x += mark + px::u(8.0 * s);
    if let Some(icon) = spec.icon {
        draw_icon(&mut canvas, icon, x, top, mark);
        x += mark + px::u(8.0 * s);
    }
    let mut end = spec.width.saturating_sub(px::u(8.0 * s));
    for (which, area) in button_rects(spec.width, spec.height, s) {
        draw_button(&mut canvas, theme, spec, which, area, spec.buttons);
        end = end.min(u32::try_from(area.x).unwrap_or(0).saturating_sub(px::u(4.0 * s)));
    }
    draw_names(text, &mut canvas, theme, spec, px::f(x), px::f(end));
    // A theme whose lines are there to be seen wants the bar told from dark content below it, and,
    // having no shadows, the focus told by something else.
    if theme.surface.line.contrast(ground) >= cofferdam_themes::IDENTITY_CONTRAST {
        let line = px::at_least_one(if spec.focused { 2.0 } else { 1.0 }, s);
        canvas.rect(0, spec.height.saturating_sub(line), spec.width, line, theme.surface.line);
    }
    canvas.finish()
}

fn draw_names(
    text: &mut TextEngine,
    canvas: &mut Canvas,
    theme: &Theme,
    spec: &TitleSpec<'_>,
    x: f32,
    end: f32,
) {
    let s = Metrics::clamp_scale(spec.scale);
    let size = f32::from(Metrics::TYPE.body) * s;
    let baseline = centred_baseline(0, spec.height, size);
    let (name_color, title_color) = if spec.focused {
        (theme.text.primary, theme.text.secondary)
    } else {
        (theme.text.secondary, theme.text.muted)
    };
    let Some(name) = text.line(spec.name, TextStyle { size, face: Face::SemiBold }, end - x) else { return };
    text.draw(canvas, &name, x, baseline, name_color);
    if spec.title.is_empty() || spec.title == spec.name {
        return;
    }
    let x = x + name.width + 8.0 * s;
    let style = TextStyle { size, face: Face::Regular };
    // The dash is ours and stays on the left whatever direction the title has.
    let Some(dash) = text.line("—", style, size * 2.0) else { return };
    let after = x + dash.width + 4.0 * s;
    // A dash and two letters tell nobody anything.
    if end - after < size * 3.0 {
        return;
    }
    if let Some(title) = text.line(spec.title, style, end - after) {
        text.draw(canvas, &dash, x, baseline, title_color);
        text.draw(canvas, &title, after, baseline, title_color);
    }
}

/// Draws an icon scaled to `side` pixels: every pixel is the mean of those it covers.
pub(crate) fn draw_icon(canvas: &mut Canvas, icon: &Icon, x: u32, y: u32, side: u32) {
    let from = icon.side();
    for row in 0..side {
        let (y0, y1) = span(row, side, from);
        for column in 0..side {
            let (x0, x1) = span(column, side, from);
            let mut sum = [0u32; 4];
            for sy in y0..y1 {
                let start = px::index(sy * from + x0) * 4;
                let line = icon.rgba().get(start..start + px::index(x1 - x0) * 4).unwrap_or_default();
                let (pixels, _) = line.as_chunks::<4>();
                for [r, g, b, a] in pixels.iter().map(|p| p.map(u32::from)) {
                    for (s, v) in sum.iter_mut().zip([r * a / 255, g * a / 255, b * a / 255, a]) {
                        *s += v;
                    }
                }
            }
            let count = ((y1 - y0) * (x1 - x0)).max(1);
            canvas.over(
                px::coord(x + column),
                px::coord(y + row),
                sum.map(|v| u8::try_from(v / count).unwrap_or(u8::MAX)),
            );
        }
    }
}

/// Which of `from` source pixels the target pixel `at` of `to` covers; at least one.
fn span(at: u32, to: u32, from: u32) -> (u32, u32) {
    let start = at * from / to;
    (start, ((at + 1) * from / to).clamp(start + 1, from.max(start + 1)))
}

fn draw_button(
    canvas: &mut Canvas,
    theme: &Theme,
    spec: &TitleSpec<'_>,
    which: TitleButton,
    area: PixelRect,
    states: ButtonStates,
) {
    let s = Metrics::clamp_scale(spec.scale);
    let (hovered, pressed) = (states.hovered == Some(which), states.pressed == Some(which));
    let active = hovered || pressed;
    let danger = active && which == TitleButton::Close;
    // The plate is a little smaller than what can be hit, on whole pixels.
    let (pw, ph) = (px::at_least_one(26.0, s), px::at_least_one(22.0, s).min(area.h));
    let left = px::f(u32::try_from(area.x).unwrap_or(0) + (area.w - pw.min(area.w)) / 2);
    let top = px::f((area.h - ph) / 2);
    let plate = rounded(left, top, px::f(pw), px::f(ph), [5.0 * s; 4]);
    if active {
        let color = if danger { theme.danger } else { theme.surface.control };
        let color = if pressed { color.mix(theme.text.primary, 0.12) } else { color };
        canvas.fill(plate.as_ref(), color, 1.0);
    }
    if states.focused == Some(which) {
        let ring = px::f(px::at_least_one(f32::from(Metrics::FOCUS_RING), s));
        let half = ring / 2.0;
        let path = rounded(left + half, top + half, px::f(pw) - ring, px::f(ph) - ring, [5.0 * s; 4]);
        canvas.stroke(path.as_ref(), ring, theme.accent, 1.0);
    }
    let color = match (danger, active, spec.focused) {
        (true, ..) => theme.on_danger,
        (false, true, _) => theme.text.primary,
        (false, false, true) => theme.text.secondary,
        (false, false, false) => theme.text.muted,
    };
    draw_glyph(canvas, which, area, s, color, spec.restores);
}

/// The sign on a button: lines of whole pixels on whole pixels, so that none is blurred.
fn draw_glyph(canvas: &mut Canvas, which: TitleButton, area: PixelRect, s: f32, color: Rgb, restores: bool) {
    let line = px::at_least_one(1.0, s);
    let side = px::at_least_one(9.0, s);
    let left = u32::try_from(area.x).unwrap_or(0) + (area.w - side.min(area.w)) / 2;
    // As high as the capitals beside it and on the same baseline.
    let baseline = centred_baseline(0, area.h, f32::from(Metrics::TYPE.body) * s);
    let top = u32::try_from(baseline).unwrap_or(0).saturating_sub(side);
    match which {
        TitleButton::Minimize => canvas.rect(left, top + side / 2, side, line, color),
        TitleButton::Maximize if !restores => outline(canvas, left, top, side, line, color),
        TitleButton::Maximize => {
            let shift = px::at_least_one(2.0, s);
            let small = side - shift;
            canvas.rect(left + shift, top, small, line, color);
            canvas.rect(left + side - line, top, line, small, color);
            outline(canvas, left, top + shift, small, line, color);
        }
        TitleButton::Close => {
            let (x0, y0) = (px::f(left) + 0.5, px::f(top) + 0.5);
            let d = px::f(side) - 1.0;
            let width = px::f(line) * 1.15;
            for path in [
                polyline(&[(x0, y0), (x0 + d, y0 + d)], false),
                polyline(&[(x0 + d, y0), (x0, y0 + d)], false),
            ] {
                canvas.stroke_with(path.as_ref(), width, LineCap::Square, color, 1.0);
            }
        }
    }
}

fn outline(canvas: &mut Canvas, x: u32, y: u32, side: u32, line: u32, color: Rgb) {
    canvas.rect(x, y, side, line, color);
    canvas.rect(x, y + side - line, side, line, color);
    canvas.rect(x, y, line, side, color);
    canvas.rect(x + side - line, y, line, side, color);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_scene::{Button, Metrics as Scene, Rect};

    #[test]
    fn what_is_seen_is_what_is_hit() {
        for width in 1..400u16 {
            let seen: Vec<_> = button_rects(u32::from(width), 30, 1.0).map(|(b, r)| (b, r.x)).collect();
            let bar = Rect::new(0, 0, i32::from(width), 30);
            let hit: Vec<_> = [
                (Button::Close, TitleButton::Close),
                (Button::Maximize, TitleButton::Maximize),
                (Button::Minimize, TitleButton::Minimize),
            ]
            .into_iter()
            .filter_map(|(b, t)| Scene::default().button(bar, b).map(|r| (t, r.x)))
            .collect();
            assert_eq!(seen, hit, "width {width}");
        }
    }
}
