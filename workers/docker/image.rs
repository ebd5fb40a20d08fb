//! The image of a container: on the node, or pulled with credentials of this node's.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use model::{Bytes, Cause};
use serde::Deserialize;

use super::{Docker, Fault};

/// The longest silence of a pull.
const SILENCE: Duration = Duration::from_secs(60);
/// Where an image without a registry in its name comes from, as `config.json` calls it.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

/// How far a pull is.
#[derive(Debug, Default)]
pub struct Pull {
    /// What was said last.
    pub status: String,
    /// How much of each layer is here, and how large it is.
    layers: BTreeMap<String, (u64, u64)>,
}

impl Pull {
    /// Takes what Docker says; false where it says nothing.
    fn hear(&mut self, step: CreateImageInfo) -> bool {
        let (Some(status), detail) = (step.status, step.progress_detail) else { return false };
        let size = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok());
        let known = detail.and_then(|detail| size(detail.current).zip(size(detail.total)));
        match (&status[..], step.id, known) {
            ("Downloading", Some(layer), Some(known)) => drop(self.layers.insert(layer, known)),
            // A small one is never said to be downloading.
            ("Download complete", Some(layer), _) => {
                self.layers.entry(layer).and_modify(|(here, size)| *here = *size);
            }
            _ => {}
        }
        self.status = status;
        true
    }

    /// How much is here, of how much: of the layers whose size was said.
    pub fn sizes(&self) -> (Bytes, Bytes) {
        let (here, total) = self
            .layers
            .values()
            .fold((0, 0), |sum: (u64, u64), layer| (sum.0.saturating_add(layer.0.min(layer.1)), sum.1.saturating_add(layer.1)));
        (Bytes(here), Bytes(total))
    }
}

/// Sees to it that the image is there; `progress` hears how far a pull is.
///
/// # Errors
/// When it is not there and cannot be pulled.
pub async fn ensure(docker: &Docker, image: &str, credentials: Option<&Path>, mut progress: impl FnMut(&Pull)) -> Result<(), Fault> {
    match docker.0.inspect_image(image).await.map_err(Fault::from) {
        Ok(_) => return Ok(()),
        Err(fault) if !fault.is_absence() => return Err(fault),
        Err(_) => {}
    }
    let tagged = if has_tag(image) { image.to_owned() } else { format!("{image}:latest") };
    let options = CreateImageOptionsBuilder::new().from_image(&tagged).build();
    let mut pull = Box::pin(docker.0.create_image(Some(options), None, credentials.and_then(|file| credentials_of(file, image))));
    let mut heard = Pull::default();
    loop {
        let next = tokio::time::timeout(SILENCE, pull.next()).await;
        match next.map_err(|_| Fault::new(Cause::ImageMissing, format!("the pull of {image} says nothing any more")))? {
            None => return Ok(()),
            Some(Ok(mut step)) => {
                if let Some(detail) = step.error_detail.take().and_then(|detail| detail.message) {
                    return Err(unpulled(Fault::from(bollard::errors::Error::DockerStreamError { error: detail })));
                }
                if heard.hear(step) {
                    progress(&heard);
                }
            }
            Some(Err(error)) => return Err(unpulled(error.into())),
        }
    }
}

/// An image that cannot be pulled is missing, whatever the reason, unless the registry refuses it to us.
fn unpulled(fault: Fault) -> Fault {
    let cause = if fault.cause == Cause::ImageDenied { Cause::ImageDenied } else { Cause::ImageMissing };
    Fault { cause, ..fault }
}

/// Whether a reference says which image of its name: `name:tag` or `name@digest`. The port of a registry is no tag.
fn has_tag(image: &str) -> bool {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    name.contains([':', '@'])
}

/// The registry of an image: its first part where that looks like a host.
fn registry_of(image: &str) -> &str {
    let host = image.split_once('/').map(|(host, _)| host);
    host.filter(|host| host.contains(['.', ':']) || *host == "localhost").unwrap_or(DEFAULT_REGISTRY)
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    auth: Option<String>,
}

/// What the file has for the registry of the image. A file that is absent or makes no sense has nothing: the registry then says so.
fn credentials_of(file: &Path, image: &str) -> Option<DockerCredentials> {
    let config: Config = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let registry = registry_of(image);
    let pair = data_encoding::BASE64.decode(config.auths.get(registry)?.auth.as_ref()?.as_bytes()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_registry_and_tag() {
        assert_eq!((registry_of("busybox"), registry_of("library/busybox:1")), (DEFAULT_REGISTRY, DEFAULT_REGISTRY));
        assert_eq!(registry_of("registry.example.org/a/b:1"), "registry.example.org");
        assert_eq!((registry_of("localhost/a"), registry_of("h:5000/a")), ("localhost", "h:5000"));
        assert!(has_tag("a:1") && has_tag("h:5000/a:1") && has_tag("a@sha256:0") && !has_tag("h:5000/a") && !has_tag("a"));
    }

    #[test]
    fn a_pull_is_as_far_as_its_layers() {
        let mut pull = Pull::default();
        let mut hear = |line: &str| {
            let said = pull.hear(serde_json::from_str(line).unwrap());
            (said, pull.sizes())
        };
        assert_eq!(hear(r#"{"status": "Pulling fs layer", "id": "a", "progressDetail": {}}"#), (true, (Bytes(0), Bytes(0))));
        assert_eq!(hear(r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 3, "total": 10}}"#).1, (Bytes(3), Bytes(10)));
        assert_eq!(hear(r#"{"status": "Downloading", "id": "b", "progressDetail": {"current": 1, "total": 5}}"#).1, (Bytes(4), Bytes(15)));
        assert_eq!(hear(r#"{"status": "Download complete", "id": "a", "progressDetail": {}}"#).1, (Bytes(11), Bytes(15)));
        assert_eq!(hear(r#"{"status": "Extracting", "id": "a", "progressDetail": {"current": 1, "total": 2}}"#).1, (Bytes(11), Bytes(15)));
        assert_eq!(hear(r#"{"progressDetail": {"current": -1, "total": 2}}"#), (false, (Bytes(11), Bytes(15))));
    }

    #[test]
    fn credentials_are_found_by_registry() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, r#"{"auths": {"h:5000": {"auth": "dXNlcjpwYTpzcw=="}, "other": {}}, "credsStore": "x"}"#).unwrap();
        let found = credentials_of(&file, "h:5000/a:1").unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("user"), Some("pa:ss")));
        assert!(credentials_of(&file, "busybox").is_none() && credentials_of(&folder.path().join("none"), "h:5000/a").is_none());
    }
}
