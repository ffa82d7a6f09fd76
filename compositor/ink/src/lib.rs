// SPDX-License-Identifier: GPL-3.0-or-later
//! What chrome and the panel draw with. In: shapes, colours, patterns of identities. Out: finished pictures.
//!
//! | module | job |
//! |---|---|
//! | [`canvas`] | a picture being drawn |
//! | [`raster`] | a finished one, and pieces of it |
//! | [`pattern`] | the patterns and marks of identities |
//! | [`px`] | numbers of pixels |

#![forbid(unsafe_code)]

pub mod canvas;
pub mod pattern;
pub mod px;
pub mod raster;
