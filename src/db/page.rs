//! What every list repeats: a page of rows that each carry the total.

use crate::domain::page::Listed;

/// The page that these rows hold. Each row carries the total; a page beyond the end of the list is one
/// row that carries nothing else.
pub(super) fn listed<R, T>(
    rows: Vec<R>,
    total: impl Fn(&R) -> i64,
    item: impl Fn(R) -> Option<T>,
) -> Listed<T> {
    Listed {
        total: rows.first().map_or(0, total),
        items: rows.into_iter().filter_map(item).collect(),
    }
}
