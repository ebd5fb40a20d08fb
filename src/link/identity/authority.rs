//! The authority of one cluster: a key and a self-signed certificate in a private folder, made once.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use data_encoding::BASE32_NOPAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use secrecy::ExposeSecret;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{PeerName, Role, certificate};
use crate::crypto::random;
use crate::{LinkError, files};

const FILE: &str = "authority.pem";
/// The authority is trusted by its digest and replaced by hand; it should outlive the cluster.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// Lifetimes begin this much early, or a tenth of them if that is less: clocks of hosts differ.
const EARLY: Duration = Duration::from_secs(300);

/// The BLAKE3 hash of an authority's certificate, written in base32: what a join token pins.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(*blake3::hash(certificate).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(LinkError::Token("the digest of the authority is damaged"))
    }
}

/// Issues certificates to peers. One process of a cluster holds it.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    digest: Digest,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Authority {
    /// Loads the authority of a folder, or makes it. The folder has mode 0700, the file in it 0600.
    ///
    /// # Errors
    /// [`LinkError::Folder`] if the folder cannot be used, others may read it, or its file is damaged.
    pub fn open(folder: &Path) -> Result<Self, LinkError> {
        files::private_folder(folder)?;
        let path = folder.join(FILE);
        if files::read(&path)?.is_none() {
            // Of two processes that get here at the same time, one writes its authority and both load it.
            files::create(folder, FILE, &make().map_err(|error| LinkError::folder(&path, error))?.into())?;
        }
        let text = files::read(&path)?.ok_or_else(|| LinkError::folder(&path, "it vanished"))?;
        Self::load(text.expose_secret()).ok_or_else(|| LinkError::folder(&path, "it is no key with its certificate"))
    }

    fn load(text: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
        let key = KeyPair::try_from(&PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?).ok()?;
        if certificate::parsed(&certificate).ok()?.public_key().subject_public_key.data != key.der_bytes() {
            return None;
        }
        let digest = Digest::of(&certificate);
        Some(Self { issuer: Issuer::from_ca_cert_der(&certificate, key).ok()?, certificate, digest })
    }

    /// What identifies this authority.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Issues a certificate for `peer` to the key that signed `request`, a PKCS #10 request in DER. Nothing else is taken from the
    /// request: what the certificate says is this side's choice. Its lifetime begins up to five minutes ago, because clocks differ.
    /// Returns the chain, the authority's own certificate last.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if the request is damaged, not signed by its key, or of another kind of key than ours.
    pub fn issue(&self, request: &[u8], peer: &PeerName, lifetime: Duration) -> Result<Vec<Vec<u8>>, LinkError> {
        // It ends early too, so that a certificate says its lifetime and the next one can have the same.
        let from = SystemTime::now() - EARLY.min(lifetime / 10);
        self.issue_between(request, peer, from, from + lifetime)
    }

    pub(crate) fn issue_between(
        &self,
        request: &[u8],
        peer: &PeerName,
        from: SystemTime,
        until: SystemTime,
    ) -> Result<Vec<Vec<u8>>, LinkError> {
        let refused = |error: rcgen::Error| LinkError::Certificate(error.to_string());
        let request = CertificateSigningRequestParams::from_der(&request.into()).map_err(refused)?;
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(LinkError::Certificate("keys are of ECDSA P-256".to_owned()));
        }
        let mut params = CertificateParams::default();
        params.not_before = from.into();
        params.not_after = until.into();
        params.serial_number = Some(SerialNumber::from_slice(&serial()));
        params.distinguished_name = named(&peer.to_string());
        params.subject_alt_names = vec![SanType::URI(peer.uri().try_into().map_err(refused)?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if peer.role() == Role::Actor {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(refused)?;
        Ok(vec![certificate.der().to_vec(), self.certificate.to_vec()])
    }
}

/// A new key and its certificate, as PEM.
fn make() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - EARLY).into();
    params.not_after = (now + AUTHORITY_LIFETIME).into();
    params.serial_number = Some(SerialNumber::from_slice(&serial()));
    params.distinguished_name = named("Wharfinger authority");
    // No authority below this one: a peer's certificate can sign nothing.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(key.serialize_pem() + &params.self_signed(&key)?.pem())
}

/// A random serial number, positive as X.509 wants it.
fn serial() -> [u8; 16] {
    let mut serial: [u8; 16] = random();
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

pub(super) fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
