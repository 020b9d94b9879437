//! `/users`.

use crate::helpers::TestApp;
use crate::shape::{self, keys};
use serde_json::{Value, json};

fn ada() -> Value {
    json!({"name": "Ada", "email": "Ada@Example.com", "password": "correct horse"})
}

#[actix_web::test]
async fn password_and_its_hash_are_in_no_answer() {
    let app = TestApp::start().await;
    let answer = app.post("/users", ada()).await;
    let user = shape::assert_created(&app, "/users", "user", &answer).await;
    assert_eq!(keys(&user), shape::USER);
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada"), &json!("Ada@Example.com"))
    );

    let path = format!("/users/{}", user["id"]);
    app.create_task("Sweep", user["id"].as_i64().unwrap()).await;
    for answer in [
        answer,
        app.get(&path).await,
        app.get("/users").await,
        app.get("/tasks").await,
        app.put(&path, json!({"password": "correct horse"})).await,
        app.post("/users", ada()).await,
        app.put(&path, json!({"password": "horse"})).await,
        app.put(&path, json!({"name": 7, "password": "correct horse"}))
            .await,
        app.delete(&path).await,
    ] {
        for secret in ["horse", "argon2"] {
            assert!(!answer.text.contains(secret), "{answer:?}");
        }
    }
}

#[actix_web::test]
async fn password_is_stored_as_an_argon2id_hash_with_a_new_salt() {
    let app = TestApp::start().await;
    let hash = async || -> String {
        sqlx::query_scalar("SELECT password_hash FROM users")
            .fetch_one(&app.db)
            .await
            .unwrap()
    };
    let user = app.post("/users", ada()).await.data(201);
    let path = format!("/users/{}", user["id"]);
    let first = hash().await;
    assert!(
        first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{first}"
    );
    app.put(&path, json!({"name": "Ada King"})).await.data(200);
    assert_eq!(hash().await, first);
    app.put(&path, json!({"password": "correct horse"}))
        .await
        .data(200);
    let second = hash().await;
    assert!(second.starts_with("$argon2id$"), "{second}");
    assert_ne!(second, first, "the salt must be a new one");
}

#[actix_web::test]
async fn update_of_name_or_email_leaves_the_other_as_it_is() {
    let app = TestApp::start().await;
    let mut user = app.post("/users", ada()).await.data(201);
    let path = format!("/users/{}", user["id"]);
    for (field, value) in [
        ("name", json!("Grace")),
        ("email", json!("grace@example.com")),
    ] {
        shape::make_old(&app, "users").await;
        let updated = shape::assert_updated(&app.put(&path, json!({field: value})).await, "user");
        shape::assert_touched(&updated);
        shape::assert_one(&app.get(&path).await, &updated);
        user[field] = value;
        for timestamp in ["createdAt", "updatedAt"] {
            user[timestamp] = updated[timestamp].clone();
        }
        assert_eq!(updated, user);
    }
    let answer = app.put(&path, json!({})).await;
    assert_eq!(
        answer.problem(400),
        "body must have at least one of name, email, password."
    );
}

#[actix_web::test]
async fn email_of_another_user_in_any_case_is_409() {
    let app = TestApp::start().await;
    let user = app.post("/users", ada()).await.data(201);
    let path = format!("/users/{}", user["id"]);
    let mut grace = json!({"name": "Grace", "email": "grace@example.com", "password": "secret"});
    let grace_id = app.post("/users", grace.clone()).await.data(201)["id"].clone();
    for email in ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"] {
        grace["email"] = json!(email);
        let answers = [
            app.post("/users", grace.clone()).await,
            app.put(&format!("/users/{grace_id}"), json!({"email": email}))
                .await,
        ];
        for answer in answers {
            let sentence = "Another user already has this e-mail address.";
            assert_eq!(answer.problem(409), sentence);
        }
    }
    // A user's own e-mail address is not another's.
    let updated = app.put(&path, json!({"email": "ADA@example.com"})).await;
    assert_eq!(updated.data(200)["email"], "ADA@example.com");
    // An e-mail address is free again when its user is deleted.
    app.delete(&path).await.json();
    app.post("/users", ada()).await.data(201);
}

#[actix_web::test]
async fn of_six_concurrent_creates_with_one_email_one_is_201_and_five_are_409() {
    let app = TestApp::start().await;
    let all = (0..6).map(|_| app.post("/users", ada()));
    let answers = futures_util::future::join_all(all).await;
    let mut statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
}

#[actix_web::test]
async fn name_email_and_password_of_a_user_keep_their_rules() {
    let app = TestApp::start().await;
    let user = app.post("/users", ada()).await.data(201);
    let path = format!("/users/{}", user["id"]);
    let long_email = |length: usize| {
        let domain = format!("{}.{}.{}", "d".repeat(63), "d".repeat(63), "d".repeat(57));
        format!("{}@{domain}", "l".repeat(length - 1 - domain.len()))
    };
    let email_rule = "email must be an e-mail address, such as ada@example.com.";
    for (field, value, rule) in [
        (
            "name",
            json!(""),
            Some("name must be 1 to 100 characters long."),
        ),
        ("name", json!("猫".repeat(100)), None),
        (
            "name",
            json!("猫".repeat(101)),
            Some("name must be 1 to 100 characters long."),
        ),
        ("name", json!(null), Some("name must be a string.")),
        ("email", json!(""), Some(email_rule)),
        ("email", json!("ada"), Some(email_rule)),
        ("email", json!("ada@"), Some(email_rule)),
        ("email", json!("@example.com"), Some(email_rule)),
        ("email", json!("a da@example.com"), Some(email_rule)),
        ("email", json!("ada@exam ple.com"), Some(email_rule)),
        ("email", json!("ada@example.com\n"), Some(email_rule)),
        ("email", json!("a+b.c@sub.example.org"), None),
        ("email", json!(long_email(250)), None),
        ("email", json!(7), Some("email must be a string.")),
        (
            "password",
            json!("12345"),
            Some("password must be 6 to 1000 characters long."),
        ),
        (
            "password",
            json!("🐈".repeat(5)),
            Some("password must be 6 to 1000 characters long."),
        ),
        ("password", json!("🐈".repeat(6)), None),
        ("password", json!("x".repeat(1000)), None),
        (
            "password",
            json!("x".repeat(1001)),
            Some("password must be 6 to 1000 characters long."),
        ),
        (
            "password",
            json!(123_456),
            Some("password must be a string."),
        ),
    ] {
        let mut new = json!({"name": "B", "email": "b@example.com", "password": "123456"});
        new[field] = value.clone();
        let created = app.post("/users", new).await;
        let case = format!("{field}: {value}");
        if let Some(rule) = rule {
            let updated = app.put(&path, json!({field: value})).await;
            for answer in [created, updated] {
                assert_eq!(answer.invalid_paths(), [field], "{case}");
                assert_eq!(answer.problem(400), rule, "{case}");
            }
        } else {
            let id = created.data(201)["id"].clone();
            assert_eq!(
                app.delete(&format!("/users/{id}")).await.status,
                200,
                "{case}"
            );
        }
    }
}

#[actix_web::test]
async fn missing_user_is_404() {
    let app = TestApp::start().await;
    shape::assert_missing(&app, "/users", "user", json!({"name": "Grace"})).await;
}

#[actix_web::test]
async fn tasks_of_a_deleted_user_stay_without_user() {
    let app = TestApp::start().await;
    let (gone, stays) = (app.add_user("Ada").await, app.add_user("Grace").await);
    let orphan = app.create_task("Sweep", gone).await;
    let other = app.create_task("Mop", stays).await;
    shape::assert_deletes(&app, &format!("/users/{gone}"), "user").await;
    let task = app.get(&format!("/tasks/{}", orphan["id"])).await.data(200);
    assert_eq!(
        (&task["userId"], &task["user"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(task["title"], "Sweep");
    assert_eq!(
        app.get(&format!("/tasks/{}", other["id"])).await.data(200),
        other
    );
    let list = app.get("/tasks?sort=asc").await.json();
    assert_eq!(
        (&list["total"], &list["data"]),
        (&json!(2), &json!([task, other]))
    );
}

#[actix_web::test]
async fn users_are_listed_the_newest_first() {
    let app = TestApp::start().await;
    for name in ["Ada", "Grace", "Edsger"] {
        app.add_user(name).await;
    }
    let list = app.get("/users?limit=2").await.json();
    assert_eq!(keys(&list), shape::LIST);
    assert_eq!(
        (&list["total"], &list["totalPages"]),
        (&json!(3), &json!(2))
    );
    let data = list["data"].as_array().unwrap();
    assert!(data.iter().all(|user| keys(user) == shape::USER));
    let names: Vec<_> = data.iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["Edsger", "Grace"]);
    assert_eq!(
        app.get("/users?limit=2&page=2").await.data(200)[0]["name"],
        "Ada"
    );
    let beyond = app.get("/users?page=9").await.json();
    assert_eq!((&beyond["total"], &beyond["data"]), (&json!(3), &json!([])));
}

#[actix_web::test]
async fn head_answers_like_get_without_a_body() {
    let app = TestApp::start().await;
    let id = app.add_user("Ada").await;
    for path in ["/users", &format!("/users/{id}"), "/users/999"] {
        shape::assert_head_is_like_get(&app, path).await;
    }
}
