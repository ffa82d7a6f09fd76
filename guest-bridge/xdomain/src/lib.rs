// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: virtio-gpu and cross-domain codecs shared by device and bridge.
