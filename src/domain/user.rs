//! Users, who own tasks.

use super::fields::{FieldError, Fields, Input};
use super::id::Id;
use super::text::{EmailAddress, Password, UserName};
use super::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The id of a user.
pub type UserId = Id<User>;

/// A user, who owns tasks. A password or its hash is never part of any answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Identifies the user; never used again after it is deleted.
    pub id: UserId,
    /// The user's name.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// The user's e-mail address, unique without regard to case.
    #[schema(format = Email, example = "ada@example.com")]
    pub email: String,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last updated.
    pub updated_at: Timestamp,
}

/// What a user is created from.
#[derive(Debug, ToSchema)]
pub struct NewUser {
    /// The user's name.
    pub name: UserName,
    /// The user's e-mail address, unique without regard to case.
    pub email: EmailAddress,
    /// The password.
    pub password: Password,
}

impl Input for NewUser {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let name = fields.required("name");
        let email = fields.required("email");
        let password = fields.required("password");
        fields.finish(|| {
            Some(Self {
                name: name?,
                email: email?,
                password: password?,
            })
        })
    }
}

/// What an update sets of a user, at least one field; a field that is left out stays as it is.
#[derive(Debug, ToSchema)]
#[schema(min_properties = 1)]
pub struct UserUpdate {
    /// The user's name.
    #[schema(value_type = UserName, required = false)]
    pub name: Option<UserName>,
    /// The user's e-mail address, unique without regard to case.
    #[schema(value_type = EmailAddress, required = false)]
    pub email: Option<EmailAddress>,
    /// The password.
    #[schema(value_type = Password, required = false)]
    pub password: Option<Password>,
}

impl Input for UserUpdate {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let name = fields.optional("name");
        let email = fields.optional("email");
        let password = fields.optional("password");
        fields.require_any();
        fields.finish(|| {
            Some(Self {
                name: name?,
                email: email?,
                password: password?,
            })
        })
    }
}
