//! Sessions over a channel that loses, doubles, reorders and delays, and then heals.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const LIMITS: SessionLimits =
    SessionLimits { window_messages: 8, window_bytes: 200, ack_delay_ms: 20, resend_first_ms: 200, resend_most_ms: 2000 };

/// What the channel does to one segment: copies, each late by so many milliseconds. None: lost.
type Fate = Vec<u64>;

/// Two ends and what is under way between them: (arrival, order, for the right end, segment).
struct Pair {
    ends: [Session; 2],
    under_way: Vec<(u64, usize, usize, Segment)>,
    delivered: [Vec<Bytes>; 2],
    acked: [u64; 2],
    sent: usize,
    /// What this end sends is lost.
    cut: Option<usize>,
    now: u64,
}

impl Pair {
    fn new() -> Self {
        let end = || Session::new(7, LIMITS);
        Self { ends: [end(), end()], under_way: Vec::new(), delivered: Default::default(), acked: [0; 2], sent: 0, cut: None, now: 0 }
    }

    /// Lets everything out that is due, each segment with the next fate.
    fn transmit(&mut self, fates: &mut impl Iterator<Item = Fate>) {
        for from in 0..2 {
            while let Some(segment) = self.ends[from].transmit(self.now) {
                if self.cut == Some(from) {
                    continue;
                }
                for late in fates.next().unwrap_or_else(|| vec![1]) {
                    self.sent += 1;
                    self.under_way.push((self.now + late, self.sent, 1 - from, segment.clone()));
                }
            }
        }
    }

    /// Goes to the next moment at which something happens; false if nothing ever will.
    fn step(&mut self, fates: &mut impl Iterator<Item = Fate>) -> bool {
        self.transmit(fates);
        let arrivals = self.under_way.iter().map(|(at, ..)| *at);
        let Some(next) = arrivals.chain(self.ends.iter().filter_map(Session::due)).min() else { return false };
        self.now = self.now.max(next);
        self.under_way.sort_by_key(|(at, order, ..)| (*at, *order));
        while self.under_way.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, _, to, segment) = self.under_way.remove(0);
            let received = self.ends[to].receive(self.now, segment);
            self.delivered[to].extend(received.message);
            if let Some(upto) = received.acked {
                assert!(upto > self.acked[to], "acknowledgements grow");
                self.acked[to] = upto;
            }
        }
        true
    }
}

fn message(from: usize, number: usize) -> Bytes {
    Bytes::from(format!("{from}:{number}:{}", "x".repeat(number % 70)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn all_is_delivered_once_in_order_after_the_channel_heals(
        counts in [0usize..60, 0usize..60],
        fates in prop::collection::vec(prop::collection::vec(0u64..900, 0..3), 0..200),
    ) {
        let mut pair = Pair::new();
        let mut fates = fates.into_iter();
        let mut next = [0; 2];
        for _ in 0..20_000 {
            for from in 0..2 {
                while next[from] < counts[from] && pair.ends[from].send(message(from, next[from])).is_ok() {
                    next[from] += 1;
                }
                prop_assert!(pair.ends[from].unacked.len() <= LIMITS.window_messages);
                prop_assert!(pair.ends[from].unacked_bytes <= LIMITS.window_bytes);
            }
            if !pair.step(&mut fates) {
                break;
            }
        }
        for (from, count) in counts.into_iter().enumerate() {
            let sent: Vec<Bytes> = (0..count).map(|number| message(from, number)).collect();
            prop_assert_eq!(&pair.delivered[1 - from], &sent);
            prop_assert_eq!(pair.acked[from], count as u64);
            // Nothing is owed and nothing will ever be sent again.
            prop_assert_eq!(pair.ends[from].due(), None);
        }
    }

    #[test]
    fn a_partition_in_one_direction_holds_up_and_loses_nothing(
        counts in [1usize..30, 1usize..30], cut in 0usize..2, lost in 1usize..60,
    ) {
        let mut pair = Pair::new();
        for (from, count) in counts.into_iter().enumerate() {
            for number in 0..count.min(LIMITS.window_messages) {
                let _ = pair.ends[from].send(message(from, number));
            }
        }
        let sent = [0, 1].map(|from| pair.ends[from].unacked.len());
        pair.cut = Some(cut);
        for step in 0..5_000 {
            if step == lost {
                prop_assert_eq!(pair.delivered[1 - cut].len(), 0);
                pair.cut = None;
            }
            if !pair.step(&mut std::iter::empty()) {
                break;
            }
        }
        prop_assert_eq!(pair.delivered.each_ref().map(Vec::len), [sent[1], sent[0]]);
        prop_assert_eq!(pair.ends.each_ref().map(Session::due), [None, None]);
    }

    #[test]
    fn what_was_heard_of_an_earlier_session_changes_nothing(count in 1usize..8) {
        let (mut earlier, mut later) = (Session::new(6, LIMITS), Session::new(7, LIMITS));
        (0..count).for_each(|number| _ = earlier.send(message(0, number)).unwrap());
        while let Some(segment) = earlier.transmit(0) {
            prop_assert!(later.receive(1, segment.clone()).dropped);
        }
        prop_assert_eq!((later.received, later.due()), (0, None));
    }

    #[test]
    fn what_is_forged_or_of_another_session_changes_nothing(
        session in any::<u64>(), seq in any::<u64>(), ack in any::<u64>(), payload in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut end = Session::new(7, LIMITS);
        end.send(Bytes::from_static(b"a")).unwrap();
        end.transmit(0).unwrap();
        let received = end.receive(1, Segment { session, seq, ack, payload: payload.into() });
        if session != 7 || ack > 1 {
            prop_assert_eq!(received, Received { dropped: true, ..Received::default() });
            prop_assert_eq!((end.received, end.acked), (0, 0));
        } else {
            prop_assert_eq!(received.message.is_some(), seq == 1);
        }
    }

    #[test]
    fn bytes_are_read_as_they_were_written(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let bytes = Bytes::from(bytes);
        if let Some(segment) = Segment::decode(bytes.clone()) {
            let mut again = BytesMut::new();
            segment.encode(&mut again);
            prop_assert_eq!(again.freeze(), bytes);
        }
    }
}

#[test]
fn the_window_refuses_and_opens() {
    let mut end = Session::new(7, LIMITS);
    for number in 1..=8 {
        assert_eq!(end.send(Bytes::from_static(b"a")), Ok(number));
    }
    assert_eq!(end.send(Bytes::from_static(b"a")), Err(SendRefusal::WouldBlock));
    while end.transmit(0).is_some() {}
    let received = end.receive(5, Segment { session: 7, seq: 0, ack: 3, payload: Bytes::new() });
    assert_eq!(received, Received { acked: Some(3), ..Received::default() });
    assert_eq!(end.send(Bytes::from(vec![0; 201])), Err(SendRefusal::WouldBlock), "there are others before it");
    assert_eq!(end.send(Bytes::from_static(b"a")), Ok(9));
    // What is longer than the window passes when it is alone.
    assert_eq!(Session::new(7, LIMITS).send(Bytes::from(vec![0; 201])), Ok(1));
}

#[test]
fn repeats_come_slower_while_nothing_comes_back() {
    let mut end = Session::new(7, LIMITS);
    end.send(Bytes::from_static(b"a")).unwrap();
    let mut times = Vec::new();
    for now in 0..8_000 {
        times.extend(end.transmit(now).map(|_| now));
    }
    assert_eq!(times, [0, 200, 600, 1400, 3000, 5000, 7000]);
    let ack = |ack| Segment { session: 7, seq: 0, ack, payload: Bytes::new() };
    assert_eq!(end.receive(8000, ack(2)), Received { dropped: true, ..Received::default() }, "2 was never sent");
    end.receive(8000, ack(1));
    assert_eq!(end.due(), None);
}

#[test]
fn an_acknowledgement_rides_on_a_message_or_goes_alone_soon() {
    let mut end = Session::new(7, LIMITS);
    let data = |seq| Segment { session: 7, seq, ack: 0, payload: Bytes::from_static(b"a") };
    end.receive(100, data(1));
    // A sixteenth of the window of 8 is one message: at once.
    assert_eq!(end.due(), Some(100));
    let mut end = Session::new(7, SessionLimits::default());
    end.receive(100, data(1));
    assert_eq!((end.due(), end.transmit(119)), (Some(120), None));
    end.send(Bytes::from_static(b"b")).unwrap();
    assert_eq!(end.transmit(119).unwrap().ack, 1);
    end.receive(130, data(2));
    let alone = end.transmit(150).unwrap();
    assert_eq!((alone.seq, alone.ack), (0, 2));
    // Seen before: said again at once, since the sender has not heard.
    assert!(end.receive(160, data(2)).dropped);
    assert_eq!(end.transmit(160).unwrap().ack, 2);
    assert_eq!(end.due(), Some(119 + 200), "its own message is still unacknowledged");
}
