//! Broken bodies of requests, each refused with a sentence that a person understands.

use crate::helpers::{Answer, TestApp, collections, send};
use reqwest::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";

/// What every path that takes a body answers to this one.
async fn send_everywhere(app: &TestApp, content_type: Option<&str>, body: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let operations = collections().into_iter().flat_map(|collection| {
        let item = collection.item(1);
        [(Method::POST, collection.path), (Method::PUT, item)]
    });
    for (method, path) in operations {
        let mut request = app.request(method, &path).body(body.to_vec());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        answers.push(send(request).await);
    }
    answers
}

#[actix_web::test]
async fn body_that_is_no_json_object_is_400() {
    let app = TestApp::start().await;
    let cannot = |cause: &str| format!("The body cannot be read: {cause}.");
    let object = |found: &str| {
        cannot(&format!(
            "invalid type: {found}, expected a JSON object at line 1 column 0"
        ))
    };
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"title\":{}{}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
        .into_bytes()
    };
    for (body, sentence) in [
        (
            b"".to_vec(),
            "The body is empty, but must be a JSON object.".to_owned(),
        ),
        (
            b" ".to_vec(),
            cannot("EOF while parsing a value at line 1 column 1"),
        ),
        (
            b"{".to_vec(),
            cannot("EOF while parsing an object at line 1 column 1"),
        ),
        (
            b"{\"title\":\"a".to_vec(),
            cannot("EOF while parsing a string at line 1 column 11"),
        ),
        (
            b"{\"title\":}".to_vec(),
            cannot("expected value at line 1 column 10"),
        ),
        (
            b"{'title':'a'}".to_vec(),
            cannot("key must be a string at line 1 column 2"),
        ),
        (
            b"{} x".to_vec(),
            cannot("trailing characters at line 1 column 4"),
        ),
        (
            b"{\"title\":\"a\",}".to_vec(),
            cannot("trailing comma at line 1 column 14"),
        ),
        (
            b"{\"userId\":NaN}".to_vec(),
            cannot("expected value at line 1 column 11"),
        ),
        (
            b"{\"userId\":1e999}".to_vec(),
            cannot("number out of range at line 1 column 15"),
        ),
        (
            b"hello".to_vec(),
            cannot("expected value at line 1 column 1"),
        ),
        (
            b"{\"title\":\"a\x01b\"}".to_vec(),
            cannot(
                "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 12",
            ),
        ),
        (b"[]".to_vec(), object("sequence")),
        (b"[{\"title\":\"a\"}]".to_vec(), object("sequence")),
        (
            b"\"title\"".to_vec(),
            object("string \"title\"").replace("column 0", "column 7"),
        ),
        (
            b"7".to_vec(),
            object("integer `7`").replace("column 0", "column 1"),
        ),
        (
            b"null".to_vec(),
            object("null").replace("column 0", "column 4"),
        ),
        (
            b"title=a&userId=1".to_vec(),
            cannot("expected value at line 1 column 2"),
        ),
        (
            b"{\"title\":\"a\",\"title\":\"b\"}".to_vec(),
            cannot("the field \"title\" is there twice at line 1 column 20"),
        ),
        (deep("[", "]"), cannot("it is nested too deeply")),
        (deep("{\"a\":", "}"), cannot("it is nested too deeply")),
        (
            b"{\"title\":\"\xff\"}".to_vec(),
            cannot("it is not UTF-8 from byte 10 on"),
        ),
        (
            b"{\"title\":\"\xed\xa0\x80\"}".to_vec(),
            cannot("it is not UTF-8 from byte 10 on"),
        ),
        (
            b"\xff\xfe{\0}\0".to_vec(),
            cannot("it is not UTF-8 from byte 0 on"),
        ),
        (
            br#"{"title":"\ud800"}"#.to_vec(),
            cannot("unexpected end of hex escape at line 1 column 17"),
        ),
        (
            br#"{"title":"\udc00x"}"#.to_vec(),
            cannot("lone leading surrogate in hex escape at line 1 column 16"),
        ),
    ] {
        for answer in send_everywhere(&app, Some(JSON), &body).await {
            let what = String::from_utf8_lossy(&body);
            assert_eq!(answer.problem(400), sentence, "{what:.100}");
            assert_eq!(answer.json()["errors"], Value::Null);
        }
    }
}

#[actix_web::test]
async fn field_of_a_wrong_type_is_400_with_its_rule() {
    let app = TestApp::start().await;
    let user = app.add_user("Ada").await;
    let id = app.create_task("Sweep", user).await["id"].clone();
    let (text, status) = (
        "must be a string",
        "must be one of pending, in-progress, completed",
    );
    let id_rule = "must be a whole number from 1 to 9223372036854775807";
    let no_texts = [json!(7), json!(true), json!(["a"]), json!({"a": 1})];
    let no_ids = [
        json!("1"),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1.0),
        json!(true),
        json!([1]),
        json!({}),
        json!(9_223_372_036_854_775_808_u64),
        json!(1e30),
    ];
    for (field, bad, rule) in [
        ("title", &no_texts[..], text),
        ("description", &no_texts, text),
        ("status", &no_texts, status),
        (
            "status",
            &[
                json!(""),
                json!("done"),
                json!("Pending"),
                json!("in progress"),
            ],
            status,
        ),
        ("userId", &no_ids, id_rule),
        ("categoryId", &no_ids, id_rule),
        (
            "title",
            &[json!("a\0b")],
            "must not contain the NUL character",
        ),
        (
            "description",
            &[json!("\0")],
            "must not contain the NUL character",
        ),
    ] {
        for value in bad {
            let mut new = json!({"title": "Mop", "userId": user});
            new[field] = value.clone();
            for answer in [
                app.post("/tasks", new).await,
                app.put(&format!("/tasks/{id}"), json!({field: value}))
                    .await,
            ] {
                assert_eq!(answer.invalid_paths(), [field], "{field}: {value}");
                assert_eq!(answer.problem(400), format!("{field} {rule}."), "{value}");
            }
        }
    }
    // Too many digits for any number of this machine.
    let body = r#"{"title":"Mop","userId":123456789012345678901234567890}"#;
    assert_eq!(
        app.post_raw("/tasks", JSON, body).await.invalid_paths(),
        ["userId"]
    );
}

#[actix_web::test]
async fn text_with_nul_is_400() {
    let app = TestApp::start().await;
    for field in ["name", "email", "password"] {
        let mut user = json!({"name": "Ada", "email": "ada@example.com", "password": "secret"});
        user[field] = json!("ada\0@example.com");
        for answer in [
            app.post("/users", user).await,
            app.put("/users/1", json!({field: "\0secret"})).await,
        ] {
            assert_eq!(
                answer.problem(400),
                format!("{field} must not contain the NUL character.")
            );
        }
    }
    for answer in send_everywhere(&app, Some(JSON), br#"{"name":"\u0000","title":"\u0000"}"#).await
    {
        assert!(
            answer
                .problem(400)
                .contains("must not contain the NUL character")
        );
    }
}

#[actix_web::test]
async fn unknown_field_is_400_with_the_known_fields() {
    let app = TestApp::start().await;
    for collection in collections() {
        let path = &collection.path;
        for field in ["colour", "id", "Title", "user_id", "", "a\0", "__proto__"] {
            for answer in [
                app.post(path, json!({field: 1})).await,
                app.put(&collection.item(1), json!({field: 1})).await,
            ] {
                let errors = answer.json()["errors"].clone();
                let error = errors
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|error| error["path"] == field);
                let message = error.unwrap()["message"].as_str().unwrap();
                let fields = message.strip_prefix("is not a field here; the fields are ");
                let mut fields: Vec<_> = fields.unwrap().split(", ").collect();
                fields.sort_unstable();
                assert_eq!(fields, collection.fields, "{path} {field:?}");
                answer.problem(400);
            }
        }
    }
    let many: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!(n))).collect();
    let sentence = app.post("/tasks", many.into()).await.problem(400);
    assert!(
        sentence.contains("there are more than 100 fields"),
        "{sentence}"
    );
}

#[actix_web::test]
async fn content_type_other_than_json_is_415() {
    let app = TestApp::start().await;
    let body = br#"{"name":"Chores"}"#;
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("text/json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonx"),
        Some("application/merge-patch+json"),
        Some("json"),
    ] {
        for answer in send_everywhere(&app, content_type, body).await {
            let sentence = "The body must be JSON, with the header Content-Type: application/json.";
            assert_eq!(answer.problem(415), sentence, "{content_type:?}");
        }
    }
    for content_type in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        " application/json ;x=y",
    ] {
        app.post_raw("/categories", content_type, body)
            .await
            .data(201);
    }
}
