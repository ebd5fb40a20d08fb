//! Both stores under the suite, and what only one of them can suffer.

mod backup;
mod crash;
mod embedded;
mod full;
#[path = "../../../tests/it/support/small_disk.rs"]
mod small_disk;

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::conformance::{Place, all, conformance, entry};
use super::{Embedded, Memory, Position, Store, StoreError};

#[test]
fn the_embedded_store_conforms() {
    let root = tempfile::tempdir().unwrap();
    let places = AtomicU64::new(0);
    conformance(|| {
        let folder = root.path().join(places.fetch_add(1, Ordering::Relaxed).to_string());
        Box::new(move || Box::new(Embedded::open(&folder, "actor").unwrap()))
    });
}

#[test]
fn the_memory_store_conforms() {
    conformance(|| {
        let memory = Memory::default();
        Box::new(move || Box::new(memory.clone()))
    });
}

#[test]
fn the_memory_store_answers_at_once_without_a_runtime() {
    let mut receipt = std::pin::pin!(Memory::default().append(entry(1)));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(receipt.as_mut().poll(&mut context), Poll::Ready(Ok(Position(1))));
}

#[test]
fn the_memory_store_can_be_told_to_fail() {
    let memory = Memory::default();
    let full = StoreError::Full { store: "memory".into(), cause: "a test".into() };
    memory.refuse(Some(full.clone()));
    assert_eq!((memory.append(entry(1)).wait(), memory.health()), (Err(full.clone()), Err(full)));
    memory.refuse(None);
    assert_eq!((memory.append(entry(2)).wait(), memory.health()), (Ok(Position(1)), Ok(())));
}

/// What is done to two stores of different kinds.
#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Snapshot(u64),
    Reopen,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is asked, both kinds answer alike and hold the same.
    #[test]
    fn the_kinds_do_not_differ(steps in prop::collection::vec(prop_oneof![
        8 => (0u64..4).prop_map(Step::Append),
        2 => (0u64..30).prop_map(Step::Snapshot),
        1 => Just(Step::Reopen),
    ], 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let open: Place = Box::new(move || Box::new(Embedded::open(folder.path(), "actor").unwrap()));
        let (memory, mut store) = (Memory::default(), Some(open()));
        let mut turn = 1;
        for step in steps {
            let embedded = store.as_deref().unwrap();
            match step {
                Step::Append(further) => {
                    turn += further;
                    prop_assert_eq!(embedded.append(entry(turn)).wait(), memory.append(entry(turn)).wait());
                }
                Step::Snapshot(at) => {
                    let body = turn.to_le_bytes().to_vec();
                    prop_assert_eq!(embedded.snapshot(Position(at), body.clone()).wait(), memory.snapshot(Position(at), body).wait());
                }
                Step::Reopen => {
                    drop(store.take());
                    store = Some(open());
                }
            }
            prop_assert_eq!(all(store.as_deref().unwrap()), all(&memory));
        }
    }
}
