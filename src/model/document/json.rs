//! JSON text becomes a value. The reader is serde_json's, with two differences. Where a value has named fields, only an object is one.
//! (The code that serde derives takes an array of the fields in order as well, which no document of ours means.) And JSON has one type
//! of number: `1.0`, as some clients write a whole number, is 1.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_path_to_error::Track;

/// What is wrong with a text, and where in the value.
pub type JsonError = serde_path_to_error::Error<serde_json::Error>;

/// From here on several whole numbers share a float, so one that was written as a float is not known exactly.
const INEXACT: f64 = (1u64 << 53) as f64;

/// Reads a value from a whole JSON text.
///
/// # Errors
/// Names the field at fault, with line and column.
pub fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(Named(&mut reader))?;
    reader.end().map_err(|error| JsonError::new(Track::new().path(), error))?;
    Ok(value)
}

/// A reader, what it reads for, or a part of it, with everything below: structs are read as maps.
struct Named<T>(T);

/// Hands methods of a deserializer on, with the visitor wrapped.
macro_rules! hand_on {
    ($($method:ident($($argument:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method($($argument,)* Named(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Named(visitor))
    }

    hand_on! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_seq() deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(length: usize) deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}

/// Hands plain values on to a visitor.
macro_rules! visit {
    ($($method:ident: $kind:ty),*) => {$(
        fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Named<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    visit! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_str: &str,
        visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8]
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        match value.fract() == 0.0 && value.abs() < INEXACT {
            true if value < 0.0 => self.0.visit_i64(value as i64),
            true => self.0.visit_u64(value as u64),
            false => self.0.visit_f64(value),
        }
    }
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Named(value))
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Named(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Named(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Named(fields))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, word: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Named(word))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Named<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Named(reader))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Named(seed))
    }
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Named(seed))
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Named(seed))
    }
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Named<A> {
    type Error = A::Error;
    type Variant = Named<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (word, rest) = self.0.variant_seed(Named(seed))?;
        Ok((word, Named(rest)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Named<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Named(seed))
    }
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Named(visitor))
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

/// The fields of a variant, which are an object too.
struct Fields<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        reader.deserialize_map(Named(self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Bytes;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        a: u8,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Fields { b: u8 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        one: Option<Inner>,
        list: Vec<Inner>,
        kind: Kind,
    }

    #[test]
    fn objects_are_read_as_ever() {
        let outer: Outer = read_json(br#"{"one": {"a": 1}, "list": [{"a": 2}], "kind": {"fields": {"b": 3}}}"#).unwrap();
        assert_eq!(outer, Outer { one: Some(Inner { a: 1 }), list: vec![Inner { a: 2 }], kind: Kind::Fields { b: 3 } });
        assert_eq!(read_json::<Kind>(br#""plain""#).unwrap(), Kind::Plain);
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Numbers {
            count: u16,
            change: i32,
            size: Bytes,
            share: f64,
            #[serde(flatten)]
            rest: Inner,
        }
        let text = r#"{"count": 2.0, "change": -3.0, "size": 1e9, "share": 1.0, "a": 4e0}"#;
        let read = Numbers { count: 2, change: -3, size: Bytes(1_000_000_000), share: 1.0, rest: Inner { a: 4 } };
        assert_eq!(read_json::<Numbers>(text.as_bytes()).unwrap(), read);
        for (from, to, path) in [
            ("2.0", "1.5", "count"),
            ("2.0", "-1.0", "count"),
            ("2.0", "65536.0", "count"),
            ("-3.0", "1e300", "change"),
            ("1e9", "0.5", "size"),
            ("1e9", "9007199254740993.0", "size"),
        ] {
            let error = read_json::<Numbers>(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(error.path().to_string(), path, "{to}: {error}");
        }
        assert_eq!(read_json::<Numbers>(text.replace("\"share\": 1.0", "\"share\": 1.5").as_bytes()).unwrap().share, 1.5);
    }

    #[test]
    fn an_array_is_no_object_wherever_it_stands() {
        for (text, path) in [
            (r#"[null, [], "plain"]"#, "."),
            (r#"{"one": [1], "list": [], "kind": "plain"}"#, "one"),
            (r#"{"one": null, "list": [[1]], "kind": "plain"}"#, "list[0]"),
            (r#"{"one": null, "list": [], "kind": {"fields": [3]}}"#, "kind.fields"),
        ] {
            let error = read_json::<Outer>(text.as_bytes()).unwrap_err();
            assert_eq!(error.path().to_string(), path, "{error}");
            assert!(error.inner().to_string().starts_with("invalid type: sequence"), "{error}");
        }
        let after = read_json::<Inner>(br#"{"a": 1} 2"#).unwrap_err();
        assert_eq!((after.path().to_string(), after.inner().column()), (".".to_owned(), 10));
    }
}
