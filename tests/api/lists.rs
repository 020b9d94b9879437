//! `GET /tasks`: filters, order and pages. Search is in `search.rs`.

use crate::helpers::{Answer, TestApp, collections, send};
use crate::shape::{self, keys};
use reqwest::Method;
use serde_json::{Value, json};

/// An instance with tasks `n` = 1 … `count`, created a minute after each other, one user and no
/// category.
async fn app_with_tasks(count: i32) -> TestApp {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    sqlx::query(
        "INSERT INTO tasks (title, user_id, created_at)
         SELECT n::text, $1, timestamptz '2024-01-01' + n * interval '1 minute'
         FROM generate_series(1, $2) n",
    )
    .bind(user)
    .bind(count)
    .execute(&app.db)
    .await
    .unwrap();
    app
}

/// The numbers of a list's envelope.
fn envelope(answer: &Answer) -> [i64; 4] {
    let list = answer.json();
    assert_eq!(keys(&list), shape::LIST);
    assert_eq!(list["status"], 200);
    ["total", "page", "limit", "totalPages"].map(|key| list[key].as_i64().unwrap())
}

#[actix_web::test]
async fn empty_list_is_200_with_total_0() {
    let app = TestApp::start().await;
    let filtered = ["/tasks?status=pending", "/tasks?search=x"].map(str::to_owned);
    let all = collections().into_iter().map(|collection| collection.path);
    for path in all.chain(filtered) {
        let answer = app.get(&path).await;
        assert_eq!(answer.data(200), json!([]), "{path}");
        assert_eq!(envelope(&answer), [0, 1, 10, 0], "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[actix_web::test]
async fn listed_task_embeds_its_user_and_category() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let category = app.create_category("Chores").await;
    let new = json!({
        "title": "Sweep", "description": "", "status": "completed",
        "userId": user, "categoryId": category,
    });
    let task = app.post("/tasks", new).await.data(201);
    assert_eq!(app.get("/tasks").await.data(200), json!([task]));
    assert_eq!(keys(&task), shape::TASK);
    assert_eq!(
        task["user"],
        app.get(&format!("/users/{user}")).await.data(200)
    );
    let category = app.get(&format!("/categories/{category}")).await.data(200);
    assert_eq!(task["category"], category);
}

#[actix_web::test]
async fn pages_cover_the_list_and_beyond_its_end_are_empty() {
    let app = app_with_tasks(25).await;
    assert_eq!(envelope(&app.get("/tasks").await), [25, 1, 10, 3]);
    for (sort, all) in [
        ("desc", (1..=25).rev().collect::<Vec<i64>>()),
        ("asc", (1..=25).collect()),
    ] {
        for limit in [1, 7, 10, 25, 100] {
            let mut seen = Vec::new();
            let last = (25 + limit - 1) / limit;
            for page in 1..=last {
                let answer = app
                    .get(&format!("/tasks?sort={sort}&limit={limit}&page={page}"))
                    .await;
                assert_eq!(envelope(&answer), [25, page, limit, last]);
                let tasks = answer.data(200);
                assert_eq!(
                    tasks.as_array().unwrap().len() as i64,
                    limit.min(25 - (page - 1) * limit)
                );
                for task in tasks.as_array().unwrap() {
                    seen.push(task["title"].as_str().unwrap().parse::<i64>().unwrap());
                }
            }
            assert_eq!(seen, all, "{sort} by {limit}");
            for page in [last + 1, 2_147_483_647] {
                let answer = app.get(&format!("/tasks?limit={limit}&page={page}")).await;
                assert_eq!(answer.data(200), json!([]));
                assert_eq!(envelope(&answer), [25, page, limit, last]);
            }
        }
    }
    for query in ["status=pending", "userId=1", "search=1"] {
        let beyond = app.get(&format!("/tasks?page=9&{query}")).await;
        assert_eq!(beyond.data(200), json!([]), "{query}");
        assert!(envelope(&beyond)[0] > 0, "{query}");
    }
}

#[actix_web::test]
async fn tasks_of_one_creation_time_are_ordered_by_id() {
    let app = app_with_tasks(12).await;
    sqlx::query("UPDATE tasks SET created_at = '2024-01-01'")
        .execute(&app.db)
        .await
        .unwrap();
    let ascending: Vec<_> = (1..=12).map(|n| n.to_string()).collect();
    let descending: Vec<_> = ascending.iter().rev().cloned().collect();
    for filter in ["", "&status=pending", "&userId=1", "&search=ada"] {
        assert_eq!(
            app.titles(&format!("?limit=12&sort=asc{filter}")).await,
            ascending,
            "{filter}"
        );
        assert_eq!(
            app.titles(&format!("?limit=12&sort=desc{filter}")).await,
            descending,
            "{filter}"
        );
        assert_eq!(
            app.titles(&format!("?limit=5&page=2{filter}")).await,
            descending[5..10],
            "{filter}"
        );
    }
}

#[actix_web::test]
async fn list_is_ordered_by_creation_time_before_id() {
    let app = app_with_tasks(3).await;
    sqlx::query("UPDATE tasks SET created_at = now() WHERE title = '1'")
        .execute(&app.db)
        .await
        .unwrap();
    assert_eq!(app.titles("").await, ["1", "3", "2"]);
    assert_eq!(app.titles("?sort=asc").await, ["2", "3", "1"]);
}

/// Every combination of filters, compared with what a plain loop over all tasks lets through.
#[actix_web::test]
async fn list_holds_the_tasks_that_match_every_filter() {
    let app = TestApp::start().await;
    let users = [app.add_user("Ada").await, app.add_user("Grace").await];
    let categories = [
        app.create_category("Chores").await,
        app.create_category("Garden").await,
    ];
    sqlx::query(
        "INSERT INTO tasks (title, description, status, user_id, category_id)
         SELECT title, description, status, u, c
         FROM unnest(ARRAY['Sweep', 'Mop']) title,
              unnest(ARRAY[NULL, 'gently']) description,
              unnest(ARRAY['pending', 'in-progress', 'completed']) status,
              unnest($1::bigint[] || NULL::bigint) u,
              unnest($2::bigint[] || NULL::bigint) c",
    )
    .bind(users.as_slice())
    .bind(categories.as_slice())
    .execute(&app.db)
    .await
    .unwrap();
    let mut all: Vec<Value> = Vec::new();
    for page in 1..=2 {
        let data = app
            .get(&format!("/tasks?limit=100&page={page}"))
            .await
            .data(200);
        all.extend(data.as_array().unwrap().iter().cloned());
    }
    assert_eq!(all.len(), 108);

    let filters = |name: &'static str, values: &[&dyn ToString]| {
        let given = values.iter().map(|value| Some((name, value.to_string())));
        [None].into_iter().chain(given).collect::<Vec<_>>()
    };
    let mut combinations = 0;
    for status in filters("status", &[&"pending", &"in-progress", &"completed"]) {
        for user in filters("userId", &[&users[0], &999]) {
            for category in filters("categoryId", &[&categories[1], &999]) {
                for search in filters("search", &[&"MOP", &"gent", &"grace", &"chor", &"nothing"]) {
                    let given: Vec<_> = [&status, &user, &category, &search]
                        .into_iter()
                        .flatten()
                        .collect();
                    let query: Vec<_> = given
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    let query = query.join("&");
                    let fits = |task: &&Value| {
                        given.iter().all(|(name, value)| match *name {
                            "search" => mentions(task, value),
                            name => task[name].to_string().trim_matches('"') == value,
                        })
                    };
                    let expected: Vec<_> = all.iter().filter(fits).cloned().collect();
                    let answer = app.get(&format!("/tasks?limit=100&{query}")).await;
                    let shown = expected.len().min(100);
                    assert_eq!(answer.data(200), json!(expected[..shown]), "{query}");
                    assert_eq!(envelope(&answer)[0], expected.len() as i64, "{query}");
                    combinations += 1;
                }
            }
        }
    }
    assert_eq!(combinations, 4 * 3 * 3 * 6);
}

/// Whether a search for this text finds a task.
fn mentions(task: &Value, text: &str) -> bool {
    let texts = [
        &task["title"],
        &task["description"],
        &task["user"]["name"],
        &task["category"]["name"],
    ];
    texts.iter().any(|field| {
        field
            .as_str()
            .is_some_and(|field| field.to_lowercase().contains(&text.to_lowercase()))
    })
}

#[actix_web::test]
async fn if_none_match_with_the_current_etag_is_304() {
    let app = app_with_tasks(3).await;
    for collection in collections() {
        let path = &collection.path;
        let first = app.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(
            tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10,
            "{tag}"
        );
        let ask = async |known: &[&str]| {
            let mut request = app.request(Method::GET, path);
            for known in known {
                request = request.header("if-none-match", *known);
            }
            send(request).await
        };
        for known in [
            &[&*tag][..],
            &[&format!("W/{tag}")],
            &["*"],
            &[&format!("\"other\", {tag}")],
            &[&format!("W/\"other\",W/{tag} , \"more\"")],
            &["\"other\"", &tag],
        ] {
            let answer = ask(known).await;
            assert_eq!(
                (answer.status.as_u16(), &*answer.text),
                (304, ""),
                "{known:?}"
            );
            assert_eq!(answer.header("etag"), tag);
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert_eq!(answer.header("x-cache"), "hit");
        }
        let bare = tag.trim_matches('"');
        for unknown in [
            &["\"other\""][..],
            &[""],
            &[bare],
            &[&format!("\"{bare}x\"")],
        ] {
            let answer = ask(unknown).await;
            assert_eq!(
                (answer.status.as_u16(), &answer.text),
                (200, &first.text),
                "{unknown:?}"
            );
        }
        collection.create(&app).await;
        let answer = ask(&[&tag]).await;
        assert_eq!(answer.status, 200, "{path} after a create");
        assert_ne!(answer.header("etag"), tag);
    }
}

#[actix_web::test]
async fn lists_are_sent_with_no_cache() {
    let app = app_with_tasks(1).await;
    for collection in collections() {
        for expected in ["miss", "hit"] {
            let answer = app.get(&collection.path).await;
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert_eq!(answer.header("x-cache"), expected);
        }
    }
}
