//! What strangers and broken peers send to the port: counted and dropped, while others are served.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::identity::{client_config, joining_config};
use crate::relay::{Channel, Control, Frame, PROTOCOL, connect};
use crate::session::Segment;

/// A greeting of ZMTP and a frame that claims 2^47 bytes: it aborts a process whose ZeroMQ socket is bound to TCP.
fn killer() -> Vec<u8> {
    let mut packet = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
    packet.extend(b"NULL");
    packet.resize(64, 0);
    packet.push(2);
    packet.extend((1u64 << 47).to_be_bytes());
    packet
}

/// The beginning of a handshake as a real client sends it.
async fn client_hello() -> Vec<u8> {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let site = Site::new();
    let dialing =
        tokio::spawn(async move { connect(&address, joining_config(site.authority.digest()).unwrap(), &site.limits).await.map(|_| ()) });
    let (mut stream, _) = tcp.accept().await.unwrap();
    let mut hello = vec![0; 4096];
    let length = stream.read(&mut hello).await.unwrap();
    dialing.abort();
    hello.truncate(length);
    hello
}

#[tokio::test]
async fn garbage_is_counted_and_others_are_served() {
    let site = Site::with(LinkLimits { handshake: Duration::from_millis(300), ..LinkLimits::default() }, HOUR);
    let (listener, mut events) = site.listen().await;
    let hello = client_hello().await;
    assert!(hello.len() > 100);
    let noise: Vec<u8> = (0..64).flat_map(|_| crate::crypto::random::<64>()).collect();
    let http = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    let gigabyte = (1u32 << 30).to_be_bytes().to_vec();
    let packets = [noise, hello.clone(), hello[..50].to_vec(), killer(), gigabyte, http, Vec::new()];
    assert_eq!(packets[3].len(), 73);
    let mut open = Vec::new();
    for packet in &packets {
        let mut stream = TcpStream::connect(listener.local_addr()).await.unwrap();
        let _ = stream.write_all(packet).await;
        open.push(stream);
    }
    // Served while the silent ones are still waited for, and afterwards.
    serves(&site, &listener, &mut events, "worker:n1").await;
    counted(&listener, "handshakes_failed", packets.len() as u64).await;
    serves(&site, &listener, &mut events, "worker:n2").await;
    for mut stream in open {
        // The server has closed each.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

/// A connection of a peer that speaks the protocol by hand, with its session.
async fn by_hand(site: &Site, listener: &Listener, name: &str) -> (Channel, u64) {
    let config = client_config(&site.identity(name), Role::Actor).unwrap();
    let mut channel = connect(&listener.local_addr().to_string(), config, &site.limits).await.unwrap();
    channel.writer.say(&Control::Hello { protocol: PROTOCOL, hello: b"hello".to_vec() }).await.unwrap();
    match channel.reader.next(HOUR).await.unwrap() {
        Frame::Control(Control::Welcome { session }) => (channel, session),
        _ => panic!("another answer"),
    }
}

#[tokio::test]
async fn frames_too_long_or_of_no_kind_end_their_connection_alone() {
    let site = Site::with(LinkLimits { frame_bytes: 100_000, ..LinkLimits::default() }, HOUR);
    let (listener, mut events) = site.listen().await;
    let raw = |length: usize| {
        let mut bytes = vec![b's'; length];
        bytes[0] = b'x';
        Bytes::from(bytes)
    };
    // The writer has no limit of its own here, so that it can break the other side's.
    let long = Site { limits: LinkLimits { frame_bytes: 1 << 30, ..site.limits }, ..site };
    // A stranger is cut off far earlier than a peer.
    let config = joining_config(long.authority.digest()).unwrap();
    let mut stranger = connect(&listener.local_addr().to_string(), config, &long.limits).await.unwrap();
    let _ = stranger.writer.feed(raw(20_000)).await;
    let _ = stranger.writer.flush().await;
    counted(&listener, "oversized", 1).await;

    let (mut peer, _) = by_hand(&long, &listener, "worker:n1").await;
    let _ = peer.writer.feed(raw(100_001)).await;
    let _ = peer.writer.flush().await;
    counted(&listener, "oversized", 2).await;
    for (count, frame) in [(1, raw(50)), (2, Bytes::from_static(b"sshort")), (3, Bytes::from_static(b"c\xff")), (4, Bytes::new())] {
        let (mut peer, _) = by_hand(&long, &listener, "worker:n1").await;
        peer.writer.feed(frame).await.unwrap();
        peer.writer.flush().await.unwrap();
        counted(&listener, "malformed", count).await;
    }
    while events.try_recv().is_ok() {}
    let site = Site { limits: LinkLimits { frame_bytes: 100_000, ..long.limits }, ..long };
    serves(&site, &listener, &mut events, "worker:n2").await;
}

#[tokio::test]
async fn segments_that_are_forged_or_replayed_are_dropped() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let (mut peer, session) = by_hand(&site, &listener, "worker:n1").await;
    assert_eq!(entered(&mut events).await.1, session);
    let payload = Bytes::from_static(b"a");
    for (session, seq, ack) in [(session, 1, 0), (session, 1, 0), (session - 1, 2, 0), (session, 3, 0), (session, 2, 9), (session, 2, 0)] {
        let segment = Segment { session, seq, ack, payload: payload.clone() };
        peer.writer.feed(Frame::of_segment(&segment)).await.unwrap();
    }
    peer.writer.flush().await.unwrap();
    for _ in 0..2 {
        assert!(matches!(next(&mut events).await, FromPeer::Message { .. }));
    }
    counted(&listener, "frames_dropped", 4).await;
    // One acknowledgement says how far it came.
    loop {
        if let Frame::Segment(segment) = peer.reader.next(HOUR).await.unwrap() {
            assert_eq!((segment.session, segment.seq), (session, 0));
            if segment.ack == 2 {
                break;
            }
        }
    }
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn connections_are_limited_and_the_limit_opens_again() {
    let handshake = Duration::from_millis(800);
    let site = Site::with(LinkLimits { handshake, unauthenticated: 3, ..LinkLimits::default() }, HOUR);
    let (listener, mut events) = site.listen().await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(TcpStream::connect(listener.local_addr()).await.unwrap());
    }
    counted(&listener, "connections_refused", 3).await;
    counted(&listener, "handshakes_failed", 3).await;
    serves(&site, &listener, &mut events, "worker:n1").await;
}
