//! Points in time, as the API writes them.

use super::fields::FieldValue;
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::str::FromStr;
use utoipa::ToSchema;

/// A point in time, written as RFC 3339 in UTC with milliseconds: `2026-05-17T09:30:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-05-17T09:30:00.000Z")]
pub struct Timestamp(pub DateTime<Utc>);

impl Timestamp {
    /// The rule of a point in time, as the end of a sentence that begins with the name of the field.
    pub const RULE: &str = "must be a time as in RFC 3339, such as 2026-05-17T09:30:00Z";

    /// 2026-05-17 09:30 UTC, for the documentation.
    pub const EXAMPLE: Self = Self(match DateTime::from_timestamp(1_779_010_200, 0) {
        Some(time) => time,
        None => DateTime::UNIX_EPOCH,
    });

    /// The current time.
    pub fn now() -> Self {
        Self(Utc::now())
    }
}

impl FromStr for Timestamp {
    type Err = &'static str;

    /// Reads RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| Self::RULE)?;
        // RFC 3339 has four digits for the year, and the year in UTC may be another one.
        let time = Some(time.to_utc()).filter(|time| (0..=9999).contains(&time.year()));
        time.map(Self).ok_or(Self::RULE)
    }
}

impl FieldValue for Timestamp {
    fn read(value: Value) -> Result<Self, String> {
        let text = value.as_str().unwrap_or_default();
        text.parse().map_err(str::to_owned)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_with_milliseconds_rounded_down() {
        for (read, written) in [
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.0009Z", "1969-12-31T23:59:59.000Z"),
            ("2026-05-17T11:30:00.1239+02:00", "2026-05-17T09:30:00.123Z"),
            ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            let time: Timestamp = read.parse().unwrap();
            assert_eq!(time.to_string(), written);
            assert_eq!(serde_json::to_value(time).unwrap(), written);
        }
    }
}
