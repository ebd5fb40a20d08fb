//! CRIU of Debian's unstable suite, in a folder of its own: that of Debian 12 fails on newer kernels.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{packages, put};
use crate::run;

/// Gets it where it is missing, and checks that this kernel lets it work; the folder of the program.
///
/// # Errors
/// When it cannot be had, or the kernel lacks what it needs.
pub fn get(folder: &Path) -> Result<PathBuf, String> {
    let root = folder.join("criu");
    let (bin, program) = (root.join("bin"), root.join("bin/criu"));
    if !program.exists() {
        packages::unpack("criu", &root)?;
        fs::create_dir_all(&bin).map_err(|error| format!("{}: {error}", bin.display()))?;
        // Its own loader and libraries, since they are newer than the machine's.
        let root = root.display();
        let loader = format!("{root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu");
        put(&program, &format!("#!/bin/sh\nexec {loader} {root}/usr/sbin/criu \"$@\"\n"))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(|error| format!("{}: {error}", program.display()))?;
    }
    run::program_of(&program, &["check"]).done()?;
    Ok(bin)
}
