//! Query strings, of which all errors are told at once.

use crate::api::error::ApiError;
use crate::domain::fields::FieldError;
use crate::domain::id::{self, Id};
use crate::domain::page::{MAX_LIMIT, MAX_PAGE, Page};
use std::ops::RangeInclusive;

/// The parameters of a query string, taken out one by one.
#[derive(Debug)]
pub(crate) struct Parameters {
    remaining: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// The parameters of this query string; a 400 where it is not UTF-8.
    pub(crate) fn parse(query: &str) -> Result<Self, ApiError> {
        if percent_encoding::percent_decode_str(query)
            .decode_utf8()
            .is_err()
        {
            let reason = "The query string is not UTF-8 after percent-decoding.";
            return Err(ApiError::Malformed(reason.to_owned()));
        }
        let remaining = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            remaining,
            known: Vec::new(),
            errors: Vec::new(),
        })
    }

    /// Takes an optional parameter, parsed by `read`. `None` where the parameter is left out, and where
    /// it is invalid, which [`finish`](Self::finish) tells.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let mut values = self
            .remaining
            .extract_if(.., |(other, _)| other == name)
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

    /// Takes an optional parameter that is an id. `None` as for [`optional`](Self::optional).
    pub(crate) fn id<T>(&mut self, name: &'static str) -> Option<Id<T>> {
        self.optional(name, |text| {
            Id::parse(text).ok_or_else(|| id::RULE.to_owned())
        })
    }

    /// Takes `page` and `limit`, with their defaults 1 and 10.
    pub(crate) fn page(&mut self) -> Page {
        let number = self.number("page", 1..=MAX_PAGE).unwrap_or(1);
        let limit = self.number("limit", 1..=MAX_LIMIT).unwrap_or(10);
        Page { number, limit }
    }

    fn number(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.optional(name, |text| {
            let number = id::parse_positive(text).filter(|number| range.contains(number));
            number.ok_or_else(|| {
                format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                )
            })
        })
    }

    /// Ends the parsing: a 400 with every error in the parameters that were taken, and with every
    /// parameter that was not.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        for (name, _) in self.remaining {
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
