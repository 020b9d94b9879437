//! The meaning of a violated constraint to a client: one row for each constraint that a request can
//! violate.

/// The rule of a constraint, as a client is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No two rows have the same value; the sentence for a client whose row would be the second.
    Unique(&'static str),
    /// The row that a field refers to exists; the path of the field.
    Reference(&'static str),
}

/// Every unique index and foreign key that a request can violate, by its name in PostgreSQL. (All other
/// rules are checked before a statement is sent.)
pub const CONSTRAINTS: &[(&str, Rule)] = &[
    (
        "users_email_key",
        Rule::Unique("Another user already has this e-mail address."),
    ),
    ("tasks_user_id_fkey", Rule::Reference("userId")),
    ("tasks_category_id_fkey", Rule::Reference("categoryId")),
];

/// The rule of the constraint with this name; `None` where no request can violate it.
pub fn rule(constraint: &str) -> Option<Rule> {
    let row = CONSTRAINTS.iter().find(|(name, _)| *name == constraint);
    row.map(|(_, rule)| *rule)
}
