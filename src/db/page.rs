//! What every list repeats: a page of rows that each carry the total.

use crate::domain::page::Listed;

/// The page that these rows are: each row carries the total, and one without an item, which a page
/// beyond the end consists of, carries nothing else.
pub fn listed<R, T>(
    rows: Vec<R>,
    total: impl Fn(&R) -> i64,
    item: impl Fn(R) -> Option<T>,
) -> Listed<T> {
    Listed {
        total: rows.first().map_or(0, total),
        items: rows.into_iter().filter_map(item).collect(),
    }
}
