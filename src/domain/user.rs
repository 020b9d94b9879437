//! Users, who own tasks.

use super::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use validator::Validate;

/// A user as everybody sees it: never with a password or its hash.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its id.
    #[schema(minimum = 1, example = 1)]
    pub id: i64,
    /// The person's name.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// The address, unique without regard to case.
    #[schema(format = Email, example = "ada@example.com")]
    pub email: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A password in the clear, on its way to being hashed; it cannot be printed.
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// The validator puts the value into its errors; it gets what a log would get.
impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

impl validator::ValidateLength<u64> for Password {
    fn length(&self) -> Option<u64> {
        self.0.length()
    }
}

/// What a user is made from.
#[derive(Debug, Validate, ToSchema)]
pub struct NewUser {
    /// The person's name, 1 to 100 characters.
    #[validate(length(min = 1, max = 100, message = "must be 1 to 100 characters long"))]
    #[schema(min_length = 1, max_length = 100, example = "Ada Lovelace")]
    pub name: String,
    /// The address, unique without regard to case.
    #[validate(
        email(message = "must be an e-mail address, such as ada@example.com"),
        length(max = 254, message = "must be at most 254 characters long")
    )]
    #[schema(format = Email, max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// The password, 6 to 1000 characters.
    #[validate(length(min = 6, max = 1000, message = "must be 6 to 1000 characters long"))]
    #[schema(value_type = String, format = Password, min_length = 6, max_length = 1000, example = "correct horse")]
    pub password: Password,
}

/// What changes about a user; a field left out stays as it is.
#[derive(Debug, Validate, ToSchema)]
#[schema(min_properties = 1)]
pub struct UserChange {
    /// The person's name, 1 to 100 characters.
    #[validate(length(min = 1, max = 100, message = "must be 1 to 100 characters long"))]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 100,
        example = "Ada King"
    )]
    pub name: Option<String>,
    /// The address, unique without regard to case.
    #[validate(
        email(message = "must be an e-mail address, such as ada@example.com"),
        length(max = 254, message = "must be at most 254 characters long")
    )]
    #[schema(nullable = false, format = Email, max_length = 254, example = "ada.king@example.com")]
    pub email: Option<String>,
    /// The password, 6 to 1000 characters.
    #[validate(length(min = 6, max = 1000, message = "must be 6 to 1000 characters long"))]
    #[schema(nullable = false, value_type = Option<String>, format = Password, min_length = 6, max_length = 1000, example = "battery staple")]
    pub password: Option<Password>,
}
