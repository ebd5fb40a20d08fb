//! One connection to a FrontEnd over which jobs of a template are submitted.

use model::Name;

use super::{Fate, Template};
use crate::client::{Call, Client, ClientError, ClientOptions, Reply};

/// One connection.
#[derive(Debug)]
pub struct Submitter {
    client: Client,
    template: Template,
}

impl Submitter {
    /// A connection, made with the first submission.
    ///
    /// # Errors
    /// When the options cannot be used.
    pub fn new(options: ClientOptions, template: Template) -> Result<Self, ClientError> {
        // A refusal is to be counted, not tried again.
        Ok(Self { client: Client::new(ClientOptions { tries: 1, ..options })?, template })
    }

    /// Submits a copy. Its name, which has the session in it, is its key.
    pub fn submit(&mut self, name: &Name) -> Fate {
        let call = Call::post(&["v1", "jobs"]).key(name.as_str()).body("application/json", self.template.body(name));
        // The connection is only kept when the answer is read to its end.
        let mut answer = self.client.ask(&call).and_then(Reply::bytes);
        if let Err(ClientError::Unreachable { .. }) = answer {
            // A server may close a connection that was quiet just as a request comes; the key makes a second try harmless.
            answer = self.client.ask(&call).and_then(Reply::bytes);
        }
        match answer {
            Ok(_) => Fate::Accepted,
            Err(ClientError::Unreachable { .. } | ClientError::Timeout { .. }) => Fate::Unanswered,
            Err(error) => Fate::Refused(error.code().to_owned()),
        }
    }
}
