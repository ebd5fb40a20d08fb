//! What comes before a container runs, and what it is checkpointed to: its image and network, the container itself, and where it is to go on,
//! the checkpoint.

use std::cell::Cell;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use engine::question::Fetched;
use model::{Bytes, Cause};

use super::meter::Meter;
use crate::docker::{self, Docker, Fault};
use crate::image;
use crate::run::{DockerEngine, KEEP, LaunchFile, RunFolder};

/// What is to be known before a container is started from an image.
pub struct Restored {
    /// Whether it was made for the runtime that restores.
    pub by_runtime: bool,
    /// Where the container's own files lie.
    pub places: docker::Places,
}

/// Makes the container: image, network, and the container itself, not started; with what is to be known of Docker where it is to be restored.
/// `creating` is true while Docker may have begun with the container and has not answered.
pub async fn prepare(
    folder: &RunFolder,
    file: &LaunchFile,
    engine: &DockerEngine,
    creating: &Cell<bool>,
) -> Result<(Docker, String, Option<Restored>), Fault> {
    let docker = Docker::connect(&engine.socket).await?;
    let meter = Meter::of(folder);
    let ensured = docker::ensure(&docker, &file.launch.container.image, engine.credentials.as_deref(), |pull| {
        let (bytes, total) = pull.sizes();
        meter.shows(Fetched::Image, bytes, total);
    });
    let root = folder.root().to_string_lossy();
    let network = file.launch.container.network.as_ref().map(|network| network.engine_name(file.launch.task.job));
    let body = docker::body(file, engine, &root, network.as_deref())?;
    let create = async |body: ContainerCreateBody| {
        creating.set(true);
        let options = CreateContainerOptionsBuilder::new().name(&file.group).build();
        let created = docker.0.create_container(Some(options), body).await;
        creating.set(false);
        created.map_err(Fault::from)
    };
    let Some(resume) = &file.launch.resume else {
        ensured.await?;
        let created = create(body).await?;
        return Ok((docker, created.id, None));
    };
    let into = folder.file(image::FOLDER);
    let (task, attempt) = (file.launch.task, Some(file.launch.run.attempt).filter(|_| !resume.kept));
    let (root, runs) = (folder.root().to_owned(), folder.root().join("runs"));
    let (source, identity) = (&resume.source, root.join("identity"));
    if matches!(source, image::Source::There { .. }) {
        // From here on it counts, for others that look too.
        std::fs::create_dir_all(&into).map_err(image::Trouble::io(&into))?;
        image::has_room(&root, engine.image_quota, Bytes(0), None)?;
    }
    let here = |bytes| meter.shows(Fetched::Checkpoint, bytes, resume.size);
    let fetched = async { Ok(image::fetch(source, &runs, &identity, (task, attempt), resume.size, &into, here).await?) };
    // It stands still meanwhile, so Docker is asked all that can be asked while the image is on its way.
    let (list, (), host) = tokio::try_join!(fetched, ensured, docker::host(&docker))?;
    let created = create(docker::to_restore(body, host.restores, list.address)).await?;
    let places = docker::places(&docker, &host, &file.group).await?;
    image::unpack(&into.join(image::FILES), &places.layer)?;
    Ok((docker, created.id, Some(Restored { by_runtime: host.restores, places })))
}

/// Checkpoints a container, and ends it by that.
pub async fn take_checkpoint(
    docker: &Docker,
    folder: &RunFolder,
    file: &LaunchFile,
    engine: &DockerEngine,
    id: &str,
) -> Result<docker::Places, Fault> {
    if folder.has(KEEP) {
        image::has_room(folder.root(), engine.image_quota, image::SOME, Some(file.launch.task))?;
    }
    let places = docker::places(docker, &docker::host(docker).await?, &file.group).await?;
    if let Some(at) = &places.unnamed {
        let words = format!("its image has a volume at {at}, which would be lost: mount a named one there");
        return Err(Fault::new(Cause::StartRefused, words));
    }
    if !keeps_address(file) && docker::is_bound(id) {
        return Err(Fault::new(
            Cause::StartRefused,
            "it has connections, and its network's subnet was not chosen, so its address may change",
        ));
    }
    docker::checkpoint(docker, &engine.socket, (&file.group, id), folder).await?;
    Ok(places)
}

/// Whether it is to have the same address wherever it goes: Docker takes one only where the user has chosen those of the network.
pub fn keeps_address(file: &LaunchFile) -> bool {
    file.launch.container.network.as_ref().is_some_and(|network| network.subnet.is_some())
}
