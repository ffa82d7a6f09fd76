// SPDX-License-Identifier: GPL-3.0-or-later
//! Whole-system tests and repository rules.
