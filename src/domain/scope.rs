//! Scopes: the parts of the world that lists depend on and that writes change, and the two rules that
//! must agree: which scopes a write changes, and which ones a list depends on.
//!
//! A list whose content a write changed depends on a scope that the write changed; nothing else is
//! needed for copies to be outdated in time, and the less a write changes beyond that, the more copies
//! stay good.

use super::category::{Category, CategoryId};
use super::label::Label;
use super::user::{User, UserId};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The number of scopes that the tasks of all users share.
const USER_SCOPES: i64 = 4096;
/// The number of scopes that the tasks of all categories share.
const CATEGORY_SCOPES: i64 = 1024;

/// A part of the world that a list depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All tasks.
    Tasks,
    /// The tasks of the users whose ids have this rest modulo 4096.
    TasksOfUser(u16),
    /// The tasks of the categories whose ids have this rest modulo 1024.
    TasksOfCategory(u16),
    /// All users.
    Users,
    /// All categories.
    Categories,
    /// All labels.
    Labels,
    /// What tasks embed of users and categories.
    Names,
}

impl Scope {
    /// The scope of the tasks of this user.
    pub fn tasks_of_user(id: UserId) -> Self {
        Self::TasksOfUser(rest(id.get(), USER_SCOPES))
    }

    /// The scope of the tasks of this category.
    pub fn tasks_of_category(id: CategoryId) -> Self {
        Self::TasksOfCategory(rest(id.get(), CATEGORY_SCOPES))
    }
}

fn rest(id: i64, number: i64) -> u16 {
    u16::try_from(id.rem_euclid(number)).unwrap_or(0)
}

/// The scope as it stands in Redis: `all`, `u17`, `c3`, `users`, `categories`, `labels` or `names`.
impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tasks => out.write_str("all"),
            Self::TasksOfUser(number) => write!(out, "u{number}"),
            Self::TasksOfCategory(number) => write!(out, "c{number}"),
            Self::Users => out.write_str("users"),
            Self::Categories => out.write_str("categories"),
            Self::Labels => out.write_str("labels"),
            Self::Names => out.write_str("names"),
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "all" => return Ok(Self::Tasks),
            "users" => return Ok(Self::Users),
            "categories" => return Ok(Self::Categories),
            "labels" => return Ok(Self::Labels),
            "names" => return Ok(Self::Names),
            _ => {}
        }
        let number = |digits: &str| digits.parse().map_err(|_| ());
        match text.split_at_checked(1) {
            Some(("u", digits)) => number(digits).map(Self::TasksOfUser),
            Some(("c", digits)) => number(digits).map(Self::TasksOfCategory),
            _ => Err(()),
        }
    }
}

/// The scopes that a write changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// These scopes; none where the write changed nothing.
    Some(BTreeSet<Scope>),
    /// Every scope there is.
    Everything,
}

impl Scopes {
    /// The most scopes that are told apart, so that a mark stays small: a transaction that changes
    /// more, as an import's may, changes everything.
    const MOST: usize = 256;

    /// No scope at all.
    pub fn none() -> Self {
        Self::Some(BTreeSet::new())
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Some(scopes) if scopes.is_empty())
    }

    /// Whether this scope is among them.
    pub fn contains(&self, scope: Scope) -> bool {
        match self {
            Self::Some(scopes) => scopes.contains(&scope),
            Self::Everything => true,
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let scopes: BTreeSet<_> = scopes.into_iter().collect();
        match scopes.len() <= Self::MOST {
            true => Self::Some(scopes),
            false => Self::Everything,
        }
    }
}

/// The scopes parted by commas, or `*` for everything.
impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some(scopes) = self else {
            return out.write_str("*");
        };
        for (place, scope) in scopes.iter().enumerate() {
            if place > 0 {
                out.write_str(",")?;
            }
            scope.fmt(out)?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "*" => Ok(Self::Everything),
            "" => Ok(Self::none()),
            _ => text.split(',').map(str::parse).collect(),
        }
    }
}

/// The user and the category of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The user who owns the task; `None` where nobody does.
    pub user_id: Option<UserId>,
    /// The category of the task; `None` where it has none.
    pub category_id: Option<CategoryId>,
}

/// What a write did to one row.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// A task that was created, updated or deleted: its place before, where it was there, and after, where
    /// it still is.
    Task {
        /// Where the task was before.
        before: Option<Place>,
        /// Where it is now.
        after: Option<Place>,
    },
    /// A user was created, of whom no task can tell yet.
    UserCreated,
    /// A user was updated, or deleted and taken from its tasks.
    User,
    /// A category was created, of which no task can tell yet.
    CategoryCreated,
    /// A category was updated, or deleted and taken from its tasks.
    Category,
    /// A label was created, updated or deleted.
    Label,
}

impl Change {
    /// The scopes that this changes.
    ///
    /// Users and categories that are deleted change no scope of tasks: what it takes from the tasks,
    /// and from the lists by user or category, all lists of tasks depend on by [`Scope::Names`].
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let (fixed, places): (&[Scope], _) = match self {
            Self::Task { before, after } => (&[Scope::Tasks], [*before, *after]),
            Self::UserCreated => (&[Scope::Users], [None; 2]),
            Self::User => (&[Scope::Users, Scope::Names], [None; 2]),
            Self::CategoryCreated => (&[Scope::Categories], [None; 2]),
            Self::Category => (&[Scope::Categories, Scope::Names], [None; 2]),
            Self::Label => (&[Scope::Labels], [None; 2]),
        };
        let of_place = |place: Place| {
            let user = place.user_id.map(Scope::tasks_of_user);
            user.into_iter()
                .chain(place.category_id.map(Scope::tasks_of_category))
        };
        let places = places.into_iter().flatten().flat_map(of_place);
        fixed.iter().copied().chain(places)
    }
}

/// What a list depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// The narrowest scope that holds every row of the list.
    pub scope: Scope,
    /// Whether the list depends on [`Scope::Names`] as well.
    pub names: bool,
}

impl Dependency {
    /// What a list depends on that holds only tasks of this user and category, where they are given: on
    /// the tasks of the user, else of the category, else on all.
    pub fn of_tasks(user_id: Option<UserId>, category_id: Option<CategoryId>) -> Self {
        let of_user = user_id.map(Scope::tasks_of_user);
        let of_category = || category_id.map(Scope::tasks_of_category);
        Self {
            scope: of_user.or_else(of_category).unwrap_or(Scope::Tasks),
            names: true,
        }
    }

    /// The scopes that the list depends on.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        [Some(self.scope), self.names.then_some(Scope::Names)]
            .into_iter()
            .flatten()
    }

    /// Whether a write to these scopes may change the list.
    pub fn is_changed_by(&self, scopes: &Scopes) -> bool {
        self.scopes().any(|scope| scopes.contains(scope))
    }
}

/// A kind of resource whose lists are not filtered, and depend on one scope.
pub trait Scoped {
    /// The scope of the kind.
    const SCOPE: Scope;
}

impl Scoped for User {
    const SCOPE: Scope = Scope::Users;
}

impl Scoped for Category {
    const SCOPE: Scope = Scope::Categories;
}

impl Scoped for Label {
    const SCOPE: Scope = Scope::Labels;
}

/// What a transaction's statements return, with the scopes that they changed.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// What the statements return.
    pub value: T,
    /// The scopes that they changed.
    pub scopes: Scopes,
}

impl<T> Changed<T> {
    /// The result of statements that made these changes.
    pub fn by(changes: impl IntoIterator<Item = Change>, value: T) -> Self {
        let changes: Vec<_> = changes.into_iter().collect();
        Self {
            value,
            scopes: changes.iter().flat_map(Change::scopes).collect(),
        }
    }

    /// The result of statements that changed nothing that a list or a resource shows.
    pub fn nothing(value: T) -> Self {
        Self {
            value,
            scopes: Scopes::none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    #[test]
    fn a_scope_survives_its_text() {
        let scopes = [
            Scope::Tasks,
            Scope::TasksOfUser(0),
            Scope::TasksOfUser(4095),
            Scope::TasksOfCategory(1023),
            Scope::Users,
            Scope::Categories,
            Scope::Labels,
            Scope::Names,
        ];
        for scope in scopes {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        let some: Scopes = scopes.into_iter().collect();
        for scopes in [some, Scopes::none(), Scopes::Everything] {
            assert_eq!(scopes.to_string().parse(), Ok(scopes));
        }
        for bad in ["", "u", "x1", "u-1", "u1,", "ü1"] {
            assert_eq!(bad.parse::<Scope>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn more_scopes_than_are_told_apart_are_everything() {
        let scopes = |number| (0..number).map(Scope::TasksOfUser).collect::<Scopes>();
        assert!(!scopes(256).contains(Scope::Users));
        assert_eq!(scopes(257), Scopes::Everything);
    }

    #[test]
    fn a_task_that_moves_changes_the_lists_of_both_users_and_no_other() {
        let place = |user| {
            Some(Place {
                user_id: Some(Id::from_database(user)),
                category_id: None,
            })
        };
        let (before, after) = (place(1), place(2));
        let moved = Changed::by([Change::Task { before, after }], ());
        let changed = |list: Dependency| list.is_changed_by(&moved.scopes);
        let list = |user| Dependency::of_tasks(Some(Id::from_database(user)), None);
        assert!(changed(list(1)) && changed(list(2)) && changed(Dependency::of_tasks(None, None)));
        assert!(!changed(list(3)));
    }
}
