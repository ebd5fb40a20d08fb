//! The client: connections that stay open, and what may be repeated is.

use std::fs;
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error};

use super::{Address, Call, ClientError, ClientOptions, Frames, Reply};
use crate::api::body::Problem;

/// The wait before the second try; each later one is three times as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// No longer is waited, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The most bytes of an answer that says no.
const MOST_PROBLEM: u64 = 1 << 20;
/// A stream that says nothing for so long is dead: the server sends a sign of life more often.
const STREAM_SILENCE: Duration = Duration::from_secs(60);

/// A client of one FrontEnd. Each has a connection of its own for each thread that asks at the same time.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    address: Address,
    authorization: Option<SecretString>,
    tries: u32,
}

impl Client {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// When the token or the authorities cannot be used.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { address, token, authorities, patience, tries } = options;
        if token.is_some() && !address.is_secure() && !address.is_loopback() {
            return Err(ClientError::PlainToken { address });
        }
        let authorization = token.map(|token| bearer(&token)).transpose()?;
        let roots = match authorities {
            None => RootCerts::WebPki,
            Some(file) => {
                let bad = |cause: String| ClientError::Authorities { file: file.clone(), cause };
                let pem = fs::read(&file).map_err(|error| bad(error.to_string()))?;
                let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>().map_err(|_| bad("it is no PEM file".into()))?;
                let certificates: Vec<_> =
                    items.into_iter().filter_map(|item| if let PemItem::Certificate(it) = item { Some(it) } else { None }).collect();
                if certificates.is_empty() {
                    return Err(bad("no certificate is in it".into()));
                }
                RootCerts::new_with_certs(&certificates)
            }
        };
        // No limit on the whole of a call: with one, each look-up of the host's name would get a thread.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("management/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_connect(Some(patience))
            .timeout_send_request(Some(patience))
            .timeout_send_body(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_recv_body(Some(patience))
            .build();
        Ok(Self { agent: config.into(), address, authorization, tries: tries.max(1) })
    }

    /// Whom it asks.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no good answer.
    pub fn ask(&self, call: &Call) -> Result<Reply, ClientError> {
        self.repeat(call, |agent, request| agent.run(request))
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// When there is no good answer.
    pub fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ClientError> {
        self.ask(call)?.read()
    }

    /// Asks for a stream of events. It waits no longer than `silence` for each next byte, if that is given.
    ///
    /// # Errors
    /// When there is no good answer.
    pub fn frames(&self, call: &Call, silence: Option<Duration>) -> Result<Frames, ClientError> {
        let call = call.clone().header("Accept", "text/event-stream");
        Ok(Frames::new(self.stream(&call, silence)?))
    }

    /// Asks for an answer that takes as long as it takes to come.
    ///
    /// # Errors
    /// When there is no good answer.
    pub fn stream(&self, call: &Call, silence: Option<Duration>) -> Result<Reply, ClientError> {
        self.repeat(call, |agent, request| {
            let request =
                agent.configure_request(request).timeout_recv_body(None).timeout_per_read(Some(silence.unwrap_or(STREAM_SILENCE))).build();
            agent.run(request)
        })
    }

    fn repeat(&self, call: &Call, run: impl Fn(&Agent, Request<Vec<u8>>) -> Result<Response<Body>, Error>) -> Result<Reply, ClientError> {
        let mut wait = FIRST_WAIT;
        for left in (0..self.tries).rev() {
            let answered = run(&self.agent, self.request(call)?);
            let (error, after) = match answered {
                Ok(response) if response.status().is_success() => return Ok(Reply { address: self.address.clone(), response }),
                Ok(response) => (self.refusal(call, response), true),
                Err(error) => (Err(trouble(&self.address, error)), false),
            };
            let (error, asked) = match error {
                Ok((problem, asked)) => (ClientError::Refused(problem), asked),
                Err(error) => (error, None),
            };
            let passes = if after { matches!(error.status(), Some(429 | 503)) } else { matches!(error, ClientError::Unreachable { .. }) };
            if left == 0 || !passes || !call.repeatable {
                return Err(error);
            }
            thread::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT));
            wait *= 3;
        }
        unreachable!("the last try returns")
    }

    fn request(&self, call: &Call) -> Result<Request<Vec<u8>>, ClientError> {
        let mut request = Request::builder().method(call.method.clone()).uri(format!("{}{}", self.address, call.target));
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.expose_secret());
        }
        if let Some((kind, _)) = &call.body {
            request = request.header("Content-Type", *kind);
        }
        let body = call.body.as_ref().map_or_else(Vec::new, |(_, bytes)| bytes.clone());
        // What is asked for is made of words and encoded parts; only a key of the user's can be no header.
        request.body(body).map_err(|error| ClientError::Address { text: call.target.clone(), cause: error.to_string() })
    }

    /// What the answer says that is no good one, and for how long it asks to wait.
    fn refusal(&self, call: &Call, mut response: Response<Body>) -> Result<(Box<Problem>, Option<Duration>), ClientError> {
        let status = response.status().as_u16();
        let after = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let body = response.body_mut().with_config().limit(MOST_PROBLEM).read_to_vec().map_err(|error| trouble(&self.address, error))?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Ok((Box::new(Problem { status, ..problem }), after)),
            Err(_) => Err(ClientError::Answer {
                address: self.address.clone(),
                cause: format!("{status} to {} {}", call.method, call.target.split('?').next().unwrap_or_default()),
            }),
        }
    }
}

fn bearer(token: &SecretString) -> Result<SecretString, ClientError> {
    let text = token.expose_secret().trim();
    let bad = |cause: &str| Err(ClientError::Token { cause: cause.to_owned() });
    match text {
        "" => bad("it is empty"),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => bad("it has spaces or lines, or letters that no token has"),
        _ => Ok(format!("Bearer {text}").into()),
    }
}

/// What went wrong on the way.
pub(super) fn trouble(address: &Address, error: Error) -> ClientError {
    let address = address.clone();
    match error {
        Error::Timeout(step) => ClientError::Timeout { address, step: step.to_string() },
        Error::Protocol(_) | Error::LargeResponseHeader(..) | Error::BodyExceedsLimit(_) => {
            ClientError::Answer { address, cause: error.to_string() }
        }
        Error::HostNotFound => ClientError::Unreachable { address, cause: "no such host is known".into() },
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => ClientError::Timeout { address, step: "connecting".into() },
        // The library that checks certificates speaks through several others; what it says has been the same for years.
        error if error.to_string().contains("certificate") => ClientError::Untrusted { address, cause: error.to_string() },
        Error::Io(error) => ClientError::Unreachable { address, cause: error.to_string() },
        error => ClientError::Unreachable { address, cause: error.to_string() },
    }
}
