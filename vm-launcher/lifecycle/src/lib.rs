// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the life of one VM as a state machine.
