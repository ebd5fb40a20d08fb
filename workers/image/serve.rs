//! Giving images to other workers: each asks for the list of one, then for its files from any byte on, so that a broken transfer goes on where it was.

use std::io::SeekFrom;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use link::identity::Identity;
use link::{BulkGuest, BulkListener, BulkStream, LinkError};
use model::TaskKey;
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{FOLDER, List, kept};
use crate::run::{RunFolder, RunId, Why};

/// The most transfers at a time.
const MOST: usize = 16;
/// The longest silence.
pub(super) const SILENCE: Duration = Duration::from_secs(20);
/// The longest frame: a list of all files that an image may have.
const FRAME: usize = 16 << 20;

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// The list of the image of an attempt, or of the one that is kept of the task; answered by a frame, `Option<List>`.
    List { task: TaskKey, attempt: Option<u16> },
    /// The rest of a file of the image that was listed; answered by its bytes.
    File { name: String, offset: u64 },
}

/// Gives away the images of a folder of runs.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Begins to serve, on the runtime of the caller; where.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(address: &str, identity: &Identity, runs: PathBuf) -> Result<SocketAddr, LinkError> {
        let listener = BulkListener::bind(address, identity).await?;
        let bound = listener.address()?;
        tokio::spawn(serve(listener, Arc::new(runs)));
        Ok(bound)
    }
}

async fn serve(listener: BulkListener, runs: Arc<PathBuf>) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(guest) => {
                let runs = Arc::clone(&runs);
                tokio::spawn(async move {
                    let _place = place;
                    answer(guest, &runs).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no transfer of an image can be taken in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(guest: BulkGuest, runs: &Path) {
    let (peer, mut stream) = match guest.greet().await {
        Ok(greeted) => greeted,
        Err(error) => return tracing::warn!(code = error.code(), %error, "a transfer was turned away"),
    };
    let mut image = None;
    while let Ok(Ok(ask)) = timeout(SILENCE, receive::<Ask>(&mut stream)).await {
        let answered = match ask {
            Ask::List { task, attempt } => {
                image = image_of(runs, task, attempt);
                send(&mut stream, &image.as_ref().map(|(_, list)| list)).await
            }
            Ask::File { name, offset } => match &image {
                // Only what the list names: nothing else of this host can be asked for.
                Some((folder, list)) => match list.files.iter().find(|file| file.name == name) {
                    Some(file) => send_file(&mut stream, &folder.join(name), offset, file.size).await,
                    None => return,
                },
                None => return,
            },
        };
        if let Err(error) = answered {
            return tracing::info!(%peer, %error, "a transfer of an image was broken off");
        }
    }
}

fn image_of(runs: &Path, task: TaskKey, attempt: Option<u16>) -> Option<(PathBuf, List)> {
    let folder = folder_of(runs, task, attempt)?;
    List::read(&folder).ok().map(|list| (folder, list))
}

/// Where the image of an attempt lies, the latest if there are several; or the one that is kept of the task.
pub(super) fn folder_of(runs: &Path, task: TaskKey, attempt: Option<u16>) -> Option<PathBuf> {
    match attempt {
        Some(attempt) => latest(runs, task, attempt).map(|run| runs.join(run.to_string()).join(FOLDER)),
        None => Some(kept::place(runs.parent()?, task)).filter(|place| place.is_dir()),
    }
}

/// The latest run of an attempt that was checkpointed here.
fn latest(runs: &Path, task: TaskKey, attempt: u16) -> Option<RunId> {
    let names = std::fs::read_dir(runs).ok()?.flatten().filter_map(|entry| RunId::parse(entry.file_name().to_str()?));
    let kept = |id: &RunId| {
        let record = RunFolder::at(runs.join(id.to_string())).exit();
        matches!(record, Ok(Some(record)) if matches!(record.why, Why::Checkpointed { .. }))
    };
    names.filter(|id| id.task == task && id.run.attempt == attempt).filter(kept).max_by_key(|id| id.run.placement)
}

/// Sends a file from a byte on, up to its listed size: the other side counts on every byte of it.
async fn send_file(stream: &mut BulkStream, path: &Path, offset: u64, size: u64) -> std::io::Result<()> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    let mut left = size.saturating_sub(offset);
    let mut buffer = vec![0; 256 << 10];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(buffer.len()).min(buffer.len());
        let length = file.read(&mut buffer[..most]).await?;
        if length == 0 {
            return Err(std::io::Error::other("a file of the image is shorter than it was"));
        }
        timeout(SILENCE, stream.write_all(&buffer[..length])).await??;
        left -= length as u64;
    }
    stream.flush().await
}

/// Sends a frame: its length, then what postcard makes of the message.
pub(super) async fn send<T: Serialize>(stream: &mut BulkStream, message: &T) -> std::io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(std::io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Receives a frame.
pub(super) async fn receive<T: for<'a> Deserialize<'a>>(stream: &mut BulkStream) -> std::io::Result<T> {
    let length = stream.read_u32().await? as usize;
    if length > FRAME {
        return Err(std::io::Error::other("a frame is longer than any may be"));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    postcard::from_bytes(&bytes).map_err(std::io::Error::other)
}
