//! Ids: positive 64-bit integers.

/// What an id must be, as the end of a sentence that begins with the name of the field.
pub const RULE: &str = "must be a whole number from 1 to 9223372036854775807";

/// Reads an id in decimal digits; `None` for anything that [`RULE`] excludes.
pub fn parse(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id > 0)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_positive_64_bit_integers_are_ids() {
        assert_eq!(parse("1"), Some(1));
        assert_eq!(parse("9223372036854775807"), Some(i64::MAX));
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
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
