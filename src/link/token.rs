//! Tokens: what lets somebody join, or use the API. The secret is shown once; what is stored is its hash.
//!
//! A secret is 256 random bits, so a fast hash is right: there is no dictionary to try, and 2^256 guesses need no slowing down.
//! Slow hashes are for what people make up.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use secrecy::{ExposeSecret, SecretString};

use crate::LinkError;
use crate::crypto::random;
use crate::identity::Digest;

const JOIN: &str = "wh1";
const API: &str = "wh";
/// No token that was ever printed is longer; a longer text is not looked at.
const LONGEST_TEXT: usize = 256;
/// The least that a secret may hold, bytes: 160 bits.
const LEAST_SECRET: usize = 20;
/// Parts this hash from every other use of the same bytes.
const CONTEXT: &str = "wharfinger 2026 hash of a token's secret";

/// The hash of a secret: what a store keeps. Comparing takes the same time wherever two hashes differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(blake3::Hash);

impl TokenHash {
    /// Hashes a secret.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        Self(blake3::Hash::from_bytes(blake3::derive_key(CONTEXT, secret.expose_secret().as_bytes())))
    }
}

impl From<[u8; 32]> for TokenHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(blake3::Hash::from_bytes(bytes))
    }
}

impl From<TokenHash> for [u8; 32] {
    fn from(hash: TokenHash) -> Self {
        *hash.0.as_bytes()
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

impl FromStr for TokenHash {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| LinkError::Token("a hash has 64 hexadecimal digits"))
    }
}

/// Lets its holder join the cluster of the authority that it pins: `wh1.<digest>.<id>.<secret>`.
#[derive(Clone)]
pub struct JoinToken {
    /// The authority that the server must have.
    pub digest: Digest,
    /// The public part, by which the token is found, listed and revoked.
    pub id: String,
    /// The secret part.
    pub secret: SecretString,
}

impl JoinToken {
    /// A new token.
    #[must_use]
    pub fn new(digest: Digest) -> Self {
        Self { digest, id: new_id(), secret: new_secret() }
    }

    /// What to store.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.secret)
    }

    /// The whole text: shown once, to whoever made the token.
    #[must_use]
    pub fn reveal(&self) -> SecretString {
        format!("{JOIN}.{}.{}.{}", self.digest, self.id, self.secret.expose_secret()).into()
    }
}

impl FromStr for JoinToken {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = short(text)?;
        let mut parts = text.split('.');
        let (Some(JOIN), Some(digest), Some(id), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(LinkError::Token("a join token is `wh1.` and three more parts with dots between"));
        };
        Ok(Self { digest: digest.parse()?, id: id_of(id)?, secret: secret_of(secret)? })
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{JOIN}.{}.{}.<secret>", self.digest, self.id)
    }
}

/// Lets its holder use the API: `wh_<id>_<secret>`.
#[derive(Clone)]
pub struct ApiToken {
    /// The public part, by which the token is found, listed and revoked.
    pub id: String,
    /// The secret part.
    pub secret: SecretString,
}

impl ApiToken {
    /// A new token.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that is another every time would surprise")]
    pub fn new() -> Self {
        Self { id: new_id(), secret: new_secret() }
    }

    /// What to store.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.secret)
    }

    /// The whole text: shown once, to whoever made the token.
    #[must_use]
    pub fn reveal(&self) -> SecretString {
        format!("{API}_{}_{}", self.id, self.secret.expose_secret()).into()
    }
}

impl FromStr for ApiToken {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = short(text)?;
        let mut parts = text.split('_');
        let (Some(API), Some(id), Some(secret), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(LinkError::Token("an API token is `wh_` and two more parts with `_` between"));
        };
        Ok(Self { id: id_of(id)?, secret: secret_of(secret)? })
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{API}_{}_<secret>", self.id)
    }
}

fn short(text: &str) -> Result<&str, LinkError> {
    let text = text.trim();
    if text.len() <= LONGEST_TEXT { Ok(text) } else { Err(LinkError::Token("it is too long")) }
}

pub(crate) fn id_of(text: &str) -> Result<String, LinkError> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err(LinkError::Token("its id has 1 to 32 small letters and digits")) }
}

fn secret_of(text: &str) -> Result<SecretString, LinkError> {
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| LinkError::Token("its secret is damaged"))?;
    if bytes.len() < LEAST_SECRET {
        return Err(LinkError::Token("its secret is too short"));
    }
    Ok(text.to_ascii_lowercase().into())
}

fn new_id() -> String {
    BASE32_NOPAD.encode(&random::<10>()).to_ascii_lowercase()
}

fn new_secret() -> SecretString {
    BASE32_NOPAD.encode(&random::<32>()).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::CertificateDer;

    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written_and_never_shown() {
        let digest = Digest::of(&CertificateDer::from_slice(b"an authority"));
        let token = JoinToken::new(digest);
        let again: JoinToken = token.reveal().expose_secret().parse().unwrap();
        assert_eq!((again.digest, &again.id, again.hash()), (digest, &token.id, token.hash()));
        assert!(!format!("{token:?} {:?}", token.hash()).contains(token.secret.expose_secret()));
        assert_eq!(token.hash().to_string().parse::<TokenHash>().unwrap(), token.hash());
        assert_ne!(JoinToken::new(digest).hash(), token.hash());

        let token = ApiToken::new();
        let again: ApiToken = format!(" {}\n", token.reveal().expose_secret()).parse().unwrap();
        assert_eq!((&again.id, again.hash()), (&token.id, token.hash()));
        assert!(!format!("{token:?}").contains(token.secret.expose_secret()));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_repeated() {
        let digest = Digest::of(&CertificateDer::from_slice(b"an authority"));
        let long = format!("wh1.{digest}.id.{}", "a".repeat(300));
        let short = format!("wh1.{digest}.id.{}", "a".repeat(24));
        for text in ["", "wh1", "wh1...", "wh2.a.b.c", "wh1.aa.id.aaaa", "wh_a", "wh__", &long, &short, &format!("wh1.{digest}.ID.x.y")] {
            let error = text.parse::<JoinToken>().unwrap_err();
            assert_eq!(error.code(), "link-token");
            assert!(text.parse::<ApiToken>().is_err(), "{text}");
        }
    }
}
