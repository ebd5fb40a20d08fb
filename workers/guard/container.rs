//! The guard of a container: what `task` and `watch` are for a process, with Docker doing the work.
//!
//! Docker keeps the container while this guard looks on; what this guard adds is that it ends with the lease, that its end is recorded
//! whatever becomes of Docker, and that its output lies where that of every run does. Where Docker does not answer at the end of a lease, the
//! kernel is asked instead.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use bollard::models::HealthStatusEnum;
use model::{Bytes, Cause, Millis};
use tokio::net::unix::pipe::Receiver;
use tokio::time::sleep;

use super::ending::{End, end, is_killed, record};
use super::logs::Copy;
use super::note;
use super::prepare::{Restored, keeps_address, prepare, take_checkpoint};
use crate::docker::{self, Docker, Fault};
use crate::drivers::guarded::table::{REFUSED, STARTED};
use crate::image;
use crate::run::{DockerEngine, ExitRecord, KEEP, LaunchFile, LeaseFile, Request, RunFolder, Running, Why, boot_time, wall_time};

/// Between two looks at the clock, which also counts the time that the host sleeps.
const LOOK: Duration = Duration::from_secs(5);
/// Before Docker is asked again that did not answer.
pub(super) const AGAIN: Duration = Duration::from_millis(300);
/// The longest that Docker may take to kill a container whose lease has run out, before the kernel is asked.
const KILL: Duration = Duration::from_secs(3);
/// The longest that is waited for what Docker has begun to create and nobody wants any more: it goes on with it, and only what is there can be
/// removed.
const CREATED: Duration = Duration::from_secs(10);
/// How long the end of the output is waited for.
const DRAIN: Duration = Duration::from_secs(5);
/// How long after the end of a container its checkpoint may take to be done.
const LAST_OF_CHECKPOINT: Duration = Duration::from_secs(5);
/// Between two looks at a container's health.
const HEALTH: Duration = Duration::from_millis(500);
/// How long a network is waited for.
const NETWORK: Millis = Millis(30_000);

/// Runs a container to its end. The answer says how it ended.
pub fn to_its_end(folder: &RunFolder, file: &LaunchFile, engine: &DockerEngine, status: File) -> ExitRecord {
    let failed = |cause: String| ExitRecord::never_begun(Why::LaunchFailed { cause }, wall_time());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(error.to_string()),
    };
    runtime.block_on(async {
        match Guard::new(folder, file, engine, status) {
            Ok(guard) => guard.run().await,
            Err(error) => failed(error.to_string()),
        }
    })
}

/// What is open for a container.
struct Guard<'a> {
    folder: &'a RunFolder,
    file: &'a LaunchFile,
    engine: &'a DockerEngine,
    lease: LeaseFile,
    control: Receiver,
    /// Where the worker that started this guard hears that the container runs.
    status: File,
    /// Until when it may run as far as was ever read, in time since boot.
    deadline: Millis,
    /// Where it has left a checkpoint, and what was made of that: how large it is.
    image: Option<(docker::Places, Result<Bytes, image::Trouble>)>,
}

/// What a container is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// To end by itself.
    Stop,
    /// To be killed, because somebody asked.
    Kill,
    /// To be checkpointed.
    Checkpoint,
    /// To be killed, because the lease has run out.
    Lapse,
}

impl<'a> Guard<'a> {
    fn new(folder: &'a RunFolder, file: &'a LaunchFile, engine: &'a DockerEngine, status: File) -> io::Result<Self> {
        let lease = LeaseFile::of(folder.root());
        let deadline = lease.read().filter(|&deadline| deadline > boot_time());
        let deadline = deadline.ok_or_else(|| io::Error::other("the worker's lease has run out, or there is none"))?;
        Ok(Self { folder, file, engine, lease, control: Receiver::from_file(folder.control()?)?, status, deadline, image: None })
    }

    async fn run(mut self) -> ExitRecord {
        let creating = Cell::new(false);
        let mut prepare = pin!(prepare(self.folder, self.file, self.engine, &creating));
        // Until it is started nothing has to be undone but the container itself.
        let prepared = tokio::select! {
            prepared = &mut prepare => prepared,
            why = self.doom() => {
                if creating.get() {
                    let _ = tokio::time::timeout(CREATED, prepare).await;
                }
                return self.never(why).await;
            }
        };
        let (docker, id, restored) = match prepared {
            Ok(prepared) => prepared,
            Err(fault) => return self.never(why(fault)).await,
        };
        // From here on it may have run, as far as anybody can tell who finds neither guard nor record.
        let begun = File::create_new(self.folder.file("begun")).and_then(|mut file| file.write_all(id.as_bytes()));
        if let Err(error) = begun {
            return self.never(Why::LaunchFailed { cause: error.to_string() }).await;
        }
        let started = tokio::select! {
            started = start(self.folder, self.file, &docker, restored.as_ref()) => started,
            // Docker may be about to start it: what it has done by then is undone.
            why = self.doom() => {
                kill(&docker, &self.file.group, &id).await;
                remove(self.engine, &self.file.group).await;
                return record(why, &id, End::Gone, wall_time(), 0);
            }
        };
        if let Err(fault) = started {
            let ran = docker.state(&self.file.group).await.ok().flatten().is_some_and(|(_, state)| state.pid.is_some_and(|pid| pid > 0));
            if !ran {
                return self.never(why(fault)).await;
            }
        }
        // Docker has its own copy of what it was restored from.
        let _ = std::fs::remove_dir_all(self.folder.file(image::FOLDER));
        self.started();
        self.watch(&docker, &id, restored.is_some_and(|restored| restored.by_runtime)).await
    }

    /// Waits for a wish that ends everything.
    async fn doom(&mut self) -> Why {
        loop {
            match self.wish().await {
                Wish::Lapse => return Why::Lease,
                Wish::Stop | Wish::Kill => return Why::Stopped,
                Wish::Checkpoint => {}
            }
        }
    }

    /// A checkpoint was made, or could not be.
    fn checkpointed(&mut self, made: Result<docker::Places, Fault>) {
        match made {
            // Its processes are gone: while Docker notices that, what they leave is packed.
            Ok(places) => {
                let made = self.make_image(&places);
                self.image = Some((places, made));
            }
            Err(fault) => self.stays(&fault.words),
        }
    }

    /// It is not checkpointed, and runs on.
    fn stays(&mut self, words: &str) {
        note(&format!("it is not checkpointed: {words}"));
        let _ = std::fs::remove_dir_all(self.folder.file(image::FOLDER));
        let _ = File::create(self.folder.file("refused"));
        let _ = self.status.write_all(&[REFUSED]);
    }

    /// The record of a container that has certainly not run, once nothing of it is there.
    async fn never(&self, why: Why) -> ExitRecord {
        remove(self.engine, &self.file.group).await;
        ExitRecord::never_begun(why, wall_time())
    }

    fn started(&mut self) {
        let running = Running { pid: 0, started: wall_time() };
        if let Err(error) = self.folder.put_running(running) {
            note(&format!("a restarted worker will not know that it runs: {error}"));
        }
        // The worker may be gone; the file tells the next one.
        let _ = self.status.write_all(&[STARTED]);
    }

    /// Watches the container until it has ended for good, and removes it.
    async fn watch(&mut self, docker: &Docker, id: &str, by_runtime: bool) -> ExitRecord {
        let name = &self.file.group;
        let started = self.folder.running().map_or_else(wall_time, |running| running.started);
        let mut output = Copy::of(self.folder, self.file);
        let (mut why, end) = loop {
            let (why, end) = self.until_it_ends(docker, id, &mut output).await;
            match self.image.take_if(|(_, made)| made.is_err() && why == Why::Exited) {
                Some((places, Err(trouble))) => {
                    if let Err(why) = self.revive(docker, id, Restored { by_runtime, places }, &trouble).await {
                        break (why, end);
                    }
                }
                _ => break (why, end),
            }
        };
        if why == Why::Exited {
            why = self.reason(docker, id, &end, started).await;
        }
        remove(self.engine, name).await;
        record(why, id, end, started, output.lost())
    }

    /// Its checkpoint cannot be kept, as where the disk is full: it goes on here, from what the checkpoint has left.
    async fn revive(&mut self, docker: &Docker, id: &str, from: Restored, trouble: &image::Trouble) -> Result<(), Why> {
        let _ = std::fs::remove_file(self.folder.file(image::FOLDER).join(image::FILES));
        let started = tokio::select! {
            started = start(self.folder, self.file, docker, Some(&from)) => started,
            why = self.doom() => {
                kill(docker, &self.file.group, id).await;
                return Err(why);
            }
        };
        if let Err(fault) = started {
            let words = format!("its checkpoint cannot be kept ({trouble}), and it cannot go on here: {}", fault.words);
            return Err(Why::Failed { cause: Cause::EngineLost, words });
        }
        self.stays(&trouble.to_string());
        Ok(())
    }

    /// Watches the container until it has ended, by itself or by a checkpoint.
    async fn until_it_ends(&mut self, docker: &Docker, id: &str, output: &mut Copy) -> (Why, End) {
        let name = self.file.group.clone();
        let mut copy = pin!(output.follow(docker, &name));
        let mut copied = false;
        let mut end = pin!(end(docker, &name));
        let mut health = pin!(unhealthy(docker, &name, self.file.launch.container.health.is_some()));
        let mut why = Why::Exited;
        let mut kill_at = None;
        let mut checkpoint = None;
        let state = loop {
            let grace = async {
                match kill_at {
                    None => std::future::pending().await,
                    Some(at) => sleep(Duration::from_millis(Millis(at).since(boot_time()).0)).await,
                }
            };
            tokio::select! {
                state = &mut end => break state,
                made = wanted(&mut checkpoint) => {
                    checkpoint = None;
                    self.checkpointed(made);
                }
                () = &mut copy, if !copied => copied = true,
                () = &mut health, if why == Why::Exited => {
                    why = Why::Failed { cause: Cause::Unhealthy, words: "its health check failed".into() };
                    told(docker.signal(&name, "SIGKILL").await);
                }
                () = grace => {
                    kill_at = Some(boot_time().plus(Millis(1_000)).0);
                    told(docker.signal(&name, "SIGKILL").await);
                }
                wish = self.wish() => match wish {
                    Wish::Stop if kill_at.is_none() => {
                        (why, kill_at) = (Why::Stopped, Some(boot_time().plus(self.file.launch.grace).0));
                        told(docker.signal(&name, "SIGTERM").await);
                    }
                    // A worker that was started anew asks again, maybe when it is done already and Docker has yet to notice.
                    Wish::Checkpoint if why == Why::Exited && checkpoint.is_none() && self.image.is_none() => {
                        checkpoint = Some(Box::pin(take_checkpoint(docker, self.folder, self.file, self.engine, id)));
                    }
                    Wish::Stop | Wish::Checkpoint => {}
                    Wish::Kill | Wish::Lapse => {
                        if why == Why::Exited {
                            why = if wish == Wish::Kill { Why::Stopped } else { Why::Lease };
                        }
                        kill_at = Some(boot_time().plus(Millis(1_000)).0);
                        kill(docker, &name, id).await;
                    }
                },
            }
        };
        // It ended by its checkpoint, or that has become vain.
        if let Some(made) = checkpoint
            && let Ok(made) = tokio::time::timeout(LAST_OF_CHECKPOINT, made).await
        {
            self.checkpointed(made);
        }
        if !copied {
            let _ = tokio::time::timeout(DRAIN, copy).await;
        }
        (why, state)
    }

    /// Why it ended, where nobody here had asked for it.
    async fn reason(&self, docker: &Docker, id: &str, end: &End, started: Millis) -> Why {
        match self.image {
            Some((_, Ok(size))) => Why::Checkpointed { size, elapsed: self.file.launch.elapsed.plus(wall_time().since(started)) },
            _ if is_killed(docker, id, end, started).await => {
                Why::Failed { cause: Cause::Killed, words: "somebody had Docker kill it".into() }
            }
            _ => Why::Exited,
        }
    }

    /// Makes what the checkpoint left an image: with the files that the container has changed, and the list of all.
    fn make_image(&self, places: &docker::Places) -> Result<Bytes, image::Trouble> {
        let folder = self.folder.file(image::FOLDER);
        image::pack(&places.layer, &folder.join(image::FILES))?;
        let list = image::List::make(&folder, places.address.filter(|_| keeps_address(self.file)))?;
        let (root, task) = (self.folder.root(), self.file.launch.task);
        // One that moves takes its place here for a moment only.
        if self.folder.has(KEEP) {
            image::has_room(root, self.engine.image_quota, Bytes(0), Some(task))?;
            // Where it cannot be kept it goes on all the same; whoever would restore it is told then.
            let kept = image::keep(root, task, &folder, &list);
            kept.err().iter().for_each(|error| note(&format!("its checkpoint is not kept: {error}")));
        }
        Ok(list.size())
    }

    /// The next wish of the worker, or of the lease.
    async fn wish(&mut self) -> Wish {
        loop {
            let left = Duration::from_millis(self.deadline.since(boot_time()).0);
            tokio::select! {
                _ = self.control.readable() => {
                    let mut requests = [0; 64];
                    match self.control.try_read(&mut requests) {
                        Ok(length) if requests[..length].contains(&Request::Kill.byte()) => return Wish::Kill,
                        Ok(length) if requests[..length].contains(&Request::Stop.byte()) => return Wish::Stop,
                        Ok(length) if length > 0 => return Wish::Checkpoint,
                        _ => {}
                    }
                }
                () = sleep(left.min(LOOK)) => {}
            }
            if boot_time() >= self.deadline {
                // Only now is the file read again: a renewal costs the guards nothing. What cannot be read renews nothing.
                self.deadline = self.lease.read().unwrap_or(self.deadline).max(self.deadline);
                if boot_time() >= self.deadline {
                    note("the lease has run out");
                    // Said once a second until it has an effect.
                    self.deadline = boot_time().plus(Millis(1_000));
                    return Wish::Lapse;
                }
            }
        }
    }
}

/// Starts the container. A network that is made for it may not have come to this node yet.
async fn start(folder: &RunFolder, file: &LaunchFile, docker: &Docker, restored: Option<&Restored>) -> Result<(), Fault> {
    let until = boot_time().plus(NETWORK);
    loop {
        let image = folder.file(image::FOLDER).join("criu");
        let started = match restored {
            None => docker.0.start_container(&file.group, None).await.map_err(Fault::from),
            Some(Restored { by_runtime, places }) => docker::restore(docker, *by_runtime, places, &file.group, &image).await,
        };
        match started {
            Err(fault) if file.launch.container.network.is_some() && is_missing_network(&fault) && boot_time() < until => {
                sleep(AGAIN).await;
            }
            started => return started,
        }
    }
}

/// The result of what is being done, if anything is.
async fn wanted<T>(doing: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match doing {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
}

/// Waits until the container is not well any more.
async fn unhealthy(docker: &Docker, name: &str, checked: bool) {
    loop {
        sleep(HEALTH).await;
        if !checked {
            std::future::pending::<()>().await;
        }
        let state = docker.state(name).await.ok().flatten();
        let health = state.and_then(|(_, state)| state.health?.status);
        if health == Some(HealthStatusEnum::UNHEALTHY) {
            return;
        }
    }
}

/// Kills the container, with Docker or without.
async fn kill(docker: &Docker, name: &str, id: &str) {
    let killed = tokio::time::timeout(KILL, docker.signal(name, "SIGKILL")).await;
    if !matches!(killed, Ok(Ok(()))) {
        note("Docker does not kill it, so the kernel is asked");
        docker::kill_outright(id);
    }
}

/// Removes the container, as often as it takes: its name is free, and nothing of it is left, before its end is recorded.
async fn remove(engine: &DockerEngine, name: &str) {
    let mut said = false;
    loop {
        let removed = match Docker::connect(&engine.socket).await {
            Ok(docker) => docker.remove(name).await,
            Err(fault) => Err(fault),
        };
        match removed {
            Ok(()) => return,
            Err(fault) if !said => {
                note(&format!("the container cannot be removed yet: {}", fault.words));
                said = true;
            }
            Err(_) => {}
        }
        sleep(AGAIN).await;
    }
}

/// Whether the network may come yet: nobody has made it, or this Docker is about to be let into the Swarm that has it.
fn is_missing_network(fault: &Fault) -> bool {
    let says = |words: &str| fault.words.contains(words);
    says("network") && (fault.is_absence() || says("not found") || says("could not find") || says("invalid cluster node"))
}

fn told(result: Result<(), Fault>) {
    if let Err(fault) = result {
        note(&format!("it could not be told: {}", fault.words));
    }
}

fn why(fault: Fault) -> Why {
    match fault.cause {
        Cause::StartRefused => Why::LaunchFailed { cause: fault.words },
        cause => Why::Failed { cause, words: fault.words },
    }
}
