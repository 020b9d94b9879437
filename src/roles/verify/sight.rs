//! What the answer to a read shows of the registers and items of a session.

use super::history::{ABSENT, HOST, ItemName, MISSING, Seen, Sight};
use super::scratch::{Scratch, item_in, rows, version_in};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A path that is read.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The path and query.
    pub path: String,
    /// What its answer shows.
    pub kind: ViewKind,
}

/// What an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewKind {
    /// The task with this register.
    Task(usize),
    /// The user with this register.
    User(usize),
    /// The category with this register.
    Category(usize),
    /// The tasks of the user with this id.
    TasksOf(i64),
    /// The tasks of the session, of both users and of none.
    OwnTasks,
    /// Tasks without a filter, among them those of other clients of the deployment.
    AllTasks,
    /// Users, among them those of other clients of the deployment.
    AllUsers,
}

/// The tasks in the answer to a list that have an item's name, counted.
pub(super) fn count_items(body: &Value) -> BTreeMap<ItemName, usize> {
    let mut items = BTreeMap::new();
    let names = rows(body)
        .iter()
        .filter_map(|row| item_in(row.get("title")));
    for name in names {
        *items.entry(name).or_default() += 1;
    }
    items
}

impl Scratch {
    /// Everything that is read. The lists of the session's tasks show all that they have, which are
    /// fewer than a page holds.
    pub(super) fn views(&self) -> Vec<View> {
        let lists = self.users.map(|user| {
            let path = format!("/tasks?userId={user}&limit=100");
            (path, ViewKind::TasksOf(user))
        });
        let category = format!("/tasks?categoryId={}&limit=100&sort=asc", self.category);
        let others = [
            (category, ViewKind::OwnTasks),
            (
                format!("/tasks?search={}&limit=100", self.marker),
                ViewKind::OwnTasks,
            ),
            ("/tasks?limit=100".to_owned(), ViewKind::AllTasks),
            ("/users?limit=100".to_owned(), ViewKind::AllUsers),
            (self.guest_path(), ViewKind::Task(self.guest())),
        ];
        let ones = self.versioned().into_iter().enumerate();
        let ones = ones.map(|(register, versioned)| {
            let kind = match register {
                _ if self.titles().contains(&register) => ViewKind::Task(register),
                _ if self.names().contains(&register) => ViewKind::User(register),
                _ => ViewKind::Category(register),
            };
            (versioned.path, kind)
        });
        let views = lists.into_iter().chain(others).chain(ones);
        views.map(|(path, kind)| View { path, kind }).collect()
    }

    /// What an answer to a read of this view shows. A session with so many creators.
    pub(super) fn look(&self, kind: ViewKind, body: &Value, creators: usize) -> Sight {
        let mut look = Look::new(self);
        match kind {
            ViewKind::Task(register) => {
                look.task(data(body));
                look.miss([register]);
            }
            ViewKind::User(register) => {
                look.user(data(body));
                look.miss([register]);
            }
            ViewKind::Category(register) => {
                look.category(data(body));
                look.miss([register]);
            }
            ViewKind::AllUsers => {
                let is_whole = look.rows(body, Look::user);
                if is_whole {
                    look.sight.creators = HOST..HOST + 1;
                    look.miss(self.names());
                }
            }
            ViewKind::TasksOf(_) | ViewKind::OwnTasks | ViewKind::AllTasks => {
                // Those of the session are fewer than a page holds.
                let is_whole = look.rows(body, Look::task) || kind != ViewKind::AllTasks;
                match kind {
                    ViewKind::TasksOf(user) => look.tasks_of(user, rows(body)),
                    _ if is_whole => look.miss(self.titles().chain([self.guest()])),
                    _ => {}
                }
                // Items belong to the first user.
                if is_whole && kind != ViewKind::TasksOf(self.users[1]) {
                    look.sight.creators = 0..creators;
                }
            }
        }
        look.finish()
    }
}

/// The resource in an answer.
fn data(body: &Value) -> &Value {
    body.get("data").unwrap_or(&Value::Null)
}

fn id_in(row: &Value, field: &str) -> Option<i64> {
    row.get(field)?.as_i64()
}

/// A look at one answer.
struct Look<'a> {
    scratch: &'a Scratch,
    sight: Sight,
    /// What the answer shows of each register: one thing, unless it contradicts itself.
    shown: BTreeMap<usize, BTreeSet<Option<u64>>>,
}

impl<'a> Look<'a> {
    fn new(scratch: &'a Scratch) -> Self {
        Self {
            scratch,
            sight: Sight::default(),
            shown: BTreeMap::new(),
        }
    }

    fn contradiction(&mut self, contradiction: String) {
        self.sight.contradictions.push(contradiction);
    }

    /// Looks at each row of a list; whether it shows all that there is.
    fn rows(&mut self, body: &Value, mut look: impl FnMut(&mut Self, &Value)) -> bool {
        let rows = rows(body);
        let mut ids = BTreeSet::new();
        for row in rows {
            look(self, row);
            if let Some(id) = id_in(row, "id")
                && !ids.insert(id)
            {
                self.contradiction(format!("shows {id} twice"));
            }
        }
        let number = |field| body.get(field).and_then(Value::as_u64).unwrap_or_default();
        let (total, limit, count) = (number("total"), number("limit"), rows.len() as u64);
        if count != total.min(limit) {
            self.contradiction(format!(
                "has the total {total}, and shows {count} of at most {limit}"
            ));
        }
        count < limit
    }

    /// What is shown of a register by the text of a field; no text is a version that nobody wrote.
    fn show(&mut self, register: usize, text: Option<&Value>) {
        let shown = self.shown.entry(register).or_default();
        shown.insert(version_in(text));
    }

    fn is_shown(&self, register: usize) -> bool {
        let mut others = self.sight.registers.iter();
        self.shown.contains_key(&register) || others.any(|(number, _)| *number == register)
    }

    /// A register that is not shown, although it is always there.
    fn miss(&mut self, registers: impl IntoIterator<Item = usize>) {
        for register in registers {
            if !self.is_shown(register) {
                self.sight.registers.push((register, Seen::Within(MISSING)));
            }
        }
    }

    /// The tasks that a user's list does not show, and those that it should not.
    fn tasks_of(&mut self, user: i64, rows: &[Value]) {
        for register in self.scratch.titles().chain([self.scratch.guest()]) {
            if !self.is_shown(register) {
                self.sight.registers.push((register, Seen::Outside(user)));
            }
        }
        let strangers = rows.iter().filter(|row| id_in(row, "userId") != Some(user));
        for stranger in strangers.filter_map(|row| id_in(row, "id")) {
            self.contradiction(format!(
                "lists task {stranger}, which is not of user {user}"
            ));
        }
    }

    fn task(&mut self, row: &Value) {
        let scratch = self.scratch;
        if row.get("description").and_then(Value::as_str) != Some(&*scratch.marker) {
            return;
        }
        let (id, user) = (id_in(row, "id").unwrap_or_default(), id_in(row, "userId"));
        if let Some(place) = scratch.tasks.iter().position(|task| *task == id) {
            self.show(place, row.get("title"));
            let version = version_in(row.get("title"));
            if let Some(version) = version.filter(|version| user != Some(scratch.owner(*version))) {
                self.contradiction(format!(
                    "shows version {version} of task {id} with the user {user:?} of another version"
                ));
            }
        } else if id == scratch.guest_task {
            let seen = Seen::Within(user.unwrap_or(ABSENT));
            self.sight.registers.push((scratch.guest(), seen));
        } else if let Some(name) = item_in(row.get("title")) {
            self.sight.items.insert(name);
        }
        let embedded = row.get("user").unwrap_or(&Value::Null);
        if id_in(embedded, "id") != user {
            self.contradiction(format!(
                "shows task {id} with the userId {user:?} and embeds the user {embedded}"
            ));
        }
        self.user(embedded);
        self.category(row.get("category").unwrap_or(&Value::Null));
    }

    fn user(&mut self, row: &Value) {
        let scratch = self.scratch;
        let id = id_in(row, "id").unwrap_or_default();
        let email = row.get("email").and_then(Value::as_str).unwrap_or_default();
        if let Some(register) = scratch.name_of_user(id) {
            self.show(register, row.get("name"));
        } else if email.starts_with(&*scratch.marker)
            && let Some(guest) = item_in(row.get("name"))
        {
            self.sight.items.insert(guest);
        }
    }

    fn category(&mut self, row: &Value) {
        if id_in(row, "id") == Some(self.scratch.category) {
            self.show(self.scratch.name_of_category(), row.get("name"));
        }
    }

    fn finish(mut self) -> Sight {
        for (register, versions) in std::mem::take(&mut self.shown) {
            if versions.len() > 1 {
                self.contradiction(format!("shows the versions {versions:?} of one thing"));
            }
            for version in versions {
                let seen = version.map_or(Seen::Within(MISSING), Seen::Version);
                self.sight.registers.push((register, seen));
            }
        }
        self.sight
    }
}
