//! Certificates that open nothing.

use super::*;
use crate::identity::{joining_config, server_config};
use crate::relay::{Control, PROTOCOL, connect};
use crate::{LinkError, identity};

#[tokio::test]
async fn without_a_certificate_nobody_says_hello() {
    let site = Site::new();
    let (listener, mut events) = site.listen().await;
    let config = joining_config(site.authority.digest()).unwrap();
    let mut channel = connect(&listener.local_addr().to_string(), config, &site.limits).await.unwrap();
    channel.writer.say(&Control::Hello { protocol: PROTOCOL, hello: Vec::new() }).await.unwrap();
    assert!(channel.reader.next(HOUR).await.is_err());
    counted(&listener, "malformed", 1).await;
    serves(&site, &listener, &mut events, "worker:n1").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_one_that_has_ended_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    let (listener, mut events) = site.listen().await;
    // The other cluster's worker would not talk to this server either; this one pretends to trust it.
    let foreign = {
        let key = NewKey::new().unwrap();
        let mut chain = other.authority.issue(&key.request().unwrap(), &"worker:n1".parse().unwrap(), HOUR).unwrap();
        chain[1] = site.identity("worker:x").authority_certificate().to_vec();
        Identity::take(key, chain, None).unwrap()
    };
    for (count, identity) in [(1, foreign), (2, site.ended("worker:n1"))] {
        let (dialer, mut heard_there) = site.dial(&listener, identity);
        let error = failed(&mut heard_there).await;
        assert!(["link-certificate", "link-closed"].contains(&error.code()), "{error}");
        counted(&listener, "refused_certificates", count).await;
        dialer.shutdown().await;
    }
    serves(&site, &listener, &mut events, "worker:n2").await;
}

#[tokio::test]
async fn a_dialer_refuses_a_server_of_another_authority_another_role_or_ended() {
    let (site, other) = (Site::new(), Site::new());
    let (foreign, _events) = other.listen().await;
    let (dialer, mut heard_there) = site.dial(&foreign, site.identity("worker:n1"));
    assert_eq!(failed(&mut heard_there).await.code(), "link-certificate");
    dialer.shutdown().await;

    for serving in [site.identity("worker:n2"), site.ended("actor:global-manager")] {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap().to_string();
        let config = server_config(&serving).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let _ = tokio_rustls::TlsAcceptor::from(config.clone()).accept(stream).await;
            }
        });
        let (dialer, mut heard_there) = dial(&address, site.identity("worker:n1"), site.limits);
        let error = failed(&mut heard_there).await;
        assert_eq!(error.code(), "link-certificate", "{error}");
        assert_eq!(dialer.counters().refused_certificates.load(Relaxed), 1);
        dialer.shutdown().await;
    }
    let worker = ListenerOptions { identity: site.identity("worker:n1"), ..site.options("127.0.0.1:0", Vec::new()) };
    assert_eq!(Listener::bind(worker).await.unwrap_err().code(), "link-certificate");
}

#[tokio::test]
async fn a_role_that_is_not_wanted_and_a_peer_that_is_banned_are_told_so() {
    let site = Site::new();
    let (listener, _events) = Listener::bind(site.options("127.0.0.1:0", vec![Role::Actor])).await.unwrap();
    let (dialer, mut heard_there) = site.dial(&listener, site.identity("worker:n1"));
    assert_eq!(failed(&mut heard_there).await, LinkError::Refused("no worker may open sessions here".to_owned()));
    dialer.shutdown().await;
    let actor = site.identity("actor:job-manager");
    site.doors.banned.lock().unwrap().push(actor.peer().clone());
    let (dialer, mut heard_there) = site.dial(&listener, actor);
    assert_eq!(failed(&mut heard_there).await, LinkError::Refused("it was banned".to_owned()));
    dialer.shutdown().await;
    counted(&listener, "refused_certificates", 2).await;
}

#[test]
fn an_authority_and_a_request_are_read_strictly() {
    let site = Site::new();
    let peer: PeerName = "worker:n1".parse().unwrap();
    let mut request = NewKey::new().unwrap().request().unwrap();
    assert!(site.authority.issue(&request, &peer, HOUR).is_ok());
    let last = request.len() - 1;
    request[last] ^= 1;
    assert_eq!(site.authority.issue(&request, &peer, HOUR).unwrap_err().code(), "link-certificate", "its signature is wrong");
    assert!(site.authority.issue(b"garbage", &peer, HOUR).is_err());
    let own = site.identity("worker:x");
    assert!(identity::Facts::of(own.authority_certificate()).is_err(), "an authority is no peer");
    let other = NewKey::new().unwrap();
    assert!(Identity::take(other, site.authority.issue(&NewKey::new().unwrap().request().unwrap(), &peer, HOUR).unwrap(), None).is_err());
    std::fs::write(site.path("authority/authority.pem"), "damaged").unwrap();
    assert_eq!(Authority::open(&site.path("authority")).unwrap_err().code(), "link-folder");
}
