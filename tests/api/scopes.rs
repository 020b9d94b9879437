//! The two rules that must agree: a list whose content a write changed depends on a scope that the write
//! changed. Against PostgreSQL, with random writes and every kind of list.

use crate::helpers::TestApp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use taskfleet::db::{self, Connection, DbError};
use taskfleet::domain::category::CategoryInput;
use taskfleet::domain::fields::{Fields, Input};
use taskfleet::domain::id::Id;
use taskfleet::domain::label::{LabelUpdate, NewLabel};
use taskfleet::domain::page::{ListFilter, Page, Unfiltered};
use taskfleet::domain::scope::{Changed, Dependency, Scopes};
use taskfleet::domain::task::{NewTask, TaskFilter, TaskStatus, TaskUpdate};
use taskfleet::domain::text::{EmailAddress, SearchText, UserName};

/// So few things that writes meet.
const IDS: std::ops::RangeInclusive<i64> = 1..=3;
const WRITES: usize = 150;

/// A write to one thing, with what it sets.
#[derive(Clone, Debug)]
enum Write {
    CreateTask(i64, Option<i64>),
    UpdateTask(i64, TaskFields),
    DeleteTask(i64),
    CreateUser(i64, u8),
    UpdateUser(i64, u8),
    DeleteUser(i64),
    CreateCategory(i64, u8),
    UpdateCategory(i64, u8),
    DeleteCategory(i64),
    CreateLabel(u8),
    UpdateLabel(i64, u8),
    DeleteLabel(i64),
}

#[derive(Clone, Debug)]
struct TaskFields {
    title: Option<u8>,
    status: Option<&'static str>,
    user: Option<Option<i64>>,
    category: Option<Option<i64>>,
}

fn task_fields() -> impl Strategy<Value = TaskFields> {
    let status = prop_oneof![Just("pending"), Just("in-progress"), Just("completed")];
    let maybe = || prop::option::of(prop::option::of(IDS));
    let fields = (
        prop::option::of(any::<u8>()),
        prop::option::of(status),
        maybe(),
        maybe(),
    );
    fields.prop_map(|(title, status, user, category)| TaskFields {
        title,
        status,
        user,
        category,
    })
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => (IDS, prop::option::of(IDS)).prop_map(|(user, category)| Write::CreateTask(user, category)),
        6 => (1..60_i64, task_fields()).prop_map(|(id, fields)| Write::UpdateTask(id, fields)),
        2 => (1..60_i64).prop_map(Write::DeleteTask),
        3 => (IDS, any::<u8>()).prop_map(|(id, name)| Write::CreateUser(id, name)),
        2 => (IDS, any::<u8>()).prop_map(|(id, name)| Write::UpdateUser(id, name)),
        1 => IDS.prop_map(Write::DeleteUser),
        3 => (IDS, any::<u8>()).prop_map(|(id, name)| Write::CreateCategory(id, name)),
        2 => (IDS, any::<u8>()).prop_map(|(id, name)| Write::UpdateCategory(id, name)),
        1 => IDS.prop_map(Write::DeleteCategory),
        1 => any::<u8>().prop_map(Write::CreateLabel),
        1 => (1..20_i64, any::<u8>()).prop_map(|(id, name)| Write::UpdateLabel(id, name)),
        1 => (1..20_i64).prop_map(Write::DeleteLabel),
    ]
}

/// The input that the API reads from this body.
fn input<I: Input>(body: serde_json::Value) -> I {
    let serde_json::Value::Object(fields) = body else {
        panic!("not an object")
    };
    let read = I::read(Fields::new(fields.into_iter().collect()));
    read.unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn scopes<T>(changed: Changed<T>) -> Scopes {
    changed.scopes
}

/// Carries out a write, and returns the scopes that it says it changed.
async fn carry_out(db: &mut Connection, write: &Write) -> Result<Scopes, DbError> {
    let name = |number: &u8| UserName::parse(format!("name {number}")).unwrap();
    let email = |id: &i64| EmailAddress::parse(format!("{id}@example.com")).unwrap();
    let named = |number: &u8| serde_json::json!({"name": format!("name {number}")});
    Ok(match write {
        Write::CreateTask(user, category) => {
            let task: NewTask = input(serde_json::json!({
                "title": "new", "userId": user, "categoryId": category
            }));
            scopes(db::tasks::insert(db, None, &task).await?)
        }
        Write::UpdateTask(id, fields) => {
            let mut body = serde_json::json!({"description": "updated"});
            if let Some(title) = fields.title {
                body["title"] = format!("title {title}").into();
            }
            if let Some(status) = fields.status {
                body["status"] = status.into();
            }
            if let Some(user) = fields.user {
                body["userId"] = user.into();
            }
            if let Some(category) = fields.category {
                body["categoryId"] = category.into();
            }
            let update: TaskUpdate = input(body);
            scopes(db::tasks::update(db, Id::from_database(*id), &update).await?)
        }
        Write::DeleteTask(id) => scopes(db::tasks::delete(db, Id::from_database(*id)).await?),
        Write::CreateUser(id, number) => {
            scopes(db::users::insert(db, Some(*id), &name(number), &email(id), "").await?)
        }
        Write::UpdateUser(id, number) => {
            let id = Id::from_database(*id);
            scopes(db::users::update(db, id, Some(&name(number)), None, None).await?)
        }
        Write::DeleteUser(id) => scopes(db::users::delete(db, Id::from_database(*id)).await?),
        Write::CreateCategory(id, number) => {
            let category: CategoryInput = input(named(number));
            scopes(db::categories::insert(db, Some(*id), &category).await?)
        }
        Write::UpdateCategory(id, number) => {
            let category: CategoryInput = input(named(number));
            scopes(db::categories::update(db, Id::from_database(*id), &category).await?)
        }
        Write::DeleteCategory(id) => {
            scopes(db::categories::delete(db, Id::from_database(*id)).await?)
        }
        Write::CreateLabel(number) => {
            let label: NewLabel = input(named(number));
            scopes(db::labels::insert(db, None, &label).await?)
        }
        Write::UpdateLabel(id, number) => {
            let label: LabelUpdate = input(named(number));
            scopes(db::labels::update(db, Id::from_database(*id), &label).await?)
        }
        Write::DeleteLabel(id) => scopes(db::labels::delete(db, Id::from_database(*id)).await?),
    })
}

/// What every kind of list shows, with what it depends on.
async fn lists(db: &mut Connection) -> BTreeMap<String, (Dependency, String)> {
    const PAGE: Page = Page {
        number: 1,
        limit: 5,
    };
    let mut lists = BTreeMap::new();
    let ids = || std::iter::once(None).chain(IDS.map(Some));
    let searches = [None, Some("name 1"), Some("title")];
    for (user, category) in ids().flat_map(|user| ids().map(move |category| (user, category))) {
        for (status, search) in [None, Some(TaskStatus::Pending)]
            .into_iter()
            .flat_map(|status| searches.map(|search| (status, search)))
        {
            let filter = TaskFilter {
                status,
                user_id: user.map(Id::from_database),
                category_id: category.map(Id::from_database),
                search: search.map(|text| SearchText::parse(text.to_owned()).unwrap()),
                ..TaskFilter::default()
            };
            let list = db::tasks::list(db, &filter, PAGE).await.unwrap();
            lists.insert(
                format!("{filter:?}"),
                (filter.dependency(), format!("{list:?}")),
            );
        }
    }
    let users = Unfiltered::default();
    let list = db::users::list(db, &users, PAGE).await.unwrap();
    lists.insert(
        "users".to_owned(),
        (users.dependency(), format!("{list:?}")),
    );
    let categories = Unfiltered::default();
    let list = db::categories::list(db, &categories, PAGE).await.unwrap();
    let shown = (categories.dependency(), format!("{list:?}"));
    lists.insert("categories".to_owned(), shown);
    let labels = Unfiltered::default();
    let list = db::labels::list(db, &labels, PAGE).await.unwrap();
    lists.insert(
        "labels".to_owned(),
        (labels.dependency(), format!("{list:?}")),
    );
    lists
}

#[actix_web::test]
async fn list_that_a_write_changed_depends_on_a_scope_that_the_write_changed() {
    let app = TestApp::start().await;
    let mut db = app.db.acquire().await.unwrap();
    let mut runner = TestRunner::deterministic();
    let writes = prop::collection::vec(write(), WRITES);
    let writes = writes.new_tree(&mut runner).unwrap().current();
    let mut before = lists(&mut db).await;
    let (mut changes, mut kept) = (0, 0);
    for write in &writes {
        // A user or a category that is not there, or is there already.
        let Ok(scopes) = carry_out(&mut db, write).await else {
            continue;
        };
        let after = lists(&mut db).await;
        for (list, (dependency, shown)) in &after {
            let is_outdated = dependency.is_changed_by(&scopes);
            let is_changed = before[list].1 != *shown;
            assert!(
                is_outdated || !is_changed,
                "{write:?} changed {scopes} and the list of {list}, which depends on {dependency:?}"
            );
            changes += usize::from(is_changed);
            kept += usize::from(!is_outdated);
        }
        before = after;
    }
    // The writes met, and the rule is not merely that everything depends on everything.
    assert!(changes > 100 && kept > 1000, "{changes} {kept}");
}
