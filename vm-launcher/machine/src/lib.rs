// SPDX-License-Identifier: GPL-3.0-or-later
//! The Machine trait and its QEMU driver.
