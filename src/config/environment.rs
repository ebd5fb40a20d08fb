//! Overrides from the environment: `WHARFINGER_GM__WORKER_PORT=3200` stands for `GM.worker_port`.

use figment::Figment;
use figment::providers::{Format, Json, Serialized};
use figment::value::Value;

use super::document::Document;
use crate::sim::input::{Fault, InputError, nearest};

const PREFIX: &str = "WHARFINGER_";
/// The keys of the actors file, the four that are written in capitals first.
pub(super) const KEYS: [&str; 11] = ["FE", "JM", "GM", "DC", "store", "engines", "workers", "intervals", "limits", "security", "journal"];
/// Keys whose value is no object: a variable without `__` sets them.
const PLAIN: [&str; 3] = ["engines", "workers", "journal"];

/// The path of the key that a variable sets, if it sets one. Variables without `__` are mostly not ours.
fn key(name: &str) -> Option<Result<String, InputError>> {
    let rest = name.strip_prefix(PREFIX)?;
    let (first, inner) = rest.split_once("__").map_or((rest, None), |(first, inner)| (first, Some(inner)));
    let known = KEYS.into_iter().find(|key| key.eq_ignore_ascii_case(first));
    match (known, inner) {
        (Some(key), None) if PLAIN.contains(&key) => Some(Ok(key.to_owned())),
        (Some(key), Some(inner)) => {
            let inner = inner.to_ascii_lowercase().replace("__", ".");
            Some(Ok(format!("{key}.{}", strategy(&inner))))
        }
        (None, Some(_)) => {
            let known = KEYS.map(str::to_ascii_lowercase);
            let fault = Fault::unknown("key", first, known.iter().map(String::as_str));
            Some(Err(fault.in_field(name)))
        }
        (_, None) => None,
    }
}

/// Names of policies have dashes, which variables cannot have.
fn strategy(inner: &str) -> String {
    match inner.strip_prefix("scheduling_strategy.") {
        Some(policy) => format!("scheduling_strategy.{}", policy.replace('_', "-")),
        None => inner.to_owned(),
    }
}

/// The document with what the environment overrides.
///
/// # Errors
/// Names the variable and what is wrong with it.
pub fn over(document: &Document, variables: impl IntoIterator<Item = (String, String)>) -> Result<Document, InputError> {
    let mut value = serde_json::to_value(document).expect("a document is JSON");
    without_nulls(&mut value);
    let mut figment = Figment::from(Json::string(&value.to_string()));
    let mut set = Vec::new();
    for (name, value) in variables {
        let Some(path) = key(&name) else { continue };
        let path = path?;
        let value = value.parse::<Value>().expect("every text is a value");
        figment = figment.merge(Serialized::default(&path, value));
        set.push((name, path));
    }
    if set.is_empty() {
        return Ok(document.clone());
    }
    figment.extract().map_err(|error| refused(&error, &set))
}

/// Says which variable was wrong: the one whose key the error names, or a key above it.
fn refused(error: &figment::Error, set: &[(String, String)]) -> InputError {
    let path = error.path.join(".");
    let variable = set.iter().find(|(_, key)| *key == path || path.starts_with(&format!("{key}.")) || key.starts_with(&format!("{path}.")));
    let cause = error.kind.to_string();
    let fault = match &error.kind {
        figment::error::Kind::UnknownField(field, known) => {
            Fault::Unknown { nearest: nearest(field, known.iter().copied()).map(Into::into), what: format!("unknown key `{field}`") }
        }
        _ => Fault::Value(cause),
    };
    fault.in_field(variable.map_or(path.as_str(), |(name, _)| name))
}

/// What is absent stays absent: the layers know no null.
fn without_nulls(value: &mut serde_json::Value) {
    if let serde_json::Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(without_nulls);
    }
}
