// SPDX-License-Identifier: GPL-3.0-or-later
//! Per-VM vhost-user virtio-gpu device with the cross-domain context.
