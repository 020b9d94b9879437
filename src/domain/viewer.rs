//! The clients of requests, as far as answers or stored keys differ by them.

/// The class of a request's client, by which cached lists are kept apart.
///
/// Never one client's identity, or no copy would be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerClass {
    /// Every client: there are no accounts yet.
    Everyone,
}

impl ViewerClass {
    /// The class as it stands in the key of a cached list.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
        }
    }
}

/// The owner of idempotency keys: the keys of different principals never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Every client: there are no accounts yet.
    Everyone,
}

impl Principal {
    /// The principal as it stands in the table of idempotency keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "",
        }
    }
}
