//! What a container that is to come needs here: its image, and its network on this node.
//!
//! An overlay network comes to a node with its first container, which takes Docker twice as long as the next one. So another one takes its
//! place beforehand: made of the same image, it runs nothing, for our runtime never starts what it has created. Where that is not registered
//! the network comes with the container itself.

use std::path::Path;

use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::runtime::{HOLD, RUNTIME};
use super::{Docker, Fault, LABEL_ROOT, LABEL_RUN, body, ensure, host};
use crate::image::{SOME, has_room};
use crate::run::{DockerEngine, LaunchFile};

/// The name of what holds the network for a container.
#[must_use]
pub fn holder(name: &str) -> String {
    format!("{name}-network")
}

/// Makes it ready. Where the network cannot be had yet, that is left to the container.
///
/// # Errors
/// When the image cannot be had, or the container may not be made here.
pub async fn make_ready(file: &LaunchFile, engine: &DockerEngine, root: &str) -> Result<(), Fault> {
    // How large it will be is not known yet.
    has_room(Path::new(root), engine.image_quota, SOME, None)?;
    let docker = Docker::connect(&engine.socket).await?;
    let container = &file.launch.container;
    ensure(&docker, &container.image, engine.credentials.as_deref(), |pull| tracing::debug!(status = pull.status, "pull")).await?;
    let network = container.network.as_ref().map(|network| network.engine_name(file.launch.task.job));
    let mut body = body(file, engine, root, network.as_deref())?;
    let (Some(network), true) = (network, host(&docker).await?.restores) else { return Ok(()) };
    let name = holder(&file.group);
    // All but what others could see of it.
    body.env.get_or_insert_default().push(format!("{HOLD}=1"));
    body.labels = Some([(LABEL_ROOT.to_owned(), root.to_owned()), (LABEL_RUN.to_owned(), name.clone())].into());
    (body.exposed_ports, body.healthcheck) = (None, None);
    let endpoints = body.networking_config.as_mut().and_then(|config| config.endpoints_config.as_mut());
    endpoints.into_iter().flatten().for_each(|(_, endpoint)| endpoint.aliases = None);
    if let Some(host) = &mut body.host_config {
        (host.port_bindings, host.mounts, host.runtime) = (None, None, Some(RUNTIME.to_owned()));
    }
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let held = async {
        match docker.0.create_container(Some(options), body).await.map_err(Fault::from) {
            // It is there from the time before.
            Err(fault) if fault.status == 409 => {}
            created => drop(created?),
        }
        Ok::<_, Fault>(docker.0.start_container(&name, None).await?)
    };
    if let Err(fault) = held.await {
        tracing::warn!(error = fault.words, network, "the network is not on this node before the container that moves here");
    }
    Ok(())
}
