//! The folder of the system's state: who may read it, how much room is left, whether its stores are whole.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use engine::Check;
use model::Bytes;
use rustix::fs::{Access, access, statvfs};

use crate::cli::failure::Failure;
use crate::store::{StoreError, Stores};

/// With less room than this the store will soon refuse.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less it may at any moment.
const NO_ROOM: u64 = 64 << 20;

/// All checks of the state.
pub fn checks(folder: &Path, kept: &Result<Stores, Failure>) -> Vec<Check> {
    let mut checks = vec![permissions(folder)];
    match kept {
        Ok(kept) => {
            if let Stores::Folder(store) = kept {
                checks.push(room(store));
            }
            checks.extend(stores(kept));
        }
        Err(failure) => checks.push(Check::fail("store", failure.to_string(), "say where the stores are (docs/formats/actors.md)")),
    }
    checks
}

/// The folder, or the nearest above it that is there.
fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"))
}

fn permissions(folder: &Path) -> Check {
    let shown = folder.display();
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match access(nearest(folder), Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Check::ok("state", format!("{shown} is not there yet; it is made at the first start")),
            Err(error) => {
                Check::fail("state", format!("{shown} cannot be made: {error}"), "make it for this user, or name another with --state")
            }
        },
        Err(error) => Check::fail("state", format!("{shown}: {error}"), "let this user reach it, or name another with --state"),
        Ok(about) if !about.is_dir() => Check::fail("state", format!("{shown} is no folder"), "name a folder with --state"),
        Ok(about) => match access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
            Err(error) => Check::fail("state", format!("{shown}: {error}"), "give it to this user, or name another with --state"),
            Ok(()) if about.permissions().mode() & 0o077 != 0 => {
                let mode = about.permissions().mode() & 0o777;
                Check::warn("state", format!("{shown} is open to others (mode {mode:03o})"), format!("chmod 700 {shown}"))
            }
            Ok(()) => Check::ok("state", format!("{shown} is for this user alone")),
        },
    }
}

fn room(folder: &Path) -> Check {
    let there = nearest(folder);
    let free = match statvfs(there) {
        Ok(about) => about.f_bavail.saturating_mul(about.f_frsize),
        Err(error) => return Check::warn("disk", format!("{}: {error}", there.display()), "see with df how much room is left"),
    };
    let found = format!("{} free at {}", Bytes(free >> 20 << 20), there.display());
    match free {
        ..NO_ROOM => Check::fail("disk", found, "free some: the store refuses new work where it cannot write"),
        NO_ROOM..LITTLE_ROOM => Check::warn("disk", found, "free some, before the store refuses new work"),
        _ => Check::ok("disk", found),
    }
}

/// Each store, read whole, whoever has it open.
fn stores(kept: &Stores) -> Vec<Check> {
    let bad = |error: &StoreError| Check::fail("store", error.to_string(), format!("see docs/errors/{}.md", error.code()));
    match kept.check() {
        Err(error) => vec![bad(&error)],
        Ok(found) if found.is_empty() => vec![Check::ok("store", "none yet")],
        Ok(found) => {
            let check = |(name, wrong): &(String, Option<StoreError>)| match wrong {
                None => Check::ok("store", format!("{name} is whole")),
                Some(error) => bad(error),
            };
            found.iter().map(check).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn a_folder_is_to_be_made_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("not/yet");
        assert_eq!(permissions(&state).verdict, Verdict::Ok);
        fs::create_dir_all(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let open = permissions(&state);
        assert_eq!((open.verdict, open.found.contains("mode 755")), (Verdict::Warn, true), "{open:?}");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(permissions(&state).verdict, Verdict::Ok);
        let kept = Stores::Folder(state.clone());
        assert_eq!(stores(&kept), [Check::ok("store", "none yet")]);
        fs::write(state.join("front-end.db"), "no store").unwrap();
        assert_eq!(stores(&kept)[0].verdict, Verdict::Fail);
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(permissions(&folder.path().join("file")).verdict, Verdict::Fail);
    }
}
