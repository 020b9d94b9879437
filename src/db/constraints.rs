//! What a violated constraint means to a client: one row for each constraint that a request can
//! violate.

/// What a constraint keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No two rows have the same; the sentence for the client whose row would be the second.
    Unique(&'static str),
    /// What a field refers to exists; the field's path.
    Reference(&'static str),
}

/// Every unique index and foreign key that a request can violate, by its name in PostgreSQL. (All other
/// rules are checked before a statement is sent.)
pub const CONSTRAINTS: &[(&str, Rule)] = &[
    (
        "users_email_key",
        Rule::Unique("Another user already has this e-mail address."),
    ),
    (
        "labels_name_key",
        Rule::Unique("Another label already has this name."),
    ),
    ("tasks_user_id_fkey", Rule::Reference("userId")),
    ("tasks_category_id_fkey", Rule::Reference("categoryId")),
];

/// What the constraint with this name keeps; `None` where no request can violate it.
pub fn rule(constraint: &str) -> Option<Rule> {
    let row = CONSTRAINTS.iter().find(|(name, _)| *name == constraint);
    row.map(|(_, rule)| *rule)
}
