//! What a certificate of ours says, read strictly: one peer name, a time span, and uses that fit the role. Chains are rustls's matter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, X509Certificate};

use crate::LinkError;
use crate::identity::{PeerName, Role};

/// What a peer's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) peer: PeerName,
    pub(crate) valid_from: SystemTime,
    pub(crate) valid_until: SystemTime,
}

impl Facts {
    /// Reads a certificate. Its signature is not looked at here.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Result<Self, LinkError> {
        let refused = |reason: &str| LinkError::Certificate(reason.to_owned());
        let certificate = parsed(certificate)?;
        if certificate.is_ca() {
            return Err(refused("it is an authority's, not a peer's"));
        }
        let names = certificate.subject_alternative_name().ok().flatten().ok_or_else(|| refused("it names nobody"))?;
        let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
            return Err(refused("it must have one name, a URI"));
        };
        let peer = PeerName::from_uri(uri).map_err(|_| refused("its name is none of ours"))?;
        let uses = certificate.extended_key_usage().ok().flatten().ok_or_else(|| refused("it does not say what it is for"))?;
        // A worker that could serve might be taken for an actor by a program that asks for less than ours does.
        if !uses.value.client_auth || uses.value.any || uses.value.server_auth != (peer.role() == Role::Actor) {
            return Err(refused("its uses are not those of its role"));
        }
        let validity = certificate.validity();
        Ok(Self { peer, valid_from: time(validity.not_before)?, valid_until: time(validity.not_after)? })
    }
}

/// The certificate, with nothing after it.
pub(super) fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, LinkError> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(LinkError::Certificate("it cannot be read".to_owned())),
    }
}

fn time(time: ASN1Time) -> Result<SystemTime, LinkError> {
    let seconds = u64::try_from(time.timestamp()).map_err(|_| LinkError::Certificate("it is of a time before computers".to_owned()))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| LinkError::Certificate("its time cannot be".to_owned()))
}
