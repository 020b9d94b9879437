//! What is true of many operations and would be written over and over at each of them: the headers
//! of every answer, those of lists, the errors and the examples.

use super::examples;
use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema};
use utoipa::openapi::{
    ContentBuilder, HttpMethod, Ref, RefOr, Required, Response, ResponseBuilder, Type,
};

/// Completes the document.
pub struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            for (name, schema) in &mut components.schemas {
                if let RefOr::T(Schema::Object(object)) = schema {
                    complete_schema(name, object);
                }
            }
        }
        for (path, item) in &mut document.paths.paths {
            let operations = [
                (HttpMethod::Get, &mut item.get),
                (HttpMethod::Post, &mut item.post),
                (HttpMethod::Put, &mut item.put),
                (HttpMethod::Delete, &mut item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    complete(path, &method, operation);
                }
            }
        }
    }
}

fn complete_schema(name: &str, object: &mut Object) {
    let inputs = [
        "NewTask",
        "TaskChange",
        "NewUser",
        "UserChange",
        "CategoryInput",
    ];
    if inputs.contains(&name) {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    // utoipa writes what a generic type holds out in full.
    if let Some((_, held)) = name.split_once('_') {
        let held = RefOr::Ref(Ref::from_schema_name(held));
        match object.properties.get_mut("data") {
            Some(RefOr::T(Schema::Array(list))) => {
                list.items = ArrayItems::RefOrSchema(Box::new(held));
            }
            Some(one) => *one = held,
            None => {}
        }
    }
}

fn complete(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let is_item = path.contains("{id}");
    let is_list = *method == HttpMethod::Get && operation.parameters.is_some() && !is_item;
    let has_body = operation.request_body.is_some();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            for content in response.content.values_mut() {
                if let RefOr::T(content) = content
                    && content.example.is_none()
                {
                    content.example = examples::success(path, method, status);
                }
            }
        }
    }
    if is_list {
        add_list_answers(operation);
    }
    if *method == HttpMethod::Get && (is_list || is_item) {
        add_served_from(operation);
    }
    let is_create = *method == HttpMethod::Post;
    if is_create {
        add_idempotency(operation);
    }
    for status in errors(path, is_item, is_list, has_body, is_create) {
        let error = problem(path, method, status);
        operation
            .responses
            .responses
            .entry(status.to_string())
            .or_insert(RefOr::T(error));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_header(
                response,
                "X-Instance",
                Type::String,
                "The instance that answered",
            );
            add_header(
                response,
                "X-Request-Id",
                Type::String,
                "The id of the request: the caller's, if it sent a sane one in this header",
            );
        }
    }
    add_parameter(
        operation,
        "X-Request-Id",
        "The id that the request is to have, 1 to 128 letters, digits and any of -_.:/+=; others \
         are replaced",
        "checkout-7f3a",
    );
}

/// The statuses of the errors that an operation can answer with.
fn errors(path: &str, is_item: bool, is_list: bool, has_body: bool, is_create: bool) -> Vec<u16> {
    let mut errors = Vec::new();
    if is_item || is_list || has_body {
        errors.extend([400, 503]);
    }
    if is_item {
        errors.push(404);
    }
    if has_body {
        errors.extend([413, 415]);
    }
    if is_create || has_body && path.starts_with("/users") {
        errors.push(409);
    }
    if is_create {
        errors.push(422);
    }
    errors.push(500);
    errors
}

fn add_list_answers(operation: &mut Operation) {
    let unchanged = Response::new("The list is the one that If-None-Match names");
    let responses = &mut operation.responses.responses;
    responses.insert("304".to_owned(), RefOr::T(unchanged));
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            add_header(
                response,
                "X-Cache",
                Type::String,
                "Where the list came from: `hit`, a copy; `miss`, the database; `bypass`, the \
                 database, because Redis is away",
            );
            add_header(
                response,
                "ETag",
                Type::String,
                "Names this state of the list, for If-None-Match",
            );
        }
    }
    add_parameter(
        operation,
        "If-None-Match",
        "The ETag of the state that the client has; where that is the present one, the answer is \
         304 without a body",
        "\"0f343b0931126a20f133d67c2b018a3b\"",
    );
}

fn add_idempotency(operation: &mut Operation) {
    add_parameter(
        operation,
        "Idempotency-Key",
        "Makes the request safe to repeat: within 24 hours, a repeat with the same key gets the same \
         answer and creates nothing; 1 to 255 visible ASCII characters, a new one for each new thing",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
    );
    if let Some(RefOr::T(created)) = operation.responses.responses.get_mut("201") {
        add_header(
            created,
            "Idempotency-Replayed",
            Type::Boolean,
            "`true` where this is the answer to an earlier request with the same key",
        );
    }
}

/// Tells of successful reads where they came from.
fn add_served_from(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && ["200", "304"].contains(&&**status)
        {
            add_header(
                response,
                "X-Served-From",
                Type::String,
                "`cache`, `primary` or the replica that was read from, such as `replica-1`",
            );
        }
    }
}

fn add_header(response: &mut Response, name: &str, kind: Type, description: &str) {
    let header = HeaderBuilder::new()
        .schema(Some(Object::with_type(kind)))
        .description(Some(description))
        .build();
    response.headers.insert(name.to_owned(), header.into());
}

/// Adds a header that a client may send. Its example stands in its description, because Swagger UI
/// sends what stands in `example`.
fn add_parameter(operation: &mut Operation, name: &str, description: &str, example: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(format!("{description} (for example `{example}`)")))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(parameter));
}

fn problem(path: &str, method: &HttpMethod, status: u16) -> Response {
    let description = match status {
        400 => "The request breaks rules, all of which are named",
        404 => "There is no such thing",
        409 => conflict(path, method),
        413 => "The body is too long",
        415 => "The body is not JSON",
        422 => "The Idempotency-Key was used for another request",
        503 => "PostgreSQL is out of reach",
        _ => "A fault of the server",
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(examples::problem(path, method, status)))
        .build();
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build();
    if status == 503 || status == 409 && *method == HttpMethod::Post {
        add_header(
            &mut response,
            "Retry-After",
            Type::Integer,
            "When to try again, in seconds",
        );
    }
    response
}

fn conflict(path: &str, method: &HttpMethod) -> &'static str {
    match (path.starts_with("/users"), method) {
        (true, HttpMethod::Post) => {
            "Another user has this address, or (then with Retry-After) a request with the same \
             Idempotency-Key is being carried out"
        }
        (true, _) => "Another user has this address",
        (false, _) => "A request with the same Idempotency-Key is being carried out",
    }
}
