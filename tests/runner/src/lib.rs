// SPDX-License-Identifier: GPL-3.0-or-later
//! Scenario format, runner and reports of coffer test.
