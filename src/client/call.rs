//! One request: a method, a path whose parts cannot break out of it, and a body.

use std::fmt::Write as _;

use serde::Serialize;
pub use ureq::http::Method;

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) method: Method,
    /// Path and query, encoded.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<(&'static str, Vec<u8>)>,
    /// Asking twice comes to the same as asking once.
    pub(super) repeatable: bool,
}

impl Call {
    /// A request. Each part of the path is one segment, whatever is in it.
    #[must_use]
    pub fn new(method: Method, path: &[&str]) -> Self {
        let target = path.iter().fold(String::new(), |target, part| target + "/" + &encoded(part));
        let repeatable = method != Method::POST && method != Method::PATCH;
        Self { method, target, headers: Vec::new(), body: None, repeatable }
    }

    /// The same, to look at something.
    #[must_use]
    pub fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// The same, to have something done.
    #[must_use]
    pub fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    /// With a parameter of the query, where it has a value.
    #[must_use]
    pub fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let mark = if self.target.contains('?') { '&' } else { '?' };
            let _ = write!(self.target, "{mark}{name}={}", encoded(&value.to_string()));
        }
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a key that makes it safe to repeat.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        Self { repeatable: true, ..self.header("Idempotency-Key", key) }
    }

    /// It may be repeated, as its effect is the same.
    #[must_use]
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// It is asked once: an answer that comes later is worth nothing.
    #[must_use]
    pub fn once(self) -> Self {
        Self { repeatable: false, ..self }
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(self, kind: &'static str, bytes: Vec<u8>) -> Self {
        Self { body: Some((kind, bytes)), ..self }
    }

    /// With a body in JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        self.body("application/json", serde_json::to_vec(body).expect("bodies are plain data, which JSON writes"))
    }
}

/// Every byte that is not surely itself, as `%XX`. A segment of dots alone would mean another folder, so its dots go too.
fn encoded(text: &str) -> String {
    let dots = text.bytes().all(|byte| byte == b'.');
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !dots) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
