//! Joining: a token for a certificate, once, over a connection on which only the server has shown who it is.

use std::path::Path;

use secrecy::ExposeSecret;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::LinkError;
use crate::identity::{Digest, Facts, Identity, NewKey, PeerName, joining_config};
use crate::relay::{Control, Frame, LinkLimits, PROTOCOL, connect};
use crate::token::JoinToken;

/// Joins: makes a key, has it certified as `wanted` by the server at `address`, and keeps both in `folder` (0700, files 0600).
/// The secret is sent only after the server has proved that it belongs to the authority that the token pins.
///
/// # Errors
/// [`LinkError::Address`] if nobody answers, [`LinkError::Certificate`] if the server is of another authority,
/// [`LinkError::Refused`] if it does not take the token, [`LinkError::Folder`] if the folder cannot be used.
pub async fn join(address: &str, token: &JoinToken, wanted: &PeerName, folder: &Path) -> Result<Identity, LinkError> {
    // Found out before the token is used, which may be good for one join alone.
    crate::files::private_folder(folder)?;
    let limits = LinkLimits::default();
    let mut channel = connect(address, joining_config(token.digest)?, &limits).await?;
    let key = NewKey::new()?;
    let join = Control::Join {
        protocol: PROTOCOL,
        id: token.id.clone(),
        secret: token.secret.expose_secret().to_owned(),
        wanted: wanted.clone(),
        request: key.request()?,
    };
    channel.writer.say(&join).await?;
    match channel.reader.next(limits.handshake).await? {
        Frame::Control(Control::Issued { chain }) => {
            let issued: Vec<_> = chain.iter().map(|certificate| CertificateDer::from(certificate.as_slice())).collect();
            if issued.last().map(Digest::of) != Some(token.digest)
                || issued.first().map(Facts::of).transpose()?.map(|facts| facts.peer).as_ref() != Some(wanted)
            {
                return Err(LinkError::Certificate("what was issued is not what was asked for".to_owned()));
            }
            Identity::take(key, chain, Some(folder))
        }
        Frame::Control(Control::Refused { reason } | Control::Bye { reason }) => Err(LinkError::Refused(reason)),
        _ => Err(LinkError::Malformed("another answer to a join")),
    }
}
