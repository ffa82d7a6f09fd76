// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: windows, stacking, focus and grabs of the desktop.
