//! Query strings, of which everything that is wrong is told at once.

use crate::domain::fields::FieldError;
use crate::domain::id;
use crate::domain::page::{MAX_LIMIT, MAX_PAGE, Page};
use crate::error::ApiError;
use std::ops::RangeInclusive;

/// The parameters of a query string, taken out one by one.
#[derive(Debug)]
pub struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Takes a query string apart.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        if percent_encoding::percent_decode_str(query)
            .decode_utf8()
            .is_err()
        {
            let reason = "The query string is not UTF-8 after percent-decoding.";
            return Err(ApiError::Malformed(reason.to_owned()));
        }
        let left = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            left,
            known: Vec::new(),
            errors: Vec::new(),
        })
    }

    /// What `read` makes of a parameter, which otherwise says what it must be.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let mut values = self
            .left
            .extract_if(.., |(left, _)| left == name)
            .map(|(_, value)| value);
        let (first, more) = (values.next()?, values.next().is_some());
        drop(values);
        let read = if more {
            Err("must be there only once".to_owned())
        } else {
            read(&first)
        };
        read.map_err(|rule| self.errors.push(FieldError::new(name, rule)))
            .ok()
    }

    /// An id.
    pub fn id(&mut self, name: &'static str) -> Option<i64> {
        self.optional(name, |text| {
            id::parse(text).ok_or_else(|| id::RULE.to_owned())
        })
    }

    /// Text of so many characters.
    pub fn text(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<String> {
        self.optional(name, |text| {
            if text.contains('\0') {
                Err("must not contain the NUL character".to_owned())
            } else if length.contains(&text.chars().count()) {
                Ok(text.to_owned())
            } else {
                Err(format!(
                    "must be {} to {} characters long",
                    length.start(),
                    length.end()
                ))
            }
        })
    }

    /// `page` and `limit`.
    pub fn page(&mut self) -> Page {
        let number = self.number("page", 1..=MAX_PAGE).unwrap_or(1);
        let limit = self.number("limit", 1..=MAX_LIMIT).unwrap_or(10);
        Page { number, limit }
    }

    fn number(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.optional(name, |text| {
            let number = id::parse(text).filter(|number| range.contains(number));
            number.ok_or_else(|| {
                format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                )
            })
        })
    }

    /// Ends the reading: is anything wrong, or left over?
    pub fn finish(mut self) -> Result<(), ApiError> {
        for (name, _) in self.left {
            let known = self.known.join(", ");
            let message = format!("is not a parameter here; the parameters are {known}");
            self.errors.push(FieldError::new(name, message));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::Invalid(self.errors))
        }
    }
}
