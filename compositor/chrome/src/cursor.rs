// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the name of a cursor shape and a scale. Out: its picture and hotspot.
//!
//! The shapes are outlines on a 24 × 24 grid, dark with a light rim, so that they show on any
//! ground and have no colour of their own.

mod shapes;

use crate::canvas::{Canvas, polyline};
use crate::px;
use crate::raster::Raster;
use cofferdam_themes::Rgb;
use shapes::{Element, Figure};
use std::sync::Arc;
use tiny_skia::{LineCap, Path, PathBuilder, Transform};

/// Side of a cursor in logical pixels.
pub(crate) const SIDE: u16 = 24;

const INK: Rgb = Rgb::new(0x14, 0x16, 0x1A);
const RIM: Rgb = Rgb::new(0xFF, 0xFF, 0xFF);
/// Width of the rim, in units of the grid.
const RIM_WIDTH: f32 = 1.2;

/// A cursor, ready to be shown with its hotspot under the pointer.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// The picture.
    pub raster: Arc<Raster>,
    /// The point of the picture that points, in pixels from its upper left corner.
    pub hotspot: (u32, u32),
}

macro_rules! cursor_shapes {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A shape of the cursor, with the names and meanings of wp_cursor_shape_v1 (and of CSS).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // the names are those of the protocol
        pub enum CursorShape {
            $($variant),+
        }

        impl CursorShape {
            /// All shapes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, such as `ns-resize`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

cursor_shapes! {
    Default = "default",
    ContextMenu = "context-menu",
    Help = "help",
    Pointer = "pointer",
    Progress = "progress",
    Wait = "wait",
    Cell = "cell",
    Crosshair = "crosshair",
    Text = "text",
    VerticalText = "vertical-text",
    Alias = "alias",
    Copy = "copy",
    Move = "move",
    NoDrop = "no-drop",
    NotAllowed = "not-allowed",
    Grab = "grab",
    Grabbing = "grabbing",
    EResize = "e-resize",
    NResize = "n-resize",
    NeResize = "ne-resize",
    NwResize = "nw-resize",
    SResize = "s-resize",
    SeResize = "se-resize",
    SwResize = "sw-resize",
    WResize = "w-resize",
    EwResize = "ew-resize",
    NsResize = "ns-resize",
    NeswResize = "nesw-resize",
    NwseResize = "nwse-resize",
    ColResize = "col-resize",
    RowResize = "row-resize",
    AllScroll = "all-scroll",
    ZoomIn = "zoom-in",
    ZoomOut = "zoom-out",
    DndAsk = "dnd-ask",
    AllResize = "all-resize",
}

impl CursorShape {
    /// The shape with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.name() == name)
    }
}

/// The outline of an element, turned and scaled, and how wide its line is; 0 is a filled shape.
fn outline(element: &Element, figure: &Figure, unit: f32) -> Option<(Path, f32)> {
    let (path, width) = match element {
        Element::Fill(points) => (polyline(points, true)?, 0.0),
        Element::Line(points, width) => (polyline(points, false)?, *width),
        Element::Arc { centre: (cx, cy), radius, from, to, width } => {
            let mut p = PathBuilder::new();
            let steps = 48u16;
            for n in 0..=steps {
                let angle = (to - from).mul_add(f32::from(n) / f32::from(steps), *from).to_radians();
                let (x, y) = (radius.mul_add(angle.cos(), *cx), radius.mul_add(angle.sin(), *cy));
                if n == 0 { p.move_to(x, y) } else { p.line_to(x, y) }
            }
            (p.finish()?, *width)
        }
    };
    let turn = Transform::from_rotate_at(figure.turn, 12.0, 12.0);
    Some((path.transform(turn)?.transform(Transform::from_scale(unit, unit))?, width * unit))
}

fn lay(canvas: &mut Canvas, element: &Element, figure: &Figure, unit: f32, rim: f32, color: Rgb) {
    let Some((path, width)) = outline(element, figure, unit) else { return };
    if width == 0.0 {
        canvas.fill(Some(&path), color, 1.0);
        if rim > 0.0 {
            canvas.stroke(Some(&path), rim * 2.0, color, 1.0);
        }
    } else {
        let cap = if rim > 0.0 { LineCap::Square } else { LineCap::Butt };
        let (width, cap) =
            if figure.round { (width + rim * 2.0, LineCap::Round) } else { (width + rim * 2.0, cap) };
        canvas.stroke_with(Some(&path), width, cap, color, 1.0);
    }
}

/// Draws `shape` with 24 logical pixels a side.
pub(crate) fn draw(shape: CursorShape, scale: f32) -> Arc<Raster> {
    let side = px::at_least_one(f32::from(SIDE), scale);
    let unit = px::f(side) / f32::from(SIDE);
    let mut canvas = Canvas::new(side, side);
    let figures = shapes::figures(shape);
    for figure in &figures {
        for element in figure.elements {
            lay(&mut canvas, element, figure, unit, RIM_WIDTH * unit, RIM);
        }
    }
    for figure in &figures {
        for element in figure.elements {
            lay(&mut canvas, element, figure, unit, 0.0, INK);
        }
        for element in figure.cuts {
            lay(&mut canvas, element, figure, unit, 0.0, RIM);
        }
    }
    canvas.finish()
}

/// Where `shape` points, in pixels.
pub(crate) fn hotspot(shape: CursorShape, scale: f32) -> (u32, u32) {
    let side = px::at_least_one(f32::from(SIDE), scale);
    let unit = px::f(side) / f32::from(SIDE);
    let (x, y) = shapes::hotspot(shape);
    (px::u(x * unit).min(side - 1), px::u(y * unit).min(side - 1))
}
