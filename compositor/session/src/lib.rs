// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor: smithay session, headless and nested backends.
