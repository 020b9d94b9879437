//! Texts that keep a rule: each type is made by `parse` alone, and its rule is stated in its line here.
//!
//! From that line follow the sentence for a client, the bounds in the OpenAPI document and, by
//! `tests/api/rules.rs`, the comparison with PostgreSQL's constraint.

use super::fields::FieldValue;
use serde_json::Value;
use std::fmt;
use std::ops::RangeInclusive;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat};
use utoipa::openapi::{RefOr, Type};
use utoipa::{PartialSchema, ToSchema};
use validator::ValidateEmail;

/// The rule of a text beside its length in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Any text.
    Any,
    /// An e-mail address, as HTML's input fields understand it.
    Email,
    /// Any text, which must never be logged or shown.
    Secret,
}

/// Defines a text type with its length in characters, its form and an example.
macro_rules! text_values {
    ($($(#[$doc:meta])* $name:ident: $length:expr, $form:expr, $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The allowed lengths, in characters (Unicode scalar values).
            pub const LENGTH: RangeInclusive<usize> = $length;
            /// A valid value, for the documentation.
            pub const EXAMPLE: &str = $example;

            /// The value, if the text keeps the rule. The error is the rule, as the end of a sentence
            /// that begins with the name of the field.
            pub fn parse(text: String) -> Result<Self, String> {
                check(&text, Self::LENGTH, $form).map(|()| Self(text))
            }

            /// The rule on the length, as the end of a sentence that begins with the name of the
            /// field.
            pub fn rule() -> String {
                length_rule(Self::LENGTH)
            }

            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FieldValue for $name {
            fn read(value: Value) -> Result<Self, String> {
                text(value).and_then(Self::parse)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                schema(Self::LENGTH, $form, Self::EXAMPLE)
            }
        }

        impl ToSchema for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match $form {
                    Form::Secret => out.write_str("[redacted]"),
                    _ => fmt::Debug::fmt(&self.0, out),
                }
            }
        }
    )*};
}

text_values! {
    /// What is to be done: the title of a task.
    Title: 1..=200, Form::Any, "Rotate the signing keys";
    /// More about a task.
    Description: 0..=1000, Form::Any, "Before the old ones run out in June.";
    /// The name of a user.
    UserName: 1..=100, Form::Any, "Ada Lovelace";
    /// An e-mail address.
    EmailAddress: 3..=254, Form::Email, "ada@example.com";
    /// A password in the clear, on its way to being hashed.
    Password: 6..=1000, Form::Secret, "correct horse";
    /// The name of a category.
    CategoryName: 1..=100, Form::Any, "Infrastructure";
    /// What a list of tasks is searched for.
    SearchText: 1..=200, Form::Any, "rotate";
}

/// The text of a JSON string; an error for any other JSON value.
fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

fn check(text: &str, length: RangeInclusive<usize>, form: Form) -> Result<(), String> {
    // PostgreSQL cannot store it.
    if text.contains('\0') {
        return Err("must not contain the NUL character".to_owned());
    }
    if form == Form::Email && !text.validate_email() && text.chars().count() <= *length.end() {
        return Err(format!(
            "must be an e-mail address, such as {}",
            EmailAddress::EXAMPLE
        ));
    }
    match length.contains(&text.chars().count()) {
        true => Ok(()),
        // The form implies the shortest length.
        false if form == Form::Email => Err(length_rule(0..=*length.end())),
        false => Err(length_rule(length)),
    }
}

fn length_rule(length: RangeInclusive<usize>) -> String {
    match (length.start(), length.end()) {
        (0, end) => format!("must be at most {end} characters long"),
        (start, end) => format!("must be {start} to {end} characters long"),
    }
}

fn schema(length: RangeInclusive<usize>, form: Form, example: &str) -> RefOr<Schema> {
    let format = match form {
        Form::Any => None,
        Form::Email => Some(KnownFormat::Email),
        Form::Secret => Some(KnownFormat::Password),
    };
    let minimum = Some(*length.start()).filter(|minimum| *minimum > 0 && form != Form::Email);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(format.map(SchemaFormat::KnownFormat))
        .min_length(minimum)
        .max_length(Some(*length.end()))
        .examples([example])
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters_and_both_ends_are_allowed() {
        assert!(Title::parse("\u{1f980}".repeat(200)).is_ok());
        let rule = Err("must be 1 to 200 characters long".to_owned());
        assert_eq!(Title::parse("x".repeat(201)), rule);
        assert_eq!(Title::parse(String::new()), rule);
        assert!(Description::parse(String::new()).is_ok());
        assert_eq!(
            Description::parse("x".repeat(1001)),
            Err("must be at most 1000 characters long".to_owned())
        );
    }

    #[test]
    fn nul_is_refused_in_every_text() {
        let refused = Err("must not contain the NUL character".to_owned());
        assert_eq!(Title::parse("a\0b".to_owned()), refused);
    }

    #[test]
    fn an_email_address_has_its_form_and_its_length() {
        let long = format!("a@{}.com", "b".repeat(300));
        assert_eq!(
            EmailAddress::parse(long),
            Err("must be at most 254 characters long".to_owned())
        );
        assert_eq!(
            EmailAddress::parse("ada".to_owned()),
            Err("must be an e-mail address, such as ada@example.com".to_owned())
        );
        assert!(EmailAddress::parse(EmailAddress::EXAMPLE.to_owned()).is_ok());
    }

    #[test]
    fn a_password_is_not_printed() {
        let password = Password::parse("correct horse".to_owned()).unwrap();
        assert_eq!(format!("{password:?}"), "[redacted]");
    }
}
