//! The runs that the driver knows of, and the one place where it waits for all of their guards.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::run::{Request, RunId};

/// What is known of a run that has not ended.
#[derive(Debug, Default)]
struct Entry {
    /// Numbers it among the events.
    token: u64,
    guard: Option<OwnedFd>,
    /// Where its guard says that it runs.
    status: Option<File>,
    /// Where its guard hears requests.
    control: Option<File>,
    started: bool,
    asked: Option<Request>,
    /// It was asked for a checkpoint, and has neither ended nor refused.
    checkpointing: bool,
}

#[derive(Debug, Default)]
struct Entries {
    runs: BTreeMap<RunId, Entry>,
    tokens: BTreeMap<u64, RunId>,
    last_token: u64,
    closed: bool,
}

/// What the guard of a run has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The program runs.
    Started(RunId),
    /// It could not be checkpointed, and runs on.
    Refused(RunId),
    /// The guard is gone.
    Gone(RunId),
}

/// All runs that have not ended.
#[derive(Debug)]
pub struct Table {
    entries: Mutex<Entries>,
    epoll: OwnedFd,
    wake: OwnedFd,
}

/// A handle to a guard that was started or found.
#[derive(Debug)]
pub struct Guarded {
    /// The guard, readable when it is gone.
    pub guard: OwnedFd,
    /// Where it says that the program runs, if this worker started it.
    pub status: Option<File>,
    /// Where it hears requests.
    pub control: File,
}

/// What a guard says on its pipe: the program runs; it was not checkpointed, and runs on.
pub const STARTED: u8 = b's';
pub const REFUSED: u8 = b'r';

/// The event that ends the waiting.
const WAKE: u64 = 0;

impl Table {
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self { entries: Mutex::default(), epoll, wake })
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Entries are changed by single assignments: a thread that panicked left none half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run that is to be started; false where it is known already.
    pub fn expect(&self, id: RunId) -> bool {
        let mut entries = self.lock();
        if entries.runs.contains_key(&id) {
            return false;
        }
        entries.last_token += 1;
        let token = entries.last_token;
        entries.tokens.insert(token, id);
        entries.runs.insert(id, Entry { token, ..Entry::default() });
        true
    }

    /// The guard of an expected run. A stop that was asked for meanwhile is passed on.
    pub fn watch(&self, id: RunId, guarded: Guarded) -> io::Result<()> {
        let mut entries = self.lock();
        let entry = entries.runs.get_mut(&id).expect("a run is expected before it is watched, and forgotten after");
        entry.asked.iter().for_each(|&request| ask(&guarded.control, request));
        let data = |of: u64| epoll::EventData::new_u64(entry.token * 2 + of);
        epoll::add(&self.epoll, &guarded.guard, data(0), epoll::EventFlags::IN)?;
        if let Some(status) = &guarded.status {
            epoll::add(&self.epoll, status, data(1), epoll::EventFlags::IN)?;
        }
        let Guarded { guard, status, control } = guarded;
        (entry.guard, entry.status, entry.control) = (Some(guard), status, Some(control));
        Ok(())
    }

    /// Asks for a stop, now or as soon as there is a guard. False where the run is not known.
    pub fn stop(&self, id: RunId) -> bool {
        let mut entries = self.lock();
        let Some(entry) = entries.runs.get_mut(&id) else { return false };
        entry.asked.get_or_insert(Request::Stop);
        entry.control.iter().for_each(|control| ask(control, Request::Stop));
        true
    }

    /// Asks for a checkpoint of a run that has a guard; false where there is none, or it is to end.
    pub fn checkpoint(&self, id: RunId) -> bool {
        let mut entries = self.lock();
        let Some(entry) = entries.runs.get_mut(&id).filter(|entry| entry.asked.is_none()) else { return false };
        entry.control.iter().for_each(|control| ask(control, Request::Checkpoint));
        entry.checkpointing = entry.control.is_some();
        entry.checkpointing
    }

    /// Runs that were asked for a checkpoint, whose guards have no pipe to say that they refuse it.
    pub fn checkpointing(&self) -> Vec<RunId> {
        let entries = self.lock();
        entries.runs.iter().filter(|(_, entry)| entry.checkpointing && entry.status.is_none()).map(|(id, _)| *id).collect()
    }

    /// Notes that the shell was told that a run was not checkpointed; false where it was told before, or nobody asked.
    pub fn note_refused(&self, id: RunId) -> bool {
        let mut entries = self.lock();
        entries.runs.get_mut(&id).is_some_and(|entry| std::mem::replace(&mut entry.checkpointing, false))
    }

    /// Asks for all runs to be killed, now or as soon as they have guards.
    pub fn kill_all(&self) {
        for entry in self.lock().runs.values_mut() {
            entry.asked = Some(Request::Kill);
            entry.control.iter().for_each(|control| ask(control, Request::Kill));
        }
    }

    /// Whether a stop was asked for.
    pub fn stop_asked(&self, id: RunId) -> bool {
        self.lock().runs.get(&id).is_some_and(|entry| entry.asked.is_some())
    }

    /// Notes that the shell was told that the run has started; false where it was told before.
    pub fn note_started(&self, id: RunId) -> bool {
        let mut entries = self.lock();
        entries.runs.get_mut(&id).is_some_and(|entry| !std::mem::replace(&mut entry.started, true))
    }

    /// Forgets a run. Its descriptors are closed, which takes them out of the events.
    pub fn forget(&self, id: RunId) {
        let mut entries = self.lock();
        if let Some(entry) = entries.runs.remove(&id) {
            entries.tokens.remove(&entry.token);
        }
    }

    /// All of them.
    pub fn runs(&self) -> Vec<RunId> {
        self.lock().runs.keys().copied().collect()
    }

    /// Runs that were found running, of which nobody has said yet that their program does.
    pub fn silent(&self) -> Vec<RunId> {
        let entries = self.lock();
        let silent = entries.runs.iter().filter(|(_, entry)| entry.guard.is_some() && entry.status.is_none() && !entry.started);
        silent.map(|(id, _)| *id).collect()
    }

    /// Ends the waiting for good.
    pub fn close(&self) {
        self.lock().closed = true;
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits for news; nothing once the table is closed.
    pub fn wait(&self, timeout: Option<Timespec>) -> Option<Vec<News>> {
        let mut events = Vec::with_capacity(64);
        // An interrupted wait is one without events.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref());
        let mut entries = self.lock();
        if entries.closed {
            return None;
        }
        let mut news = Vec::new();
        for event in events {
            let (token, of) = (event.data.u64() / 2, event.data.u64() % 2);
            let Some(&id) = entries.tokens.get(&token) else { continue };
            let entry = entries.runs.get_mut(&id).expect("every token is that of a run");
            // A guard that is gone may have spoken before; what it said comes first.
            let mut words = [0; 16];
            let said = entry.status.as_mut().map_or(0, |status| status.read(&mut words).unwrap_or(0));
            news.extend(words[..said].contains(&STARTED).then_some(News::Started(id)));
            news.extend(words[..said].contains(&REFUSED).then_some(News::Refused(id)));
            if of == 1
                && said == 0
                && let Some(status) = entry.status.take()
            {
                let _ = epoll::delete(&self.epoll, &status);
            }
            if of == 0
                && let Some(guard) = &entry.guard
            {
                let _ = epoll::delete(&self.epoll, guard);
                // Reaped by its descriptor and not by any number. One that a worker before this started is not ours to reap.
                let _ = waitid(WaitId::PidFd(guard.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
                news.push(News::Gone(id));
            }
        }
        Some(news)
    }
}

/// Asks something of a guard. The FIFO holds more requests than anybody makes, and its other end is ours too.
fn ask(mut control: &File, request: Request) {
    let _ = control.write_all(&[request.byte()]);
}
