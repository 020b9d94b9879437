//! The parts of the document that every operation shares: the headers of requests and answers, and that
//! bodies have no fields but those that are described.

use crate::api::documentation::{header, header_parameter};
use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{OpenApi, RefOr, Type};

/// Adds to each operation the headers that all have, and closes the schemas of request bodies.
pub(super) struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let mut inputs = Vec::new();
        for item in document.paths.paths.values_mut() {
            let operations = [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.delete,
            ];
            for operation in operations.into_iter().flatten() {
                complete(operation);
                inputs.extend(body_schema(operation));
            }
        }
        let Some(components) = &mut document.components else {
            return;
        };
        for input in inputs {
            if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&input) {
                object.additional_properties =
                    Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
    }
}

/// The name of the schema that the body of a request has.
fn body_schema(operation: &Operation) -> Option<String> {
    let Some(RefOr::T(body)) = &operation.request_body else {
        return None;
    };
    let Some(RefOr::T(content)) = body.content.values().next() else {
        return None;
    };
    let Some(RefOr::Ref(schema)) = &content.schema else {
        return None;
    };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}

fn complete(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let instance = header(Type::String, "The name of the instance that answered");
            let request_id = header(
                Type::String,
                "The id of the request: the client's, if it sent a valid one in this header",
            );
            let headers = &mut response.headers;
            headers.insert("X-Instance".to_owned(), instance.into());
            headers.insert("X-Request-Id".to_owned(), request_id.into());
        }
    }
    let request_id = header_parameter(
        "X-Request-Id",
        "The id that the request is to have, 1 to 128 letters, digits and any of -_.:/+=; others \
         are replaced",
        "checkout-7f3a",
    );
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(request_id));
}
