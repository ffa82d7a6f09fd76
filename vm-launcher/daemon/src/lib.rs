// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher daemon and the shepherds.
//!
//! In: requests to run apps in VMs. Out: running VMs, and word of how they fare. The daemon
//! (`cofferdam-launcherd`) keeps records and answers on D-Bus, a shepherd (`cofferdam-shepherd`)
//! carries out the life of one VM, and this library holds the wire between them, too.
//!
//! | module | job |
//! |---|---|
//! | [`link`] | the wire between launcher and shepherd |
//! | [`shepherd`] | one VM's process |
//! | [`launcherd`] | the daemon |
//! | [`walls`] | what is left to each of them |

pub mod launcherd;
pub mod link;
pub mod shepherd;
pub mod walls;
