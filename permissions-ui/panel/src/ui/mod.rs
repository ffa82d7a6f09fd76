// SPDX-License-Identifier: GPL-3.0-or-later
//! The components, and how what is known gets into them.
//!
//! In: views. Out: models of Slint's. What is shown is decided in the views.

/// Made from `ui/*.slint`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unsafe_code,
    clippy::all,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::unreachable,
    clippy::todo,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
mod generated {
    slint::include_modules!();
}

mod fill;
mod look;

pub use fill::{fill_apps, fill_bar, fill_folder, fill_lines, fill_permissions};
pub use generated::*;
pub use look::Look;
