//! The client: one socket, a limit on the time of every call, and what Docker's refusals mean.

use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error;
use bollard::models::{ContainerState, ContainerStateStatusEnum, ContainerUpdateBody};
use model::{Bytes, Cause, CpuSet};

use crate::image::Trouble;

/// Docker's interface has to be this new: the one of Docker 20.10.
const OLDEST: (usize, usize) = (1, 41);
/// The longest that a call may take, starts and checkpoints included; streams are not calls.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The longest that Docker may take to say that it is there.
const GREETING: Duration = Duration::from_secs(5);

/// Why Docker did not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the task's record says, where Docker's reason is one that a user can do something about.
    pub cause: Cause,
    /// Docker's own words.
    pub words: String,
    /// Whether Docker answered at all.
    pub answered: bool,
    /// The status of its answer, 0 without one.
    pub status: u16,
}

impl Fault {
    /// What another part of this worker found.
    pub fn new(cause: Cause, words: impl Into<String>) -> Self {
        Self { cause, words: words.into(), answered: true, status: 0 }
    }

    /// Whether there is no such thing.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.status == 404
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::new(Cause::StartRefused, trouble.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self { cause: cause_of(status_code, &message), words: message, answered: true, status: status_code }
            }
            Error::DockerStreamError { error } => Self::new(cause_of(0, &error), error),
            other => Self { cause: Cause::StartRefused, words: other.to_string(), answered: false, status: 0 },
        }
    }
}

/// Docker has no codes for its reasons; these words have been the same for ten years.
fn cause_of(status: u16, message: &str) -> Cause {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match status {
        _ if says(&["port is already allocated", "address already in use"]) => Cause::PortTaken,
        401 | 403 => Cause::ImageDenied,
        _ if says(&["unauthorized", "authentication required", "no basic auth", "access denied", "denied:"]) => Cause::ImageDenied,
        _ if says(&["no such image", "manifest unknown", "not found: manifest", "repository does not exist"]) => Cause::ImageMissing,
        _ => Cause::StartRefused,
    }
}

/// A connection to Docker.
#[derive(Clone, Debug)]
pub struct Docker(pub bollard::Docker);

impl Docker {
    /// Connects, and agrees on the version of the interface.
    ///
    /// # Errors
    /// When nothing answers at the socket.
    pub async fn connect(socket: &Path) -> Result<Self, Fault> {
        let path = socket.to_string_lossy();
        let client = bollard::Docker::connect_with_unix(&path, TIMEOUT.as_secs(), API_DEFAULT_VERSION)?;
        let negotiated = tokio::time::timeout(GREETING, client.negotiate_version()).await;
        let silent =
            || Fault { cause: Cause::StartRefused, words: format!("Docker does not answer at {path}"), answered: false, status: 0 };
        let client = negotiated.map_err(|_| silent())??;
        let version = client.client_version();
        if (version.major_version, version.minor_version) < OLDEST {
            let words = format!("Docker at {path} speaks interface {version}: install Docker 20.10 or later, which speaks 1.41");
            return Err(Fault::new(Cause::StartRefused, words));
        }
        Ok(Self(client))
    }

    /// What is true of a container; nothing where there is none of that name.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub async fn state(&self, name: &str) -> Result<Option<(String, ContainerState)>, Fault> {
        match self.0.inspect_container(name, None).await.map_err(Fault::from) {
            Ok(answer) => Ok(answer.id.zip(answer.state)),
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Sends a signal to a container's main process. One that has ended is no fault.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub async fn signal(&self, name: &str, signal: &str) -> Result<(), Fault> {
        let options = bollard::query_parameters::KillContainerOptionsBuilder::new().signal(signal).build();
        match self.0.kill_container(name, Some(options)).await.map_err(Fault::from) {
            Err(fault) if !matches!(fault.status, 404 | 409) => Err(fault),
            _ => Ok(()),
        }
    }

    /// Lets a running container have these cores and this memory.
    ///
    /// # Errors
    /// When Docker does not do it: the container has what it had.
    pub async fn resize(&self, name: &str, cpuset: &CpuSet, memory: Bytes) -> Result<(), Fault> {
        let bytes = i64::try_from(memory.0).ok().filter(|&bytes| bytes > 0);
        let body = ContainerUpdateBody {
            cpuset_cpus: Some(cpuset.to_string()),
            memory: bytes,
            memory_swap: bytes,
            ..ContainerUpdateBody::default()
        };
        self.0.update_container(name, body).await.map_err(Fault::from)
    }

    /// Kills a container and removes it, with the volumes that have no name. One that is not there is no fault.
    ///
    /// # Errors
    /// When Docker does not do it.
    pub async fn remove(&self, name: &str) -> Result<(), Fault> {
        let options = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.0.remove_container(name, Some(options)).await.map_err(Fault::from) {
            // 409: somebody else is removing it.
            Err(fault) if !matches!(fault.status, 404 | 409) => Err(fault),
            _ => Ok(()),
        }
    }
}

/// Whether a container has been started and has ended.
#[must_use]
pub fn has_ended(state: &ContainerState) -> bool {
    matches!(state.status, Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD))
}

/// Does something with Docker from a thread that is not asynchronous.
///
/// # Errors
/// When Docker does not answer, or refuses.
pub fn block_on<T>(deed: impl Future<Output = Result<T, Fault>>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(deed).map_err(|fault| io::Error::other(fault.words))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn an_interface_that_is_too_old_is_refused_with_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            for version in ["1.40", "1.9", "1.41"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                let body = format!(r#"{{"ApiVersion":"{version}"}}"#);
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        for version in ["1.40", "1.9"] {
            let refused = Docker::connect(&socket).await.unwrap_err();
            assert!(refused.words.contains(version) && refused.words.contains("20.10"), "{refused:?}");
        }
        assert!(Docker::connect(&socket).await.is_ok());
    }

    #[test]
    fn a_reason_is_known_by_its_words() {
        for (status, words, cause) in [
            (404, "No such image: nobody/nothing:1", Cause::ImageMissing),
            (404, "manifest for 127.0.0.1:5000/x:1 not found: manifest unknown: manifest unknown", Cause::ImageMissing),
            (500, "Head \"http://127.0.0.1:5000/v2/x/manifests/1\": no basic auth credentials", Cause::ImageDenied),
            (500, "unauthorized: authentication required", Cause::ImageDenied),
            (404, "pull access denied for x, repository does not exist or may require 'docker login'", Cause::ImageDenied),
            (
                500,
                "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
                Cause::PortTaken,
            ),
            (500, "failed: listen tcp4 0.0.0.0:80: bind: address already in use", Cause::PortTaken),
            (400, "OCI runtime create failed: exec: \"x\": executable file not found in $PATH", Cause::StartRefused),
        ] {
            assert_eq!(cause_of(status, words), cause, "{words}");
        }
    }
}
