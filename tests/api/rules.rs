//! Rules that are stated in the program and in PostgreSQL are the same in both.

use crate::helpers::TestApp;
use sqlx::{AssertSqlSafe, PgPool, query, query_scalar};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use taskfleet::db::constraints::{CONSTRAINTS, Rule};
use taskfleet::domain::text::{
    CategoryName, Description, EmailAddress, LabelColor, LabelName, Title, UserName,
};

/// Whether a table takes a row in which this column has this text.
async fn takes(db: &PgPool, table: &str, column: &str, text: &str) -> bool {
    let (columns, values) = match (table, column) {
        ("users", "name") => ("email, name", "'ada@example.com', $1"),
        ("users", "email") => ("name, email", "'Ada', $1"),
        ("tasks", "description") => ("title, description", "'Sweep', $1"),
        ("labels", "color") => ("name, color", "'urgent', $1"),
        (_, column) => (column, "$1"),
    };
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({values})");
    let mut transaction = db.begin().await.unwrap();
    let inserted = query(AssertSqlSafe(sql)).bind(text);
    let inserted = inserted.execute(&mut *transaction).await;
    transaction.rollback().await.unwrap();
    inserted.is_ok()
}

#[actix_web::test]
async fn lengths_are_the_same_in_the_program_and_in_postgresql() {
    let app = TestApp::start().await;
    let rows: [(&str, &str, RangeInclusive<usize>); 6] = [
        ("tasks", "title", Title::LENGTH),
        ("tasks", "description", Description::LENGTH),
        ("users", "name", UserName::LENGTH),
        ("users", "email", EmailAddress::LENGTH),
        ("categories", "name", CategoryName::LENGTH),
        ("labels", "name", LabelName::LENGTH),
    ];
    for (table, column, length) in rows {
        let (start, end) = (*length.start(), *length.end());
        let around = [start.saturating_sub(1), start, end, end + 1];
        for count in around {
            let text = "\u{e4}".repeat(count);
            assert_eq!(
                takes(&app.db, table, column, &text).await,
                length.contains(&count),
                "{table}.{column} with {count} characters"
            );
        }
    }
    for color in [
        "#000000", "#ABCdef", "#12345", "#1234567", "#12345g", "1234567", "",
    ] {
        assert_eq!(
            takes(&app.db, "labels", "color", color).await,
            LabelColor::parse(color.to_owned()).is_ok(),
            "{color}"
        );
    }
}

/// Unique indexes that are no primary keys, and foreign keys, of what the API writes.
#[actix_web::test]
async fn every_constraint_that_a_request_can_violate_has_its_row() {
    let app = TestApp::start().await;
    let there: Vec<String> = query_scalar(
        "SELECT relname::text FROM pg_index
         JOIN pg_class ON pg_class.oid = indexrelid
         JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public'
         WHERE indisunique AND NOT indisprimary
         UNION SELECT conname::text FROM pg_constraint WHERE contype = 'f'",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    // These are met by ON CONFLICT.
    let handled = ["tasks_import_key", "idempotency_keys_principal_path_key"];
    let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let listed: BTreeSet<&str> = CONSTRAINTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(there, listed.iter().copied().chain(handled).collect());
    for (name, rule) in CONSTRAINTS {
        let is_reference = matches!(rule, Rule::Reference(_));
        assert_eq!(is_reference, name.ends_with("_fkey"), "{name}");
    }
}
