// SPDX-License-Identifier: GPL-3.0-or-later
//! Rasterises trust borders, labels, title bars, shadows and wallpaper.
