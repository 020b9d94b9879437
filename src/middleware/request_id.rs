//! The id of a request, which its answer and its log lines share.

use crate::api::headers::X_REQUEST_ID;
use actix_web::http::header::HeaderMap;
use uuid::Uuid;

/// The value of X-Request-Id where it is valid, else a new UUID.
pub(super) fn propagate_or_generate(headers: &HeaderMap) -> String {
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given {
        Some(id) if is_valid(id) => id.to_owned(),
        _ => Uuid::new_v4().to_string(),
    }
}

/// Whether an id has 1 to 128 characters, none of which has a meaning in a log or a header.
fn is_valid(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn only_short_and_plain_ids_are_propagated() {
        assert!(is_valid("01J9ZC3Q-retry_2.a"));
        for bad in ["", "a b", "a\"b", "ä", &"x".repeat(129)] {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }
}
