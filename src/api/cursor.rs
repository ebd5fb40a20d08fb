//! Where the next page begins: opaque to clients, so that it may become something else.

use data_encoding::BASE64URL_NOPAD;

use super::error::ApiError;

/// The cursor that stands for a number.
pub fn write(number: u32) -> String {
    BASE64URL_NOPAD.encode(&number.to_be_bytes())
}

/// The number that a cursor stands for.
///
/// # Errors
/// When it is none that was given out.
pub fn read(cursor: Option<&str>) -> Result<Option<u32>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok().and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    bytes.map(|bytes| Some(u32::from_be_bytes(bytes))).ok_or_else(|| ApiError::field("cursor", "it is none that an answer gave"))
}

/// How many of a page: the default, or as many as were asked for.
///
/// # Errors
/// When none, or too many, are asked for.
pub fn limit(asked: Option<u32>) -> Result<usize, ApiError> {
    match asked {
        None => Ok(100),
        Some(limit @ 1..=1000) => Ok(limit as usize),
        Some(limit) => Err(ApiError::field("limit", format!("it is {limit}: from 1 to 1000"))),
    }
}
