//! Objects of named fields, as a client or a file sends them, of which everything that is wrong is
//! told at once.

use super::{id, task::TaskStatus, timestamp::Timestamp};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use utoipa::ToSchema;
use validator::Validate;

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field or parameter that it is about.
    #[schema(example = "title")]
    pub path: String,
    /// What it must be.
    #[schema(example = "must be 1 to 200 characters long")]
    pub message: String,
}

impl FieldError {
    /// An error about a field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// The fields of an object, taken out one by one.
#[derive(Debug)]
pub struct Fields {
    left: Vec<(String, Value)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// Reads a value, or says what it must be.
pub type Reads<T> = fn(Value) -> Result<T, String>;

impl Fields {
    /// The fields with these names, each of which is there once.
    pub fn new(fields: Vec<(String, Value)>) -> Self {
        Self {
            left: fields,
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// A field that must be there; its default stands in for it where it is not.
    pub fn required<T: Default>(&mut self, name: &'static str, read: Reads<T>) -> T {
        match self.take(name) {
            Some(value) => self.read(name, value, read).unwrap_or_default(),
            None => {
                self.errors.push(FieldError::new(name, "is required"));
                T::default()
            }
        }
    }

    /// A field that may be left out.
    pub fn optional<T>(&mut self, name: &'static str, read: Reads<T>) -> Option<T> {
        self.take(name)
            .and_then(|value| self.read(name, value, read))
    }

    /// A field that may be left out (`None`) or null (`Some(None)`).
    pub fn nullable<T>(&mut self, name: &'static str, read: Reads<T>) -> Option<Option<T>> {
        match self.take(name)? {
            Value::Null => Some(None),
            value => self.read(name, value, read).map(Some),
        }
    }

    /// What was made of the fields, if nothing is wrong with any of them and none is left over.
    pub fn finish<T: Validate>(mut self, made: T) -> Result<T, Vec<FieldError>> {
        let known = self.known.join(", ");
        for (name, _) in std::mem::take(&mut self.left) {
            let message = format!("is not a field here; the fields are {known}");
            self.errors.push(FieldError::new(name, message));
        }
        let broken = made.validate().err().unwrap_or_default();
        let broken = broken.field_errors();
        for name in &self.known {
            // A field that could not be read is judged no further: its value is a stand-in.
            let read = self.errors.iter().all(|error| error.path != *name);
            for rule in broken
                .get(&*rust_name(name))
                .into_iter()
                .flat_map(|rules| rules.iter())
                .filter(|_| read)
            {
                let message = rule.message.clone().unwrap_or_default();
                self.errors.push(FieldError::new(*name, message));
            }
        }
        if self.errors.is_empty() {
            Ok(made)
        } else {
            Err(self.errors)
        }
    }

    /// Demands, before any field is taken, that there is at least one.
    pub fn at_least_one_of(&mut self, names: &'static str) {
        if self.left.is_empty() {
            self.errors.push(FieldError::new(
                "body",
                format!("must have at least one of {names}"),
            ));
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        let place = self.left.iter().position(|(left, _)| left == name)?;
        Some(self.left.swap_remove(place).1)
    }

    fn read<T>(&mut self, name: &'static str, value: Value, read: Reads<T>) -> Option<T> {
        read(value)
            .map_err(|rule| self.errors.push(FieldError::new(name, rule)))
            .ok()
    }
}

/// The name of a field in Rust, by which the validator knows it: `user_name` for `userName`.
fn rust_name(name: &str) -> String {
    name.chars()
        .flat_map(|letter| {
            let separator = letter.is_ascii_uppercase().then_some('_');
            separator.into_iter().chain([letter.to_ascii_lowercase()])
        })
        .collect()
}

/// Reads text. PostgreSQL cannot store the NUL character.
pub fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.contains('\0') => {
            Err("must not contain the NUL character".to_owned())
        }
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

/// Reads an id.
pub fn id(value: Value) -> Result<i64, String> {
    value
        .as_i64()
        .filter(|id| *id > 0)
        .ok_or_else(|| id::RULE.to_owned())
}

/// Reads the status of a task.
pub fn status(value: Value) -> Result<TaskStatus, String> {
    value
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(str::to_owned)
}

/// Reads a point in time.
pub fn timestamp(value: Value) -> Result<Timestamp, String> {
    value
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(str::to_owned)
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut left: Vec<(String, Value)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if left.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format!(
                            "the field {name:?} is there twice"
                        )));
                    }
                    left.push((name, map.next_value()?));
                    if left.len() > 100 {
                        return Err(A::Error::custom("there are more than 100 fields"));
                    }
                }
                Ok(Fields::new(left))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
