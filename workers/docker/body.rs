//! What a run becomes as a container. A typed allow-list: what a task may ask for is written here, and nothing else is passed on.

use std::collections::HashMap;
use std::path::{Component, Path};

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig, PortBinding,
};
use model::{Cause, HealthCheck, Volume};

use super::Fault;
use super::runtime::RUNTIME;
use super::shared::SharedRoot;
use crate::run::{DockerEngine, Launch, LaunchFile};

/// The label that names the folder of the runs that a container belongs to.
pub const LABEL_ROOT: &str = "wharfinger.root";
/// The label that names the run.
pub const LABEL_RUN: &str = "wharfinger.run";

/// Where the host kills first when it runs out of memory: as for processes, a task before its guard.
const OOM_SCORE: i64 = 300;

/// The container of a run, attached to `network` if there is one.
///
/// # Errors
/// When it asks for a folder that containers of this node may not see.
pub fn body(file: &LaunchFile, engine: &DockerEngine, root: &str, network: Option<&str>) -> Result<ContainerCreateBody, Fault> {
    let launch = &file.launch;
    let (container, run) = (&launch.container, launch.run);
    let environment = container.environment.iter().map(|(name, value)| (name.clone(), value.clone())).chain(launch.identity());
    let labels = [
        (LABEL_ROOT, root.to_owned()),
        (LABEL_RUN, file.group.clone()),
        ("wharfinger.job", launch.task.job.to_string()),
        ("wharfinger.task", launch.name.to_string()),
        ("wharfinger.instance", launch.task.instance.to_string()),
        ("wharfinger.attempt", run.attempt.to_string()),
        ("wharfinger.placement", run.placement.to_string()),
        ("wharfinger.term", launch.term.to_string()),
    ];
    let endpoint = || EndpointSettings { aliases: Some(vec![launch.name.to_string()]), ..EndpointSettings::default() };
    let networks = network.map(|network| NetworkingConfig { endpoints_config: Some([(network.to_owned(), endpoint())].into()) });
    Ok(ContainerCreateBody {
        image: Some(container.image.clone()),
        cmd: (!container.command.is_empty()).then(|| container.command.clone()),
        env: Some(environment.map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        exposed_ports: Some(container.ports.keys().map(|port| with_protocol(port)).collect()),
        healthcheck: container.health.as_ref().map(health),
        host_config: Some(host(file, engine, root, network)?),
        networking_config: networks,
        ..ContainerCreateBody::default()
    })
}

/// The same, to be restored: by our runtime where it is registered, and with an address on its network. That is asked for where the user has
/// chosen the network's addresses; elsewhere Docker gives one.
#[must_use]
pub fn to_restore(mut body: ContainerCreateBody, restores: bool, address: Option<std::net::IpAddr>) -> ContainerCreateBody {
    if let Some(host) = &mut body.host_config {
        host.runtime = restores.then(|| RUNTIME.to_owned());
    }
    let endpoints = body.networking_config.as_mut().and_then(|config| config.endpoints_config.as_mut());
    for endpoint in endpoints.into_iter().flat_map(HashMap::values_mut) {
        let ipv4_address = address.map(|address| address.to_string());
        endpoint.ipam_config = Some(EndpointIpamConfig { ipv4_address, ..EndpointIpamConfig::default() });
    }
    body
}

fn host(file: &LaunchFile, engine: &DockerEngine, root: &str, network: Option<&str>) -> Result<HostConfig, Fault> {
    let launch = &file.launch;
    let memory = i64::try_from(launch.memory.0).ok().filter(|&bytes| bytes > 0);
    let log = [("max-size".to_owned(), format!("{}", file.output_cap.0.max(4096))), ("max-file".to_owned(), "2".to_owned())];
    Ok(HostConfig {
        cpuset_cpus: Some(launch.cpuset.to_string()),
        memory,
        // As much as the memory: none of it is swapped out, where the kernel counts that.
        memory_swap: memory,
        pids_limit: Some(i64::from(engine.processes)),
        port_bindings: Some(ports(launch)),
        mounts: Some(launch.container.volumes.iter().map(|volume| mounted(file, engine, root, volume)).collect::<Result<_, _>>()?),
        network_mode: network.map(str::to_owned),
        cap_drop: Some(vec!["NET_RAW".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        oom_score_adj: Some(OOM_SCORE),
        log_config: Some(HostConfigLogConfig { typ: Some("json-file".into()), config: Some(log.into()) }),
        ..HostConfig::default()
    })
}

fn with_protocol(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}

fn ports(launch: &Launch) -> HashMap<String, Option<Vec<PortBinding>>> {
    let binding = |host: u16| PortBinding { host_ip: None, host_port: Some(host.to_string()) };
    launch.container.ports.iter().map(|(inside, &host)| (with_protocol(inside), Some(vec![binding(host)]))).collect()
}

/// A volume as it is mounted; the shared ones are made first.
fn mounted(file: &LaunchFile, engine: &DockerEngine, root: &str, volume: &Volume) -> Result<Mount, Fault> {
    if !Volume::is_shared(&volume.source) {
        return mount(volume, engine);
    }
    let refused = |words: String| Fault::new(Cause::StartRefused, format!("the volume {}: {words}", volume.source));
    let shared = engine.shared.as_ref().ok_or_else(|| refused("no --shared-root was given to this worker".into()))?;
    let folder = SharedRoot::of(shared, Path::new(root)).and_then(|shared| shared.folder(file.launch.task, volume));
    let folder = folder.map_err(|error| refused(format!("{}: {error}", shared.display())))?;
    let source = folder.map(|folder| folder.display().to_string());
    Ok(Mount {
        typ: Some(MountType::BIND),
        source,
        target: Some(volume.target.clone()),
        read_only: Some(volume.read_only),
        ..Mount::default()
    })
}

fn mount(volume: &Volume, engine: &DockerEngine) -> Result<Mount, Fault> {
    let is_folder = volume.source.starts_with('/');
    let forbidden = || {
        let roots: Vec<_> = engine.roots.iter().map(|root| root.display().to_string()).collect();
        let allowed = if roots.is_empty() { "containers of this node see none of its folders".into() } else { roots.join(", ") };
        Fault::new(Cause::StartRefused, format!("{} may not be mounted here (--mount-root: {allowed})", volume.source))
    };
    let source = if is_folder { allowed(Path::new(&volume.source), engine).ok_or_else(forbidden)? } else { volume.source.clone() };
    Ok(Mount {
        typ: Some(if is_folder { MountType::BIND } else { MountType::VOLUME }),
        source: Some(source),
        target: Some(volume.target.clone()),
        read_only: Some(volume.read_only),
        ..Mount::default()
    })
}

/// Where a folder really lies, if that is in one of those that containers may see, wherever links on the way lead.
fn allowed(folder: &Path, engine: &DockerEngine) -> Option<String> {
    let plain = folder.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let resolved = folder.canonicalize().ok().filter(|_| plain)?;
    let mut roots = engine.roots.iter().filter_map(|root| root.canonicalize().ok());
    roots.any(|root| resolved.starts_with(root)).then(|| resolved.to_str().map(str::to_owned)).flatten()
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanoseconds = |millis: model::Millis| i64::try_from(millis.0.saturating_mul(1_000_000)).ok();
    HealthConfig {
        test: Some(["CMD".to_owned()].into_iter().chain(check.command.iter().cloned()).collect()),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: Some(i64::from(check.retries)),
        ..HealthConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn volume(source: &str) -> Volume {
        Volume { source: source.into(), target: "/mnt".into(), read_only: true }
    }

    #[test]
    fn folders_are_mounted_only_below_the_roots() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("shared");
        std::fs::create_dir_all(root.join("job1")).unwrap();
        std::fs::create_dir_all(place.path().join("secret")).unwrap();
        std::os::unix::fs::symlink(place.path().join("secret"), root.join("out")).unwrap();
        let engine = |roots: Vec<PathBuf>| DockerEngine {
            socket: "/s".into(),
            roots,
            processes: 9,
            credentials: None,
            shared: None,
            image_quota: None,
        };
        let at = |path: &str| volume(&place.path().join(path).display().to_string());
        let some = engine(vec![root]);
        assert_eq!(mount(&at("shared/job1"), &some).unwrap().typ, Some(MountType::BIND));
        for path in ["secret", "shared/out", "shared/../secret", "shared/none", "shared2"] {
            let refused = mount(&at(path), &some).unwrap_err();
            assert!(refused.words.contains("may not be mounted"), "{path}: {refused:?}");
        }
        assert!(mount(&at("shared/job1"), &engine(Vec::new())).is_err());
        assert_eq!(mount(&volume("data"), &engine(Vec::new())).unwrap().typ, Some(MountType::VOLUME));
    }
}
