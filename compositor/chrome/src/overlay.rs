// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the windows to choose from. Out: a card to lay over the desktop, with its shadow.

use crate::Chrome;
use crate::canvas::{Canvas, rounded};
use crate::pattern::draw_mark;
use crate::px;
use crate::raster::Part;
use crate::spec::{SwitcherItem, SwitcherSpec};
use crate::text::{Face, TextStyle, centred_baseline};
use cofferdam_themes::{Metrics, Rgb};

/// Something of the desktop's own, laid over everything else.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// Shadow and card, from back to front, relative to the card's upper left corner.
    pub parts: Vec<Part>,
    /// The card's size in pixels.
    pub size: (u32, u32),
}

/// Measures of the switcher in pixels.
struct Grid {
    columns: u32,
    rows: u32,
    first_row: u32,
    card: (u32, u32),
    gap: u32,
    pad: u32,
    /// Height of the line that tells how many windows don't fit.
    more: u32,
}

impl Grid {
    fn new(spec: &SwitcherSpec<'_>, count: u32, scale: f32) -> Self {
        let size = |v: f32| px::at_least_one(v, scale);
        let (card, gap, pad) = ((size(184.0), size(108.0)), size(8.0), size(12.0));
        let fit = |room: u32, side: u32| (room.saturating_sub(2 * pad) + gap) / (side + gap);
        let columns = fit(spec.output.0 * 9 / 10, card.0).clamp(1, 6).min(count);
        let all_rows = count.div_ceil(columns);
        let rows = fit(spec.output.1 * 8 / 10, card.1).clamp(1, all_rows);
        let more = if rows < all_rows { size(24.0) } else { 0 };
        let selected = u32::try_from(spec.selected).unwrap_or(u32::MAX).min(count - 1) / columns;
        let first_row = selected.saturating_sub(rows / 2).min(all_rows - rows);
        Self { columns, rows, first_row, card, gap, pad, more }
    }

    fn size(&self) -> (u32, u32) {
        let along = |n: u32, side: u32| n * side + (n - 1) * self.gap + 2 * self.pad;
        (along(self.columns, self.card.0), along(self.rows, self.card.1) + self.more)
    }
}

/// Fills a rounded rectangle with a hairline around it.
pub(crate) fn plate(
    canvas: &mut Canvas,
    rect: (u32, u32, u32, u32),
    radius: f32,
    line: u32,
    colors: (Rgb, Rgb),
) {
    let (x, y, w, h) = rect;
    let [fx, fy, fw, fh, l] = [x, y, w, h, line].map(px::f);
    canvas.fill(rounded(fx, fy, fw, fh, [radius; 4]).as_ref(), colors.0, 1.0);
    let inner = rounded(fx + l, fy + l, fw - 2.0 * l, fh - 2.0 * l, [(radius - l).max(0.0); 4]);
    canvas.fill(inner.as_ref(), colors.1, 1.0);
}

impl Chrome {
    /// The overlay that Alt-Tab shows; `None` without windows. With more windows than fit, the rows
    /// around the chosen one are shown and the number of the others is told.
    pub fn switcher(&mut self, spec: &SwitcherSpec<'_>) -> Option<Overlay> {
        let count = u32::try_from(spec.items.len()).ok().filter(|n| *n > 0)?;
        let scale = Metrics::clamp_scale(spec.scale);
        let grid = Grid::new(spec, count, scale);
        let (w, h) = grid.size();
        let mut canvas = self.card(w, h, scale);
        let selected = spec.selected.min(spec.items.len() - 1);
        let first = px::index(grid.first_row * grid.columns);
        let shown = px::index(grid.rows * grid.columns);
        for ((index, item), n) in spec.items.iter().enumerate().skip(first).take(shown).zip(0u32..) {
            let x = grid.pad + n % grid.columns * (grid.card.0 + grid.gap);
            let y = grid.pad + n / grid.columns * (grid.card.1 + grid.gap);
            self.window_card(&mut canvas, item, (x, y, grid.card.0, grid.card.1), index == selected, scale);
        }
        if grid.more > 0 {
            let hidden = spec.items.len() - shown.min(spec.items.len() - first);
            let size = f32::from(Metrics::TYPE.small) * scale;
            let style = TextStyle { size, face: Face::Regular };
            let room = px::f(w - 2 * grid.pad);
            if let Some(line) = self.text.line(&format!("and {hidden} more"), style, room) {
                let baseline = centred_baseline(h - grid.more - grid.pad / 2, grid.more, size);
                self.text.draw(
                    &mut canvas,
                    &line,
                    (px::f(w) - line.width) / 2.0,
                    baseline,
                    self.theme.text.muted,
                );
            }
        }
        Some(self.overlay(canvas, scale))
    }

    fn window_card(
        &mut self,
        canvas: &mut Canvas,
        item: &SwitcherItem<'_>,
        rect: (u32, u32, u32, u32),
        selected: bool,
        scale: f32,
    ) {
        let (x, y, w, _) = rect;
        let radius = f32::from(Metrics::WINDOW_RADIUS) * scale;
        let theme = &self.theme;
        if selected {
            let ring = px::at_least_one(f32::from(Metrics::FOCUS_RING), scale);
            plate(canvas, rect, radius, ring, (theme.accent, theme.surface.control));
        } else {
            let line = px::hairline(scale);
            plate(
                canvas,
                rect,
                radius,
                line,
                (theme.surface.raised.mix(theme.surface.line, 0.5), theme.surface.raised),
            );
        }
        let pad = px::at_least_one(14.0, scale);
        let mark = px::at_least_one(36.0, scale);
        draw_mark(canvas, self.identities.get(item.identity), x + pad, y + pad, mark);
        let room = px::f(w.saturating_sub(2 * pad));
        let rows = [
            (item.name.as_str(), Face::SemiBold, Metrics::TYPE.row, 56.0, self.theme.text.primary),
            (item.title.as_str(), Face::Regular, Metrics::TYPE.small, 76.0, self.theme.text.secondary),
        ];
        for (text, face, size, top, color) in rows {
            let size = f32::from(size) * scale;
            if let Some(line) = self.text.line(text, TextStyle { size, face }, room) {
                let baseline = centred_baseline(y + px::u(top * scale), px::u(20.0 * scale), size);
                self.text.draw(canvas, &line, px::f(x + pad), baseline, color);
            }
        }
    }

    pub(crate) fn card(&self, w: u32, h: u32, scale: f32) -> Canvas {
        let mut canvas = Canvas::new(w, h);
        let size = (0, 0, canvas.width(), canvas.height());
        let colors = (self.theme.surface.line, self.theme.surface.base);
        let radius = f32::from(Metrics::CARD_RADIUS) * scale;
        plate(&mut canvas, size, radius, px::hairline(scale), colors);
        canvas
    }

    pub(crate) fn overlay(&mut self, canvas: Canvas, scale: f32) -> Overlay {
        let size = (canvas.width(), canvas.height());
        let opacity = self.theme.shadow.focused;
        let mut parts =
            if opacity > 0.0 { self.shadow_of(size, scale, (16.0, 10.0, opacity)) } else { Vec::new() };
        parts.push(Part::whole(canvas.finish(), 0, 0, false));
        Overlay { parts, size }
    }
}
