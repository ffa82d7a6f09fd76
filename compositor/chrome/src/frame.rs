// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a frame to draw. Out: its parts, most of them from the cache.

use crate::border::{BorderStyle, Corner, LENGTH_STEP, Side};
use crate::px;
use crate::raster::{Part, PixelRect};
use crate::shadow::{EDGE, Piece, ShadowShape};
use crate::spec::{FrameKind, FrameSpec};
use crate::title::{self, TitleSpec};
use crate::{Chrome, Key};
use cofferdam_ids::{Identity, Label};
use cofferdam_themes::Metrics;
use std::sync::Arc;

/// The shape of a border, as a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BorderKey {
    identity: Identity,
    thickness: u32,
    radius: u32,
    dashed: bool,
    scale: u32,
}

/// All that a title bar depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TitleKey {
    size: (u32, u32),
    scale: u32,
    identity: Identity,
    name: Label,
    title: Label,
    icon: u64,
    focused: bool,
    kind: FrameKind,
    buttons: crate::spec::ButtonStates,
}

/// Length of an edge as it is drawn; an edge that is too short for a window is drawn again, longer,
/// and serves the shorter windows as well.
fn drawn_length(length: u32) -> u32 {
    length.max(1).div_ceil(LENGTH_STEP) * LENGTH_STEP
}

impl Chrome {
    /// The frame around a window or popup, from back to front, relative to its outer edge.
    ///
    /// The parts lie over the content: the corners of a border round the content's corners off.
    /// Pictures are shared and cached: moving costs nothing, resizing redraws the title bar.
    pub fn frame(&mut self, spec: &FrameSpec<'_>) -> Vec<Part> {
        let (w, h) = (spec.size.0.clamp(1, px::MAX_SIDE), spec.size.1.clamp(1, px::MAX_SIDE));
        let scale = Metrics::clamp_scale(spec.scale);
        let insets = spec.kind.insets(scale);
        let (thickness, radius) = match spec.kind {
            FrameKind::Window => (insets.left, px::at_least_one(f32::from(Metrics::WINDOW_RADIUS), scale)),
            FrameKind::Maximized => (insets.left, 0),
            FrameKind::Fullscreen => (Metrics::px(Metrics::BORDER, scale), 0),
            FrameKind::Popup => (insets.left, px::at_least_one(f32::from(Metrics::POPUP_RADIUS), scale)),
        };
        let thickness = thickness.min(w.min(h).div_ceil(2));
        let border = BorderStyle {
            style: *self.identities.get(spec.identity),
            thickness,
            radius: radius.min(w.min(h) / 2),
            keyline: if self.theme.keyline && thickness > 1 {
                px::hairline(scale).min(thickness - 1)
            } else {
                0
            },
            dashed: spec.throw_away,
            scale,
        };
        let mut parts = Vec::with_capacity(9);
        if spec.kind == FrameKind::Fullscreen {
            parts.push(self.title(spec, w, insets.top.saturating_sub(thickness), (0, thickness), scale));
            parts.push(self.edge(spec, &border, Side::Top, w, (0, 0)));
            return parts;
        }
        if spec.kind != FrameKind::Popup && w > 2 * thickness && h > insets.top {
            let (tw, th) = (w - 2 * thickness, insets.top - thickness);
            parts.push(self.title(spec, tw, th, (thickness, thickness), scale));
        }
        self.border(spec, &border, w, h, &mut parts);
        parts
    }

    fn border(&mut self, spec: &FrameSpec<'_>, border: &BorderStyle, w: u32, h: u32, parts: &mut Vec<Part>) {
        let (c, t) = (border.corner_side(), border.thickness);
        let (across, down) = (w.saturating_sub(2 * c), h.saturating_sub(2 * c));
        if across > 0 {
            parts.push(self.edge(spec, border, Side::Top, across, (c, 0)));
            parts.push(self.edge(spec, border, Side::Bottom, across, (c, h - t)));
        }
        if down > 0 {
            parts.push(self.edge(spec, border, Side::Left, down, (0, c)));
            parts.push(self.edge(spec, border, Side::Right, down, (w - t, c)));
        }
        for (corner, x, y) in [
            (Corner::TopLeft, 0, 0),
            (Corner::TopRight, w.saturating_sub(c), 0),
            (Corner::BottomLeft, 0, h.saturating_sub(c)),
            (Corner::BottomRight, w.saturating_sub(c), h.saturating_sub(c)),
        ] {
            let key = Key::Corner(Self::border_key(spec, border), corner);
            let raster = self.cached(key, |_| border.corner(corner));
            parts.push(Part::whole(raster, px::coord(x), px::coord(y), border.radius == 0));
        }
    }

    fn border_key(spec: &FrameSpec<'_>, border: &BorderStyle) -> BorderKey {
        BorderKey {
            identity: spec.identity,
            thickness: border.thickness,
            radius: border.radius,
            dashed: border.dashed,
            scale: border.scale.to_bits(),
        }
    }

    fn edge(
        &mut self,
        spec: &FrameSpec<'_>,
        border: &BorderStyle,
        side: Side,
        length: u32,
        at: (u32, u32),
    ) -> Part {
        let drawn = drawn_length(length);
        let key = Key::Edge(BorderKey { radius: 0, ..Self::border_key(spec, border) }, side);
        let raster =
            self.cached_if(key, |r| length <= r.width().max(r.height()), |_| border.edge(side, drawn));
        let (w, h) = match side {
            Side::Top | Side::Bottom => (length, border.thickness),
            Side::Left | Side::Right => (border.thickness, length),
        };
        Part::cropped(raster, px::coord(at.0), px::coord(at.1), w, h, true)
    }

    fn title(&mut self, spec: &FrameSpec<'_>, width: u32, height: u32, at: (u32, u32), scale: f32) -> Part {
        let key = Key::Title(Box::new(TitleKey {
            size: (width, height),
            scale: scale.to_bits(),
            identity: spec.identity,
            name: spec.name.clone(),
            title: spec.title.clone(),
            icon: spec.icon.map_or(0, crate::spec::Icon::hash),
            focused: spec.focused,
            kind: spec.kind,
            buttons: spec.buttons,
        }));
        let raster = self.cached(key, |chrome| {
            let title = TitleSpec {
                width,
                height,
                scale,
                style: chrome.identities.get(spec.identity),
                name: spec.name.as_str(),
                title: spec.title.as_str(),
                icon: spec.icon,
                focused: spec.focused,
                buttons: spec.buttons,
                restores: matches!(spec.kind, FrameKind::Maximized | FrameKind::Fullscreen),
            };
            title::draw(&mut chrome.text, &chrome.theme, &title)
        });
        Part::whole(raster, px::coord(at.0), px::coord(at.1), true)
    }

    /// The shadow of a frame of `size` pixels, relative to its outer edge; drawn before it. Empty
    /// for maximised and fullscreen windows and where the theme has no shadows.
    pub fn shadow(&mut self, kind: FrameKind, size: (u32, u32), scale: f32, focused: bool) -> Vec<Part> {
        let scale = Metrics::clamp_scale(scale);
        let tokens = self.theme.shadow;
        let (sigma, drop, strength) = match kind {
            FrameKind::Window if focused => (16.0, 10.0, 1.0),
            FrameKind::Window => (12.0, 6.0, 1.0),
            FrameKind::Popup => (8.0, 4.0, 0.8),
            FrameKind::Maximized | FrameKind::Fullscreen => return Vec::new(),
        };
        let opacity = strength * if focused { tokens.focused } else { tokens.unfocused };
        if opacity <= 0.0 {
            return Vec::new();
        }
        self.shadow_of(size, scale, (sigma, drop, opacity))
    }

    pub(crate) fn shadow_of(&mut self, size: (u32, u32), scale: f32, look: (f32, f32, f32)) -> Vec<Part> {
        let (sigma, drop, opacity) = look;
        let (w, h) = (size.0.min(px::MAX_SIDE), size.1.min(px::MAX_SIDE));
        let shape = ShadowShape {
            color: self.theme.shadow.color,
            opacity,
            sigma: sigma * scale,
            drop: drop * scale,
            reach: px::at_least_one(sigma.mul_add(2.6, drop), scale),
            corner: px::at_least_one(sigma * 2.6, scale).max(1),
        };
        let look = (sigma.to_bits(), opacity.to_bits(), scale.to_bits());
        let (r, c) = (shape.reach, shape.corner.min(w / 2).min(h / 2));
        let far = px::coord;
        let near = -far(r);
        let mut parts = Vec::with_capacity(12);
        for (piece, length) in [
            (Piece::Top, w - 2 * c),
            (Piece::Bottom, w - 2 * c),
            (Piece::Left, h - 2 * c),
            (Piece::Right, h - 2 * c),
        ] {
            if length == 0 {
                continue;
            }
            let raster = self.cached(Key::Shadow(look, piece), |_| shape.draw(piece));
            for start in (0..length).step_by(px::index(EDGE)) {
                let (at, long) = (far(c + start), EDGE.min(length - start));
                let (x, y, pw, ph) = match piece {
                    Piece::Top => (at, near, long, r),
                    Piece::Bottom => (at, far(h), long, r),
                    Piece::Left => (near, at, r, long),
                    _ => (far(w), at, r, long),
                };
                parts.push(Part::cropped(Arc::clone(&raster), x, y, pw, ph, false));
            }
        }
        for (piece, right, lower) in [
            (Piece::UpperLeft, false, false),
            (Piece::UpperRight, true, false),
            (Piece::LowerLeft, false, true),
            (Piece::LowerRight, true, true),
        ] {
            let raster = self.cached(Key::Shadow(look, piece), |_| shape.draw(piece));
            // A small frame shows only the outer part of each corner.
            let (full, side) = (raster.width(), r + c);
            let skip = far(full - side);
            let src = PixelRect::new(if right { skip } else { 0 }, if lower { skip } else { 0 }, side, side);
            let at = (if right { far(w - c) } else { near }, if lower { far(h - c) } else { near });
            parts.push(Part { raster, src, at, opaque: false });
        }
        parts
    }
}
