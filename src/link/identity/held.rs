//! The key and certificate that this process holds: loaded, made, renewed while connections are open.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use secrecy::{ExposeSecret, SecretString};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::authority::named;
use super::{Authority, Digest, Facts, PeerName};
use crate::{LinkError, crypto, files};

const FILE: &str = "identity.pem";

/// A new private key that waits for its certificate.
pub struct NewKey(KeyPair);

impl NewKey {
    /// Makes a key.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if the cryptography fails.
    pub fn new() -> Result<Self, LinkError> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map(Self).map_err(|error| LinkError::Certificate(error.to_string()))
    }

    /// The request for a certificate, signed by the key: PKCS #10 in DER.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if the cryptography fails.
    pub fn request(&self) -> Result<Vec<u8>, LinkError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("request");
        let request = params.serialize_request(&self.0).map_err(|error| LinkError::Certificate(error.to_string()))?;
        Ok(request.der().to_vec())
    }
}

/// A key with its certificate and the authority that both sides trust. Clones share it, so that all see a renewal.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    peer: PeerName,
    authority: CertificateDer<'static>,
    digest: Digest,
    folder: Option<PathBuf>,
    current: RwLock<Current>,
}

struct Current {
    certified: Arc<CertifiedKey>,
    valid_from: SystemTime,
    valid_until: SystemTime,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("peer", &self.0.peer).field("authority", &self.0.digest).finish_non_exhaustive()
    }
}

impl Identity {
    /// Loads what an earlier join or [`Identity::issued_by`] left in the folder; `None` if there is nothing. The certificate may have
    /// ended meanwhile ([`Identity::valid_until`]): then only joining again helps.
    ///
    /// # Errors
    /// [`LinkError::Folder`] if the file is damaged or others may read it; [`LinkError::Certificate`] if the certificate is none of ours.
    pub fn load(folder: &Path) -> Result<Option<Self>, LinkError> {
        let path = folder.join(FILE);
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let text = text.expose_secret().as_bytes();
        let damaged = |_| LinkError::folder(&path, "it is no key with its certificates");
        let key = PrivateKeyDer::from_pem_slice(text).map_err(damaged)?;
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        Self::new(key, chain, Some(folder)).map(Some)
    }

    /// An identity for a process that holds the authority itself; kept in `folder`, if one is given.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if the cryptography fails, [`LinkError::Folder`] if the file cannot be written.
    pub fn issued_by(authority: &Authority, peer: &PeerName, lifetime: Duration, folder: Option<&Path>) -> Result<Self, LinkError> {
        let key = NewKey::new()?;
        let chain = authority.issue(&key.request()?, peer, lifetime)?;
        Self::take(key, chain, folder)
    }

    /// Puts a key together with the chain that was issued for it, and keeps both in `folder`, if one is given.
    pub(crate) fn take(key: NewKey, chain: Vec<Vec<u8>>, folder: Option<&Path>) -> Result<Self, LinkError> {
        let text = pem(&key.0, &chain);
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let identity = Self::new(private(&key.0)?, chain, folder)?;
        if let Some(folder) = folder {
            files::replace(folder, FILE, &text)?;
        }
        Ok(identity)
    }

    fn new(key: PrivateKeyDer<'static>, chain: Vec<CertificateDer<'static>>, folder: Option<&Path>) -> Result<Self, LinkError> {
        let authority = chain.last().cloned().ok_or_else(|| LinkError::Certificate("there is none".to_owned()))?;
        let (facts, certified) = certified(key, chain)?;
        let current = Current { certified: Arc::new(certified), valid_from: facts.valid_from, valid_until: facts.valid_until };
        Ok(Self(Arc::new(Inner {
            peer: facts.peer,
            digest: Digest::of(&authority),
            authority,
            folder: folder.map(Path::to_owned),
            current: RwLock::new(current),
        })))
    }

    /// Puts a renewed certificate in the place of the old one, in the file and for all connections to come.
    ///
    /// # Errors
    /// [`LinkError::Certificate`] if it is another peer's or another authority's, [`LinkError::Folder`] if it cannot be written.
    pub fn renew(&self, key: NewKey, chain: Vec<Vec<u8>>) -> Result<(), LinkError> {
        let text = pem(&key.0, &chain);
        let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
        if chain.last() != Some(&self.0.authority) {
            return Err(LinkError::Certificate("the renewed one is of another authority".to_owned()));
        }
        let (facts, certified) = certified(private(&key.0)?, chain)?;
        if facts.peer != self.0.peer {
            return Err(LinkError::Certificate("the renewed one is of another peer".to_owned()));
        }
        if let Some(folder) = &self.0.folder {
            files::replace(folder, FILE, &text)?;
        }
        let current = Current { certified: Arc::new(certified), valid_from: facts.valid_from, valid_until: facts.valid_until };
        *self.0.current.write().expect("nobody panics while holding it") = current;
        Ok(())
    }

    /// Has a new key certified by the authority itself, for as long as the last was valid.
    pub(crate) fn reissue(&self, authority: &Authority) -> Result<(), LinkError> {
        let key = NewKey::new()?;
        let chain = authority.issue(&key.request()?, self.peer(), self.lifetime())?;
        self.renew(key, chain)
    }

    /// Who this is.
    #[must_use]
    pub fn peer(&self) -> &PeerName {
        &self.0.peer
    }

    /// The authority that issued the certificate.
    #[must_use]
    pub fn authority(&self) -> Digest {
        self.0.digest
    }

    /// When the certificate ends.
    #[must_use]
    pub fn valid_until(&self) -> SystemTime {
        self.0.current.read().expect("nobody panics while holding it").valid_until
    }

    /// When to renew it: after two thirds of its lifetime, so that a third is left for trying.
    #[must_use]
    pub fn renew_at(&self) -> SystemTime {
        self.0.current.read().expect("nobody panics while holding it").valid_from + self.lifetime() * 2 / 3
    }

    /// How long the certificate is valid in all.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        let current = self.0.current.read().expect("nobody panics while holding it");
        current.valid_until.duration_since(current.valid_from).unwrap_or_default()
    }

    pub(crate) fn authority_certificate(&self) -> &CertificateDer<'static> {
        &self.0.authority
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.0.current.read().expect("nobody panics while holding it").certified.clone()
    }
}

fn certified(key: PrivateKeyDer<'static>, chain: Vec<CertificateDer<'static>>) -> Result<(Facts, CertifiedKey), LinkError> {
    let first = chain.first().ok_or_else(|| LinkError::Certificate("there is none".to_owned()))?;
    let facts = Facts::of(first)?;
    let refused = |error: tokio_rustls::rustls::Error| LinkError::Certificate(error.to_string());
    let key = crypto::provider().key_provider.load_private_key(key).map_err(refused)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(refused)?;
    Ok((facts, certified))
}

fn private(key: &KeyPair) -> Result<PrivateKeyDer<'static>, LinkError> {
    PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| LinkError::Certificate(error.to_owned()))
}

/// Key and chain in one file, so that a renewal replaces both at once.
fn pem(key: &KeyPair, chain: &[Vec<u8>]) -> SecretString {
    let mut text = key.serialize_pem();
    for certificate in chain {
        let lines = BASE64.encode(certificate);
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in lines.as_bytes().chunks(64) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text.into()
}
