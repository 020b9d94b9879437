//! Pages of a list.

use super::scope::{Dependency, Scoped};
use std::marker::PhantomData;
use std::str::FromStr;
use utoipa::ToSchema;

/// The highest page number that can be asked for.
pub const MAX_PAGE: i64 = 2_147_483_647;
/// The highest number of items on a page.
pub const MAX_LIMIT: i64 = 100;

/// The page of a list that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of the page, from 1 to [`MAX_PAGE`].
    pub number: i64,
    /// The most items on a page, from 1 to [`MAX_LIMIT`].
    pub limit: i64,
}

impl Page {
    /// The number of items before this page.
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.limit
    }

    /// The number of pages that `total` items fill, the last of which may be short.
    pub fn count(self, total: i64) -> i64 {
        (total + self.limit - 1) / self.limit
    }
}

/// The items on a page of a list, and the total of the list in the same snapshot.
#[derive(Debug)]
pub struct Listed<T> {
    /// The number of items in the whole list.
    pub total: i64,
    /// The items on this page, in the list's order.
    pub items: Vec<T>,
}

/// The filter of a list: the part of its query that decides, beside the page, which items it holds.
pub trait ListFilter {
    /// Appends the whole filter as text, with defaults filled in: equal for equal filters, different for
    /// any that may select different rows. It becomes the end of the list's cache key, so an
    /// implementation takes its fields from exhaustive destructuring.
    fn push_canonical(&self, key: &mut String);

    /// What the list depends on, so that a write outdates the copies of exactly the lists that it may
    /// have changed.
    fn dependency(&self) -> Dependency;
}

/// The filter of a list that holds every row of the table of `T`.
#[derive(Clone, Copy, Debug)]
pub struct Unfiltered<T>(PhantomData<T>);

impl<T> Default for Unfiltered<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Scoped> ListFilter for Unfiltered<T> {
    fn push_canonical(&self, _: &mut String) {}

    fn dependency(&self) -> Dependency {
        Dependency {
            scope: T::SCOPE,
            names: false,
        }
    }
}

/// The order of a list by creation; ids break ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
pub enum Order {
    /// The oldest first.
    #[schema(rename = "asc")]
    Ascending,
    /// The newest first.
    #[default]
    #[schema(rename = "desc")]
    Descending,
}

impl Order {
    /// The order as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

impl FromStr for Order {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err("must be one of asc, desc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_may_be_short() {
        let page = Page {
            number: 3,
            limit: 10,
        };
        assert_eq!(page.offset(), 20);
        assert_eq!([0, 1, 10, 11].map(|total| page.count(total)), [0, 1, 1, 2]);
    }

    #[test]
    fn the_highest_page_does_not_overflow() {
        let page = Page {
            number: MAX_PAGE,
            limit: MAX_LIMIT,
        };
        assert_eq!(page.offset(), 214_748_364_600);
    }
}
