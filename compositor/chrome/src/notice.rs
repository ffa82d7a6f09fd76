// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a short message, whose it is, and perhaps what an app says. Out: a card for the edge of the screen.
//!
//! Who it is about stands above, in the desktop's own words; what an app says stands below in a frame of its
//! own with a bar of the VM's colour, like a quotation. It has a cross and nothing else to press: unlike a
//! question it asks for nothing, and is smaller than one and without its border.

use crate::Chrome;
use crate::canvas::{Canvas, polyline, rounded};
use crate::card::{Card, Ruler, tall};
use crate::overlay::plate;
use crate::pattern::draw_mark;
use crate::px;
use crate::raster::PixelRect;
use crate::spec::{NoticeSpec, QuoteSpec};
use crate::text::{Face, Line, TextSpan, TextStyle, centred_baseline};
use crate::title::draw_icon;
use cofferdam_ids::Identity;
use cofferdam_themes::Metrics;

/// Logical measures.
const WIDTH: f32 = 380.0;
const PAD: f32 = 14.0;
const MARK: f32 = 20.0;
const GAP: f32 = 10.0;
const CROSS: f32 = 28.0;
const STEP: f32 = 19.0;
/// The bar at the left of a quotation, and the space around its words.
const BAR: f32 = 3.0;
const INNER: f32 = 10.0;
/// Lines of the desktop's own text, of a quotation's first line and of the rest.
const TEXT_LINES: usize = 3;
const TITLE_LINES: usize = 2;
const BODY_LINES: usize = 4;

/// Everything measured before anything is drawn.
struct Plan {
    ruler: Ruler,
    size: (u32, u32),
    heading: Option<Line>,
    left: u32,
    text: Vec<Line>,
    title: Vec<Line>,
    body: Vec<Line>,
    /// Where the lines below the heading begin.
    top: u32,
}

fn body_style(ruler: Ruler) -> TextStyle {
    ruler.style(Metrics::TYPE.body, Face::Regular)
}

impl Chrome {
    /// A short message, to be shown at the edge of the screen for some seconds. The one of
    /// [`Card::places`] is the button that closes it.
    pub fn notice(&mut self, spec: &NoticeSpec<'_>) -> Card {
        let plan = self.plan_notice(spec);
        let (ruler, (w, h)) = (plan.ruler, plan.size);
        let mut canvas = self.card(w, h, ruler.scale);
        let (pad, mark) = (ruler.px(PAD), ruler.px(MARK));
        let mut left = pad;
        if let Some(identity) = spec.identity {
            draw_mark(&mut canvas, self.identities.get(identity), left, pad, mark);
            left += mark + ruler.px(GAP);
        }
        if let Some(icon) = spec.icon {
            draw_icon(&mut canvas, icon, left, pad, mark);
        }
        let close = self.notice_corner(&mut canvas, spec, &plan);
        if let Some(heading) = &plan.heading {
            let size = f32::from(Metrics::TYPE.row) * ruler.scale;
            let baseline = centred_baseline(pad, mark, size);
            self.text.draw(&mut canvas, heading, px::f(plan.left), baseline, self.theme.text.primary);
        }
        let colors = (self.theme.text.secondary, self.theme.text.primary);
        let set = (body_style(ruler).size, ruler.px(STEP));
        let top = self.paragraph(&mut canvas, &plan.text, (plan.left, plan.top), set, colors);
        if let (Some(_), Some(identity)) = (&spec.quote, spec.identity) {
            self.quotation(&mut canvas, identity, &plan, top);
        }
        Card { overlay: self.overlay(canvas, ruler.scale), places: vec![close] }
    }

    fn plan_notice(&mut self, spec: &NoticeSpec<'_>) -> Plan {
        let ruler = Ruler { scale: Metrics::clamp_scale(spec.scale) };
        let (pad, mark, gap) = (ruler.px(PAD), ruler.px(MARK), ruler.px(GAP));
        let signs = u32::from(spec.identity.is_some()) + u32::from(spec.icon.is_some());
        let left = pad + signs * (mark + gap);
        let room = spec.output.0.saturating_sub(ruler.px(32.0));
        let w = ruler.px(WIDTH).min(room).max(left + pad + ruler.px(60.0));
        let corner = ruler.px(CROSS) + if spec.waiting > 0 { ruler.px(64.0) } else { 0 };
        let heading = self.text.line(
            spec.heading.as_str(),
            ruler.style(Metrics::TYPE.row, Face::SemiBold),
            px::f(w.saturating_sub(left + pad + corner)),
        );
        let room = px::f(w - left - pad);
        let text = if spec.text.is_empty() {
            Vec::new()
        } else {
            self.text.lines(spec.text, body_style(ruler), room, TEXT_LINES)
        };
        let (title, body) = spec.quote.map_or_else(Default::default, |quote| self.quoted(quote, ruler, w));
        let step = ruler.px(STEP);
        let top = pad + mark + if text.is_empty() { 0 } else { ruler.px(4.0) };
        let mut h = top + tall(&text, step) + pad;
        if spec.quote.is_some() {
            h += ruler.px(GAP) + tall(&title, step) + tall(&body, step) + 2 * ruler.px(INNER);
        }
        Plan { ruler, size: (w, h), heading, left, text, title, body, top }
    }

    /// The lines of a quotation, each with its own direction of writing.
    fn quoted(&mut self, quote: QuoteSpec<'_>, ruler: Ruler, w: u32) -> (Vec<Line>, Vec<Line>) {
        let inside = w.saturating_sub(2 * ruler.px(PAD) + ruler.px(BAR) + 2 * ruler.px(INNER));
        let foreign = |text| [TextSpan { text, strong: false, foreign: true }];
        let bold = ruler.style(Metrics::TYPE.body, Face::SemiBold);
        let title = self.text.rich(&foreign(quote.title), bold, px::f(inside), TITLE_LINES);
        let body = self.text.rich(&foreign(quote.body), body_style(ruler), px::f(inside), BODY_LINES);
        (title, body)
    }

    /// What the app says, in its frame.
    fn quotation(&mut self, canvas: &mut Canvas, identity: Identity, plan: &Plan, top: u32) {
        let ruler = plan.ruler;
        let (pad, inner, bar) = (ruler.px(PAD), ruler.px(INNER), ruler.px(BAR));
        let top = top + ruler.px(GAP);
        let (w, h) = (plan.size.0 - 2 * pad, plan.size.1 - pad - top);
        let radius = f32::from(Metrics::CONTROL_RADIUS) * ruler.scale;
        let surface = self.theme.surface;
        plate(canvas, (pad, top, w, h), radius, px::hairline(ruler.scale), (surface.line, surface.raised));
        let [x, y, high, wide] = [pad, top, h, bar].map(px::f);
        let edge = rounded(x, y, wide, high, [radius.min(wide); 4]);
        canvas.fill(edge.as_ref(), self.identities.get(identity).color, 1.0);
        let at = (pad + bar + inner, top + inner);
        let text = self.theme.text;
        let set = (body_style(ruler).size, ruler.px(STEP));
        let below = self.paragraph(canvas, &plan.title, at, set, (text.primary, text.primary));
        self.paragraph(canvas, &plan.body, (at.0, below), set, (text.secondary, text.secondary));
    }

    /// The cross, and how many wait; says where the cross can be pressed.
    fn notice_corner(&mut self, canvas: &mut Canvas, spec: &NoticeSpec<'_>, plan: &Plan) -> PixelRect {
        let ruler = plan.ruler;
        let (pad, mark, side) = (ruler.px(PAD), ruler.px(MARK), ruler.px(CROSS));
        let middle = pad + mark / 2;
        let x = (plan.size.0).saturating_sub(pad - ruler.px(4.0) + side);
        let y = middle.saturating_sub(side / 2);
        let text = self.theme.text;
        if spec.close_hovered {
            let [fx, fy, s] = [x, y, side].map(px::f);
            let radius = f32::from(Metrics::CONTROL_RADIUS) * ruler.scale;
            canvas.fill(rounded(fx, fy, s, s, [radius; 4]).as_ref(), self.theme.surface.control, 1.0);
        }
        let color = if spec.close_hovered {
            text.primary
        } else if spec.hovered {
            text.secondary
        } else {
            text.muted
        };
        let (cx, cy, arm) = (px::f(x) + px::f(side) / 2.0, px::f(y) + px::f(side) / 2.0, 4.5 * ruler.scale);
        for (dx, dy) in [(arm, arm), (arm, -arm)] {
            let line = polyline(&[(cx - dx, cy - dy), (cx + dx, cy + dy)], false);
            canvas.stroke(line.as_ref(), 1.5 * ruler.scale, color, 1.0);
        }
        if spec.waiting > 0 {
            let style = ruler.style(Metrics::TYPE.small, Face::Regular);
            let words = format!("{} more", spec.waiting);
            if let Some(line) = self.text.line(&words, style, px::f(ruler.px(60.0))) {
                let start = px::f(x) - line.width - px::f(ruler.px(4.0));
                let baseline = centred_baseline(pad, mark, style.size);
                self.text.draw(canvas, &line, start, baseline, text.muted);
            }
        }
        PixelRect::new(px::coord(x), px::coord(y), side, side)
    }
}
