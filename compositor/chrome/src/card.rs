// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what a trusted card says. Out: its picture, and where its choices are.
//!
//! What all cards of the trusted path have in common: choices that can be focused, hovered, held down
//! or dead, text that wraps, and the size that follows from it. Nothing in them moves.

use crate::Chrome;
use crate::canvas::{Canvas, rounded};
use crate::overlay::{Overlay, plate};
use crate::pattern::draw_mark;
use crate::px;
use crate::raster::PixelRect;
use crate::text::{Face, Line, TextSpan, TextStyle, centred_baseline};
use cofferdam_ids::Identity;
use cofferdam_themes::{Metrics, Rgb};

/// How a choice is being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChoiceState {
    /// Has the focus ring.
    pub focused: bool,
    /// Under the pointer.
    pub hovered: bool,
    /// Held down.
    pub pressed: bool,
    /// Not taken yet: what is off looks off.
    pub dead: bool,
}

/// Something that can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct ChoiceSpec<'a> {
    /// Its words.
    pub text: &'a [TextSpan<'a>],
    /// Which key takes it, or a word about it, at the right.
    pub hint: &'a str,
    /// Whose colour goes with it.
    pub identity: Option<Identity>,
    /// It takes something away from everybody.
    pub danger: bool,
    /// How it is being used.
    pub state: ChoiceState,
}

/// A card on the screen.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its picture.
    pub overlay: Overlay,
    /// Where its choices are, in their order, relative to the card.
    pub places: Vec<PixelRect>,
}

/// Something measured in pixels of one output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ruler {
    pub(crate) scale: f32,
}

impl Ruler {
    /// `v` logical units in pixels.
    pub(crate) fn px(self, v: f32) -> u32 {
        px::at_least_one(v, self.scale)
    }

    pub(crate) fn style(self, size: u16, face: Face) -> TextStyle {
        TextStyle { size: f32::from(size) * self.scale, face }
    }
}

/// How long a text of `lines` is, with `step` pixels from one to the next.
pub(crate) fn tall(lines: &[Line], step: u32) -> u32 {
    u32::try_from(lines.len()).unwrap_or(0) * step
}

impl Chrome {
    /// Draws lines from `x`, `y` downwards; says where they end.
    pub(crate) fn paragraph(
        &mut self,
        canvas: &mut Canvas,
        lines: &[Line],
        (x, y): (u32, u32),
        (size, step): (f32, u32),
        colors: (Rgb, Rgb),
    ) -> u32 {
        let mut top = y;
        for line in lines {
            let baseline = centred_baseline(top, step, size);
            self.text.draw_rich(canvas, line, px::f(x), baseline, colors);
            top += step;
        }
        top
    }

    /// Draws a choice as a button; its hint stands at its right, or its text in its middle without one.
    pub(crate) fn choice(&mut self, canvas: &mut Canvas, spec: &ChoiceSpec<'_>, at: PixelRect, ruler: Ruler) {
        let (x, y) = (at.x.cast_unsigned(), at.y.cast_unsigned());
        let surface = self.theme.surface;
        let radius = f32::from(Metrics::CONTROL_RADIUS) * ruler.scale;
        let state = spec.state;
        if state.focused {
            let (gap, ring) = (ruler.px(3.0), ruler.px(f32::from(Metrics::FOCUS_RING)));
            let around = (x - gap, y - gap, at.w + 2 * gap, at.h + 2 * gap);
            plate(canvas, around, radius + px::f(gap), ring, (self.theme.accent, surface.base));
        }
        let (quiet, text) = if spec.danger {
            (self.theme.danger, self.theme.on_danger)
        } else if state.dead {
            (surface.base.mix(surface.raised, 0.5), self.theme.text.muted)
        } else {
            (surface.control, self.theme.text.primary)
        };
        let lift = if state.pressed {
            0.24
        } else if state.hovered && !state.dead {
            0.12
        } else {
            0.0
        };
        let fill = quiet.mix(self.theme.accent, lift);
        let [fx, fy, fw, fh] = [x, y, at.w, at.h].map(px::f);
        canvas.fill(rounded(fx, fy, fw, fh, [radius; 4]).as_ref(), fill, 1.0);
        if state.dead {
            let hair = px::f(px::hairline(ruler.scale));
            let outline = rounded(fx + hair / 2.0, fy + hair / 2.0, fw - hair, fh - hair, [radius; 4]);
            canvas.stroke(outline.as_ref(), hair, surface.line, 0.5);
        }
        let pad = ruler.px(14.0);
        let hint_style = ruler.style(Metrics::TYPE.small, Face::Regular);
        let hint = self.text.line(spec.hint, hint_style, px::f(at.w.saturating_sub(2 * pad)));
        let hint_room = hint.as_ref().map_or(0, |hint| px::u(hint.width.ceil()) + pad);
        let mut left = x + pad;
        if let Some(identity) = spec.identity {
            let mark = ruler.px(f32::from(Metrics::MARK));
            draw_mark(canvas, self.identities.get(identity), left, y + (at.h - mark) / 2, mark);
            left += mark + ruler.px(10.0);
        }
        let room = (x + at.w).saturating_sub(left + pad + hint_room);
        let style = ruler.style(Metrics::TYPE.row, Face::Regular);
        for line in self.text.rich(spec.text, style, px::f(room), 1) {
            let start = if spec.hint.is_empty() && spec.identity.is_none() {
                left + px::u((px::f(room) - line.width).max(0.0) / 2.0)
            } else {
                left
            };
            let baseline = centred_baseline(y, at.h, style.size);
            self.text.draw_rich(canvas, &line, px::f(start), baseline, (text, text));
        }
        if let Some(hint) = hint {
            let start = px::f(x + at.w - pad) - hint.width;
            let color = if state.dead || spec.danger { text } else { self.theme.text.secondary };
            let baseline = centred_baseline(y, at.h, hint_style.size);
            self.text.draw(canvas, &hint, start, baseline, color);
        }
    }

    /// The line at the lower edge by which people know that the desktop itself asks.
    pub fn trust_line(&mut self, phrase: &str, scale: f32, output: (u32, u32)) -> Overlay {
        let ruler = Ruler { scale: Metrics::clamp_scale(scale) };
        let quoted = format!("“{phrase}”");
        let mut spans = vec![TextSpan::ours("Drawn by the desktop, not by an app.")];
        if !phrase.is_empty() {
            spans.push(TextSpan::ours(" Your phrase: "));
            spans.push(TextSpan { text: &quoted, strong: true, foreign: false });
        }
        let style = ruler.style(Metrics::TYPE.body, Face::Regular);
        let (pad, step) = (ruler.px(14.0), ruler.px(20.0));
        let room = px::f(output.0.saturating_sub(2 * pad + ruler.px(16.0)).max(1));
        let lines = self.text.rich(&spans, style, room, 3);
        let width = lines.iter().map(|line| line.width).fold(1.0, f32::max);
        let (w, h) = (px::u(width.ceil()) + 2 * pad, tall(&lines, step) + ruler.px(16.0));
        let mut canvas = self.card(w, h, ruler.scale);
        let colors = (self.theme.text.secondary, self.theme.text.primary);
        self.paragraph(&mut canvas, &lines, (pad, ruler.px(8.0)), (style.size, step), colors);
        Overlay { parts: vec![crate::Part::whole(canvas.finish(), 0, 0, false)], size: (w, h) }
    }
}
