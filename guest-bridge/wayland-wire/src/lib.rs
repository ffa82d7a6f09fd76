// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: Wayland wire codec, generated interface tables and the object table.
