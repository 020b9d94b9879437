//! What PostgreSQL holds and shows: a task of one of two users, and the name of the first one.

use crate::config::Write;
use crate::model::Model;
use crate::state::*;

/// The rows.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// The owner of the task, 0 or 1.
    pub owner: u8,
    title: u8,
    name: u8,
}

impl Rows {
    /// What a view shows of them, as a number: equal numbers are equal bodies.
    fn shown(self, view: u8) -> u8 {
        let name = match self.owner {
            0 => self.name,
            _ => 0,
        };
        let body = 1 + self.title * 2 + name;
        match view {
            0 | 1 if self.owner != view => 0,
            _ => body + self.owner * 8,
        }
    }
}

impl Model {
    /// The rows after the first commits of an order.
    pub fn rows(&self, order: &Order, commits: u8) -> Rows {
        let mut rows = Rows::default();
        for attempt in &order[..usize::from(commits)] {
            match self.config.attempts[usize::from(*attempt) - 1].write {
                Write::Move(owner) => rows.owner = owner,
                Write::Title(title) => rows.title = title,
                Write::Rename => rows.name = 1,
            }
        }
        rows
    }

    /// What a view of the primary showed after this number of its commits.
    pub fn shown(&self, state: &State, view: u8, commits: u8) -> u8 {
        self.rows(&state.visible, commits).shown(view)
    }

    /// What a view of the primary shows now.
    pub fn primary_shows(&self, state: &State, view: u8) -> u8 {
        self.shown(state, view, length(&state.visible))
    }

    /// What a view of the replica shows now.
    pub fn replica_shows(&self, state: &State, view: u8) -> u8 {
        self.rows(&state.log, state.replayed).shown(view)
    }

    /// The number of commits that are visible, or fewer that show the same in this view.
    pub fn floor(&self, state: &State, view: u8) -> u8 {
        let mut floor = length(&state.visible);
        let now = self.shown(state, view, floor);
        while floor > 0 && self.shown(state, view, floor - 1) == now {
            floor -= 1;
        }
        floor
    }

    /// Whether the primary showed this at some time since a read began.
    pub fn is_linearizable(&self, state: &State, read: &Read, shown: u8) -> bool {
        let mut moments = read.floor..=length(&state.visible);
        moments.any(|commits| self.shown(state, read.view, commits) == shown)
    }

    /// Whether a commit of this request is in the log.
    pub fn is_carried_out(&self, state: &State, request: u8) -> bool {
        let mut commits = state.log.iter().take_while(|attempt| **attempt != 0);
        commits.any(|attempt| self.config.attempts[usize::from(*attempt) - 1].request == request)
    }
}
