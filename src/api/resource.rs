//! The trait of every resource of the API.

use crate::domain::fields::FieldError;
use crate::domain::id::Id;
use serde::Serialize;
use utoipa::ToSchema;

/// A resource that the API lists, gets, creates, updates and deletes.
pub(crate) trait Resource: Serialize + ToSchema + Sized + 'static {
    /// The resource's name in messages, such as `task`.
    const KIND: &'static str;
    /// The path of the collection, such as `/tasks`.
    const PATH: &'static str;
    /// The name of the table in PostgreSQL.
    const TABLE: &'static str;
    /// The name of the unique constraint in PostgreSQL that requests can violate; `None` where there is
    /// none.
    const UNIQUE: Option<&'static str> = None;

    /// The id of this resource.
    fn id(&self) -> Id<Self>;

    /// An example of the resource, for the documentation.
    fn example() -> Self;

    /// An example of an error in the input of a create or an update, for the documentation.
    fn invalid_example() -> FieldError;
}
