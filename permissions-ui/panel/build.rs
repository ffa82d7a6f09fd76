// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `ui/*.slint`. Out: the Rust code of the surfaces.

fn main() -> Result<(), slint_build::CompileError> {
    let config = slint_build::CompilerConfiguration::new().with_debug_info(true);
    slint_build::compile_with_config("ui/main.slint", config)
}
