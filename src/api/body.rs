//! Bodies of requests: JSON objects, of which everything that is wrong is told at once.

use crate::domain::{id, task::TaskStatus};
use crate::error::{ApiError, FieldError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::pin::Pin;
use validator::Validate;

/// The longest body that is read, in bytes. The longest that is valid has less than a quarter.
pub const MAX_BYTES: usize = 64 * 1024;

/// The fields of a JSON object, taken out one by one.
#[derive(Debug)]
pub struct Fields {
    left: Vec<(String, Value)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// Reads a value, or says what it must be.
type Reads<T> = fn(Value) -> Result<T, String>;

impl Fields {
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
    pub fn finish<T: Validate>(mut self, made: T) -> Result<T, ApiError> {
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
                .get(*name)
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
            Err(ApiError::Invalid(self.errors))
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
                Ok(Fields {
                    left,
                    known: Vec::new(),
                    errors: Vec::new(),
                })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn parse(body: &[u8]) -> Result<Fields, ApiError> {
    let malformed =
        |cause: String| ApiError::Malformed(format!("The body cannot be read: {cause}."));
    if body.is_empty() {
        return Err(ApiError::Malformed(
            "The body is empty, but must be a JSON object.".to_owned(),
        ));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(format!(
            "it is not UTF-8 from byte {} on",
            error.valid_up_to()
        ))
    })?;
    serde_json::from_str(text).map_err(|error| malformed(error.to_string()))
}

impl FromRequest for Fields {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !is_json(request) {
            return Box::pin(async { Err(ApiError::NotJson) });
        }
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body
                .await
                .map_err(|error| match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => ApiError::TooLarge(MAX_BYTES),
                    _ => ApiError::Malformed(format!("The body cannot be read: {error}.")),
                })?;
            parse(&body)
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case("application/json")
}
