//! Sessions at work: order, restarts, a peer that comes twice, slow takers, silence, and the queue inside.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::LinkError;

/// Sends so many numbered messages and checks that they come back once and in order.
async fn there_and_back(dialer: &Dialer, events: &mut Receiver<FromServer>, session: u64, count: u64) {
    let (mut sent, mut back, mut acked) = (0, 0, 0);
    while back < count || acked < count {
        while sent < count {
            match dialer.send(session, Bytes::from(sent.to_string())) {
                Ok(seq) => {
                    sent += 1;
                    assert_eq!(seq, sent);
                }
                Err(SendRefusal::WouldBlock) => break,
                Err(refusal) => panic!("{refusal}"),
            }
        }
        match next(events).await {
            FromServer::Message { payload, .. } => {
                assert_eq!(payload, back.to_string());
                back += 1;
            }
            FromServer::Acked { upto, .. } => {
                assert!(upto > acked && upto <= sent);
                acked = upto;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_come_back_in_order() {
    let site = Site::new();
    let (listener, events) = site.listen().await;
    let (dialer, mut heard_there) = site.dial(&listener, site.identity("worker:n1"));
    let listener = Arc::new(listener);
    tokio::spawn(echo(listener.clone(), events));
    let session = opened(&mut heard_there).await;
    let begun = std::time::Instant::now();
    there_and_back(&dialer, &mut heard_there, session, 100_000).await;
    let rate = 100_000.0 / begun.elapsed().as_secs_f64();
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        dialer.send(session, Bytes::from_static(b"x")).unwrap();
        heard(&mut heard_there).await;
    }
    println!("{rate:.0} messages there and back a second; {:?} round trip", begun.elapsed() / 1000);
    assert_eq!(listener.counters().frames_dropped.load(Relaxed), 0, "TLS loses nothing");
}

#[tokio::test]
async fn a_dialer_comes_back_after_the_listener_was_gone() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let address = listener.local_addr().to_string();
    let (dialer, mut heard_there) = site.dial(&listener, site.identity("worker:n1"));
    let first = opened(&mut heard_there).await;
    entered(&mut events).await;
    listener.shutdown().await;
    assert!(events.recv().await.is_none());
    match next(&mut heard_there).await {
        FromServer::Closed { session, reason } => assert_eq!((session, reason), (first, LinkError::Closed("the server stops".to_owned()))),
        other => panic!("{other:?}"),
    }
    assert_eq!(dialer.send(first, Bytes::new()), Err(SendRefusal::Closed));
    assert_eq!(failed(&mut heard_there).await.code(), "link-address");
    let (listener, events) = site.listen_at(&address).await;
    tokio::spawn(echo(Arc::new(listener), events));
    let second = opened(&mut heard_there).await;
    assert!(second > first);
    there_and_back(&dialer, &mut heard_there, second, 100).await;
}

#[tokio::test]
async fn a_peer_that_comes_twice_has_one_session() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let identity = site.identity("worker:n1");
    let (first, mut heard_first) = site.dial(&listener, identity.clone());
    let older = opened(&mut heard_first).await;
    let (peer, _) = entered(&mut events).await;
    first.send(older, Bytes::from_static(b"one")).unwrap();
    assert!(matches!(next(&mut events).await, FromPeer::Message { .. }));
    let (_second, mut heard_second) = site.dial(&listener, identity);
    let newer = opened(&mut heard_second).await;
    let events_then = [next(&mut events).await, next(&mut events).await];
    let [FromPeer::Closed { session: closed, .. }, FromPeer::Opened { session: open, .. }] = events_then else { panic!("{events_then:?}") };
    assert_eq!((closed, open), (older, newer));
    assert_eq!(listener.send(&peer, older, Bytes::new()), Err(SendRefusal::Closed));
    assert_eq!(listener.send(&peer, newer, Bytes::new()), Ok(1));
    assert_eq!(listener.send(&"worker:n2".parse().unwrap(), newer, Bytes::new()), Err(SendRefusal::Closed));
    // Both would go on for ever, taking the name from each other; their users must end one.
    loop {
        if let FromServer::Closed { session, .. } = next(&mut heard_first).await {
            break assert_eq!(session, older);
        }
    }
    first.shutdown().await;
    listener.close(&peer, newer);
    loop {
        if let FromPeer::Closed { .. } = next(&mut events).await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_taker_slows_the_sender_and_nothing_is_lost() {
    let site = Site::with(LinkLimits { events: 8, ..LinkLimits::default() }, HOUR);
    let (listener, mut events) = site.listen().await;
    let (dialer, mut heard_there) = site.dial(&listener, site.identity("worker:n1"));
    let session = opened(&mut heard_there).await;
    entered(&mut events).await;
    tokio::spawn(async move { while heard_there.recv().await.is_some() {} });
    let payload = Bytes::from(vec![7; 100_000]);
    let (mut sent, mut refused) = (0u64, 0);
    // Nobody takes events: what is taken in is bounded by the window, whatever the sockets between could hold.
    for _ in 0..400 {
        match dialer.send(session, payload.clone()) {
            Ok(_) => sent += 1,
            Err(refusal) => {
                assert_eq!(refusal, SendRefusal::WouldBlock);
                refused += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
    assert!(refused > 0 && sent < 250, "{sent} sent, {refused} refused");
    for _ in 0..sent {
        loop {
            match next(&mut events).await {
                FromPeer::Message { payload: same, .. } => break assert_eq!(same, payload),
                FromPeer::Acked { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let most = site.limits.message_bytes();
    assert_eq!(dialer.send(session, Bytes::from(vec![0; most + 1])), Err(SendRefusal::Oversized { most }));
    while dialer.send(session, Bytes::from(vec![0; most])).is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(next(&mut events).await, FromPeer::Message { payload, .. } if payload.len() == most));
}

/// Passes bytes on until it is cut; then it holds the connections open and passes nothing.
async fn between(to: String, cut: CancellationToken) -> String {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut near, _)) = tcp.accept().await {
            let mut far = TcpStream::connect(&to).await.unwrap();
            let cut = cut.clone();
            held.push(tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = cut.cancelled() => std::future::pending().await,
                }
                let _ = near.shutdown().await;
            }));
        }
    });
    address
}

#[tokio::test]
async fn a_peer_behind_a_cut_cable_is_given_up_by_both_ends() {
    let (idle, ping) = (Duration::from_millis(600), Duration::from_millis(100));
    let site = Site::with(LinkLimits { idle, ping, handshake: Duration::from_millis(500), ..LinkLimits::default() }, HOUR);
    let (listener, mut events) = site.listen().await;
    let cut = CancellationToken::new();
    let address = between(listener.local_addr().to_string(), cut.clone()).await;
    let (_dialer, mut heard_there) = dial(&address, site.identity("worker:n1"), site.limits);
    let session = opened(&mut heard_there).await;
    let (peer, _) = entered(&mut events).await;
    // Silence of the users is no silence of the link.
    tokio::time::sleep(2 * idle).await;
    listener.send(&peer, session, Bytes::from_static(b"x")).unwrap();
    assert_eq!(heard(&mut heard_there).await, "x");
    cut.cancel();
    loop {
        match next(&mut events).await {
            FromPeer::Closed { reason, .. } => break assert_eq!(reason.code(), "link-timeout"),
            FromPeer::Acked { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    match next(&mut heard_there).await {
        FromServer::Closed { reason, .. } => assert_eq!(reason.code(), "link-timeout"),
        other => panic!("{other:?}"),
    }
    counted(&listener, "timeouts", 1).await;
}

#[tokio::test]
async fn the_queue_inside_is_made_anew_when_it_cannot_be_reached() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let (_dialer, mut heard_there) = site.dial(&listener, site.identity("worker:n1"));
    let first = opened(&mut heard_there).await;
    entered(&mut events).await;
    // As a cleaner of temporary files does it.
    for file in std::fs::read_dir(site.path("run")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let (_other, mut heard_other) = site.dial(&listener, site.identity("worker:n2"));
    opened(&mut heard_other).await;
    loop {
        if let FromPeer::Closed { session, reason, .. } = next(&mut events).await {
            break assert_eq!((session, reason.code()), (first, "link-queue"));
        }
    }
    assert!(opened(&mut heard_there).await > first);
    counted(&listener, "queues_remade", 1).await;
}

#[tokio::test]
async fn a_folder_with_a_long_path_is_replaced_by_a_short_one() {
    let site = Site::new();
    let mut options = site.options("127.0.0.1:0", vec![Role::Worker]);
    options.folder = site.path(&"long".repeat(40));
    let (listener, mut events) = Listener::bind(options).await.unwrap();
    serves(&site, &listener, &mut events, "worker:n1").await;
    assert!(!site.path(&"long".repeat(40)).exists());
}
