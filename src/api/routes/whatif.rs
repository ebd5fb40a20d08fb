//! What another policy would do now. The state is copied and simulated beside the system, which it never touches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use model::Policy;

use super::snapshot::saved;
use crate::api::body::{Forecast, WhatIf, WhatIfQuestion};
use crate::api::desk::{Desk, Fittings};
use crate::api::error::ApiError;
use crate::api::extract::JsonOf;
use crate::report::summary::Summary;
use crate::whatif::Frozen;

/// How long both runs may take together; what is left then is cut off.
const LIMIT: Duration = Duration::from_secs(20);

/// Stops the runs when it is dropped: in time, or because who asked has gone.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Try another policy on a copy of the present state
///
/// The simulator takes the nodes, what runs with its expected ends, and the queue, and goes on until every job has ended, under the policy in
/// force and under the one that is asked for. Nothing of the live system changes. One question is answered at a time.
#[utoipa::path(post, path = "/v1/whatif", operation_id = "ask_whatif", tag = "simulation", request_body = WhatIfQuestion,
    responses((status = 200, description = "What both would do", body = WhatIf)))]
pub async fn ask_whatif(State(desk): State<Desk>, JsonOf(question): JsonOf<WhatIfQuestion>) -> Result<Json<WhatIf>, ApiError> {
    let place = desk.whatif()?;
    let stop = Stop(Arc::default());
    let interrupted = Arc::clone(&stop.0);
    let running = tokio::task::spawn_blocking(move || {
        let _place = place;
        answer(&desk, &question, &interrupted)
    });
    tokio::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = tokio::time::sleep(LIMIT) => {
            drop(stop);
            running.await
        }
    };
    ended.map_err(|_| ApiError::Stopping)?.map(Json)
}

fn answer(desk: &Fittings, question: &WhatIfQuestion, interrupted: &AtomicBool) -> Result<WhatIf, ApiError> {
    let present = desk.door.view(|view| view.policy());
    let text = match &question.state {
        Some(state) => state.get().to_owned(),
        None => text_of(desk)?,
    };
    let frozen = Frozen::read(&text).map_err(unusable)?;
    let frozen = frozen.ok_or_else(|| ApiError::WrongState("nothing runs or waits, so no policy would do anything".to_owned()))?;
    let run = |policy: Policy| frozen.run(policy, interrupted).map(forecast).map_err(unusable);
    Ok(WhatIf { state_hash: frozen.hash.clone(), present: run(present)?, proposed: run(question.policy.resolve())? })
}

fn unusable(error: impl std::fmt::Display) -> ApiError {
    ApiError::field("state", error)
}

/// The present state as a document.
fn text_of(desk: &Fittings) -> Result<String, ApiError> {
    let state = desk.door.view(|view| saved(view, desk.door.now()));
    if state.nodes.is_empty() {
        return Err(ApiError::WrongState("no node has joined, so no policy would do anything".to_owned()));
    }
    let mut text = Vec::new();
    state.write(&mut text).expect("a state is written to memory");
    Ok(String::from_utf8(text).expect("a document is text"))
}

fn forecast(summary: Summary) -> Forecast {
    Forecast {
        policy: summary.policy,
        partial: summary.partial,
        journal_hash: summary.journal_hash,
        completed: summary.jobs.completed,
        failed: summary.jobs.failed + summary.jobs.rejected,
        wait_mean_s: summary.wait_s.mean,
        wait_p95_s: summary.wait_s.p95,
        makespan_s: summary.makespan_s,
        utilisation: summary.utilisation.cores_mean,
    }
}
