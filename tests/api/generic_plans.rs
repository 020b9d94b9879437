//! Which statements PostgreSQL plans once for whatever their values will be, and which for each value.

use crate::helpers::TestApp;
use crate::plans;
use sqlx::{AssertSqlSafe, Row, query, query_as, query_scalar, raw_sql};
use taskfleet::db::{Connection, Database, Router, tasks};
use taskfleet::domain::id::Id;
use taskfleet::domain::page::Page;
use taskfleet::domain::task::{TaskFilter, TaskStatus};
use taskfleet::domain::text::SearchText;

const FIRST_PAGE: Page = Page {
    number: 1,
    limit: 10,
};

/// Of 20,000 tasks, all but each hundredth belong to one user, are in one category and are completed.
const SKEWED: &str = "
    INSERT INTO users (name, email) SELECT 'User ' || n, n || '@example.com' FROM generate_series(1, 101) n;
    INSERT INTO categories (name) SELECT 'Category ' || n FROM generate_series(1, 101) n;
    INSERT INTO tasks (title, status, user_id, category_id, created_at)
    SELECT 'Task ' || n, CASE WHEN n % 100 > 0 THEN 'completed' ELSE 'pending' END, other, other,
           now() - random() * interval '700 days'
    FROM (SELECT n, CASE WHEN n % 100 > 0 THEN 1 ELSE 2 + n / 100 % 100 END AS other
          FROM generate_series(1, 20000) n) AS numbered;
    ANALYZE users; ANALYZE categories; ANALYZE tasks; ANALYZE row_counts";

/// A router that has one connection.
fn router(app: &TestApp) -> Router {
    let mut settings = app.settings.database.clone();
    settings.database_max_connections = 1;
    Database::start(&settings).router(1)
}

#[actix_web::test]
async fn lists_have_one_plan_that_uses_the_index_of_a_skewed_filter() {
    let app = TestApp::start().await;
    raw_sql(SKEWED).execute(&app.db).await.unwrap();
    let router = router(&app);
    let of_user = |id| TaskFilter {
        user_id: Some(Id::from_database(id)),
        ..TaskFilter::default()
    };
    let of_category = |id| TaskFilter {
        category_id: Some(Id::from_database(id)),
        ..TaskFilter::default()
    };
    let with_status = |status| TaskFilter {
        status: Some(status),
        ..TaskFilter::default()
    };
    for (frequent, rare, values) in [
        (of_user(1), of_user(50), ["1, 1", "50, 50"]),
        (of_category(1), of_category(50), ["1, 1", "50, 50"]),
        (
            with_status(TaskStatus::Completed),
            with_status(TaskStatus::Pending),
            [
                "'tasks.completed', 'completed'",
                "'tasks.pending', 'pending'",
            ],
        ),
    ] {
        for filter in [&frequent, &rare] {
            let list = async |db: &mut Connection| tasks::list(db, filter, FIRST_PAGE).await;
            let list = router.read_primary(list).await.unwrap();
            assert!(list.total > 0, "{filter:?}");
        }
        let ask = async |db: &mut Connection| {
            let ask = query_as(
                "SELECT name, generic_plans, custom_plans FROM pg_prepared_statements
                 WHERE statement LIKE 'SELECT c.total, %' ORDER BY prepare_time DESC LIMIT 1",
            );
            Ok(ask.fetch_one(db).await?)
        };
        let found = router.read_primary(ask).await.unwrap();
        let (name, generic, custom): (String, i64, i64) = found;
        assert_eq!((generic, custom), (2, 0), "{frequent:?}");
        for values in values {
            let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name} ({values}, 10, 0)");
            let explain = async |db: &mut Connection| {
                let explain = query(AssertSqlSafe(explain.clone())).persistent(false);
                let row = explain.fetch_one(db).await?;
                Ok(row.try_get_raw(0).unwrap().as_str().unwrap().to_owned())
            };
            let plan = router.read_primary(explain).await.unwrap();
            for scan in plans::read(&plan) {
                let is_of_tasks = scan.of.starts_with("tasks");
                assert!(scan.is_bounded || !is_of_tasks, "{values}: {scan:?}");
            }
        }
    }
}

/// Puts an operator behind `ILIKE`, on new connections, that remembers how its statement is planned.
const REMEMBER: &str = "
    CREATE TABLE seen (mode text);
    CREATE FUNCTION remember(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.seen VALUES (current_setting('plan_cache_mode'));
        RETURN false;
    END $$;
    CREATE OPERATOR ~~* (LEFTARG = text, RIGHTARG = text, FUNCTION = remember);
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
    END $$";

#[actix_web::test]
async fn search_is_planned_for_its_text_and_leaves_the_connection_as_it_was() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    app.create_task("anything", user).await;
    raw_sql(REMEMBER).execute(&app.db).await.unwrap();
    let router = router(&app);
    let filter = TaskFilter {
        search: Some(SearchText::parse("zyzzyva".to_owned()).unwrap()),
        ..TaskFilter::default()
    };
    let search = async |db: &mut Connection| tasks::list(db, &filter, FIRST_PAGE).await;
    let mode =
        async |db: &mut Connection| Ok(query_scalar("SHOW plan_cache_mode").fetch_one(db).await?);

    router.read_primary(search).await.unwrap();
    let seen: Vec<String> = query_scalar("SELECT DISTINCT mode FROM seen")
        .fetch_all(&app.db)
        .await
        .unwrap();
    assert_eq!(seen, ["auto"]);
    let left: String = router.read_primary(mode).await.unwrap();
    assert_eq!(left, "force_generic_plan");

    query("DROP TABLE seen").execute(&app.db).await.unwrap();
    assert!(router.read_primary(search).await.is_err());
    let left: String = router.read_primary(mode).await.unwrap();
    assert_eq!(left, "force_generic_plan");
}
