//! The lease as the worker counts it: from the moment at which a heartbeat was sent, so that it ends here before anybody else thinks
//! it has.

use std::collections::VecDeque;

use model::Millis;

/// The most heartbeats that wait for an answer; an older one renews nothing that a later one does not.
const MOST_SENT: usize = 1024;
/// How long a new epoch waits for its first lease. After that Discovery may well have given the node up.
const FIRST: Millis = Millis(15_000);

/// The lease of one epoch. All times are those of [`crate::run::boot_time`].
#[derive(Debug, Default)]
pub struct Lease {
    /// Numbers of heartbeats, and when they were sent.
    sent: VecDeque<(u64, Millis)>,
    deadline: Option<Millis>,
    span: Option<Millis>,
    /// When waiting for the first answer comes to nothing.
    patience: Option<Millis>,
}

impl Lease {
    /// A lease that an earlier worker of the same state left.
    #[must_use]
    pub fn until(deadline: Millis) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// The lease of an epoch that begins now: it is still to be given.
    #[must_use]
    pub fn beginning(now: Millis) -> Self {
        Self { patience: Some(now + FIRST), ..Self::default() }
    }

    /// A heartbeat goes out.
    pub fn sent(&mut self, seq: u64, now: Millis) {
        if self.sent.len() == MOST_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((seq, now));
    }

    /// A heartbeat was answered; the new deadline, where there is one.
    pub fn renewed(&mut self, seq: u64, span: Millis) -> Option<Millis> {
        let before = self.deadline;
        while let Some(&(number, at)) = self.sent.front().filter(|(number, _)| *number <= seq) {
            self.sent.pop_front();
            if number == seq {
                self.span = Some(span);
                self.deadline = self.deadline.max(Some(at + span));
            }
        }
        self.deadline.filter(|_| self.deadline != before)
    }

    /// Whether it was ever given. Nothing may start before.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.deadline.is_some()
    }

    /// When it runs out, or when it will not be waited for any longer.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        self.deadline.or(self.patience)
    }

    /// How long it holds from each heartbeat, once that was said.
    #[must_use]
    pub fn span(&self) -> Option<Millis> {
        self.span
    }

    /// Whether it has run out, or was not given in time.
    #[must_use]
    pub fn lapsed(&self, now: Millis) -> bool {
        self.due().is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_the_sending_and_never_backwards() {
        let mut lease = Lease::default();
        assert!(!lease.is_given());
        lease.sent(7, Millis(100));
        lease.sent(8, Millis(300));
        assert_eq!(lease.renewed(8, Millis(1000)), Some(Millis(1300)));
        assert_eq!(lease.renewed(7, Millis(1000)), None, "an answer that comes late");
        assert_eq!(lease.renewed(9, Millis(1000)), None, "nobody sent that");
        assert!(!lease.lapsed(Millis(1299)) && lease.lapsed(Millis(1300)));
        assert_eq!(lease.span(), Some(Millis(1000)));
    }

    #[test]
    fn the_first_is_not_waited_for_without_end() {
        let mut lease = Lease::beginning(Millis(5));
        assert!(!lease.lapsed(Millis(15_004)) && lease.lapsed(Millis(15_005)));
        lease.sent(1, Millis(10));
        assert_eq!(lease.renewed(1, Millis(20_000)), Some(Millis(20_010)));
        assert!(lease.is_given() && !lease.lapsed(Millis(15_005)));
    }

    #[test]
    fn unanswered_heartbeats_do_not_pile_up() {
        let mut lease = Lease::default();
        (0..3000).for_each(|seq| lease.sent(seq, Millis(seq)));
        assert_eq!(lease.sent.len(), MOST_SENT);
        assert_eq!(lease.renewed(2999, Millis(10)), Some(Millis(3009)));
    }
}
