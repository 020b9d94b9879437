//! `/tasks/{id}` and creating tasks. Lists are in `lists.rs`.

use crate::helpers::TestApp;
use crate::shape::{self, keys};
use serde_json::{Value, json};

async fn app_with_user() -> (TestApp, i64) {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    (app, user)
}

#[actix_web::test]
async fn task_with_only_title_and_user_is_created_with_defaults() {
    let (app, user) = app_with_user().await;
    let answer = app
        .post("/tasks", json!({"title": "Sweep", "userId": user}))
        .await;
    let task = shape::assert_created(&app, "/tasks", "task", &answer).await;
    assert_eq!(keys(&task), shape::TASK);
    assert_eq!(keys(&task["user"]), shape::USER);
    assert_eq!(task["title"], "Sweep");
    assert_eq!(task["description"], Value::Null);
    assert_eq!(task["status"], "pending");
    assert_eq!(task["userId"], user);
    assert_eq!(task["user"]["id"], user);
    assert_eq!(task["user"]["name"], "Ada");
    assert_eq!(task["categoryId"], Value::Null);
    assert_eq!(task["category"], Value::Null);
}

#[actix_web::test]
async fn task_is_created_with_every_field() {
    let (app, user) = app_with_user().await;
    let category = app.create_category("Chores").await;
    for status in ["pending", "in-progress", "completed"] {
        let new = json!({
            "title": "Sweep", "description": "The stairs too", "status": status,
            "userId": user, "categoryId": category,
        });
        let answer = app.post("/tasks", new).await;
        let task = shape::assert_created(&app, "/tasks", "task", &answer).await;
        assert_eq!(task["description"], "The stairs too");
        assert_eq!(task["status"], status);
        assert_eq!(task["categoryId"], category);
        assert_eq!(keys(&task["category"]), shape::CATEGORY);
        assert_eq!(task["category"]["name"], "Chores");
    }
}

#[actix_web::test]
async fn null_in_a_create_is_the_same_as_left_out() {
    let (app, user) = app_with_user().await;
    let new = json!({"title": "Sweep", "userId": user, "description": null, "categoryId": null});
    let task = app.post("/tasks", new).await.data(201);
    assert_eq!(
        (&task["description"], &task["categoryId"]),
        (&Value::Null, &Value::Null)
    );
}

#[actix_web::test]
async fn texts_are_stored_as_they_are() {
    let (app, user) = app_with_user().await;
    for text in [
        " a ",
        "Ünïcödé",
        "日本語",
        "🧹🧹",
        "e\u{301}",
        "a\u{7f}b\u{1}",
        "'; DROP TABLE tasks; --",
        "<b>\"\\%_",
    ] {
        let new = json!({"title": text, "description": text, "userId": user});
        let task = app.post("/tasks", new).await.data(201);
        assert_eq!(
            (&task["title"], &task["description"]),
            (&json!(text), &json!(text))
        );
    }
}

#[actix_web::test]
async fn lengths_are_counted_in_characters() {
    let (app, user) = app_with_user().await;
    let id = app.create_task("Sweep", user).await["id"].clone();
    let path = format!("/tasks/{id}");
    for letter in ["a", "ß", "猫", "🐈"] {
        for (field, length, is_valid) in [
            ("title", 0, false),
            ("title", 1, true),
            ("title", 200, true),
            ("title", 201, false),
            ("description", 0, true),
            ("description", 1000, true),
            ("description", 1001, false),
        ] {
            let case = format!("{field} of {length} {letter}");
            let mut body = json!({"title": "Sweep", "userId": user});
            body[field] = json!(letter.repeat(length));
            let created = app.post("/tasks", body.clone()).await;
            let updated = app.put(&path, body.clone()).await;
            if is_valid {
                assert_eq!(created.data(201)[field], body[field], "{case}");
                assert_eq!(updated.data(200)[field], body[field], "{case}");
            } else {
                let rule = match field {
                    "title" => "title must be 1 to 200 characters long.",
                    _ => "description must be at most 1000 characters long.",
                };
                for answer in [created, updated] {
                    assert_eq!(answer.problem(400), rule, "{case}");
                    assert_eq!(answer.invalid_paths(), [field], "{case}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn update_of_one_field_leaves_the_others_as_they_are() {
    let (app, ada) = app_with_user().await;
    let grace = app.add_user("Grace").await;
    let (chores, garden) = (
        app.create_category("Chores").await,
        app.create_category("Garden").await,
    );
    let new = json!({
        "title": "Sweep", "description": "All of it", "userId": ada, "categoryId": chores,
    });
    let mut task = app.post("/tasks", new).await.data(201);
    let path = format!("/tasks/{}", task["id"]);
    for (field, value, embedded) in [
        ("title", json!("Mop"), None),
        ("description", json!(""), None),
        ("status", json!("completed"), None),
        ("userId", json!(grace), Some(("user", "Grace"))),
        ("categoryId", json!(garden), Some(("category", "Garden"))),
    ] {
        shape::make_old(&app, "tasks").await;
        let answer = app.put(&path, json!({field: value})).await;
        let updated = shape::assert_updated(&answer, "task");
        shape::assert_touched(&updated);
        shape::assert_one(&app.get(&path).await, &updated);
        task[field] = value;
        for timestamp in ["createdAt", "updatedAt"] {
            task[timestamp] = updated[timestamp].clone();
        }
        if let Some((embedded, name)) = embedded {
            assert_eq!(updated[embedded]["name"], name);
            assert_eq!(updated[embedded]["id"], task[field]);
            task[embedded] = updated[embedded].clone();
        }
        assert_eq!(updated, task, "after an update of {field}");
    }
}

#[actix_web::test]
async fn null_in_an_update_clears_description_user_and_category() {
    let (app, user) = app_with_user().await;
    let category = app.create_category("Chores").await;
    let new =
        json!({"title": "Sweep", "description": "Well", "userId": user, "categoryId": category});
    let id = app.post("/tasks", new).await.data(201)["id"].clone();
    let path = format!("/tasks/{id}");
    for (field, embedded) in [
        ("description", None),
        ("userId", Some("user")),
        ("categoryId", Some("category")),
    ] {
        let task = app.put(&path, json!({field: null})).await.data(200);
        assert_eq!(task[field], Value::Null);
        if let Some(embedded) = embedded {
            assert_eq!(task[embedded], Value::Null);
        }
    }
    for field in ["title", "status"] {
        let answer = app.put(&path, json!({field: null})).await;
        assert_eq!(answer.invalid_paths(), [field]);
    }
    assert_eq!(app.get(&path).await.data(200)["title"], "Sweep");
}

#[actix_web::test]
async fn update_without_a_field_is_400() {
    let (app, user) = app_with_user().await;
    let id = app.create_task("Sweep", user).await["id"].clone();
    let answer = app.put(&format!("/tasks/{id}"), json!({})).await;
    assert_eq!(answer.invalid_paths(), ["body"]);
    let rule = "body must have at least one of title, description, status, userId, categoryId.";
    assert_eq!(answer.problem(400), rule);
}

#[actix_web::test]
async fn unknown_user_or_category_of_a_task_is_400() {
    let (app, user) = app_with_user().await;
    let id = app.create_task("Sweep", user).await["id"].clone();
    for field in ["userId", "categoryId"] {
        let mut new = json!({"title": "Mop", "userId": user});
        new[field] = json!(user + 999);
        let answers = [
            app.post("/tasks", new).await,
            app.put(&format!("/tasks/{id}"), json!({field: i64::MAX}))
                .await,
        ];
        for answer in answers {
            assert_eq!(answer.invalid_paths(), [field]);
            assert_eq!(
                answer.problem(400),
                format!("{field} names nothing that exists.")
            );
        }
    }
    assert_eq!(app.get("/tasks").await.json()["total"], 1);
}

#[actix_web::test]
async fn missing_task_is_404() {
    let app = TestApp::start().await;
    shape::assert_missing(&app, "/tasks", "task", json!({"title": "Mop"})).await;
}

#[actix_web::test]
async fn deleted_task_is_404_and_not_listed() {
    let (app, user) = app_with_user().await;
    let gone = app.create_task("Sweep", user).await["id"].clone();
    app.create_task("Mop", user).await;
    shape::assert_deletes(&app, &format!("/tasks/{gone}"), "task").await;
    assert_eq!(app.titles("").await, ["Mop"]);
}

#[actix_web::test]
async fn head_answers_like_get_without_a_body() {
    let (app, user) = app_with_user().await;
    let id = app.create_task("Sweep", user).await["id"].clone();
    for path in ["/tasks", &format!("/tasks/{id}"), "/tasks/999", "/tasks/x"] {
        shape::assert_head_is_like_get(&app, path).await;
    }
}
