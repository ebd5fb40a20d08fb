//! How rustls trusts: TLS 1.3 alone, our authority alone, names by role. No resumption, which would skip looking at a certificate.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption, verify_server_cert_signed_by_trust_anchor};
use tokio_rustls::rustls::crypto::verify_tls13_signature;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerMisbehaved, RootCertStore,
    ServerConfig, SignatureScheme, version::TLS13,
};

use super::{Digest, Facts, Identity, PeerName, Role};
use crate::LinkError;
use crate::crypto::provider;

/// For a listener. A client may come without a certificate, to join; what it may then do is the listener's matter.
pub(crate) fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, LinkError> {
    let refused = |error: &dyn std::error::Error| LinkError::Certificate(error.to_string());
    let roots = Arc::new(trusting(identity.authority_certificate()).map_err(|error| refused(&error))?);
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots, provider()).allow_unauthenticated().build().map_err(|error| refused(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| refused(&error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Held(identity.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For a dialer with a certificate, that expects a server of the role.
pub(crate) fn client_config(identity: &Identity, role: Role) -> Result<Arc<ClientConfig>, LinkError> {
    let verifier = ServerVerifier { pinned: identity.authority(), expected: Expected::Any(role) };
    client(verifier, |builder| builder.with_client_cert_resolver(Arc::new(Held(identity.clone()))))
}

/// For a dialer with a certificate, that expects exactly this peer, whatever its role.
pub(crate) fn exact_config(identity: &Identity, peer: &PeerName) -> Result<Arc<ClientConfig>, LinkError> {
    let verifier = ServerVerifier { pinned: identity.authority(), expected: Expected::Exactly(peer.clone()) };
    client(verifier, |builder| builder.with_client_cert_resolver(Arc::new(Held(identity.clone()))))
}

/// For somebody who has a token alone: whoever serves must have a chain to the authority that the token pins.
pub(crate) fn joining_config(pinned: Digest) -> Result<Arc<ClientConfig>, LinkError> {
    client(ServerVerifier { pinned, expected: Expected::Any(Role::Actor) }, |builder| builder.with_no_client_auth())
}

type Builder = tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::client::WantsClientCert>;

fn client(verifier: ServerVerifier, finish: impl FnOnce(Builder) -> ClientConfig) -> Result<Arc<ClientConfig>, LinkError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| LinkError::Certificate(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = finish(builder);
    config.resumption = Resumption::disabled();
    // Names of hosts play no part: the address is where somebody is, the certificate who it is.
    config.enable_sni = false;
    Ok(Arc::new(config))
}

fn trusting(authority: &CertificateDer<'_>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned())?;
    Ok(roots)
}

/// Takes the certificate of the moment, so that a renewal needs no new configuration.
#[derive(Debug)]
struct Held(Identity);

impl ResolvesServerCert for Held {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified())
    }
}

impl ResolvesClientCert for Held {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Who is to serve.
#[derive(Debug)]
enum Expected {
    /// Any server of this role.
    Any(Role),
    /// This peer, whose certificate may be that of a client.
    Exactly(PeerName),
}

/// Accepts a server whose chain ends in the pinned authority and whose certificate says that it is the expected one.
#[derive(Debug)]
struct ServerVerifier {
    pinned: Digest,
    expected: Expected,
}

impl ServerVerifier {
    fn check(&self, end_entity: &CertificateDer<'_>, sent: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let authority = sent.iter().find(|certificate| Digest::of(certificate) == self.pinned);
        let authority = authority.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let other = |error: LinkError| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))));
        let roots = trusting(authority)?;
        let facts = Facts::of(end_entity).map_err(other)?;
        let (fits, needed) = match &self.expected {
            Expected::Any(role) => {
                let algorithms = provider().signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(end_entity)?, &roots, &[], now, algorithms)?;
                (facts.peer.role() == *role, role.as_str().to_owned())
            }
            Expected::Exactly(peer) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
                verifier.map_err(|error| Error::General(error.to_string()))?.verify_client_cert(end_entity, &[], now)?;
                (facts.peer == *peer, peer.to_string())
            }
        };
        if fits { Ok(()) } else { Err(other(LinkError::Certificate(format!("the server is {}, {needed} is needed", facts.peer)))) }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What an error below TLS, or of TLS itself, means for a link. `otherwise` is for what has nothing to do with TLS.
pub(crate) fn from_io(error: &io::Error, otherwise: impl FnOnce(String) -> LinkError) -> LinkError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) => match inner.downcast_ref::<LinkError>() {
            Some(error) => error.clone(),
            None => LinkError::Certificate(inner.to_string()),
        },
        Some(error @ (Error::InvalidCertificate(_) | Error::NoCertificatesPresented)) => LinkError::Certificate(error.to_string()),
        Some(Error::AlertReceived(alert)) if about_certificates(*alert) => {
            LinkError::Certificate(format!("the other side does not accept ours ({alert:?})"))
        }
        Some(error) => LinkError::Handshake(error.to_string()),
        None => otherwise(error.to_string()),
    }
}

fn about_certificates(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    [
        A::BadCertificate,
        A::UnsupportedCertificate,
        A::CertificateRevoked,
        A::CertificateExpired,
        A::CertificateUnknown,
        A::UnknownCA,
        A::AccessDenied,
        A::CertificateRequired,
        // A signature that does not fit the authority's key.
        A::DecryptError,
    ]
    .contains(&alert)
}
