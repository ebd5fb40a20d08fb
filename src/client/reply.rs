//! A good answer.

use serde::de::DeserializeOwned;
use ureq::Body;
use ureq::http::Response;

use super::{Address, ClientError};

/// The most bytes of an answer that is read as a whole.
const MOST: u64 = 256 << 20;

/// A good answer, not yet read.
#[derive(Debug)]
pub struct Reply {
    pub(super) address: Address,
    pub(super) response: Response<Body>,
}

impl Reply {
    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// All of it.
    ///
    /// # Errors
    /// When it breaks off or is too large.
    pub fn bytes(self) -> Result<Vec<u8>, ClientError> {
        let Self { address, mut response } = self;
        response.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| super::session::trouble(&address, error))
    }

    /// All of it, as JSON.
    ///
    /// # Errors
    /// When it breaks off, or is something else.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let address = self.address.clone();
        let bytes = self.bytes()?;
        model::document::read_json(&bytes)
            .map_err(|error| ClientError::Answer { address, cause: format!("{}: {}", error.path(), error.inner()) })
    }

    /// Its bytes as they come.
    #[must_use]
    pub fn reader(self) -> impl std::io::Read {
        self.response.into_body().into_with_config().limit(u64::MAX).reader()
    }
}
