//! The keys of cached lists.

use crate::domain::page::{ListFilter, Page};
use crate::domain::viewer::ViewerClass;
use std::fmt;
use std::sync::Arc;

/// The key of a list in the cache: equal for requests that are answered with the same body, different
/// for all others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListKey(Arc<str>);

impl ListKey {
    /// The key of a page of the collection at this path, as clients of this class see it.
    ///
    /// Every parameter in a fixed order and with its default, so that the same list has one entry
    /// however it is asked for. The filter stands last, because it may contain anything.
    pub fn new(
        viewer: ViewerClass,
        collection_path: &str,
        page: Page,
        filter: &impl ListFilter,
    ) -> Self {
        let Page { number, limit } = page;
        let (viewer, filter) = (viewer.as_str(), filter.canonical());
        Self(format!("{viewer}:{collection_path}:{number}:{limit}:{filter}").into())
    }

    /// The key as text, without the prefix of the deployment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
