//! Objects of named fields, as a client or a file sends them, of which all errors are told at once.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use utoipa::ToSchema;

/// The most fields that an object may have.
const MAX_FIELDS: usize = 100;

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, parameter or header that breaks a rule.
    #[schema(example = "title")]
    pub path: String,
    /// What it must be: the end of a sentence that begins with `path`.
    #[schema(example = "must be 1 to 200 characters long")]
    pub message: String,
}

impl FieldError {
    /// An error about the field with this path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A type of the values of a field.
pub trait FieldValue: Sized {
    /// Parses the value. The error is the rule that it breaks: the end of a sentence that begins with
    /// the path of the field.
    fn read(value: Value) -> Result<Self, String>;
}

/// A type that is parsed from the fields of an object.
pub trait Input: Sized {
    /// Parses all fields. The error has every error in any of them.
    fn read(fields: Fields) -> Result<Self, Vec<FieldError>>;
}

/// The fields of an object, taken out one by one.
///
/// A value can be got out only through [`finish`](Self::finish), which yields nothing as long as
/// anything is wrong.
#[derive(Debug)]
pub struct Fields {
    remaining: Vec<(String, Value)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
    is_empty: bool,
}

impl Fields {
    /// The fields with these names, each of which is there once.
    pub fn new(fields: Vec<(String, Value)>) -> Self {
        Self {
            is_empty: fields.is_empty(),
            remaining: fields,
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Takes a required field. `None` where it is missing or invalid, which [`finish`](Self::finish)
    /// tells.
    pub fn required<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        match self.take(name) {
            Some(value) => self.read(name, value),
            None => {
                self.errors.push(FieldError::new(name, "is required"));
                None
            }
        }
    }

    /// Takes an optional field; `Some(None)` where it is left out. `None` where it is invalid, which
    /// [`finish`](Self::finish) tells.
    pub fn optional<T: FieldValue>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.take(name) {
            Some(value) => self.read(name, value).map(Some),
            None => Some(None),
        }
    }

    /// Takes an optional field that may be null; `Some(None)` where it is left out, `Some(Some(None))`
    /// where it is null. `None` where it is invalid, which [`finish`](Self::finish) tells.
    pub fn nullable<T: FieldValue>(&mut self, name: &'static str) -> Option<Option<Option<T>>> {
        match self.take(name) {
            Some(Value::Null) => Some(Some(None)),
            Some(value) => self.read(name, value).map(|value| Some(Some(value))),
            None => Some(None),
        }
    }

    /// Demands that the object has at least one field, after all that it can have were taken.
    pub fn require_any(&mut self) {
        if self.is_empty {
            let known = self.known.join(", ");
            let message = format!("must have at least one of {known}");
            self.errors.push(FieldError::new("body", message));
        }
    }

    /// The value that `make` builds from the fields that were taken, if all are valid and no other
    /// field remains. Else every error, and `make` is not called.
    pub fn finish<T>(mut self, make: impl FnOnce() -> Option<T>) -> Result<T, Vec<FieldError>> {
        let known = self.known.join(", ");
        for (name, _) in self.remaining {
            let message = format!("is not a field here; the fields are {known}");
            self.errors.push(FieldError::new(name, message));
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        // A field that could not be read has noted why; `make` alone can refuse without a reason.
        make().ok_or_else(|| vec![FieldError::new("body", "does not have the right fields")])
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        let index = self.remaining.iter().position(|(other, _)| other == name)?;
        Some(self.remaining.swap_remove(index).1)
    }

    fn read<T: FieldValue>(&mut self, name: &'static str, value: Value) -> Option<T> {
        T::read(value)
            .map_err(|rule| self.errors.push(FieldError::new(name, rule)))
            .ok()
    }
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
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if fields.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format!(
                            "the field {name:?} is there twice"
                        )));
                    }
                    fields.push((name, map.next_value()?));
                    if fields.len() > MAX_FIELDS {
                        return Err(A::Error::custom(format!(
                            "there are more than {MAX_FIELDS} fields"
                        )));
                    }
                }
                Ok(Fields::new(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Title;
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    fn paths<T: fmt::Debug>(result: Result<T, Vec<FieldError>>) -> Vec<String> {
        let errors = result.unwrap_err().into_iter();
        errors.map(|error| error.path).collect()
    }

    /// Each way in which a field can be wrong keeps anything from being made of the others, whatever
    /// the field is called and whatever `make` returns.
    #[test]
    fn finish_with_an_invalid_field_is_an_error_and_no_value() {
        for wrong in [json!(7), json!(""), json!(null), json!({"title": "x"})] {
            let mut fields = fields(json!({"title": "x", "nested.name": wrong}));
            let title: Option<Title> = fields.required("title");
            let wrong: Option<Title> = fields.required("nested.name");
            assert!(title.is_some() && wrong.is_none());
            assert_eq!(paths(fields.finish(|| Some("a stand-in"))), ["nested.name"]);
        }
    }

    #[test]
    fn missing_field_and_unknown_field_are_both_errors() {
        let mut fields = fields(json!({"titel": "x"}));
        let title: Option<Title> = fields.required("title");
        assert_eq!(paths(fields.finish(|| title)), ["title", "titel"]);
    }

    #[test]
    fn make_that_returns_none_is_an_error() {
        assert_eq!(paths(fields(json!({})).finish(|| None::<()>)), ["body"]);
    }
}
