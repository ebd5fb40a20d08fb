//! The figures over time: what a page that opens later still gets to know.

use model::{Event, JobState, Millis, PolicyName, Run, TaskKey, TaskState};

use super::site::Site;

#[test]
fn what_was_is_told_with_its_marks() {
    let site = Site::open();
    let node = site.join(0, "alpha");
    let job = site.submit();
    site.run(job, node);
    let later = site.trial.door.now().plus(Millis(10_000));
    site.trial.publish(later, Event::PolicyChanged { policy: PolicyName::L2.into() });
    site.trial.publish(later, Event::Cordoned { node, cordoned: true });
    site.trial.publish(later, Event::Suspected { node, suspect: true });
    site.trial.publish(later.plus(Millis(10_000)), Event::Job { job, from: JobState::Running, to: JobState::Running, cause: None });

    let history = site.get("/v1/history").json();
    let last = history["samples"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["cores"], &last["held_cores"], &last["waiting_tasks"], &last["placed"]),
        (&4.into(), &2.into(), &0.into(), &1.into())
    );
    assert!(last["wait_median_s"].as_f64().unwrap() < 10.0 && last["wait_p95_s"] == last["wait_median_s"], "{last}");
    let marks: Vec<_> = history["marks"].as_array().unwrap().iter().map(|mark| (&mark["kind"], &mark["text"])).collect();
    let told = |kind: &str, text: &str| marks.contains(&(&kind.into(), &text.into()));
    for (kind, text) in [("node", "alpha ready"), ("policy", "policy l2"), ("node", "alpha ready, cordoned"), ("node", "alpha suspect")] {
        assert!(told(kind, text), "{kind} {text}: {marks:?}");
    }
}

#[test]
fn before_anything_happened_there_is_the_present() {
    let site = Site::open();
    let history = site.get("/v1/history").json();
    assert_eq!((history["samples"].as_array().unwrap().len(), history["marks"].as_array().unwrap().len()), (1, 0));
    assert_eq!(history["samples"][0].get("wait_median_s"), None);
    site.join(0, "alpha");
    let job = site.submit();
    let (task, from, to) = (TaskKey { job, instance: 0 }, TaskState::Blocked, TaskState::Ready);
    site.publish(Event::Task { task, run: Run::default(), node: None, from, to, cause: None });
    assert_eq!(site.get("/v1/history").json()["samples"].as_array().unwrap().last().unwrap()["waiting_tasks"], 1);
}
