// SPDX-License-Identifier: GPL-3.0-or-later
//! Per-VM vhost-user virtio-gpu device with the cross-domain context.
pub mod args;
pub mod core;
pub mod host;
pub mod loopback;
pub mod sandbox;
pub mod sys;
pub mod vhost;
