//! Enums that documents write with their variant's name as a field: read back from every format that they are written to.
//!
//! Serde reads an internally tagged enum from formats that describe themselves only. In postcard, which snapshots, logs and links
//! use, such an enum is written as the name of the variant and then its fields, and that is what is read here.

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, IntoDeserializer, SeqAccess, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// More fields than any variant has.
const MOST_FIELDS: usize = 16;

/// An enum with a tag, which is read from self-describing formats by its tag and from others by its place.
macro_rules! tagged {
    ($name_text:literal, $tag:literal; $(#[$meta:meta])* pub enum $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(serde::Serialize)]
        #[serde(rename_all = "snake_case", tag = $tag)]
        pub enum $name { $($body)* }

        const _: () = {
            #[derive(serde::Deserialize)]
            #[serde(rename_all = "snake_case", tag = $tag, remote = $name_text)]
            enum ByTag { $($body)* }

            #[derive(serde::Deserialize)]
            #[serde(rename_all = "snake_case", remote = $name_text)]
            enum ByPlace { $($body)* }

            #[derive(serde::Deserialize)]
            struct Placed(#[serde(with = "ByPlace")] $name);

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    if deserializer.is_human_readable() {
                        return ByTag::deserialize(deserializer);
                    }
                    crate::tagged::by_place::<D, Placed>(deserializer).map(|placed| placed.0)
                }
            }
        };
    };
}
pub(crate) use tagged;

/// Reads the name of a variant and then its fields.
pub(crate) fn by_place<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
        type Value = T;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the name of a variant and its fields")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(Tagged(fields))
        }
    }
    deserializer.deserialize_tuple(MOST_FIELDS, Fields(std::marker::PhantomData))
}

/// A sequence of which the first element names a variant, as the enum that it is.
struct Tagged<A>(A);

impl<'de, A: SeqAccess<'de>> Deserializer<'de> for Tagged<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, A::Error> {
        Err(Error::custom("only an enum is written as a name and fields"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de, A: SeqAccess<'de>> EnumAccess<'de> for Tagged<A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self), A::Error> {
        let name: String = self.0.next_element()?.ok_or_else(|| Error::custom("the name of the variant is missing"))?;
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de, A: SeqAccess<'de>> VariantAccess<'de> for Tagged<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_element_seed(seed)?.ok_or_else(|| Error::custom("the variant's field is missing"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_seq(self.0)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_seq(self.0)
    }
}
