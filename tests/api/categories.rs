//! `/categories`.

use crate::helpers::TestApp;
use crate::shape::{self, keys};
use serde_json::{Value, json};

#[actix_web::test]
async fn category_is_created_and_updated() {
    let app = TestApp::start().await;
    let answer = app.post("/categories", json!({"name": "Chores"})).await;
    let category = shape::assert_created(&app, "/categories", "category", &answer).await;
    assert_eq!(keys(&category), shape::CATEGORY);
    assert_eq!(category["name"], "Chores");

    shape::make_old(&app, "categories").await;
    let path = format!("/categories/{}", category["id"]);
    let answer = app.put(&path, json!({"name": "Housework"})).await;
    let updated = shape::assert_updated(&answer, "category");
    shape::assert_touched(&updated);
    assert_eq!(
        (&updated["id"], &updated["name"]),
        (&category["id"], &json!("Housework"))
    );
    shape::assert_one(&app.get(&path).await, &updated);
}

#[actix_web::test]
async fn two_categories_may_have_the_same_name() {
    let app = TestApp::start().await;
    let (first, second) = (
        app.create_category("Chores").await,
        app.create_category("Chores").await,
    );
    assert_ne!(first, second);
}

#[actix_web::test]
async fn name_of_a_category_has_1_to_100_characters() {
    let app = TestApp::start().await;
    let id = app.create_category("Chores").await;
    let path = format!("/categories/{id}");
    let length = "name must be 1 to 100 characters long.";
    for (body, rule) in [
        (json!({}), Some("name is required.")),
        (json!({"name": ""}), Some(length)),
        (json!({"name": "猫"}), None),
        (json!({"name": "猫".repeat(100)}), None),
        (json!({"name": "猫".repeat(101)}), Some(length)),
        (json!({"name": null}), Some("name must be a string.")),
        (json!({"name": ["x"]}), Some("name must be a string.")),
    ] {
        let (created, updated) = (
            app.post("/categories", body.clone()).await,
            app.put(&path, body.clone()).await,
        );
        if let Some(rule) = rule {
            for answer in [created, updated] {
                assert_eq!(answer.invalid_paths(), ["name"], "{body}");
                assert_eq!(answer.problem(400), rule, "{body}");
            }
        } else {
            assert_eq!(created.data(201)["name"], body["name"]);
            assert_eq!(updated.data(200)["name"], body["name"]);
        }
    }
}

#[actix_web::test]
async fn missing_category_is_404() {
    let app = TestApp::start().await;
    shape::assert_missing(&app, "/categories", "category", json!({"name": "Chores"})).await;
}

#[actix_web::test]
async fn tasks_of_a_deleted_category_stay_without_category() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let category = app.create_category("Chores").await;
    let new = json!({"title": "Sweep", "userId": user, "categoryId": category});
    let id = app.post("/tasks", new).await.data(201)["id"].clone();
    shape::assert_deletes(&app, &format!("/categories/{category}"), "category").await;
    let task = app.get(&format!("/tasks/{id}")).await.data(200);
    assert_eq!(
        (&task["categoryId"], &task["category"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&task["title"], &task["userId"]),
        (&json!("Sweep"), &json!(user))
    );
    assert_eq!(app.get("/tasks").await.json()["data"], json!([task]));
}

#[actix_web::test]
async fn categories_are_listed_the_newest_first() {
    let app = TestApp::start().await;
    for name in ["Chores", "Garden", "Money"] {
        app.create_category(name).await;
    }
    let list = app.get("/categories?limit=2").await.json();
    assert_eq!(keys(&list), shape::LIST);
    assert_eq!(
        (&list["total"], &list["totalPages"]),
        (&json!(3), &json!(2))
    );
    let data = list["data"].as_array().unwrap();
    assert!(
        data.iter()
            .all(|category| keys(category) == shape::CATEGORY)
    );
    let names: Vec<_> = data.iter().map(|category| &category["name"]).collect();
    assert_eq!(names, ["Money", "Garden"]);
    assert_eq!(
        app.get("/categories?limit=2&page=2").await.data(200)[0]["name"],
        "Chores"
    );
    let beyond = app.get("/categories?page=9").await.json();
    assert_eq!((&beyond["total"], &beyond["data"]), (&json!(3), &json!([])));
}

#[actix_web::test]
async fn head_answers_like_get_without_a_body() {
    let app = TestApp::start().await;
    let id = app.create_category("Chores").await;
    for path in [
        "/categories",
        &format!("/categories/{id}"),
        "/categories/999",
    ] {
        shape::assert_head_is_like_get(&app, path).await;
    }
}
