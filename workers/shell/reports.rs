//! Reports about runs, kept until Discovery says that they are durable.

use std::collections::VecDeque;

use model::{Cause, Millis, PastEnd, Report, ReportBody, Status};

use crate::run::RunId;

/// How long a report may lie unrecorded before all are sent again.
const PATIENCE: Millis = Millis(1000);

/// Reports that are not recorded yet, in order.
#[derive(Debug, Default)]
pub struct Reports {
    kept: VecDeque<Report>,
    /// How many of them were sent in this session.
    sent: usize,
    /// When they are sent again unless something is recorded.
    again: Option<Millis>,
}

impl Reports {
    /// One more is to be sent.
    pub fn push(&mut self, report: Report) {
        self.kept.push_back(report);
    }

    /// The next that was not sent.
    #[must_use]
    pub fn unsent(&self) -> Option<&Report> {
        self.kept.get(self.sent)
    }

    /// It was sent.
    pub fn sent(&mut self, now: Millis) {
        self.sent += 1;
        self.again.get_or_insert(now + PATIENCE);
    }

    /// All are to be sent again, as in a new session.
    pub fn rewind(&mut self) {
        (self.sent, self.again) = (0, None);
    }

    /// Sends all again if nothing was recorded for too long.
    pub fn look(&mut self, now: Millis) {
        if self.again.is_some_and(|again| again <= now) {
            self.rewind();
        }
    }

    /// When to look again.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        self.again
    }

    /// Everything up to this number is durable; it is given back.
    pub fn recorded(&mut self, now: Millis, seq: u64) -> Vec<Report> {
        let count = self.kept.iter().take_while(|report| report.seq <= seq).count();
        self.sent = self.sent.saturating_sub(count);
        let recorded = self.kept.drain(..count).collect();
        self.again = (self.sent > 0).then_some(now + PATIENCE);
        recorded
    }

    /// Those that are not recorded.
    pub fn kept(&self) -> impl Iterator<Item = &Report> {
        self.kept.iter()
    }

    /// Forgets all, which nobody will ask for any more, and gives them back.
    pub fn clear(&mut self) -> VecDeque<Report> {
        std::mem::take(self).kept
    }
}

/// The end that a report tells, where it is of the run itself and not of its lease.
pub fn past_end(report: &Report) -> Option<PastEnd> {
    match report.body {
        ReportBody::Run { task, run, status: Status::Ended(cause) } if cause != Cause::NodeLost => {
            Some(PastEnd { node: report.node, epoch: report.fence.epoch, task, run, cause })
        }
        ReportBody::Run { .. } | ReportBody::Heartbeat => None,
    }
}

/// The run whose end a report tells.
pub fn ended(report: &Report) -> Option<RunId> {
    match report.body {
        ReportBody::Run { task, run, status: Status::Ended(_) } => Some(RunId { task, run }),
        ReportBody::Run { .. } | ReportBody::Heartbeat => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Fence, NodeId};

    use super::*;

    fn reports(count: u64) -> Reports {
        let mut reports = Reports::default();
        (1..=count).for_each(|seq| reports.push(Report { node: NodeId(0), fence: Fence::default(), seq, body: ReportBody::Heartbeat }));
        reports
    }

    /// Sends all, and says which.
    fn send(reports: &mut Reports, now: u64) -> Vec<u64> {
        let mut sent = Vec::new();
        while let Some(report) = reports.unsent() {
            sent.push(report.seq);
            reports.sent(Millis(now));
        }
        sent
    }

    #[test]
    fn what_is_not_recorded_in_time_is_sent_again_in_order() {
        let mut reports = reports(3);
        assert_eq!((send(&mut reports, 0), reports.due()), (vec![1, 2, 3], Some(Millis(1000))));
        assert_eq!(reports.recorded(Millis(900), 1).len(), 1);
        reports.look(Millis(1000));
        assert!(send(&mut reports, 1000).is_empty());
        reports.look(Millis(1900));
        assert_eq!(send(&mut reports, 1900), [2, 3]);
        assert_eq!(reports.recorded(Millis(2000), 9).len(), 2);
        assert_eq!((reports.due(), reports.kept().count()), (None, 0));
    }

    #[test]
    fn a_new_session_hears_all_that_is_kept() {
        let mut reports = reports(2);
        send(&mut reports, 0);
        reports.rewind();
        assert_eq!(send(&mut reports, 5), [1, 2]);
        assert_eq!(reports.clear().len(), 2);
        assert!(send(&mut reports, 6).is_empty());
    }
}
