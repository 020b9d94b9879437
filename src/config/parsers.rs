//! Parsers of settings, whose errors say what is allowed.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// A parser for anything that parses from text, whose error says what is allowed instead of
/// repeating the parser's own.
pub(super) fn rule<T: FromStr + Clone + Send + Sync + 'static>(
    allowed: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| text.parse().map_err(|_| allowed.to_owned())
}

/// A parser for whole numbers in a range.
pub(super) fn number<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + fmt::Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A parser for whole numbers of seconds in a range.
pub(super) fn seconds(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    let number = number(range);
    move |text| number(text).map(Duration::from_secs)
}

/// A parser for whole numbers of milliseconds in a range.
pub(super) fn milliseconds(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    let number = number(range);
    move |text| number(text).map(Duration::from_millis)
}

/// A parser for the name of an instance, which stands in a header.
pub(super) fn instance_name(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
        .ok_or_else(|| "1 to 64 visible ASCII characters".to_owned())
}

/// A parser for the URL of a deployment.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).ok();
    url.filter(|url| url.scheme() == "http" && url.has_host())
        .map(|_| text.to_owned())
        .ok_or_else(|| "a URL such as http://localhost:8080 (without TLS)".to_owned())
}
