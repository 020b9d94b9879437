//! Labels, which mark tasks.

use super::fields::{FieldError, Fields, Input};
use super::id::Id;
use super::text::{LabelColor, LabelName};
use super::timestamp::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The id of a label.
pub type LabelId = Id<Label>;

/// A label, which marks tasks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// Identifies the label; never used again after it is deleted.
    pub id: LabelId,
    /// The label's name, unique without regard to case.
    #[schema(example = "urgent")]
    pub name: String,
    /// The colour to show the label in, as `#rrggbb`; null where it has none.
    #[schema(required = true, example = "#d73a4a")]
    pub color: Option<String>,
    /// When the label was created.
    pub created_at: Timestamp,
    /// When the label was last updated.
    pub updated_at: Timestamp,
}

/// What a label is created from.
#[derive(Debug, ToSchema)]
pub struct NewLabel {
    /// The label's name, unique without regard to case.
    pub name: LabelName,
    /// The colour to show the label in, as `#rrggbb`.
    pub color: Option<LabelColor>,
}

impl Input for NewLabel {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let name = fields.required("name");
        let color = fields.nullable("color");
        fields.finish(|| {
            Some(Self {
                name: name?,
                color: color?.flatten(),
            })
        })
    }
}

/// What an update sets of a label, at least one field; a field that is left out stays as it is, and
/// null clears.
#[derive(Debug, ToSchema)]
#[schema(min_properties = 1)]
pub struct LabelUpdate {
    /// The label's name, unique without regard to case.
    #[schema(value_type = LabelName, required = false)]
    pub name: Option<LabelName>,
    /// The colour to show the label in, as `#rrggbb`; null clears it.
    #[schema(value_type = Option<LabelColor>)]
    pub color: Option<Option<LabelColor>>,
}

impl Input for LabelUpdate {
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let name = fields.optional("name");
        let color = fields.nullable("color");
        fields.require_any();
        fields.finish(|| {
            Some(Self {
                name: name?,
                color: color?,
            })
        })
    }
}
