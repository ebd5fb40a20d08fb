//! Checkpoint and restore of containers, by the fastest way that the host has.
//!
//! Docker's own checkpoint copies the memory several times; runc, which Docker itself calls, writes it once. So runc is asked first, in the
//! namespaces of the Docker daemon, and Docker itself where that does not work. A restore is always Docker's, for the container is Docker's to
//! keep; where our runtime is registered, it is a plain start, which that makes a restore, and else Docker's own.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bollard::container::CreateCheckpointOptions;
use bollard::models::MountPoint;
use model::Cause;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::timeout;

use super::runtime::{self, IMAGE, RESTORED, RUNTIME};
use super::{Docker, Fault};
use crate::guard::note;
use crate::image::{FOLDER, Trouble};
use crate::run::{RUN_MARKER, RunFolder};

/// The longest that a checkpoint may take: a large memory on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);
/// The longest that a question may take.
const SOON: Duration = Duration::from_secs(10);
/// Between two looks whether it is done.
const LOOK: Duration = Duration::from_millis(10);
/// Where runc keeps containers for a Docker of the usual folders.
const USUAL: &str = "/run/docker/runtime-runc/moby";

/// What is to be known of a Docker before a container is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Where it keeps its things.
    root: PathBuf,
    /// Whether our runtime is registered.
    pub restores: bool,
}

/// Asks for it.
///
/// # Errors
/// When Docker does not answer.
pub async fn host(docker: &Docker) -> Result<Host, Fault> {
    let about = docker.0.info().await?;
    let restores = runtime::is_registered(&about);
    Ok(Host { root: about.docker_root_dir.unwrap_or_default().into(), restores })
}

/// Where Docker keeps a container's things on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Checkpoints that Docker restores from, each a folder.
    pub checkpoints: PathBuf,
    /// The layer of files that the container has changed.
    pub layer: PathBuf,
    /// Its address on the network of its job.
    pub address: Option<std::net::IpAddr>,
    /// Where it has a volume without a name, as its image may ask for: what is in it goes with the container.
    pub unnamed: Option<String>,
}

/// Finds them.
///
/// # Errors
/// When the container is not there, or its files are not kept in an overlay.
pub async fn places(docker: &Docker, host: &Host, name: &str) -> Result<Places, Fault> {
    let about = docker.0.inspect_container(name, None).await?;
    let id = about.id.unwrap_or_default();
    let layer = about.graph_driver.and_then(|driver| driver.data.get("UpperDir").cloned());
    let layer =
        layer.ok_or_else(|| Fault::new(Cause::StartRefused, "Docker does not keep its files in an overlay (storage driver overlay2)"))?;
    let networks = about.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let ours = networks.into_iter().find(|(network, _)| network.starts_with("wharfinger"));
    let address = ours.and_then(|(_, endpoint)| endpoint.ip_address?.parse().ok());
    let is_unnamed = |mount: &MountPoint| {
        let name = mount.name.as_deref().unwrap_or_default();
        mount.typ.as_deref() == Some("volume") && name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let unnamed = about.mounts.unwrap_or_default().into_iter().find(is_unnamed).map(|mount| mount.destination.unwrap_or_default());
    Ok(Places { checkpoints: host.root.join("containers").join(id).join("checkpoints"), layer: layer.into(), address, unnamed })
}

/// Checkpoints the running container of a run into the folder of its image, and ends it. Where it fails the container runs on.
///
/// # Errors
/// Why it cannot be checkpointed.
pub async fn checkpoint(docker: &Docker, socket: &Path, (name, id): (&str, &str), run: &RunFolder) -> Result<(), Fault> {
    let (image, part) = (run.file(FOLDER), "criu");
    let into = image.join(part);
    std::fs::create_dir_all(&into).map_err(Trouble::io(&into))?;
    match by_runc(socket, id, run, &into).await {
        Ok(()) => return Ok(()),
        Err(words) => note(&format!("runc does not checkpoint it ({words}), so Docker is asked")),
    }
    // Docker wants to make it.
    std::fs::remove_dir_all(&into).map_err(Trouble::io(&into))?;
    let checkpoint_dir = Some(image.to_string_lossy().into_owned());
    let options = CreateCheckpointOptions { checkpoint_id: part.into(), checkpoint_dir, exit: true };
    Ok(docker.0.create_checkpoint(name, options).await?)
}

async fn by_runc(socket: &Path, id: &str, folder: &RunFolder, into: &Path) -> Result<(), String> {
    let mut command = beside_daemon(socket)?;
    // Whoever finds the run without its guard ends what this began.
    command.env(RUN_MARKER, folder.marker());
    command
        .arg("runc")
        .arg("--root")
        .arg(runc_root(id))
        .args(["checkpoint", "--tcp-established", "--image-path"])
        .arg(into)
        .arg("--work-path")
        .arg(into)
        .arg(id);
    run(command, PATIENCE).await.map(drop)
}

/// A program, yet to be named, in the namespaces of the Docker daemon and with its path: where Docker itself finds CRIU.
fn beside_daemon(socket: &Path) -> Result<Command, String> {
    let daemon = daemon(socket).ok_or("the Docker daemon is not to be found")?;
    let environment = std::fs::read(format!("/proc/{daemon}/environ")).unwrap_or_default();
    let path = environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"PATH="));
    let path = path.map_or("/usr/sbin:/usr/bin:/sbin:/bin".into(), |path| String::from_utf8_lossy(path).into_owned());
    let mut command = Command::new("nsenter");
    command.args(["--target", &daemon.to_string(), "--mount", "--pid", "--uts", "--ipc", "--net", "--", "env"]).arg(format!("PATH={path}"));
    Ok(command)
}

/// What CRIU says of itself, where Docker finds one that works on this kernel.
///
/// # Errors
/// Why there is none.
pub async fn criu(socket: &Path) -> Result<String, String> {
    said(socket, "criu", "check").await?;
    let words = said(socket, "criu", "--version").await?;
    Ok(words.lines().next().unwrap_or_default().replace("Version: ", "").trim().to_owned())
}

/// What runc calls its version, where it can be run as a checkpoint does.
///
/// # Errors
/// Why it cannot.
pub async fn runc(socket: &Path) -> Result<String, String> {
    let words = said(socket, "runc", "--version").await?;
    Ok(words.lines().next().unwrap_or_default().trim().to_owned())
}

/// What a program says, beside the Docker daemon.
async fn said(socket: &Path, program: &str, word: &str) -> Result<String, String> {
    let mut command = beside_daemon(socket)?;
    command.args([program, word]);
    run(command, SOON).await
}

/// Runs a program that says little; what it said, or why it failed.
async fn run(mut command: Command, patience: Duration) -> Result<String, String> {
    let child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut child = Killed(child);
    let status = timeout(patience, child.ended()).await.map_err(|_| "it takes too long".to_owned())?.map_err(|error| error.to_string())?;
    // Nobody writes any more.
    let (mut said, mut words) = (String::new(), String::new());
    let _ = child.0.stdout.take().map(|mut stdout| stdout.read_to_string(&mut said));
    let _ = child.0.stderr.take().map(|mut stderr| stderr.read_to_string(&mut words));
    if status.success() { Ok(said) } else { Err(words.trim().to_owned()) }
}

/// A program that is killed when nobody waits for it any more, with what it has started.
struct Killed(Child);

impl Killed {
    async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // Until it is waited for nobody else has its number.
        if let (Ok(None), Some(group)) = (self.0.try_wait(), Pid::from_raw(self.0.id().cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// The process at the other end of Docker's socket, in whose namespaces runc has to work.
fn daemon(socket: &Path) -> Option<i32> {
    let stream = UnixStream::connect(socket).ok()?;
    Some(socket_peercred(&stream).ok()?.pid.as_raw_nonzero().get())
}

/// Where runc keeps the container: beside the socket of the containerd that its shim was started for.
fn runc_root(id: &str) -> PathBuf {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let shim = lines.map(|line| String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect::<Vec<_>>());
    let mut shims = shim.filter(|words| words[0].contains("containerd-shim") && words.iter().any(|word| word == id));
    let address = shims.next().and_then(|words| Some(words[words.iter().position(|word| word == "-address")? + 1].clone()));
    let beside = address.and_then(|address| Some(Path::new(&address).parent()?.parent()?.join("runtime-runc/moby")));
    beside.filter(|root| root.is_dir()).unwrap_or_else(|| USUAL.into())
}

/// Starts a container from the checkpoint in a folder, which is used up; by our runtime where it was made for that.
///
/// # Errors
/// When it cannot be restored.
pub async fn restore(docker: &Docker, by_our_runtime: bool, places: &Places, name: &str, from: &Path) -> Result<(), Fault> {
    let to = places.checkpoints.join(IMAGE);
    std::fs::create_dir_all(&to).map_err(Trouble::io(&to))?;
    move_all(from, &to).map_err(Trouble::io(from))?;
    let restored = by_our_runtime && by_runtime(docker, name, &to).await?;
    if !restored {
        by_docker(docker, name).await?;
    }
    // What runs has read it, and a later checkpoint by Docker needs the name.
    let _ = std::fs::remove_dir_all(&to);
    Ok(())
}

/// By a plain start, which our runtime makes a restore; false where it cannot.
async fn by_runtime(docker: &Docker, name: &str, image: &Path) -> Result<bool, Fault> {
    if let Err(fault) = docker.0.start_container(name, None).await.map_err(Fault::from) {
        note(&format!("the runtime `{RUNTIME}` does not restore it ({}), so Docker is asked", fault.words));
        return Ok(false);
    }
    if image.join(RESTORED).exists() {
        return Ok(true);
    }
    // It began anew, which nobody wanted.
    docker.remove(name).await?;
    Err(Fault::new(Cause::StartRefused, format!("what Docker calls `{RUNTIME}` is another runtime")))
}

/// By Docker's own start from a checkpoint: the one request that the library does not know.
async fn by_docker(docker: &Docker, name: &str) -> Result<(), Fault> {
    let restoring = docker.0.clone().with_request_modifier(|mut request| {
        let uri = format!("{}?checkpoint={IMAGE}", request.uri());
        if let Ok(uri) = uri.parse() {
            *request.uri_mut() = uri;
        }
        request
    });
    let mut tries = 0;
    loop {
        match restoring.start_container(name, None).await.map_err(Fault::from) {
            // containerd has not forgotten the last image of the same content yet.
            Err(fault) if fault.words.contains("already exists") && tries < 20 => tries += 1,
            done => return done,
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Moves the files of a folder into another, on whatever disk.
fn move_all(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if std::fs::rename(entry.path(), &target).is_err() && entry.path().is_file() {
            std::fs::copy(entry.path(), &target)?;
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
