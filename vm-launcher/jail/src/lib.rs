// SPDX-License-Identifier: GPL-3.0-or-later
//! Seccomp, Landlock and descriptor hygiene for helpers.
