//! Writes what is ready, many frames at a time, and a ping when there is nothing to say.

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::timeout;

use super::{Control, LinkLimits, Writer};
use crate::LinkError;

/// Frames gathered for one write.
const MOST_AT_ONCE: usize = 128;

/// Where frames come from. `next` may be dropped while it waits and then loses nothing.
pub(crate) trait Outgoing {
    /// The next frame; an error ends the connection.
    fn next(&mut self) -> impl Future<Output = Result<Bytes, LinkError>> + Send;

    /// All frames that `next` gave have been written.
    fn written(&mut self);
}

/// Pumps until something fails, and says what.
pub(crate) async fn pump(outgoing: &mut impl Outgoing, writer: &mut Writer, limits: &LinkLimits) -> LinkError {
    loop {
        if let Err(error) = turn(outgoing, writer, limits).await {
            return error;
        }
    }
}

async fn turn(outgoing: &mut impl Outgoing, writer: &mut Writer, limits: &LinkLimits) -> Result<(), LinkError> {
    let Ok(first) = timeout(limits.ping, outgoing.next()).await else {
        return writer.say(&Control::Ping).await;
    };
    let first = first?;
    writer.feed(first).await?;
    for _ in 1..MOST_AT_ONCE {
        let Some(next) = outgoing.next().now_or_never() else { break };
        writer.feed(next?).await?;
    }
    writer.flush().await?;
    outgoing.written();
    Ok(())
}
