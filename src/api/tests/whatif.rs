//! What-ifs: of the present state, of a given one, twice the same, and one at a time.

use super::site::Site;
use crate::api::body::WhatIf;

const STATE: &str = include_str!("../../../tests/scenarios/whatif-state.json");

#[test]
fn a_given_state_gives_the_same_answer_twice() {
    let site = Site::open();
    let ask = |policy: &str| {
        let answer = site.post("/v1/whatif", &format!(r#"{{"policy": "{policy}", "state": {STATE}}}"#));
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str::<WhatIf>(&answer.text).unwrap()
    };
    let (first, second) = (ask("best-fit-decreasing"), ask("best-fit-decreasing"));
    assert_eq!(first, second);
    assert_eq!((first.present.policy.as_str(), first.proposed.policy.as_str()), ("best-fit", "best-fit-decreasing"));
    assert_ne!(first.present.journal_hash, first.proposed.journal_hash);
    let same = ask("best-fit");
    assert_eq!((same.present == same.proposed, same.present), (true, first.present));
    assert_eq!((same.proposed.completed, same.proposed.partial), (3, false));
}

#[test]
fn the_present_state_is_asked_about_and_stays_as_it_is() {
    let site = Site::open();
    let ask = || site.post("/v1/whatif", r#"{"policy": "l2"}"#);
    assert_eq!(ask().problem().1, "api-wrong-state", "no node has joined");
    let node = site.join(0, "alpha");
    assert_eq!(ask().problem().1, "api-wrong-state", "nothing runs or waits");
    let job = site.submit();
    site.run(job, node);
    site.submit();
    let before = site.trial.door.view(actors::View::latest_seq);
    let answer = site.post("/v1/whatif", r#"{"policy": {"name": "l2", "admission": "easy"}}"#);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: WhatIf = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((answer.present.completed, answer.proposed.completed), (2, 2));
    assert_eq!(site.trial.door.view(actors::View::latest_seq), before, "nothing happened in the live system");
}

#[test]
fn what_is_no_state_or_no_policy_is_named() {
    let site = Site::open();
    assert_eq!(site.post("/v1/whatif", r#"{"policy": "l2", "state": {"jobs": 3}}"#).problem().2, "state");
    assert_eq!(site.post("/v1/whatif", r#"{"policy": "magic"}"#).problem().0, 400);
    assert_eq!(site.post("/v1/whatif", "{}").problem().0, 400);
}
