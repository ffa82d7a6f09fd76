// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: which globals and requests a client identity gets.
