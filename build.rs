//! Embeds the application manifest into the program on Windows.

use std::env;
use std::error::Error;

use embed_manifest::manifest::{ActiveCodePage, ExecutionLevel, Setting, SupportedOS};
use embed_manifest::{embed_manifest, new_manifest};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_CFG_WINDOWS").is_some() {
        // Never elevated by itself; paths longer than 260 characters; text of the system in UTF-8.
        embed_manifest(
            new_manifest("portwho")
                .requested_execution_level(ExecutionLevel::AsInvoker)
                .supported_os(SupportedOS::Windows10..=SupportedOS::Windows10)
                .active_code_page(ActiveCodePage::Utf8)
                .long_path_aware(Setting::Enabled),
        )?;
    }
    Ok(())
}
