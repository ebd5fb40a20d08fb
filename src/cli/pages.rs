//! Lists that come in pages.

use crate::api::body::{JobList, JobSummary, Node, NodeList};
use crate::client::{Call, Client, ClientError};

/// Jobs, or nodes, of one page at most; the server takes no more.
pub const PAGE: u64 = 500;

/// Jobs that are looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In this state.
    pub state: Option<String>,
    /// With this label, as in `team=planning`.
    pub label: Option<String>,
    /// So many at most; absent: all.
    pub most: Option<u64>,
}

/// The jobs that are looked for, latest first, and whether there are more.
pub fn jobs(client: &Client, wanted: &Wanted) -> Result<(Vec<JobSummary>, bool), ClientError> {
    let mut jobs: Vec<JobSummary> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let left = wanted.most.map(|most| most - jobs.len() as u64);
        let call = Call::get(&["v1", "jobs"])
            .query("state", wanted.state.as_deref())
            .query("label", wanted.label.as_deref())
            .query("limit", Some(left.map_or(PAGE, |left| left.clamp(1, PAGE))))
            .query("cursor", cursor.as_deref());
        let page: JobList = client.read(&call)?;
        jobs.extend(page.jobs);
        let enough = wanted.most.is_some_and(|most| jobs.len() as u64 >= most);
        match page.next_cursor {
            // A server that gives one cursor twice would be asked for ever.
            Some(next) if !enough && cursor.as_ref() != Some(&next) => cursor = Some(next),
            next => {
                let cut = wanted.most.map_or(jobs.len(), |most| jobs.len().min(most as usize));
                let more = next.is_some() || cut < jobs.len();
                jobs.truncate(cut);
                return Ok((jobs, more));
            }
        }
    }
}

/// All nodes, by id.
pub fn nodes(client: &Client) -> Result<Vec<Node>, ClientError> {
    let mut nodes = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let call = Call::get(&["v1", "nodes"]).query("limit", Some(PAGE)).query("cursor", cursor.as_deref());
        let page: NodeList = client.read(&call)?;
        nodes.extend(page.nodes);
        match page.next_cursor {
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => return Ok(nodes),
        }
    }
}
