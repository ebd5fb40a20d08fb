//! What is left here of runs that this worker does not have: nothing, unless something went wrong that nobody thought of.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use engine::question::Leftover;
use model::Millis;

use super::Shared;
use crate::docker::{self, SharedRoot};
use crate::run::{Engine, RunId, wall_time};
use crate::{image, orphans};

/// What is on its way out is left over only when it does not go: it is deleted aside.
const MOMENT: Millis = Millis(60_000);

/// Removes of what is left over what is named, and says what is left over then.
pub fn look(shared: &Shared, remove: &[Leftover]) -> Vec<Leftover> {
    let found = find(shared);
    let mut removed = false;
    for one in remove.iter().filter(|one| found.contains(one)) {
        removed = true;
        if let Err(error) = take_away(shared, one) {
            tracing::warn!(?one, %error, "what is left over cannot be removed");
        }
    }
    if !removed {
        return found;
    }
    shared.runs.trash().empty();
    find(shared)
}

fn find(shared: &Shared) -> Vec<Leftover> {
    let (runs, root) = (&shared.runs, shared.runs.root());
    let before = shared.table.runs();
    let containers = match &shared.settings.engine {
        Engine::Docker(engine) => docker::found(engine, &root.to_string_lossy()),
        Engine::Process(_) => Ok(Vec::new()),
    };
    let containers = containers.unwrap_or_else(|error| {
        tracing::warn!(%error, "Docker does not say which containers it has");
        Vec::new()
    });
    let processes = orphans::runs(runs.folder());
    // Known is what was there before the look or after it: what began meanwhile is not left over, and neither is what ended.
    let known: BTreeSet<RunId> = before.into_iter().chain(shared.table.runs()).collect();
    let groups: BTreeSet<String> = known.iter().map(|id| runs.group(*id)).chain(shared.ready.holders(runs)).collect();
    let mut left: Vec<Leftover> = containers.into_iter().filter(|name| !groups.contains(name)).map(Leftover::Container).collect();
    left.extend(processes.difference(&known).map(|id| Leftover::Processes(id.to_string())));
    for id in runs.ids().unwrap_or_default() {
        let folder = runs.run(id);
        let image = folder.file(image::FOLDER);
        left.extend(
            (folder.has("reported") && image.exists() && is_old(&image)).then(|| Leftover::Folder(format!("runs/{id}/{}", image::FOLDER))),
        );
    }
    let names = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<BTreeSet<_>>()
    };
    let gone = names("trash").into_iter().map(|name| format!("trash/{name}")).filter(|path| is_old(&root.join(path)));
    left.extend(gone.map(Leftover::Folder));
    for name in names("kept") {
        match image::task_of(&name) {
            Some(task) => left.push(Leftover::Checkpoint(task)),
            None if is_old(&root.join("kept").join(&name)) => left.push(Leftover::Folder(format!("kept/{name}"))),
            None => {}
        }
    }
    left.extend(shared_root(shared).iter().flat_map(SharedRoot::jobs).map(Leftover::Shared));
    left
}

fn shared_root(shared: &Shared) -> Option<SharedRoot> {
    let Engine::Docker(engine) = &shared.settings.engine else { return None };
    SharedRoot::of(engine.shared.as_ref()?, shared.runs.root()).ok()
}

/// Whether nothing has happened to it for a moment. A folder that was moved has happened.
fn is_old(path: &Path) -> bool {
    let changed = fs::symlink_metadata(path).map(|about| about.ctime() * 1000 + about.ctime_nsec() / 1_000_000);
    changed.is_ok_and(|changed| wall_time().since(Millis(changed.max(0) as u64)) > MOMENT)
}

/// Removes something that was found: only what a look has named comes here.
fn take_away(shared: &Shared, one: &Leftover) -> io::Result<()> {
    let (runs, root) = (&shared.runs, shared.runs.root());
    match one {
        Leftover::Container(name) => match &shared.settings.engine {
            Engine::Docker(engine) => docker::take_away(engine, name)?,
            Engine::Process(_) => {}
        },
        Leftover::Processes(name) => orphans::kill(runs.folder(), &[], |id| id.to_string() == *name),
        // It lies where it is deleted from already.
        Leftover::Folder(path) if path.starts_with("trash/") => {}
        Leftover::Folder(path) => runs.discard(&root.join(path))?,
        Leftover::Checkpoint(task) => runs.discard(&image::place(root, *task))?,
        Leftover::Shared(job) => shared_root(shared).map_or(Ok(()), |shared| shared.remove(*job))?,
    }
    Ok(())
}
