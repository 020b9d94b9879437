//! What every resource has.

use crate::domain::fields::FieldError;
use crate::domain::id::Id;
use serde::Serialize;
use utoipa::ToSchema;

/// A kind of thing that the API lists, shows, creates, updates and deletes.
pub trait Resource: Serialize + ToSchema + Sized + 'static {
    /// The resource's name in messages, such as `task`.
    const KIND: &'static str;
    /// The path of the collection, such as `/tasks`.
    const PATH: &'static str;
    /// The name of the constraint in PostgreSQL that lets no two of them have the same, if there is one.
    const UNIQUE: Option<&'static str> = None;

    /// The id of this one.
    fn id(&self) -> Id<Self>;

    /// One of them, for the documentation.
    fn example() -> Self;

    /// What is wrong with an input that breaks a rule, for the documentation.
    fn invalid_example() -> FieldError;
}
