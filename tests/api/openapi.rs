//! The OpenAPI document says what the API does, and Swagger UI shows it.

use crate::helpers::{Answer, TestApp, collections, document, send};
use futures_util::future::join_all;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Every operation: its method, its path and what the document says of it.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            operations.push((method, path.clone(), operation.clone()));
        }
    }
    operations
}

/// What a schema lets through, when whatever it does not name is not allowed.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"],
    });
    root["allOf"] = json!([schema]);
    close(&mut root["components"]["schemas"]);
    jsonschema::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .build(&root)
        .unwrap()
}

/// Forbids in every object what its schema does not name.
fn close(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if object.contains_key("properties") {
            object.entry("additionalProperties").or_insert(json!(false));
        }
        object.values_mut().for_each(close);
    }
}

fn assert_valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let validator = validator(document, schema);
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?} in {value:#}");
}

#[test]
fn committed_openapi_json_is_up_to_date() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"));
    assert!(
        committed.unwrap() == taskfleet::openapi::json(),
        "`make openapi` brings openapi.json up to date"
    );
}

#[test]
fn document_is_openapi_3_1_without_dangling_references() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{pointer} leads nowhere"
        );
    }
    let ids: Vec<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "{ids:?}"
    );
}

#[actix_web::test]
async fn every_route_is_in_the_document_with_all_of_its_methods() {
    let app = TestApp::start().await;
    let document = document();
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (method, path, _) in operations(&document) {
        documented
            .entry(path)
            .or_default()
            .insert(method.to_string());
    }
    let source = include_str!("../../src/routes.rs");
    let routes = source
        .split("path(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let routes: BTreeSet<_> = routes
        .filter(|path| *path != "/openapi.json" && !path.starts_with("/docs/"))
        .collect();
    assert!(
        routes.contains("/tasks/{id}") && routes.len() >= 10,
        "{routes:?}"
    );
    assert_eq!(
        documented
            .keys()
            .map(|path| &**path)
            .collect::<BTreeSet<_>>(),
        routes
    );
    for (path, methods) in documented {
        let path = path.replace("{id}", "1");
        let answer = send(app.request(Method::PATCH, &path)).await;
        let allowed = answer.header("allow").split(", ").map(str::to_owned);
        // HEAD comes with GET.
        let allowed: BTreeSet<_> = allowed.filter(|method| method != "HEAD").collect();
        assert_eq!(methods, allowed, "{path}");
    }
}

#[test]
fn every_operation_has_summary_parameters_examples_and_errors() {
    let document = document();
    let collections = collections();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        let is_collection = collections.iter().any(|collection| collection.path == path);
        let is_list = method == Method::GET && is_collection;
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = format!("{name}: {}", parameter["name"]);
            assert!(parameter["description"].is_string(), "{name}");
            assert!(parameter["schema"].is_object(), "{name}");
            assert_eq!(parameter["required"], parameter["in"] == "path", "{name}");
            if parameter["in"] != "header" {
                let example = &parameter["example"];
                assert!(!example.is_null(), "{name} has no example");
                assert_valid(&document, &parameter["schema"], example, &name);
            }
        }
        if operation["requestBody"].is_object() {
            assert_eq!(operation["requestBody"]["required"], true, "{name}");
            let content = &operation["requestBody"]["content"]["application/json"];
            assert_valid(&document, &content["schema"], &content["example"], &name);
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500"), "{name}");
        assert_eq!(responses.contains_key("304"), is_list, "{name}");
        for (status, response) in responses {
            let name = format!("{name}: {status}");
            for header in ["X-Instance", "X-Request-Id"] {
                assert!(response["headers"][header].is_object(), "{name}: {header}");
            }
            let of_list = is_list && ["200", "304"].contains(&&**status);
            for header in ["X-Cache", "ETag"] {
                assert_eq!(
                    response["headers"][header].is_object(),
                    of_list,
                    "{name}: {header}"
                );
            }
            let contents = response["content"].as_object().cloned().unwrap_or_default();
            assert_eq!(contents.len(), usize::from(status != "304"), "{name}");
            for (kind, content) in contents {
                let is_problem = status.as_str() >= "400" && name != "GET /health/ready: 503";
                let expected = if is_problem {
                    "application/problem+json"
                } else {
                    "application/json"
                };
                assert_eq!(kind, expected, "{name}");
                assert!(content["example"].is_object(), "{name} has no example");
                assert_valid(&document, &content["schema"], &content["example"], &name);
                if is_problem {
                    let reference = "#/components/schemas/Problem";
                    assert_eq!(content["schema"]["$ref"], reference, "{name}");
                    assert_eq!(content["example"]["status"].to_string(), *status, "{name}");
                }
            }
        }
    }
}

#[test]
fn nullable_fields_of_a_task_are_required() {
    let document = document();
    let task = &document["components"]["schemas"]["Task"];
    assert_eq!(
        task["required"].as_array().unwrap().len(),
        task["properties"].as_object().unwrap().len()
    );
    assert_eq!(
        task["properties"]["description"]["type"],
        json!(["string", "null"])
    );
    assert_eq!(
        task["properties"]["userId"]["type"],
        json!(["integer", "null"])
    );
    for embedded in ["user", "category"] {
        assert_eq!(
            task["properties"][embedded]["oneOf"][1],
            json!({"type": "null"})
        );
    }
    let sort = &document["components"]["schemas"]["Order"]["enum"];
    assert_eq!(*sort, json!(["asc", "desc"]));
}

/// Checks that the document allows an answer: its status, type, headers and body.
fn assert_documented(document: &Value, method: &Method, path: &str, answer: &Answer) {
    let what = format!("{method} {path}: {}", answer.status);
    let operation = &document["paths"][path][method.as_str().to_lowercase()];
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{what} is not documented: {answer:?}");
    for header in response["headers"].as_object().unwrap().keys() {
        assert!(answer.headers.contains_key(header), "{what} lacks {header}");
    }
    if let Some(content) = response["content"].as_object() {
        let schema = &content[answer.header("content-type")]["schema"];
        assert_valid(document, schema, &answer.json(), &what);
    } else {
        assert_eq!(answer.text, "", "{what}");
    }
}

/// POSTs the first request of an idempotency key.
async fn first_of_key(app: &TestApp, path: &str, key: &str, body: Value) {
    let request = app
        .request(Method::POST, path)
        .header("idempotency-key", key);
    send(request.json(&body)).await.data(201);
}

/// Holds the lock of the key `409` on this path until the transaction ends, as its first request would.
async fn hold_key(transaction: &mut PgConnection, path: &str) {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' 409', 0))";
    let lock = sqlx::query(lock).bind(path);
    lock.execute(transaction).await.unwrap();
}

/// Sends every operation a request that succeeds, and one for each error that the document has for it,
/// and compares the answers with the document.
#[actix_web::test]
async fn every_answer_is_as_documented() {
    let app = TestApp::start().await;
    let without_database =
        TestApp::start_with(&["--database-url", "postgres://u:p@127.0.0.1:1/d"]).await;
    let document = document();
    let collections = collections();
    for collection in &collections {
        collection.create(&app).await;
    }
    let mut in_flight = app.db.begin().await.unwrap();
    let mut seen = 0;
    // Each may wait for a connection, so they are sent at once.
    let mut unavailable = Vec::new();
    for (method, path, operation) in operations(&document) {
        let collection = collections
            .iter()
            .find(|one| path == one.path || path == one.item("{id}"));
        for (status, response) in operation["responses"].as_object().unwrap() {
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            let mut body = example.as_object().cloned().unwrap_or_default();
            let mut url = path.clone();
            if let Some(collection) = collection {
                collection.make_valid(&app, &mut body).await;
                if path.contains("{id}") {
                    let id = collection.create(&app).await["id"].clone();
                    url = collection.item(id);
                }
            }
            let mut target = &app;
            let (mut content_type, mut known) = ("application/json", "\"other\"");
            match (&**status, collection) {
                ("304", _) => known = "*",
                ("400", _) if path.contains("{id}") => url = path.replace("{id}", "0"),
                ("400", _) if method == Method::GET => url += "?limit=0",
                ("400", _) => body = Map::new(),
                ("404", _) => url = path.replace("{id}", "999999"),
                ("409", Some(collection)) => {
                    let code = &response["content"]["application/problem+json"]["example"]["code"];
                    if code == "duplicate" {
                        let taken = collection.new_body(&app).await;
                        app.post(&collection.path, taken.clone()).await.data(201);
                        body = taken.as_object().unwrap().clone();
                    }
                    if code == "duplicate" && method == Method::POST {
                        let duplicate = app.post(&path, body.clone().into()).await;
                        duplicate.problem(409);
                        assert_eq!(duplicate.json()["code"], "duplicate", "{duplicate:?}");
                    }
                    if method == Method::POST {
                        hold_key(&mut in_flight, &path).await;
                    }
                }
                ("413", _) => _ = body.insert("padding".to_owned(), json!("x".repeat(70_000))),
                ("415", _) => content_type = "text/plain",
                // The first request of the key is the same, or another.
                ("201", _) => first_of_key(&app, &path, status, body.clone().into()).await,
                ("422", Some(collection)) => {
                    let other = collection.new_body(&app).await;
                    first_of_key(&app, &path, status, other).await;
                }
                ("503", _) => target = &without_database,
                ("500", _) => continue,
                _ => {}
            }
            let mut request = target
                .request(method.clone(), &url)
                .header("if-none-match", known);
            if method == Method::POST {
                request = request.header("idempotency-key", status);
            }
            if operation["requestBody"].is_object() {
                let body = Value::Object(body).to_string();
                request = request.header("content-type", content_type).body(body);
            }
            seen += 1;
            if status == "503" {
                let (method, path) = (method.clone(), path.clone());
                unavailable.push(async { (method, path, send(request).await) });
                continue;
            }
            let answer = send(request).await;
            assert_eq!(answer.status.as_str(), status, "{method} {url}: {answer:?}");
            assert_documented(&document, &method, &path, &answer);
        }
    }
    for (method, path, answer) in join_all(unavailable).await {
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
        assert_documented(&document, &method, &path, &answer);
    }
    assert!(seen > 70, "only {seen} answers were compared");
}

#[actix_web::test]
async fn openapi_json_is_served() {
    let app = TestApp::start().await;
    let answer = app.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text, taskfleet::openapi::json());
}

#[actix_web::test]
async fn swagger_ui_loads_every_asset_from_this_server() {
    let app = TestApp::start().await;
    for path in ["/docs", "/docs/", "/api-docs", "/api-docs/"] {
        let head = send(app.request(Method::HEAD, path)).await;
        assert_eq!(
            (head.status.as_u16(), head.text.as_str()),
            (200, ""),
            "{path}"
        );
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.header("content-type").starts_with("text/html"),
            "{path}"
        );
        let assets: Vec<_> = ["src=\"", "href=\""]
            .into_iter()
            .flat_map(|attribute| page.text.split(attribute).skip(1))
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(assets.len() >= 5, "{assets:?}");
        for asset in assets {
            assert!(!asset.contains("//"), "{asset} is elsewhere");
            let answer = app
                .get(&format!("/docs/{}", asset.trim_start_matches("./")))
                .await;
            assert_eq!(answer.status, 200, "{asset}");
            assert!(!answer.text.is_empty(), "{asset}");
        }
    }
    let initializer = app.get("/docs/swagger-initializer.js").await.text;
    assert!(initializer.contains("\"/openapi.json\""), "{initializer}");
    assert!(
        initializer.contains("\"tryItOutEnabled\": true"),
        "{initializer}"
    );
}
