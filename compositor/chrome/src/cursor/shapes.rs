// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a cursor shape. Out: its outlines on the 24 × 24 grid, and where it points.

use super::CursorShape;

type Point = (f32, f32);

/// One outline.
pub(super) enum Element {
    /// A filled polygon.
    Fill(&'static [Point]),
    /// A line of this width.
    Line(&'static [Point], f32),
    /// A piece of a circle; angles in degrees, clockwise from the right.
    Arc { centre: Point, radius: f32, from: f32, to: f32, width: f32 },
}

/// Outlines that belong together.
pub(super) struct Figure {
    pub(super) elements: &'static [Element],
    /// Lines in the colour of the rim, on top.
    pub(super) cuts: &'static [Element],
    /// Turned clockwise around the centre of the grid, in degrees.
    pub(super) turn: f32,
    /// Whether lines end round.
    pub(super) round: bool,
}

const fn figure(elements: &'static [Element]) -> Figure {
    Figure { elements, cuts: &[], turn: 0.0, round: false }
}

const fn turned(elements: &'static [Element], turn: f32) -> Figure {
    Figure { elements, cuts: &[], turn, round: false }
}

const ARROW: &[Element] = &[Element::Fill(&[
    (4.0, 3.0),
    (4.0, 18.6),
    (7.7, 15.2),
    (10.3, 21.0),
    (12.9, 19.8),
    (10.4, 14.2),
    (15.2, 13.9),
])];

const fn arrow() -> Figure {
    figure(ARROW)
}

const BEAM: &[Element] = &[
    Element::Line(&[(12.0, 4.0), (12.0, 20.0)], 2.0),
    Element::Line(&[(9.0, 4.0), (15.0, 4.0)], 1.6),
    Element::Line(&[(9.0, 20.0), (15.0, 20.0)], 1.6),
];

/// An arrow with a head at each end, from left to right.
const DOUBLE: &[Element] = &[
    Element::Line(&[(6.0, 12.0), (18.0, 12.0)], 2.0),
    Element::Fill(&[(2.5, 12.0), (7.5, 7.6), (7.5, 16.4)]),
    Element::Fill(&[(21.5, 12.0), (16.5, 7.6), (16.5, 16.4)]),
];

/// Two arrows that part from a bar.
const PARTING: &[Element] = &[
    Element::Line(&[(12.0, 4.5), (12.0, 19.5)], 2.0),
    Element::Line(&[(5.5, 12.0), (9.0, 12.0)], 2.0),
    Element::Line(&[(15.0, 12.0), (18.5, 12.0)], 2.0),
    Element::Fill(&[(2.0, 12.0), (6.6, 8.0), (6.6, 16.0)]),
    Element::Fill(&[(22.0, 12.0), (17.4, 8.0), (17.4, 16.0)]),
];

const CROSS: &[Element] = &[
    Element::Line(&[(6.0, 12.0), (18.0, 12.0)], 2.0),
    Element::Line(&[(12.0, 6.0), (12.0, 18.0)], 2.0),
    Element::Fill(&[(2.0, 12.0), (6.2, 8.6), (6.2, 15.4)]),
    Element::Fill(&[(22.0, 12.0), (17.8, 8.6), (17.8, 15.4)]),
    Element::Fill(&[(12.0, 2.0), (8.6, 6.2), (15.4, 6.2)]),
    Element::Fill(&[(12.0, 22.0), (8.6, 17.8), (15.4, 17.8)]),
];

const THIN_CROSS: &[Element] =
    &[Element::Line(&[(12.5, 4.0), (12.5, 21.0)], 1.0), Element::Line(&[(4.0, 12.5), (21.0, 12.5)], 1.0)];

const PLUS: &[Element] =
    &[Element::Line(&[(12.0, 5.0), (12.0, 19.0)], 4.0), Element::Line(&[(5.0, 12.0), (19.0, 12.0)], 4.0)];

const HOURGLASS: &[Element] = &[
    Element::Line(&[(6.5, 4.5), (17.5, 4.5)], 2.0),
    Element::Line(&[(6.5, 19.5), (17.5, 19.5)], 2.0),
    Element::Fill(&[
        (8.0, 5.0),
        (16.0, 5.0),
        (16.0, 7.6),
        (12.9, 12.0),
        (16.0, 16.4),
        (16.0, 19.0),
        (8.0, 19.0),
        (8.0, 16.4),
        (11.1, 12.0),
        (8.0, 7.6),
    ]),
];
const SAND: &[Element] = &[
    Element::Fill(&[(9.4, 6.0), (14.6, 6.0), (14.6, 7.2), (9.4, 7.2)]),
    Element::Fill(&[(12.0, 14.6), (14.4, 17.8), (9.6, 17.8)]),
];

const FORBIDDEN: &[Element] = &[
    Element::Arc { centre: (12.0, 12.0), radius: 7.0, from: 0.0, to: 360.0, width: 2.4 },
    Element::Line(&[(7.2, 7.2), (16.8, 16.8)], 2.4),
];

/// Signs beside the arrow, in the lower right of the grid.
const SMALL_RING: &[Element] =
    &[Element::Arc { centre: (18.3, 17.6), radius: 3.4, from: -80.0, to: 190.0, width: 1.9 }];
const SMALL_PLUS: &[Element] =
    &[Element::Line(&[(18.0, 15.0), (18.0, 22.0)], 2.0), Element::Line(&[(14.5, 18.5), (21.5, 18.5)], 2.0)];
const SMALL_QUESTION: &[Element] = &[
    Element::Arc { centre: (18.3, 14.6), radius: 2.5, from: -180.0, to: 60.0, width: 1.8 },
    Element::Line(&[(19.4, 16.9), (18.3, 17.8), (18.3, 19.2)], 1.8),
    Element::Line(&[(18.3, 20.8), (18.3, 22.2)], 1.8),
];
const SMALL_FORBIDDEN: &[Element] = &[
    Element::Arc { centre: (18.0, 18.0), radius: 3.6, from: 0.0, to: 360.0, width: 1.7 },
    Element::Line(&[(15.6, 15.6), (20.4, 20.4)], 1.7),
];
const SMALL_MENU: &[Element] = &[Element::Fill(&[(14.0, 14.0), (22.0, 14.0), (22.0, 22.4), (14.0, 22.4)])];
const MENU_LINES: &[Element] = &[
    Element::Line(&[(15.4, 16.2), (20.6, 16.2)], 1.0),
    Element::Line(&[(15.4, 18.2), (20.6, 18.2)], 1.0),
    Element::Line(&[(15.4, 20.2), (20.6, 20.2)], 1.0),
];
const SMALL_LINK: &[Element] = &[
    Element::Line(&[(14.8, 21.4), (14.8, 19.6), (16.0, 18.0), (18.6, 17.4)], 1.8),
    Element::Fill(&[(22.2, 17.2), (18.2, 14.2), (18.2, 20.2)]),
];

const LENS: &[Element] = &[
    Element::Arc { centre: (10.5, 10.5), radius: 6.0, from: 0.0, to: 360.0, width: 2.0 },
    Element::Line(&[(15.2, 15.2), (20.0, 20.0)], 2.8),
    Element::Line(&[(7.8, 10.5), (13.2, 10.5)], 1.8),
];
const LENS_UPRIGHT: &[Element] = &[Element::Line(&[(10.5, 7.8), (10.5, 13.2)], 1.8)];

const POINTING_HAND: &[Element] = &[
    Element::Line(&[(9.2, 4.2), (9.2, 14.0)], 3.0),
    Element::Line(&[(12.4, 10.0), (12.4, 14.0)], 3.0),
    Element::Line(&[(15.5, 10.6), (15.5, 14.0)], 3.0),
    Element::Line(&[(18.4, 12.0), (18.4, 15.5)], 2.6),
    Element::Line(&[(5.0, 13.2), (8.4, 17.4)], 2.8),
    Element::Fill(&[(8.2, 13.0), (19.4, 13.0), (19.4, 17.0), (17.8, 20.6), (10.6, 20.6), (8.0, 17.4)]),
];
const POINTING_CUTS: &[Element] = &[
    Element::Line(&[(10.8, 10.6), (10.8, 13.6)], 0.7),
    Element::Line(&[(14.0, 11.0), (14.0, 13.6)], 0.7),
    Element::Line(&[(17.0, 12.0), (17.0, 13.8)], 0.7),
];

const OPEN_HAND: &[Element] = &[
    Element::Line(&[(8.4, 6.6), (9.4, 14.0)], 2.8),
    Element::Line(&[(11.8, 4.8), (12.0, 14.0)], 2.8),
    Element::Line(&[(15.2, 5.8), (14.9, 14.0)], 2.8),
    Element::Line(&[(18.4, 8.8), (17.8, 15.0)], 2.6),
    Element::Line(&[(4.6, 12.8), (8.4, 17.2)], 2.8),
    Element::Fill(&[(8.2, 12.0), (19.0, 12.0), (18.8, 17.0), (17.2, 20.8), (10.6, 20.8), (8.0, 17.4)]),
];
const OPEN_CUTS: &[Element] = &[
    Element::Line(&[(10.3, 7.4), (10.7, 12.6)], 0.7),
    Element::Line(&[(13.5, 6.6), (13.5, 12.6)], 0.7),
    Element::Line(&[(16.7, 8.4), (16.4, 12.8)], 0.7),
];

const FIST: &[Element] = &[
    Element::Line(&[(8.6, 10.6), (9.0, 14.0)], 2.8),
    Element::Line(&[(11.8, 9.6), (12.0, 14.0)], 2.8),
    Element::Line(&[(15.0, 9.8), (14.9, 14.0)], 2.8),
    Element::Line(&[(18.0, 11.2), (17.8, 15.0)], 2.6),
    Element::Line(&[(6.4, 13.4), (8.4, 17.2)], 2.8),
    Element::Fill(&[(7.6, 12.0), (19.0, 12.0), (18.8, 17.0), (17.2, 20.8), (10.6, 20.8), (8.0, 17.4)]),
];
const FIST_CUTS: &[Element] = &[
    Element::Line(&[(10.3, 10.4), (10.4, 13.0)], 0.7),
    Element::Line(&[(13.4, 10.2), (13.4, 13.0)], 0.7),
    Element::Line(&[(16.5, 10.8), (16.4, 13.0)], 0.7),
];

const fn hand(elements: &'static [Element], cuts: &'static [Element]) -> Figure {
    Figure { elements, cuts, turn: 0.0, round: true }
}

/// What `shape` is made of.
pub(super) fn figures(shape: CursorShape) -> Vec<Figure> {
    use CursorShape as S;
    match shape {
        S::Default => vec![arrow()],
        S::ContextMenu => {
            vec![arrow(), Figure { elements: SMALL_MENU, cuts: MENU_LINES, turn: 0.0, round: false }]
        }
        S::Help | S::DndAsk => vec![arrow(), figure(SMALL_QUESTION)],
        S::Progress => vec![arrow(), figure(SMALL_RING)],
        S::Alias => vec![arrow(), figure(SMALL_LINK)],
        S::Copy => vec![arrow(), figure(SMALL_PLUS)],
        S::NoDrop => vec![arrow(), figure(SMALL_FORBIDDEN)],
        S::Pointer => vec![hand(POINTING_HAND, POINTING_CUTS)],
        S::Grab => vec![hand(OPEN_HAND, OPEN_CUTS)],
        S::Grabbing => vec![hand(FIST, FIST_CUTS)],
        S::Wait => vec![Figure { elements: HOURGLASS, cuts: SAND, turn: 0.0, round: false }],
        S::Cell => vec![figure(PLUS)],
        S::Crosshair => vec![figure(THIN_CROSS)],
        S::Text => vec![figure(BEAM)],
        S::VerticalText => vec![turned(BEAM, 90.0)],
        S::Move | S::AllScroll | S::AllResize => vec![figure(CROSS)],
        S::NotAllowed => vec![figure(FORBIDDEN)],
        S::EResize | S::WResize | S::EwResize => vec![figure(DOUBLE)],
        S::NResize | S::SResize | S::NsResize => vec![turned(DOUBLE, 90.0)],
        S::NwResize | S::SeResize | S::NwseResize => vec![turned(DOUBLE, 45.0)],
        S::NeResize | S::SwResize | S::NeswResize => vec![turned(DOUBLE, -45.0)],
        S::ColResize => vec![figure(PARTING)],
        S::RowResize => vec![turned(PARTING, 90.0)],
        S::ZoomIn => vec![figure(LENS), figure(LENS_UPRIGHT)],
        S::ZoomOut => vec![figure(LENS)],
    }
}

/// Where `shape` points, on the grid.
pub(super) const fn hotspot(shape: CursorShape) -> Point {
    use CursorShape as S;
    match shape {
        S::Default | S::ContextMenu | S::Help | S::DndAsk | S::Progress | S::Alias | S::Copy | S::NoDrop => {
            (4.0, 3.0)
        }
        S::Pointer => (9.0, 3.0),
        S::ZoomIn | S::ZoomOut => (10.5, 10.5),
        _ => (12.0, 12.0),
    }
}
