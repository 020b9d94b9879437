//! Marks: notes in Redis that a transaction may be changing some scopes, each left between the
//! transaction's statements and its commit.

use crate::domain::scope::Scopes;
use crate::domain::transaction::Transaction;
use std::fmt;
use std::sync::Arc;

/// The id of a mark: 16 hexadecimal digits of a random number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkId(Arc<str>);

impl MarkId {
    /// An id that no other mark has.
    pub fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()).into())
    }

    /// The id as it stands in Redis.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a mark that was found in Redis, whatever it looks like.
impl From<&str> for MarkId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

/// A mark: until it is taken away, nobody may rely on a copy of what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the transaction may be changing.
    pub scopes: Scopes,
    /// The transaction; `None` where the mark cannot be read, so that its transaction counts as ended.
    pub transaction: Option<Transaction>,
}

impl Mark {
    /// The mark that this text is of. One that cannot be read, of another version perhaps, counts for
    /// everything, and as the mark of a transaction that has ended: it is taken away in time.
    pub fn read(text: &str) -> Self {
        let parts = text.split_once(' ').and_then(|(transaction, scopes)| {
            Some((transaction.parse().ok()?, scopes.parse().ok()?))
        });
        match parts {
            Some((transaction, scopes)) => Self {
                scopes,
                transaction: Some(transaction),
            },
            None => Self {
                scopes: Scopes::Everything,
                transaction: None,
            },
        }
    }
}

/// The transaction and the scopes, parted by a space.
impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transaction {
            Some(transaction) => write!(out, "{transaction} {}", self.scopes),
            None => out.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log_position::History;
    use crate::domain::scope::Scope;

    #[test]
    fn a_mark_survives_its_text() {
        let history = History {
            system: u64::MAX,
            timeline: 3,
        };
        let transaction = Some(Transaction { history, id: 77 });
        for scopes in [
            [Scope::Tasks, Scope::TasksOfUser(7)].into_iter().collect(),
            Scopes::Everything,
        ] {
            let mark = Mark {
                scopes,
                transaction,
            };
            assert_eq!(Mark::read(&mark.to_string()), mark);
        }
    }

    #[test]
    fn a_mark_that_cannot_be_read_counts_for_everything_and_as_over() {
        for text in ["", "?", "x y", "1-1-1", "1-1-1 x"] {
            let mark = Mark::read(text);
            assert!(mark.scopes.contains(Scope::Labels), "{text}");
            assert_eq!(mark.transaction, None, "{text}");
        }
    }
}
