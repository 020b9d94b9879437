//! The collections of the API, taken from its OpenAPI document, for tests that walk through all of them: a
//! new resource is tested without a change here.

use super::TestApp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The OpenAPI document.
pub fn document() -> Value {
    serde_json::from_str(taskfleet::openapi::json()).unwrap()
}

/// A collection: a path that has GET and POST, and an item path below it.
#[derive(Debug)]
pub struct Collection {
    /// The path, such as `/tasks`.
    pub path: String,
    /// The names of the fields that a create takes, sorted.
    pub fields: Vec<String>,
    /// The request example of a create.
    pub example: Map<String, Value>,
    /// The required fields of a create that may have any text, and so a unique one.
    fresh_fields: Vec<String>,
}

/// Every collection of the document.
pub fn collections() -> Vec<Collection> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let collections: Vec<_> = paths
        .iter()
        .filter(|(path, item)| {
            let has = |method| item.get(method).is_some();
            has("get") && has("post") && paths.contains_key(&format!("{path}/{{id}}"))
        })
        .map(|(path, item)| Collection::new(&document, path, &item["post"]))
        .collect();
    assert!(collections.len() >= 3, "{collections:?}");
    collections
}

/// The schema that a `$ref` names, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

impl Collection {
    fn new(document: &Value, path: &str, create: &Value) -> Self {
        let content = &create["requestBody"]["content"]["application/json"];
        let schema = resolved(document, &content["schema"]);
        let properties = schema["properties"].as_object().unwrap();
        let required = schema["required"].as_array().unwrap().iter();
        let takes_any_text = |name: &&str| {
            let field = resolved(document, &properties[*name]);
            let is_bounded = ["enum", "pattern"]
                .iter()
                .any(|rule| !field[rule].is_null());
            let has_any_form = field["format"].is_null() || field["format"] == "email";
            field["type"] == "string" && has_any_form && !is_bounded
        };
        Self {
            path: path.to_owned(),
            fields: properties.keys().cloned().collect(),
            example: content["example"].as_object().unwrap().clone(),
            fresh_fields: required
                .map(|name| name.as_str().unwrap())
                .filter(takes_any_text)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The table of the collection's rows.
    pub fn table(&self) -> &str {
        self.path.trim_start_matches('/')
    }

    /// The path of the item with this id.
    pub fn item(&self, id: impl std::fmt::Display) -> String {
        format!("{}/{id}", self.path)
    }

    /// The request example of a create, with ids of a user and a category that exist and with fresh texts,
    /// so that no unique constraint refuses it.
    pub async fn new_body(&self, app: &TestApp) -> Value {
        let mut body = self.example.clone();
        self.make_valid(app, &mut body).await;
        body.into()
    }

    /// Replaces those fields of a body of a create or an update that must be unique or refer to a row.
    pub async fn make_valid(&self, app: &TestApp, body: &mut Map<String, Value>) {
        for (name, value) in body.iter_mut() {
            match name.as_str() {
                "userId" => *value = json!(app.add_user("Ada").await),
                "categoryId" => *value = json!(app.create_category("Chores").await),
                name if self.fresh_fields.iter().any(|fresh| fresh == name) => {
                    *value = json!(fresh(value.as_str().unwrap()));
                }
                _ => {}
            }
        }
    }

    /// Creates an item and returns it.
    pub async fn create(&self, app: &TestApp) -> Value {
        let body = self.new_body(app).await;
        app.post(&self.path, body).await.data(201)
    }
}

/// A text of 32 characters that no other row has, an e-mail address where the example is one.
fn fresh(example: &str) -> String {
    let unique = Uuid::new_v4().simple().to_string();
    match example.split_once('@') {
        Some((_, domain)) => format!("{unique}@{domain}"),
        None => unique,
    }
}
