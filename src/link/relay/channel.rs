//! A TLS connection as two halves of frames, each step with its time limit and each frame with its longest length.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::{TlsConnector, TlsStream};
use tokio_util::codec::length_delimited::LengthDelimitedCodecError;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::{Control, Frame, LinkLimits};
use crate::LinkError;
use crate::identity::from_io;

/// What a stranger may send: a join with its request for a certificate.
const FIRST_BYTES: usize = 16 << 10;
/// What is gathered before it is encrypted and written.
const WRITE_BYTES: usize = 64 << 10;

type Codec = LengthDelimitedCodec;

/// The half that reads.
pub(crate) struct Reader(FramedRead<ReadHalf<TlsStream<TcpStream>>, Codec>);

/// The half that writes.
pub(crate) struct Writer {
    framed: FramedWrite<WriteHalf<TlsStream<TcpStream>>, Codec>,
    patience: Duration,
}

/// Both, with what the other side showed of itself.
pub(crate) struct Channel {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Channel {
    /// Frames over the TLS stream; until [`Reader::trust`], short ones alone.
    pub(crate) fn new(stream: impl Into<TlsStream<TcpStream>>, limits: &LinkLimits) -> Self {
        let stream = stream.into();
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|first| first.clone().into_owned());
        let (read, write) = tokio::io::split(stream);
        let codec = |most: usize| Codec::builder().max_frame_length(most).new_codec();
        let mut framed = FramedWrite::new(write, codec(limits.frame_bytes));
        framed.set_backpressure_boundary(WRITE_BYTES);
        let reader = Reader(FramedRead::with_capacity(read, codec(FIRST_BYTES.min(limits.frame_bytes)), FIRST_BYTES));
        Self { reader, writer: Writer { framed, patience: limits.write }, certificate }
    }
}

impl Reader {
    /// Lets longer frames in: the other side has shown who it is.
    pub(crate) fn trust(&mut self, limits: &LinkLimits) {
        self.0.decoder_mut().set_max_frame_length(limits.frame_bytes);
    }

    /// The next frame.
    pub(crate) async fn next(&mut self, patience: Duration) -> Result<Frame, LinkError> {
        match timeout(patience, self.0.next()).await {
            Err(_) => Err(LinkError::Timeout("nothing was heard")),
            Ok(None) => Err(LinkError::Closed("the other side left".to_owned())),
            Ok(Some(Ok(bytes))) => Frame::decode(bytes.freeze()),
            Ok(Some(Err(error))) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &io::Error) -> LinkError {
        if error.get_ref().is_some_and(|inner| inner.is::<LengthDelimitedCodecError>()) {
            return LinkError::Oversized { most: self.0.decoder().max_frame_length() };
        }
        from_io(error, LinkError::Closed)
    }
}

impl Writer {
    /// Puts a frame behind those that are gathered, writing when there are many.
    pub(crate) async fn feed(&mut self, frame: Bytes) -> Result<(), LinkError> {
        in_time(self.patience, self.framed.feed(frame)).await
    }

    /// Writes all that is gathered.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        in_time(self.patience, SinkExt::<Bytes>::flush(&mut self.framed)).await
    }

    /// Writes one control frame at once.
    pub(crate) async fn say(&mut self, control: &Control) -> Result<(), LinkError> {
        self.feed(control.encode()).await?;
        self.flush().await
    }

    /// Says goodbye, as well as it goes within a second.
    pub(crate) async fn leave(&mut self, reason: &str) {
        let _ = timeout(Duration::from_secs(1), async {
            self.say(&Control::Bye { reason: reason.to_owned() }).await?;
            in_time(self.patience, SinkExt::<Bytes>::close(&mut self.framed)).await
        })
        .await;
    }
}

async fn in_time(patience: Duration, writing: impl Future<Output = io::Result<()>>) -> Result<(), LinkError> {
    match timeout(patience, writing).await {
        Err(_) => Err(LinkError::Timeout("what was sent was not taken")),
        Ok(result) => result.map_err(|error| from_io(&error, LinkError::Closed)),
    }
}

/// Dials and shakes hands; the server's certificate is checked on the way.
pub(crate) async fn connect(address: &str, config: Arc<ClientConfig>, limits: &LinkLimits) -> Result<Channel, LinkError> {
    let unreachable = |reason: &str| LinkError::address(address, reason);
    let stream = timeout(limits.handshake, TcpStream::connect(address)).await.map_err(|_| unreachable("no answer in time"))?;
    let stream = stream.map_err(|error| unreachable(&error.to_string()))?;
    prepare(&stream).map_err(|error| unreachable(&error.to_string()))?;
    // rustls wants a name; it is neither sent nor compared.
    let name = ServerName::try_from("wharfinger").expect("it is a valid name");
    let stream = timeout(limits.handshake, TlsConnector::from(config).connect(name, stream)).await;
    let stream = stream.map_err(|_| LinkError::Timeout("the TLS handshake"))?.map_err(|error| from_io(&error, LinkError::Handshake))?;
    Ok(Channel::new(stream, limits))
}

/// Small messages go out at once, and a host that vanished is noticed by the kernel too.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(15))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(5))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}
