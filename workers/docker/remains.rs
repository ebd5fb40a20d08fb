//! What is left of containers whose guard is gone, and the kill for which Docker is not needed.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;

use bollard::query_parameters::ListContainersOptionsBuilder;
use rustix::process::{Pid, Signal, kill_process};

use super::client::{block_on, has_ended};
use super::{Docker, LABEL_ROOT, LABEL_RUN, out_of_memory};
use crate::run::{DockerEngine, ExitRecord, Why, wall_time};

/// Ends and removes the container of a run whose guard was killed. Where it had ended by itself, and Docker knows how, that is the record.
///
/// # Errors
/// When Docker cannot be asked: then nobody may say that it runs no more.
pub fn conclude(engine: &DockerEngine, name: &str) -> io::Result<Option<ExitRecord>> {
    block_on(async {
        let docker = Docker::connect(&engine.socket).await?;
        let known = docker.state(name).await?.filter(|(_, state)| has_ended(state)).map(|(id, state)| ExitRecord {
            why: Why::Exited,
            code: state.exit_code.and_then(|code| i32::try_from(code).ok()),
            out_of_memory: out_of_memory(&id, &state),
            begun: true,
            ..ExitRecord::never_begun(Why::Exited, wall_time())
        });
        docker.remove(name).await?;
        Ok(known)
    })
}

/// Removes every container of a root but those of the runs that are kept; how many.
///
/// # Errors
/// When Docker does not answer.
pub fn sweep(engine: &DockerEngine, root: &str, keep: &BTreeSet<String>) -> io::Result<usize> {
    let strays: Vec<String> = found(engine, root)?.into_iter().filter(|run| !keep.contains(run)).collect();
    strays.iter().try_for_each(|run| take_away(engine, run))?;
    Ok(strays.len())
}

/// The names of all containers of a root.
///
/// # Errors
/// When Docker does not answer.
pub fn found(engine: &DockerEngine, root: &str) -> io::Result<Vec<String>> {
    block_on(async {
        let docker = Docker::connect(&engine.socket).await?;
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL_ROOT}={root}")])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = docker.0.list_containers(Some(options)).await?;
        Ok(found.into_iter().filter_map(|container| container.labels?.remove(LABEL_RUN)).collect())
    })
}

/// Removes a container, whatever it does.
///
/// # Errors
/// When Docker does not answer.
pub fn take_away(engine: &DockerEngine, name: &str) -> io::Result<()> {
    block_on(async { Docker::connect(&engine.socket).await?.remove(name).await })
}

/// Every process whose cgroup is that of the container of this id, without Docker. Ids are 64 hexadecimal digits, and a cgroup is called after
/// the whole of it.
pub(super) fn members(id: &str) -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten().filter(|_| id.len() == 64);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    pids.filter(move |pid| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(id)))
}

/// Kills a container's processes, for when Docker does not answer.
pub fn kill_outright(id: &str) {
    for pid in members(id) {
        let _ = kill_process(pid, Signal::KILL);
    }
}
