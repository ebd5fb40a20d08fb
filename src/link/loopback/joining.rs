//! Joining with a token, and renewing what was got by it.

use super::*;
use crate::identity::{Digest, joining_config, server_config};
use crate::{LinkError, join};

#[tokio::test]
async fn a_token_gets_a_certificate_and_the_certificate_a_session() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let address = listener.local_addr().to_string();
    let token = site.token(SystemTime::now() + HOUR);
    let wanted: PeerName = "worker:n1".parse().unwrap();
    let folder = site.path("n1/keys");
    let identity = join(&address, &token, &wanted, &folder).await.unwrap();
    assert_eq!((identity.peer(), identity.authority()), (&wanted, site.authority.digest()));
    assert_eq!((mode(&folder), mode(&folder.join("identity.pem"))), (0o700, 0o600));
    assert_eq!(mode(&site.path("authority/authority.pem")), 0o600);
    assert_eq!(mode(&site.path("run")), 0o700);

    // What was kept is as good as what was returned.
    let again = Identity::load(&folder).unwrap().expect("it was kept");
    let (_dialer, mut heard_there) = site.dial(&listener, again);
    let session = opened(&mut heard_there).await;
    assert_eq!(entered(&mut events).await, (wanted, session));
    assert_eq!(listener.counters().joins.load(Relaxed), 1);
    // The authority is the same when it is opened again.
    assert_eq!(Authority::open(&site.path("authority")).unwrap().digest(), site.authority.digest());
}

#[tokio::test]
async fn a_token_that_is_wrong_revoked_or_ended_is_refused() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let address = listener.local_addr().to_string();
    let good = site.token(SystemTime::now() + HOUR);
    let wrong = JoinToken { secret: JoinToken::new(good.digest).secret, ..good.clone() };
    let unknown = JoinToken::new(good.digest);
    let ended = site.token(SystemTime::now() - HOUR);
    let worker: PeerName = "worker:n1".parse().unwrap();
    for (token, wanted, why) in [
        (&wrong, &worker, "not known"),
        (&unknown, &worker, "not known"),
        (&ended, &worker, "has ended"),
        (&good, &"actor:job-manager".parse().unwrap(), "for workers"),
    ] {
        let error = join(&address, token, wanted, &site.path("keys")).await.unwrap_err();
        assert!(matches!(&error, LinkError::Refused(reason) if reason.contains(why)), "{error}");
    }
    site.doors.tokens.lock().unwrap().remove(&good.id);
    assert_eq!(join(&address, &good, &worker, &site.path("keys")).await.unwrap_err().code(), "link-refused");
    assert_eq!(listener.counters().joins_refused.load(Relaxed), 5);
    assert!(Identity::load(&site.path("keys")).unwrap().is_none());
    serves(&site, &listener, &mut events, "worker:n2").await;
}

#[tokio::test]
async fn a_server_of_another_authority_never_sees_the_secret() {
    let (site, impostor) = (Site::new(), Site::new());
    let token = site.token(SystemTime::now() + HOUR);
    let worker: PeerName = "worker:n1".parse().unwrap();
    // The impostor even knows the token's id; it would take any secret, if one came.
    let (listener, _events) = impostor.listen().await;
    let error = join(&listener.local_addr().to_string(), &token, &worker, &site.path("keys")).await.unwrap_err();
    assert_eq!(error.code(), "link-certificate", "{error}");
    counted(&listener, "refused_certificates", 1).await;
    assert_eq!(listener.counters().joins_refused.load(Relaxed), 0);

    // One that sends the right authority's certificate, which is no secret, with a key of its own, is no better.
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let key = NewKey::new().unwrap();
    let mut chain = impostor.authority.issue(&key.request().unwrap(), &"actor:global-manager".parse().unwrap(), HOUR).unwrap();
    chain[1] = site.identity("worker:x").authority_certificate().to_vec();
    let config = server_config(&Identity::take(key, chain, None).unwrap()).unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = tcp.accept().await.unwrap();
        tokio_rustls::TlsAcceptor::from(config).accept(stream).await.map(|_| ())
    });
    let error = join(&address, &token, &worker, &site.path("keys")).await.unwrap_err();
    assert_eq!(error.code(), "link-certificate", "{error}");
    assert!(server.await.unwrap().is_err(), "it never got as far as to read anything");
    // Nor is a worker of the right authority.
    let error = join_at_a_worker(&site, &token).await;
    assert!(matches!(error, LinkError::Certificate(_)), "{error}");
}

async fn join_at_a_worker(site: &Site, token: &JoinToken) -> LinkError {
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let config = server_config(&site.identity("worker:n7")).unwrap();
    tokio::spawn(async move {
        let (stream, _) = tcp.accept().await.unwrap();
        let _ = tokio_rustls::TlsAcceptor::from(config).accept(stream).await;
    });
    join(&address, token, &"worker:n1".parse().unwrap(), &site.path("keys")).await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_is_renewed_in_time_and_its_session_goes_on() {
    let site = Site::with(LinkLimits::default(), Duration::from_secs(3));
    let (listener, mut events) = site.listen().await;
    let worker: PeerName = "worker:n1".parse().unwrap();
    let token = site.token(SystemTime::now() + HOUR);
    let identity = join(&listener.local_addr().to_string(), &token, &worker, &site.path("keys")).await.unwrap();
    let first = identity.valid_until();
    let (_dialer, mut heard_there) = site.dial(&listener, identity.clone());
    let session = opened(&mut heard_there).await;
    assert_eq!(entered(&mut events).await.1, session);
    tokio::time::sleep(Duration::from_millis(4500)).await;
    assert!(SystemTime::now() > first, "the first certificate has ended");
    assert!(identity.valid_until() > first);
    assert_eq!(Identity::load(&site.path("keys")).unwrap().unwrap().valid_until(), identity.valid_until());
    assert!(listener.counters().renewals.load(Relaxed) >= 1);
    listener.send(&worker, session, Bytes::from_static(b"still there")).unwrap();
    assert_eq!(heard(&mut heard_there).await, "still there");

    // Who is banned is not renewed, and its session ends with its certificate.
    site.doors.banned.lock().unwrap().push(worker);
    loop {
        match next(&mut events).await {
            FromPeer::Closed { reason, .. } => break assert_eq!(reason, LinkError::Certificate("it has ended".to_owned())),
            FromPeer::Acked { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(listener.counters().renewals_refused.load(Relaxed) >= 1);
}

#[tokio::test]
async fn a_listener_renews_its_own_certificate() {
    let site = Site::new();
    let mut options = site.options("127.0.0.1:0", vec![Role::Worker]);
    let peer: PeerName = "actor:global-manager".parse().unwrap();
    let own = Identity::issued_by(&site.authority, &peer, Duration::from_secs(2), None).unwrap();
    options.identity = own.clone();
    let first = own.valid_until();
    let (listener, mut events) = Listener::bind(options).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(own.valid_until() > first);
    serves(&site, &listener, &mut events, "worker:n1").await;
}

#[tokio::test]
async fn dialers_that_share_an_identity_are_renewed_each_on_its_own_session() {
    let site = Site::with(LinkLimits::default(), Duration::from_secs(3));
    let ((one, _events_one), (two, _events_two)) = (site.listen().await, site.listen().await);
    let token = site.token(SystemTime::now() + HOUR);
    let identity = join(&one.local_addr().to_string(), &token, &"worker:n1".parse().unwrap(), &site.path("keys")).await.unwrap();
    let mut links = [site.dial(&one, identity.clone()), site.dial(&two, identity)];
    for (dialer, events) in &mut links {
        // A long hello is no reason to be turned away.
        dialer.set_hello(Bytes::from(vec![0; 100_000])).unwrap();
        opened(events).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    for (_, events) in &mut links {
        assert!(events.try_recv().is_err(), "no session was closed");
    }
}

#[test]
fn a_digest_pins_one_authority() {
    let (one, other) = (Site::new(), Site::new());
    let digest = one.authority.digest();
    assert_ne!(digest, other.authority.digest());
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    assert!(joining_config(digest).is_ok());
}
