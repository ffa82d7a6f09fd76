// SPDX-License-Identifier: GPL-3.0-or-later
//! Builds guest kernels, initramfs, layers and tool bundles.
