// SPDX-License-Identifier: GPL-3.0-or-later
//! In: who asks, what, and what can be answered. Out: the card of a question.
//!
//! Colour, pattern, icon and name say who asks; border and band are drawn by the same hands as those
//! of windows. The size follows from the words alone: nothing that comes later moves a choice.

use crate::border::{BorderStyle, Corner, Side};
use crate::canvas::{Canvas, rounded};
use crate::card::{Card, ChoiceSpec, Ruler, tall};
use crate::pattern::draw_mark;
use crate::px;
use crate::raster::{Part, PixelRect};
use crate::spec::Icon;
use crate::text::{Face, Line, TextSpan, centred_baseline};
use crate::title::draw_icon;
use crate::{Chrome, Overlay};
use cofferdam_ids::Identity;
use cofferdam_themes::Metrics;

/// A question to draw.
#[derive(Debug, Clone, Copy)]
pub struct PromptSpec<'a> {
    /// Whose question.
    pub identity: Identity,
    /// The app's icon.
    pub icon: Option<&'a Icon>,
    /// The line in large type.
    pub title: &'a [TextSpan<'a>],
    /// What it is about.
    pub detail: &'a [TextSpan<'a>],
    /// The choices, the refusing one first.
    pub choices: &'a [ChoiceSpec<'a>],
    /// "Never", as a link below them.
    pub never: ChoiceSpec<'a>,
    /// How often this was used before.
    pub uses: &'a [TextSpan<'a>],
    /// Questions that wait.
    pub waiting: usize,
    /// Pixels per logical unit.
    pub scale: f32,
    /// The output's size in pixels; the card stays inside it.
    pub output: (u32, u32),
}

/// Logical width of the card.
const WIDTH: f32 = 540.0;
/// Its border.
const BORDER: f32 = 5.0;
/// The band of pattern below the upper border.
const BAND: f32 = 10.0;
/// Smallest share of the scale to which a card shrinks on an output that is too small for it.
const SMALLEST: f32 = 0.4;

/// Everything measured before anything is drawn.
struct Plan {
    ruler: Ruler,
    size: (u32, u32),
    title: Vec<Line>,
    detail: Vec<Line>,
    /// Left edge of the choices, and their width.
    left: u32,
    room: u32,
    /// Where title, detail and choices begin.
    title_top: u32,
    detail_top: u32,
    choices_top: u32,
    footer_top: u32,
    /// Uses stand below "never", not beside it.
    stacked: bool,
}

const STEP: f32 = 48.0;
const TITLE_STEP: f32 = 27.0;
const DETAIL_STEP: f32 = 20.0;
const FOOTER: f32 = 32.0;

impl Chrome {
    /// The card of a question. [`Card::places`] are the choices, then "never".
    pub fn prompt(&mut self, spec: &PromptSpec<'_>) -> Card {
        let scale = Metrics::clamp_scale(spec.scale);
        let plan = self.plan(spec, scale);
        let margin = plan.ruler.px(8.0) * 2;
        let fits = |have: u32, need: u32| px::f(have.max(1)) / px::f(need + margin);
        let share = fits(spec.output.0, plan.size.0).min(fits(spec.output.1, plan.size.1));
        let plan = if share < 1.0 { self.plan(spec, scale * share.max(SMALLEST)) } else { plan };
        self.draw_prompt(spec, &plan)
    }

    fn plan(&mut self, spec: &PromptSpec<'_>, scale: f32) -> Plan {
        let ruler = Ruler { scale };
        let width = ruler.px(WIDTH);
        let left = ruler.px(31.0);
        let room = width - 2 * left;
        let indent = ruler.px(58.0);
        let text_room = px::f(room - indent);
        let title =
            self.text.rich(spec.title, ruler.style(Metrics::TYPE.title, Face::SemiBold), text_room, 2);
        let detail = self.text.rich(spec.detail, ruler.style(Metrics::TYPE.row, Face::Regular), text_room, 6);
        let title_top = ruler.px(37.0);
        let detail_top = title_top + tall(&title, ruler.px(TITLE_STEP)) + ruler.px(2.0);
        let text_end = detail_top + tall(&detail, ruler.px(DETAIL_STEP));
        let choices_top = text_end.max(ruler.px(84.0)) + ruler.px(18.0);
        let rows = u32::try_from(spec.choices.len()).unwrap_or(0);
        let footer_top = choices_top + rows * ruler.px(STEP) - ruler.px(2.0);
        let small = ruler.style(Metrics::TYPE.body, Face::Regular);
        let mut wide =
            |spans| self.text.rich(spans, small, px::f(px::MAX_SIDE), 1).first().map_or(0.0, |l| l.width);
        let stacked = wide(spec.never.text) + wide(spec.uses) + 24.0 * scale > px::f(room);
        let footer = ruler.px(if stacked { FOOTER * 2.0 - 8.0 } else { FOOTER });
        let size = (width, footer_top + footer + ruler.px(14.0));
        Plan {
            ruler,
            size,
            title,
            detail,
            left,
            room,
            title_top,
            detail_top,
            choices_top,
            footer_top,
            stacked,
        }
    }

    fn draw_prompt(&mut self, spec: &PromptSpec<'_>, plan: &Plan) -> Card {
        let ruler = plan.ruler;
        let (w, h) = plan.size;
        let mut canvas = Canvas::new(w, h);
        let radius = f32::from(Metrics::CARD_RADIUS) * ruler.scale;
        let ground = rounded(0.0, 0.0, px::f(w), px::f(h), [radius; 4]);
        canvas.fill(ground.as_ref(), self.theme.surface.base, 1.0);
        let band = self.band(&mut canvas, spec.identity, (w, h), ruler);
        self.draw_sign(&mut canvas, spec, plan);
        let text = self.theme.text;
        let indent = plan.left + ruler.px(58.0);
        let title = (f32::from(Metrics::TYPE.title) * ruler.scale, ruler.px(TITLE_STEP));
        let detail = (f32::from(Metrics::TYPE.row) * ruler.scale, ruler.px(DETAIL_STEP));
        let (first, second) = ((text.primary, text.primary), (text.secondary, text.primary));
        self.paragraph(&mut canvas, &plan.title, (indent, plan.title_top), title, first);
        self.paragraph(&mut canvas, &plan.detail, (indent, plan.detail_top), detail, second);
        if spec.waiting > 0 {
            self.draw_waiting(&mut canvas, spec.waiting, plan, band);
        }
        let mut places = Vec::with_capacity(spec.choices.len() + 1);
        let button = ruler.px(f32::from(Metrics::BUTTON));
        for (choice, n) in spec.choices.iter().zip(0u32..) {
            let top = plan.choices_top + n * ruler.px(STEP);
            let place = PixelRect::new(px::coord(plan.left), px::coord(top), plan.room, button);
            self.choice(&mut canvas, choice, place, ruler);
            places.push(place);
        }
        places.push(self.draw_footer(&mut canvas, spec, plan));
        let mut parts = Vec::new();
        let opacity = self.theme.shadow.focused;
        if opacity > 0.0 {
            parts = self.shadow_of((w, h), ruler.scale, (20.0, 14.0, opacity));
        }
        parts.push(Part::whole(canvas.finish(), 0, 0, false));
        parts.extend(self.identity_border(spec.identity, (w, h), ruler));
        Card { overlay: Overlay { parts, size: (w, h) }, places }
    }

    /// The band of pattern under the upper border; says where it ends.
    fn band(&self, canvas: &mut Canvas, identity: Identity, (w, _): (u32, u32), ruler: Ruler) -> u32 {
        let (border, band) = (ruler.px(BORDER), ruler.px(BAND));
        let style = *self.identities.get(identity);
        let edge = crate::pattern::Edge::new(style.pattern, band, ruler.scale);
        for depth in 0..band {
            for along in border..w - border {
                let color = style.color.mix(style.ink, edge.ink(along, depth));
                canvas.set(px::coord(along), px::coord(border + depth), color);
            }
        }
        border + band
    }

    /// The border of a card, over its corners.
    pub(crate) fn identity_border(&self, identity: Identity, (w, h): (u32, u32), ruler: Ruler) -> Vec<Part> {
        let thickness = ruler.px(BORDER);
        let border = BorderStyle {
            style: *self.identities.get(identity),
            thickness,
            radius: ruler.px(f32::from(Metrics::CARD_RADIUS)),
            keyline: if self.theme.keyline { px::hairline(ruler.scale).min(thickness - 1) } else { 0 },
            dashed: false,
            scale: ruler.scale,
        };
        border_parts(&border, w, h)
    }

    /// The mark with the app's icon in it.
    fn draw_sign(&self, canvas: &mut Canvas, spec: &PromptSpec<'_>, plan: &Plan) {
        let ruler = plan.ruler;
        let (side, top) = (ruler.px(44.0), ruler.px(40.0));
        draw_mark(canvas, self.identities.get(spec.identity), plan.left, top, side);
        if let Some(icon) = spec.icon {
            let (ground, inner) = (ruler.px(32.0), ruler.px(26.0));
            let at = |size: u32| ((side - size) / 2 + plan.left, (side - size) / 2 + top);
            let (gx, gy) = at(ground);
            let [x, y, s] = [gx, gy, ground].map(px::f);
            canvas.fill(rounded(x, y, s, s, [s * 0.2; 4]).as_ref(), self.theme.surface.base, 1.0);
            let (ix, iy) = at(inner);
            draw_icon(canvas, icon, ix, iy, inner);
        }
    }

    /// How many questions wait, in the corner, where it moves nothing.
    fn draw_waiting(&mut self, canvas: &mut Canvas, waiting: usize, plan: &Plan, top: u32) {
        let style = plan.ruler.style(Metrics::TYPE.small, Face::Regular);
        let text = if waiting == 1 { "1 more waits".to_owned() } else { format!("{waiting} more wait") };
        if let Some(line) = self.text.line(&text, style, px::f(plan.room)) {
            let x = px::f(plan.left + plan.room) - line.width;
            let baseline = centred_baseline(top + plan.ruler.px(3.0), plan.ruler.px(18.0), style.size);
            self.text.draw(canvas, &line, x, baseline, self.theme.text.muted);
        }
    }

    /// "Never" and the uses; says where "never" can be pressed.
    fn draw_footer(&mut self, canvas: &mut Canvas, spec: &PromptSpec<'_>, plan: &Plan) -> PixelRect {
        let ruler = plan.ruler;
        let style = ruler.style(Metrics::TYPE.body, Face::Regular);
        let (high, pad) = (ruler.px(FOOTER), ruler.px(8.0));
        let never = self.text.rich(spec.never.text, style, px::f(plan.room), 1);
        let uses = self.text.rich(spec.uses, style, px::f(plan.room), 1);
        let width = never.first().map_or(0, |line| px::u(line.width.ceil()));
        let place = PixelRect::new(
            px::coord(plan.left - pad),
            px::coord(plan.footer_top),
            (width + 2 * pad).min(plan.room + 2 * pad),
            high,
        );
        let state = spec.never.state;
        if state.focused {
            let (inset, ring) = (ruler.px(2.0), ruler.px(f32::from(Metrics::FOCUS_RING)));
            let rect = (plan.left - pad, plan.footer_top + inset, place.w, high - 2 * inset);
            let radius = f32::from(Metrics::CONTROL_RADIUS) * ruler.scale;
            crate::overlay::plate(canvas, rect, radius, ring, (self.theme.accent, self.theme.surface.base));
        }
        let text = self.theme.text;
        let bright = !state.dead && (state.hovered || state.pressed);
        let color = if bright {
            text.primary
        } else if state.dead {
            text.muted
        } else {
            text.secondary
        };
        let baseline = centred_baseline(plan.footer_top, high, style.size);
        for line in &never {
            self.text.draw(canvas, line, px::f(plan.left), baseline, color);
        }
        for line in &uses {
            let (x, baseline) = if plan.stacked {
                (px::f(plan.left), baseline + px::coord(high - pad))
            } else {
                (px::f(plan.left + plan.room) - line.width, baseline)
            };
            self.text.draw(canvas, line, x, baseline, text.muted);
        }
        place
    }
}

/// Edges and corners of one border, uncached: a card is drawn when somebody asks, not every frame.
pub(crate) fn border_parts(border: &BorderStyle, w: u32, h: u32) -> Vec<Part> {
    let (c, t) = (border.corner_side(), border.thickness);
    let (across, down) = (w.saturating_sub(2 * c), h.saturating_sub(2 * c));
    let mut parts = Vec::with_capacity(8);
    for (side, length, x, y) in [
        (Side::Top, across, c, 0),
        (Side::Bottom, across, c, h.saturating_sub(t)),
        (Side::Left, down, 0, c),
        (Side::Right, down, w.saturating_sub(t), c),
    ] {
        if length > 0 {
            parts.push(Part::whole(border.edge(side, length), px::coord(x), px::coord(y), true));
        }
    }
    for (corner, x, y) in [
        (Corner::TopLeft, 0, 0),
        (Corner::TopRight, w.saturating_sub(c), 0),
        (Corner::BottomLeft, 0, h.saturating_sub(c)),
        (Corner::BottomRight, w.saturating_sub(c), h.saturating_sub(c)),
    ] {
        parts.push(Part::whole(border.corner(corner), px::coord(x), px::coord(y), false));
    }
    parts
}
