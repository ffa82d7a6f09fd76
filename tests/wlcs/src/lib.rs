// SPDX-License-Identifier: GPL-3.0-or-later
//! The wlcs shim around the compositor library.
