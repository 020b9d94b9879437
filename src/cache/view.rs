//! What a lookup saw, and what may be done with it: the rules of reading, without any input or output.

use super::mark::{Mark, MarkId};
use crate::domain::log_position::LogPosition;
use crate::domain::scope::{Dependency, Scope};
use std::sync::Arc;

/// The value of a scope in Redis: a random number that each write to the scope replaces, so that it is
/// never used twice; 0 where nothing was written since the epoch began.
pub type ScopeValue = u64;

/// The values that a copy was read under: equal stamps tell that nothing of what the copy depends on
/// was written between, as far as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The value for everything, which replaces all others when a connection to Redis is new.
    pub epoch: ScopeValue,
    /// The value of [`Scope::Names`]; 0 for a list that does not depend on it.
    pub names: ScopeValue,
    /// The value of the list's own scope.
    pub scope: ScopeValue,
}

/// What a read depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A list, of which there may be copies.
    List(Dependency),
    /// Single things: any mark counts, and any change of what the scopes of [`THINGS`] hold.
    Things,
}

/// The scopes that hold all single things between them.
pub const THINGS: [Scope; 5] = [
    Scope::Tasks,
    Scope::Users,
    Scope::Categories,
    Scope::Labels,
    Scope::Names,
];

impl Subject {
    /// Whether a transaction with this mark may be changing what is read.
    pub fn is_touched_by(&self, mark: &Mark) -> bool {
        match self {
            Self::List(dependency) => dependency.is_changed_by(&mark.scopes),
            Self::Things => true,
        }
    }
}

/// The server that a read may be answered from, beside the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The primary alone.
    Primary,
    /// A replica that has replayed this position too, if what it returns is [confirmed](View::confirms).
    ReplicaAt(LogPosition),
}

impl Source {
    /// The source that is good for both of two reads.
    pub fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::ReplicaAt(one), Self::ReplicaAt(other))
                if one.history.system == other.history.system =>
            {
                Self::ReplicaAt(one.later(other))
            }
            _ => Self::Primary,
        }
    }
}

/// What one lookup saw: the marks first, and after them, at one moment, stamp and position.
#[derive(Clone, Debug)]
pub struct View {
    /// What is read.
    pub subject: Subject,
    /// All marks, of whatever scopes.
    pub marks: Arc<[(MarkId, Mark)]>,
    /// The values of the subject's scopes.
    pub stamp: Stamp,
    /// The log position that a replica must have replayed to show everything that is announced; `None`
    /// where it is not known.
    pub position: Option<LogPosition>,
}

impl View {
    /// Whether a transaction may be changing what is read, or have changed it already without its
    /// announcement being through.
    pub fn is_marked(&self) -> bool {
        let mut marks = self.marks.iter();
        marks.any(|(_, mark)| self.subject.is_touched_by(mark))
    }

    /// Whether a copy that was read under this stamp shows everything that it must.
    ///
    /// The marks were looked up first: a commit that was visible to anybody before then has either
    /// still its mark here, or its raise is in the stamp, which was looked up later.
    pub fn lets_hit(&self, stamp: Stamp) -> bool {
        !self.is_marked() && stamp == self.stamp
    }

    /// The stamp to keep a copy under that is read from now on; `None` where it would be outdated at
    /// once.
    pub fn stamp_of_copy(&self) -> Option<Stamp> {
        (!self.is_marked()).then_some(self.stamp)
    }

    /// The servers that may answer.
    pub fn source(&self) -> Source {
        match self.position {
            Some(position) if !self.is_marked() => Source::ReplicaAt(position),
            _ => Source::Primary,
        }
    }

    /// Whether what a replica returned between the view `earlier` and this one counts.
    ///
    /// A replica may show a commit before the primary does. Such a commit has left its mark before: it
    /// is still there, or the stamp has changed.
    pub fn confirms(&self, earlier: &Self) -> bool {
        !earlier.is_marked() && !self.is_marked() && self.stamp == earlier.stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log_position::{History, Lsn};
    use crate::domain::scope::Scopes;

    const LIST: Subject = Subject::List(Dependency {
        scope: Scope::TasksOfUser(1),
        names: true,
    });
    const STAMP: Stamp = Stamp {
        epoch: 1,
        names: 2,
        scope: 3,
    };

    fn view(subject: Subject, marked: &[Scopes]) -> View {
        let mark = |scopes: &Scopes| {
            let mark = Mark {
                scopes: scopes.clone(),
                transaction: None,
            };
            (MarkId::random(), mark)
        };
        let history = History {
            system: 1,
            timeline: 1,
        };
        View {
            subject,
            marks: marked.iter().map(mark).collect(),
            stamp: STAMP,
            position: Some(LogPosition {
                history,
                lsn: Lsn(9),
            }),
        }
    }

    fn of(scope: Scope) -> Scopes {
        [scope].into_iter().collect()
    }

    #[test]
    fn a_copy_counts_only_under_exactly_its_stamp() {
        let view = view(LIST, &[]);
        assert!(view.lets_hit(STAMP));
        for stamp in [
            Stamp { epoch: 4, ..STAMP },
            Stamp { names: 4, ..STAMP },
            Stamp { scope: 4, ..STAMP },
        ] {
            assert!(!view.lets_hit(stamp), "{stamp:?}");
        }
    }

    #[test]
    fn a_mark_on_the_list_or_on_names_forbids_copies_and_replicas_and_another_does_not() {
        for scopes in [
            of(Scope::TasksOfUser(1)),
            of(Scope::Names),
            Scopes::Everything,
        ] {
            let marked = view(LIST, &[of(Scope::Labels), scopes]);
            assert!(!marked.lets_hit(STAMP));
            assert_eq!(marked.stamp_of_copy(), None);
            assert_eq!(marked.source(), Source::Primary);
        }
        let unmarked = view(LIST, &[of(Scope::TasksOfUser(2)), of(Scope::Tasks)]);
        assert!(unmarked.lets_hit(STAMP));
        assert!(matches!(unmarked.source(), Source::ReplicaAt(_)));
    }

    #[test]
    fn any_mark_keeps_single_things_from_replicas() {
        let marked = view(Subject::Things, &[of(Scope::TasksOfUser(9))]);
        assert_eq!(marked.source(), Source::Primary);
    }

    #[test]
    fn what_a_replica_returned_counts_only_if_nothing_was_marked_or_raised_meanwhile() {
        let before = view(LIST, &[]);
        assert!(view(LIST, &[]).confirms(&before));
        assert!(!view(LIST, &[of(Scope::Names)]).confirms(&before));
        let mut raised = view(LIST, &[]);
        raised.stamp.scope = 4;
        assert!(!raised.confirms(&before));
    }

    #[test]
    fn a_read_without_a_position_goes_to_the_primary() {
        let mut unknown = view(LIST, &[]);
        unknown.position = None;
        assert_eq!(unknown.source(), Source::Primary);
    }
}
