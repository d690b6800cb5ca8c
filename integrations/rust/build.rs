// SPDX-License-Identifier: BSD-2-Clause
//! Finds libheddle: in HEDDLE_LIB_DIR if that is set (a build folder's .libs will do), else
//! by pkg-config. Programs of this package find it there when they run, too.

use std::env;
use std::process::{exit, Command};

fn library_folder() -> Result<Option<String>, String> {
    if let Ok(folder) = env::var("HEDDLE_LIB_DIR") {
        return Ok(Some(folder));
    }
    let output = Command::new("pkg-config")
        .args(["--variable=libdir", "heddle"])
        .output()
        .map_err(|error| format!("HEDDLE_LIB_DIR is not set, and pkg-config: {error}"))?;
    if !output.status.success() {
        return Err("HEDDLE_LIB_DIR is not set, and pkg-config does not know heddle".into());
    }
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_string();
    Ok(if folder.is_empty() { None } else { Some(folder) })
}

fn main() {
    println!("cargo:rerun-if-env-changed=HEDDLE_LIB_DIR");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rustc-link-lib=dylib=heddle");
    match library_folder() {
        Ok(Some(folder)) => {
            println!("cargo:rustc-link-search=native={folder}");
            println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        }
        Ok(None) => (),
        Err(text) => {
            eprintln!("heddle: {text}");
            exit(1);
        }
    }
}
