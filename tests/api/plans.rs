//! How PostgreSQL answers lists of 100,000 tasks: by indexes, never by reading the whole table.

use crate::helpers::{TestApp, collections};
use serde_json::Value;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Execute, Executor, Row};
use taskfleet::db::tasks::list_statement;
use taskfleet::domain::id::Id;
use taskfleet::domain::page::{Order, Page};
use taskfleet::domain::task::{TaskFilter, TaskStatus};
use taskfleet::domain::text::SearchText;

const FIRST_PAGE: Page = Page {
    number: 1,
    limit: 10,
};

/// 100,000 tasks of 500 users in 50 categories, over two years, with words of which some are more
/// frequent than others; `zyzzyva` stands in ten titles and `quokka` in twelve descriptions.
async fn fill(db: &PgPool) {
    let fill = sqlx::raw_sql(include_str!("plans.sql"));
    let mut connection = db.acquire().await.unwrap();
    connection.execute(fill).await.unwrap();
    // These cannot be part of a transaction, which several statements at once are.
    let collections = collections();
    let tables = collections.iter().map(|collection| collection.table());
    for table in tables.chain(["row_counts"]) {
        let vacuum = format!("VACUUM (ANALYZE) {table}");
        connection.execute(AssertSqlSafe(vacuum)).await.unwrap();
    }
}

/// A part of a plan that reads a table or an index of it.
#[derive(Debug)]
pub struct Scan {
    kind: String,
    /// The table, or the index where only that is read.
    pub of: String,
    /// Whether it reads only what an index says.
    pub is_bounded: bool,
    /// How many rows it really yielded, all in all; none where the plan was not run.
    rows: f64,
    /// How many rows it read in vain.
    removed: f64,
}

/// The scans of a plan.
fn scans(plan: &Value, found: &mut Vec<Scan>) {
    let kind = plan["Node Type"].as_str().unwrap();
    if kind.contains("Scan") {
        let of = ["Relation Name", "Index Name"].map(|name| plan[name].as_str());
        let number = |name: &str| plan[name].as_f64().unwrap_or_default();
        found.push(Scan {
            kind: kind.to_owned(),
            of: of
                .into_iter()
                .flatten()
                .next()
                .unwrap_or_default()
                .to_owned(),
            is_bounded: !plan["Index Cond"].is_null() || kind == "Bitmap Heap Scan",
            rows: number("Actual Rows") * number("Actual Loops"),
            removed: number("Rows Removed by Filter") * number("Actual Loops"),
        });
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

/// The scans with which PostgreSQL answers: planned for exactly these values, and run.
async fn run(db: &PgPool, filter: &TaskFilter, page: Page) -> Vec<Scan> {
    let mut statement = list_statement(filter, page);
    let explain = format!(
        "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}",
        statement.sql().as_str()
    );
    let arguments = statement.build().take_arguments().unwrap().unwrap();
    let query = sqlx::query_with(AssertSqlSafe(explain), arguments).persistent(false);
    let row = query.fetch_one(db).await.unwrap();
    read(row.try_get_raw(0).unwrap().as_str().unwrap())
}

/// The scans of the plan that is kept for whatever the values will be.
async fn plan_for_any_values(db: &PgPool, filter: &TaskFilter, page: Page) -> Vec<Scan> {
    let statement = list_statement(filter, page);
    let explain = format!(
        "EXPLAIN (GENERIC_PLAN, FORMAT JSON) {}",
        statement.sql().as_str()
    );
    let mut connection = db.acquire().await.unwrap();
    let row = connection
        .fetch_one(sqlx::raw_sql(AssertSqlSafe(explain)))
        .await
        .unwrap();
    read(row.try_get_raw(0).unwrap().as_str().unwrap())
}

/// The scans of a plan in JSON.
pub fn read(plan: &str) -> Vec<Scan> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let mut found = Vec::new();
    scans(&plan[0]["Plan"], &mut found);
    assert!(!found.is_empty(), "{plan:#}");
    found
}

fn assert_no_scan_of_the_table(scans: &[Scan], what: &str) {
    let whole = scans
        .iter()
        .find(|scan| scan.kind.contains("Seq Scan") && scan.of == "tasks");
    assert!(whole.is_none(), "{what}: {scans:#?}");
}

/// Checks how a list is answered: with no scan of the table, and reading (in plans that are run) no
/// more than so many rows of it.
async fn assert_cheap(db: &PgPool, filter: &TaskFilter, most: f64) {
    for order in [Order::Ascending, Order::Descending] {
        let filter = TaskFilter {
            order,
            ..filter.clone()
        };
        for number in [1, 20] {
            let page = Page { number, limit: 10 };
            let what = format!("{filter:?} {page:?}");
            let scans = run(db, &filter, page).await;
            assert_no_scan_of_the_table(&scans, &what);
            let read: f64 = scans
                .iter()
                .filter(|scan| scan.of == "tasks")
                .map(|scan| scan.rows + scan.removed)
                .sum();
            assert!(read <= most, "{what} reads {read} rows: {scans:#?}");
            if filter.search.is_none() {
                // Searches are planned for each text anew.
                let scans = plan_for_any_values(db, &filter, page).await;
                assert_no_scan_of_the_table(&scans, &format!("{what}, any values"));
            }
        }
    }
}

fn search(text: &str) -> TaskFilter {
    TaskFilter {
        search: Some(SearchText::parse(text.to_owned()).unwrap()),
        ..TaskFilter::default()
    }
}

/// One test, because the tasks take their time to make.
#[actix_web::test]
async fn no_list_scans_the_table_of_tasks() {
    let app = TestApp::start().await;
    let db = &app.db;
    fill(db).await;
    let count = async |condition: &str| -> f64 {
        let sql = format!("SELECT count(*)::float8 FROM tasks WHERE {condition}");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(db)
            .await
            .unwrap()
    };
    assert_eq!(count("true").await, 100_000.0);

    // A page and those before it, whatever the order; the total costs nothing.
    let pages = 200.0;
    let all = TaskFilter::default();
    assert_cheap(db, &all, pages).await;
    for status in [
        TaskStatus::Pending,
        TaskStatus::InProgress,
        TaskStatus::Completed,
    ] {
        let filter = TaskFilter {
            status: Some(status),
            ..all.clone()
        };
        assert_cheap(db, &filter, pages).await;
        for scans in [
            run(db, &filter, FIRST_PAGE).await,
            run(db, &all, FIRST_PAGE).await,
        ] {
            let of_tasks = scans.iter().filter(|scan| scan.of.starts_with("tasks"));
            assert_eq!(
                of_tasks.count(),
                1,
                "the total touches no tasks: {scans:#?}"
            );
        }
    }

    // What a user or a category has is counted in its index, and never outside of it.
    let of_user = TaskFilter {
        user_id: Some(Id::from_database(7)),
        ..all.clone()
    };
    assert_cheap(db, &of_user, count("user_id = 7").await + pages).await;
    let of_category = TaskFilter {
        category_id: Some(Id::from_database(3)),
        ..all.clone()
    };
    assert_cheap(db, &of_category, count("category_id = 3").await + pages).await;
    for filter in [of_user, of_category] {
        for scan in run(db, &filter, FIRST_PAGE).await {
            assert!(
                scan.is_bounded || !scan.of.starts_with("tasks"),
                "{filter:?}: {scan:?}"
            );
        }
    }
    for (status, user_id, category_id) in [
        (Some(TaskStatus::InProgress), Some(7), None),
        (Some(TaskStatus::Completed), None, Some(3)),
        (None, Some(7), Some(3)),
        (Some(TaskStatus::Pending), Some(400), Some(50)),
        (None, Some(123_456), None),
    ] {
        let filter = TaskFilter {
            status,
            user_id: user_id.map(Id::from_database),
            category_id: category_id.map(Id::from_database),
            ..all.clone()
        };
        assert_cheap(db, &filter, 10_000.0).await;
    }

    // A search reads what it finds, in all places where that can stand; a row that is found in the
    // index is read again as a task.
    for (text, condition) in [
        ("zyzzyva", "title LIKE '%zyzzyva%'"),
        ("zyzz", "title LIKE '%zyzzyva%'"),
        ("quokka", "description LIKE '%quokka%'"),
        ("nowhere at all", "false"),
        (
            "grace hopper",
            "user_id = (SELECT id FROM users WHERE name = 'Grace Hopper')",
        ),
        (
            "storage team",
            "category_id = (SELECT id FROM categories WHERE name = 'Storage team')",
        ),
    ] {
        let found = count(condition).await;
        assert_eq!(found > 0.0, condition != "false", "{text}");
        assert_cheap(db, &search(text), 3.0 * found + pages).await;
        let answer = app.get(&format!("/tasks?search={text}")).await.json();
        assert_eq!(answer["total"], found as i64, "{text}");
    }
    // Frequent words are found by their indexes as well.
    assert_cheap(db, &search("timeout"), 50_000.0).await;
    for filter in [
        TaskFilter {
            status: Some(TaskStatus::Completed),
            ..search("zyzzyva")
        },
        TaskFilter {
            user_id: Some(Id::from_database(7)),
            ..search("timeout")
        },
        TaskFilter {
            status: Some(TaskStatus::Pending),
            category_id: Some(Id::from_database(3)),
            ..search("hopper")
        },
        TaskFilter {
            user_id: Some(Id::from_database(7)),
            ..search("e")
        },
    ] {
        assert_cheap(db, &filter, 20_000.0).await;
    }
}
