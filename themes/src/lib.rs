// SPDX-License-Identifier: GPL-3.0-or-later
//! Design tokens, trust identities, patterns, fonts and cursors.
