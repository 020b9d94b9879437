//! Repair: what becomes of marks that stay longer than a write takes, because the writer died, or could
//! not reach Redis again.

use super::commands::Raise;
use super::links::Links;
use super::mark::{Mark, MarkId};
use super::primary::Primary;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_local;
use tokio::time::Instant;

/// The time after which somebody who sees a mark asks what became of its transaction. Counted by each
/// observer from when it first saw the mark, so that no clocks are compared.
const MARK_TIME: Duration = Duration::from_secs(1);

/// The marks that one worker watches.
#[derive(Clone)]
pub(super) struct Repairs(Rc<Inner>);

struct Inner {
    primary: Arc<Primary>,
    links: Arc<Links>,
    /// When to ask what became of each mark that is there; `None` while that is done.
    due: RefCell<HashMap<MarkId, Option<Instant>>>,
}

impl Repairs {
    /// Repairs by these questions to the primary and over these connections.
    pub(super) fn new(primary: Arc<Primary>, links: Arc<Links>) -> Self {
        Self(Rc::new(Inner {
            primary,
            links,
            due: RefCell::default(),
        }))
    }

    /// Takes note of the marks that are there now, and starts the repair of those that are due.
    pub(super) fn observe(&self, marks: &[(MarkId, Mark)]) {
        let mut due = self.0.due.borrow_mut();
        if marks.is_empty() && due.is_empty() {
            return;
        }
        due.retain(|id, _| marks.iter().any(|(there, _)| there == id));
        let now = Instant::now();
        for (id, mark) in marks {
            let time = due.entry(id.clone()).or_insert(Some(now + MARK_TIME));
            if time.is_some_and(|time| time <= now) {
                *time = None;
                spawn_local(Rc::clone(&self.0).repair(id.clone(), mark.clone()));
            }
        }
    }
}

impl Inner {
    /// Takes a mark away whose transaction has ended, and raises in the writer's stead; where that is not
    /// possible, the mark is due again later.
    async fn repair(self: Rc<Self>, id: MarkId, mark: Mark) {
        self.try_repair(&id, mark).await;
        // Also where it is away: a step that Redis got late may bring it back.
        if let Some(due) = self.due.borrow_mut().get_mut(&id) {
            *due = Some(Instant::now() + MARK_TIME);
        }
    }

    async fn try_repair(&self, id: &MarkId, mark: Mark) {
        if let Some(transaction) = mark.transaction
            && (self.primary.is_in_progress)(transaction).await != Some(false)
        {
            return;
        }
        // After the transaction is known to have ended, so that its commit lies before the position.
        let Some(position) = (self.primary.position)().await else {
            return;
        };
        let raise = Raise {
            scopes: mark.scopes,
            mark: Some(id.clone()),
        };
        log::debug!(
            "a mark of a transaction that has ended was left; raising in its writer's stead"
        );
        self.links.raise(&[raise], position).await;
    }
}
