// SPDX-License-Identifier: GPL-3.0-or-later
//! In: theme and identity files, built in or from a user's directory. Out: design tokens, the
//! eight trust identities with their border colours, layout metrics, and the bundled font.
//!
//! One rule holds the desktop together: saturated colour says *whose window this is*. A theme is
//! therefore checked when it is loaded, and one that borrows an identity's colour, or whose text
//! can't be read, is refused with a sentence that says where and why.

#![forbid(unsafe_code)]

mod check;
mod color;
mod error;
mod identity;
mod library;
mod metrics;
mod parse;
mod theme;
pub mod vision;

pub use check::{IDENTITY_CONTRAST, TEXT_CONTRAST};
pub use color::Rgb;
pub use error::{Problem, ThemeError};
pub use identity::{Identities, IdentityStyle, Pattern};
pub use library::{Library, MAX_FILE_BYTES};
pub use metrics::{Insets, Metrics, PixelInsets, TypeScale};
pub use theme::{Scheme, ShadowTokens, SurfaceTokens, TextTokens, Theme};

/// Inter, variable weight 100 to 900, under the SIL Open Font License (`fonts/Inter.OFL.txt`).
///
/// It lives in the read-only part of the program, so only the pages that are drawn with cost memory.
pub static INTER: &[u8] = include_bytes!("../fonts/Inter.var.ttf");
