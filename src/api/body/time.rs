//! A time as the API writes it: RFC 3339, UTC, with milliseconds.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use model::Millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

/// The last millisecond of the year 9999: the format has no later one.
const LAST: u64 = 253_402_300_799_999;

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Millis);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(self.0.0.min(LAST))).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(|_| D::Error::custom(format!("`{text}` is no time in UTC")))?;
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| D::Error::custom(format!("`{text}` lies before 1970")))?;
        Ok(Self(Millis(since.as_millis() as u64)))
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let date = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(date)).description(Some("RFC 3339, UTC, with milliseconds")).into()
    }
}

impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_and_never_is_written_just_so() {
        let time = Time(Millis(1_768_469_400_120));
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2026-01-15T09:30:00.120Z""#);
        assert_eq!(serde_json::from_str::<Time>(r#""2026-01-15T09:30:00.120Z""#).unwrap(), time);
        assert_eq!(Time(Millis::NEVER).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
