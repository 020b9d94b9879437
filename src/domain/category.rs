//! Categories, which group tasks.

use super::fields::{FieldError, Fields, Input};
use super::id::Id;
use super::text::CategoryName;
use super::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The id of a category.
pub type CategoryId = Id<Category>;

/// A category, which groups tasks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// Identifies the category; never used again after it is deleted.
    pub id: CategoryId,
    /// The category's name.
    #[schema(example = "Infrastructure")]
    pub name: String,
    /// When the category was created.
    pub created_at: Timestamp,
    /// When the category was last updated.
    pub updated_at: Timestamp,
}

/// The fields of a category that a client decides, both on create and on update.
#[derive(Debug, ToSchema)]
pub struct CategoryInput {
    /// The category's name; several categories may have the same.
    pub name: CategoryName,
}

impl Input for CategoryInput {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let name = fields.required("name");
        fields.finish(|| Some(Self { name: name? }))
    }
}
