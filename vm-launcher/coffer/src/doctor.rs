// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer doctor`.

use crate::error::Error;

pub(crate) fn doctor(_json: bool) -> Result<(), Error> {
    Ok(())
}
