//! `/labels`.

use crate::helpers::TestApp;
use crate::shape;
use serde_json::{Value, json};

#[actix_web::test]
async fn label_is_created_updated_and_deleted() {
    let app = TestApp::start().await;
    let body = json!({"name": "urgent", "color": "#d73a4a"});
    let answer = app.post("/labels", body).await;
    let label = shape::assert_created(&app, "/labels", "label", &answer).await;
    assert_eq!(shape::keys(&label), "color createdAt id name updatedAt");
    assert_eq!(
        (&label["name"], &label["color"]),
        (&json!("urgent"), &json!("#d73a4a"))
    );

    let path = format!("/labels/{}", label["id"]);
    let updated = app.put(&path, json!({"name": "later"})).await.data(200);
    assert_eq!(
        (&updated["name"], &updated["color"]),
        (&json!("later"), &json!("#d73a4a"))
    );
    let cleared = app.put(&path, json!({"color": null})).await.data(200);
    assert_eq!(
        (&cleared["name"], &cleared["color"]),
        (&json!("later"), &Value::Null)
    );
    shape::assert_one(&app.get(&path).await, &cleared);
    shape::assert_deletes(&app, &path, "label").await;
}

#[actix_web::test]
async fn label_name_taken_in_another_case_is_409() {
    let app = TestApp::start().await;
    let first = app.post("/labels", json!({"name": "Urgent"})).await;
    let first = format!("/labels/{}", first.data(201)["id"]);
    let second = app.post("/labels", json!({"name": "later"})).await;
    let second = format!("/labels/{}", second.data(201)["id"]);
    for answer in [
        app.post("/labels", json!({"name": "uRGENT"})).await,
        app.put(&second, json!({"name": "URGENT"})).await,
    ] {
        assert_eq!(answer.problem(409), "Another label already has this name.");
        assert_eq!(answer.json()["code"], "duplicate");
    }
    // Its own name in another case is free.
    let updated = app.put(&first, json!({"name": "urgent"})).await;
    assert_eq!(updated.data(200)["name"], "urgent");
}

#[actix_web::test]
async fn label_input_that_breaks_a_rule_is_400_with_its_path() {
    let app = TestApp::start().await;
    let label = app.post("/labels", json!({"name": "urgent"})).await;
    let path = format!("/labels/{}", label.data(201)["id"]);
    let color = "color must be a colour as # and six hexadecimal digits, such as #d73a4a.";
    let length = "name must be 1 to 50 characters long.";
    for (body, rule) in [
        (json!({"name": ""}), length),
        (json!({"name": "x".repeat(51)}), length),
        (json!({"name": null}), "name must be a string."),
        (json!({"name": "x", "color": ""}), color),
        (json!({"name": "x", "color": "red"}), color),
        (json!({"name": "x", "color": "#12345"}), color),
        (json!({"name": "x", "color": "#12345g"}), color),
        (json!({"name": "x", "color": "#1234567"}), color),
        (json!({"name": "x", "color": 7}), "color must be a string."),
    ] {
        for answer in [
            app.post("/labels", body.clone()).await,
            app.put(&path, body.clone()).await,
        ] {
            assert_eq!(answer.problem(400), rule, "{body}");
        }
    }
    let missing = app.post("/labels", json!({"color": "#000000"})).await;
    assert_eq!(missing.problem(400), "name is required.");
    let empty = app.put(&path, json!({})).await;
    assert_eq!(
        empty.problem(400),
        "body must have at least one of name, color."
    );
    let longest = json!({"name": "\u{e4}".repeat(50), "color": "#ABCdef"});
    app.post("/labels", longest).await.data(201);
}

#[actix_web::test]
async fn labels_are_listed_the_newest_first_with_their_total() {
    let app = TestApp::start().await;
    for name in ["one", "two", "three"] {
        app.post("/labels", json!({"name": name})).await.data(201);
    }
    let list = app.get("/labels?limit=2").await;
    assert_eq!(list.json()["total"], 3);
    let data = list.data(200);
    let names: Vec<_> = data
        .as_array()
        .unwrap()
        .iter()
        .map(|label| &label["name"])
        .collect();
    assert_eq!(names, ["three", "two"]);
    assert_eq!(app.get("/labels?limit=2").await.header("x-cache"), "hit");
}
