//! Ids: positive 64-bit integers, each of one kind of resource.

use super::fields::FieldValue;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat};
use utoipa::openapi::{RefOr, Type};
use utoipa::{PartialSchema, ToSchema};

/// The rule of an id, as the end of a sentence that begins with the name of the field.
pub const RULE: &str = "must be a whole number from 1 to 9223372036854775807";

/// The id of a `T`, from 1 to 2⁶³ − 1. Ids of different kinds are different types.
pub struct Id<T>(i64, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// Parses an id in decimal digits; `None` for text that [`RULE`] excludes.
    pub fn parse(text: &str) -> Option<Self> {
        parse_positive(text).map(Self::from_database)
    }

    /// The id of a row, which the table's identity column made.
    pub fn from_database(id: i64) -> Self {
        Self(id, PhantomData)
    }

    /// The id as a number, from 1.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// Parses a positive whole number in decimal digits; `None` for zero, a sign, a space or an overflow.
pub fn parse_positive(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}

impl<T> FieldValue for Id<T> {
    fn read(value: Value) -> Result<Self, String> {
        let id = value.as_i64().filter(|id| *id > 0);
        id.map(Self::from_database).ok_or_else(|| RULE.to_owned())
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<T> PartialSchema for Id<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .examples([1])
            .into()
    }
}

impl<T> ToSchema for Id<T> {}

// By hand, because deriving would ask the same of `T`.

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::parse_positive;

    #[test]
    fn only_positive_64_bit_integers_are_ids() {
        assert_eq!(parse_positive("1"), Some(1));
        assert_eq!(parse_positive("9223372036854775807"), Some(i64::MAX));
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "1.0",
            " 1",
            "0x1",
            "9223372036854775808",
            "١",
        ] {
            assert_eq!(parse_positive(bad), None, "{bad:?}");
        }
    }
}
