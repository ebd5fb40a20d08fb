//! Getting an image: from another worker, or from an earlier run of this one.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use link::identity::{Identity, PeerName, Role};
use link::{BulkStream, LinkError, dial_bulk};
use model::{Bytes, Name, TaskKey};
use serde::{Deserialize, Serialize};
use tokio::fs::OpenOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::serve::{Ask, SILENCE, folder_of, receive, send};
use super::{List, Trouble};

/// How often a broken transfer is taken up again that has brought nothing since.
const TRIES: u32 = 5;
/// Before it is.
const AGAIN: Duration = Duration::from_millis(500);

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Here.
    Here,
    /// With another worker.
    There {
        /// Its name.
        worker: Name,
        /// Where it gives images away.
        address: String,
    },
}

/// Gets the image of an attempt, or the one that is kept of the task, into a new folder; its list. `here` hears how much of it has come from
/// another worker.
///
/// # Errors
/// When it cannot be had, or is not what it should be. Nothing was written outside the folder then.
pub async fn fetch(
    source: &Source,
    runs: &Path,
    identity: &Path,
    (task, attempt): (TaskKey, Option<u16>),
    size: Bytes,
    into: &Path,
    here: impl Fn(Bytes),
) -> Result<List, Trouble> {
    std::fs::create_dir_all(into.join("criu")).map_err(Trouble::io(into))?;
    match source {
        Source::Here => {
            let folder = folder_of(runs, task, attempt).ok_or_else(|| Trouble::Refused("there is none here".into()))?;
            let list = List::read(&folder)?;
            list.check(size)?;
            for file in &list.files {
                let (from, to) = (folder.join(&file.name), into.join(&file.name));
                std::fs::hard_link(&from, &to).map_err(Trouble::io(&from))?;
            }
            list.verify(into)?;
            Ok(list)
        }
        Source::There { worker, address } => {
            let identity = Identity::load(identity)?.ok_or_else(|| Trouble::Refused("this worker has no identity".into()))?;
            let peer = PeerName::new(Role::Worker, worker.as_str())?;
            let (mut tries, most) = (0, Cell::new(Bytes(0)));
            let here = |bytes: Bytes| {
                most.set(most.get().max(bytes));
                here(bytes);
            };
            loop {
                let before = most.get();
                let done = transfer(&identity, address, &peer, (task, attempt), size, into, &here).await;
                if most.get() > before {
                    tries = 0;
                }
                match done {
                    Err(Trouble::Link(error)) if tries < TRIES => {
                        tries += 1;
                        tracing::info!(%error, tries, "the transfer of an image is taken up again");
                        sleep(AGAIN).await;
                    }
                    done => return done,
                }
            }
        }
    }
}

async fn transfer(
    identity: &Identity,
    address: &str,
    peer: &PeerName,
    (task, attempt): (TaskKey, Option<u16>),
    size: Bytes,
    into: &Path,
    here: impl Fn(Bytes),
) -> Result<List, Trouble> {
    let mut stream = dial_bulk(address, identity, peer).await?;
    let broken = |error: std::io::Error| Trouble::Link(LinkError::Closed(error.to_string()));
    send(&mut stream, &Ask::List { task, attempt }).await.map_err(broken)?;
    let list = timeout(SILENCE, receive::<Option<List>>(&mut stream)).await.map_err(|_| LinkError::Timeout("the list of the image"))?;
    let list = list.map_err(broken)?.ok_or_else(|| Trouble::Refused(format!("{peer} has none")))?;
    list.check(size)?;
    let mut before = 0;
    for file in &list.files {
        receive_file(&mut stream, into.join(&file.name), &file.name, file.size, |offset| here(Bytes(before + offset))).await?;
        before += file.size;
    }
    list.verify(into)?;
    Ok(list)
}

/// Receives what of a file is not here yet.
async fn receive_file(stream: &mut BulkStream, path: PathBuf, name: &str, size: u64, here: impl Fn(u64)) -> Result<(), Trouble> {
    let broken = |error: std::io::Error| Trouble::Link(LinkError::Closed(error.to_string()));
    let mut file = OpenOptions::new().create(true).append(true).open(&path).await.map_err(Trouble::io(&path))?;
    let mut offset = file.metadata().await.map_err(Trouble::io(&path))?.len();
    if offset >= size {
        return Ok(());
    }
    send(stream, &Ask::File { name: name.to_owned(), offset }).await.map_err(broken)?;
    let mut buffer = vec![0; 256 << 10];
    while offset < size {
        let most = usize::try_from(size - offset).unwrap_or(buffer.len()).min(buffer.len());
        let length =
            timeout(SILENCE, stream.read(&mut buffer[..most])).await.map_err(|_| LinkError::Timeout("the image"))?.map_err(broken)?;
        if length == 0 {
            return Err(LinkError::Closed("in the middle of a file".into()).into());
        }
        file.write_all(&buffer[..length]).await.map_err(Trouble::io(&path))?;
        offset += length as u64;
        here(offset);
    }
    file.flush().await.map_err(Trouble::io(&path))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use link::identity::Authority;
    use model::JobId;
    use tokio::io::copy;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::image::{Server, place};

    /// What a connection carries before it is cut.
    const CUT: u64 = 2 << 20;

    /// Passes connections on, and cuts each; where.
    async fn cable(to: std::net::SocketAddr) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(to).await.unwrap();
                let ((mut asks, mut answers), (far_answers, mut far_asks)) = (near.split(), far.split());
                let mut far_answers = far_answers.take(CUT);
                tokio::select! {
                    _ = copy(&mut asks, &mut far_asks) => {}
                    _ = copy(&mut far_answers, &mut answers) => {}
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn a_transfer_that_is_cut_goes_on_where_it_was() {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::open(&home.path().join("authority")).unwrap();
        let [giver, taker] = ["giver", "taker"].map(|name| home.path().join(name));
        let identity = |name: &str, root: &Path| {
            let name = PeerName::new(Role::Worker, name).unwrap();
            Identity::issued_by(&authority, &name, Duration::from_secs(3600), Some(&root.join("identity"))).unwrap()
        };
        let (gives, _) = (identity("giver", &giver), identity("taker", &taker));
        let task = TaskKey { job: JobId(1), instance: 0 };
        let kept = place(&giver, task);
        std::fs::create_dir_all(kept.join("criu")).unwrap();
        // More than all tries would carry that bring nothing.
        std::fs::write(kept.join("criu/pages-1.img"), vec![7; (TRIES as usize + 3) * CUT as usize]).unwrap();
        std::fs::write(kept.join("files.tar"), "").unwrap();
        let list = List::make(&kept, None).unwrap();
        let server = Server::start("127.0.0.1:0", &gives, giver.join("runs")).await.unwrap();
        let from = |worker: &str, address: String| Source::There { worker: worker.parse().unwrap(), address };
        let into = taker.join("image");
        let seen = RefCell::new(Vec::new());
        let get = async |source: &Source| {
            let here = |bytes| seen.borrow_mut().push(bytes);
            fetch(source, &taker, &taker.join("identity"), (task, None), list.size(), &into, here).await
        };
        let stranger = get(&from("other", server.to_string())).await.unwrap_err();
        assert!(matches!(stranger, Trouble::Link(_)), "{stranger}");
        assert_eq!(get(&from("giver", cable(server).await)).await.unwrap(), list);
        list.verify(&into).unwrap();
        let seen = seen.into_inner();
        assert!(seen.is_sorted() && seen.len() > 3, "what has come is not fetched again: {seen:?}");
        assert_eq!(seen.last(), Some(&list.size()));
    }
}
