//! The least HTTP that asks a server on this host a question. A client crate would make every `cargo xtask` build wait for TLS.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// No answer of a server on this host takes longer than this, however busy it is.
const PATIENCE: Duration = Duration::from_secs(20);

/// The status and the body of a GET.
///
/// # Errors
/// When nobody answers, or with something other than HTTP.
pub fn get(port: u16, path: &str) -> Result<(u16, String), String> {
    let said = |error: std::io::Error| format!("GET {path}: {error}");
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    // HTTP/1.0 keeps the answer in one piece that ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n").map_err(said)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(said)?;
    let text = String::from_utf8(bytes).map_err(|error| format!("GET {path}: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("GET {path}: the answer has no end of its head"))?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| format!("GET {path}: no status"))?;
    Ok((status, body.to_owned()))
}
