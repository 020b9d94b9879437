//! Rows of an import: tasks with the names of their user and category instead of ids.

use super::fields::{FieldError, FieldValue, Fields, Input};
use super::task::TaskStatus;
use super::text::{CategoryName, Description, EmailAddress, Title, UserName};
use super::timestamp::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A valid row of an input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    /// The title of the task.
    pub title: Title,
    /// The description of the task; `None` where it has none.
    pub description: Option<Description>,
    /// The status of the task.
    pub status: TaskStatus,
    /// The name of the task's category; `None` where it has none.
    pub category: Option<CategoryName>,
    /// The name of the task's user, for a user that has to be created.
    pub user_name: UserName,
    /// The e-mail address of the task's user, which tells users apart.
    pub user_email: EmailAddress,
    /// When the task was created.
    pub created_at: Timestamp,
}

/// The name of a category, or nothing: in a CSV file, an empty column.
struct CategoryOrNone(Option<CategoryName>);

impl FieldValue for CategoryOrNone {
    fn read(value: Value) -> Result<Self, String> {
        match value.as_str() {
            Some("") => Ok(Self(None)),
            // An empty name is allowed here, so the rule has no shortest length.
            _ => match CategoryName::read(value) {
                Ok(name) => Ok(Self(Some(name))),
                Err(rule) if rule == CategoryName::rule() => {
                    let most = CategoryName::LENGTH.end();
                    Err(format!("must be at most {most} characters long"))
                }
                Err(rule) => Err(rule),
            },
        }
    }
}

impl ImportRow {
    /// The names of the fields, and whether a row must have them.
    pub const FIELDS: [(&str, bool); 7] = [
        ("title", true),
        ("description", false),
        ("status", false),
        ("category", false),
        ("userName", true),
        ("userEmail", true),
        ("createdAt", true),
    ];

    /// SHA-256 of every field of the row. Equal rows have equal hashes, whatever file they stand in
    /// and however it writes them.
    ///
    /// It must stay as it is: it is how a later import knows what an earlier one has loaded.
    pub fn content_hash(&self) -> [u8; 32] {
        let created_at = self.created_at.to_string();
        let parts = [
            Some(self.title.as_str()),
            self.description.as_ref().map(Description::as_str),
            Some(self.status.as_str()),
            self.category.as_ref().map(CategoryName::as_str),
            Some(self.user_name.as_str()),
            Some(self.user_email.as_str()),
            Some(&created_at),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            // With its length before it, no part can pass for a piece of its neighbour.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.finalize().into()
    }
}

impl Input for ImportRow {
    /// Reads a row. An empty category is none.
    fn read(mut fields: Fields) -> Result<Self, Vec<FieldError>> {
        let title = fields.required("title");
        let description = fields.nullable("description");
        let status = fields.optional("status");
        let category = fields.nullable("category");
        let user_name = fields.required("userName");
        let user_email = fields.required("userEmail");
        let created_at = fields.required("createdAt");
        fields.finish(|| {
            Some(Self {
                title: title?,
                description: description?.flatten(),
                status: status?.unwrap_or_default(),
                category: category?
                    .flatten()
                    .and_then(|CategoryOrNone(category)| category),
                user_name: user_name?,
                user_email: user_email?,
                created_at: created_at?,
            })
        })
    }
}

/// A row with its import key, which differs even between equal rows of one file.
#[derive(Clone, Debug)]
pub struct KeyedRow {
    /// The row, valid as it was read.
    pub row: ImportRow,
    /// The import key, by which a later import knows the task: SHA-256 of the content hash and the
    /// number of equal rows before.
    pub key: [u8; 32],
}

impl KeyedRow {
    /// A row with the key for this content hash and this many equal rows before it in its file.
    pub fn new(row: ImportRow, content_hash: [u8; 32], before: u64) -> Self {
        let hash = Sha256::new().chain_update(content_hash);
        let key = hash.chain_update(before.to_le_bytes()).finalize().into();
        Self { row, key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(row: serde_json::Value) -> Result<ImportRow, Vec<FieldError>> {
        ImportRow::read(serde_json::from_value(row).unwrap())
    }

    fn row() -> serde_json::Value {
        json!({
            "title": "Rotate the keys", "description": "", "status": "in-progress",
            "category": "Security", "userName": "Ada", "userEmail": "ada@example.com",
            "createdAt": "2026-05-17T09:30:00+02:00"
        })
    }

    /// The row with these fields instead of its own; null stands for a field that is left out.
    fn with(overrides: serde_json::Value) -> serde_json::Value {
        let mut row = row();
        for (name, value) in overrides.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    fn errors(overrides: serde_json::Value) -> Vec<(String, String)> {
        let errors = read(with(overrides)).unwrap_err().into_iter();
        errors.map(|error| (error.path, error.message)).collect()
    }

    #[test]
    fn a_row_is_read_with_its_time_in_utc() {
        let row = read(row()).unwrap();
        assert_eq!(row.status, TaskStatus::InProgress);
        assert_eq!(
            row.category.as_ref().map(CategoryName::as_str),
            Some("Security")
        );
        assert_eq!(row.description.as_ref().map(Description::as_str), Some(""));
        assert_eq!(row.created_at.to_string(), "2026-05-17T07:30:00.000Z");
    }

    #[test]
    fn optional_fields_of_a_row_may_be_left_out() {
        let bare = json!({
            "title": "t", "userName": "Ada", "userEmail": "ada@example.com",
            "createdAt": "2026-05-17T09:30:00Z"
        });
        let row = read(bare).unwrap();
        assert_eq!(row.status, TaskStatus::Pending);
        assert_eq!((row.description, row.category), (None, None));
        let row = read(with(json!({"category": "", "description": null}))).unwrap();
        assert_eq!((row.description, row.category), (None, None));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = errors(json!({
            "title": "x".repeat(201), "description": "x".repeat(1001), "status": "done",
            "category": "x".repeat(101), "userName": "", "userEmail": "ada",
            "createdAt": "yesterday", "priority": 1
        }));
        let mut paths: Vec<_> = all.iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        let mut expected: Vec<_> = ImportRow::FIELDS.iter().map(|(name, _)| *name).collect();
        expected.push("priority");
        expected.sort_unstable();
        assert_eq!(paths, expected, "{all:?}");
    }

    #[test]
    fn fields_of_a_row_keep_the_rules_of_the_api_at_their_limits() {
        let most = json!({
            "title": "ä".repeat(200), "description": "ä".repeat(1000), "category": "ä".repeat(100),
            "userName": "ä".repeat(100)
        });
        read(with(most)).unwrap();
        for (field, value) in [
            ("title", json!("")),
            ("title", json!("a\0b")),
            ("title", json!(null)),
            ("description", json!("a\0b")),
            ("status", json!("")),
            ("status", json!(null)),
            ("category", json!(7)),
            ("userEmail", json!("")),
            ("createdAt", json!("")),
            ("createdAt", json!("2026-05-17")),
            ("createdAt", json!("2026-02-30T00:00:00Z")),
            ("createdAt", json!("9999-12-31T23:59:59-01:00")),
        ] {
            let errors = errors(json!({ field: value }));
            assert!(
                matches!(&*errors, [(path, _)] if path == field),
                "{value}: {errors:?}"
            );
        }
    }

    #[test]
    fn import_key_of_a_row_never_changes() {
        let row = read(row()).unwrap();
        let content = row.content_hash();
        let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
        // If this fails, a file that an earlier version imported would be imported again.
        assert_eq!(
            hex(KeyedRow::new(row.clone(), content, 0).key),
            "b06932c46b3a229701a9f713ca210252a43e7d327b35301e679e51daa5276311"
        );
        assert_ne!(
            KeyedRow::new(row.clone(), content, 0).key,
            KeyedRow::new(row, content, 1).key
        );
    }

    #[test]
    fn rows_that_differ_have_different_hashes() {
        let hash = |overrides| read(with(overrides)).unwrap().content_hash();
        let all = [
            hash(json!({})),
            hash(json!({"description": null})),
            hash(json!({"category": null})),
            hash(json!({"title": "Rotate the key", "description": "s"})),
            hash(json!({"status": "pending"})),
            hash(json!({"createdAt": "2026-05-17T09:30:00Z"})),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(
            hash(json!({})),
            hash(json!({"createdAt": "2026-05-17T07:30:00.000Z"})),
            "the same moment, written in another way"
        );
    }
}
