//! Categories, which group tasks.

use super::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use validator::Validate;

/// A category as everybody sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// Its id.
    #[schema(minimum = 1, example = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "Infrastructure")]
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a category is made from; on an update, what it becomes.
#[derive(Debug, Validate, ToSchema)]
pub struct CategoryInput {
    /// Its name, 1 to 100 characters.
    #[validate(length(min = 1, max = 100, message = "must be 1 to 100 characters long"))]
    #[schema(min_length = 1, max_length = 100, example = "Infrastructure")]
    pub name: String,
}
