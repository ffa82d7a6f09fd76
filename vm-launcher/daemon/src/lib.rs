// SPDX-License-Identifier: GPL-3.0-or-later
//! Launcher daemon and per-VM shepherd.
