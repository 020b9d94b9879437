//! The OpenAPI documentation of the operations that every resource has: parameters, answers, errors and
//! bodies, made from the types that answer.

use super::envelope::{Deleted, List, One, Written};
use super::error::{ApiError, Problem};
use super::extract::body::MAX_BYTES;
use super::extract::idempotency::KEY_RULE;
use super::resource::Resource;
use crate::db::{DbError, constraints};
use crate::domain::fields::FieldError;
use crate::domain::id::{self, Id};
use crate::domain::page::{Listed, MAX_LIMIT, MAX_PAGE, Page};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Type};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// The documented answers of a list of `T`: 200, 304 and errors.
pub(crate) struct ListResponses<T>(PhantomData<T>);
/// The documented answers of a get of a `T`: 200 and errors.
pub(crate) struct GetResponses<T>(PhantomData<T>);
/// The documented answers of a create of a `T`: 201 and errors.
pub(crate) struct CreateResponses<T>(PhantomData<T>);
/// The documented answers of an update of a `T`: 200 and errors.
pub(crate) struct UpdateResponses<T>(PhantomData<T>);
/// The documented answers of a delete of a `T`: 200 and errors.
pub(crate) struct DeleteResponses<T>(PhantomData<T>);

impl<T: Resource> IntoResponses for ListResponses<T> {
    fn responses() -> Responses {
        let page = Page {
            number: 1,
            limit: 10,
        };
        let listed = Listed {
            total: 1,
            items: vec![T::example()],
        };
        let list = success::<List<T>>("A page of the list", &List::new(page, listed))
            .header("X-Cache", header(Type::String, "Whether the list is a copy: `hit`, it is; `miss`, it was read from the database; `bypass`, the same, because Redis is away"))
            .header("ETag", header(Type::String, "Names this state of the list, for If-None-Match"))
            .header("X-Served-From", served_from());
        let unchanged = ResponseBuilder::new()
            .description("The list is in the state that If-None-Match names")
            .header("X-Cache", header(Type::String, "As for 200"))
            .header("ETag", header(Type::String, "As for 200"))
            .header("X-Served-From", served_from());
        let rule = format!("must be a whole number from 1 to {MAX_LIMIT}");
        Answers::new("200", list)
            .add("304", unchanged)
            .invalid(FieldError::new("limit", rule))
            .failures()
    }
}

impl<T: Resource> IntoResponses for GetResponses<T> {
    fn responses() -> Responses {
        let one = success::<One<T>>("The resource", &One::new(T::example()))
            .header("X-Served-From", served_from());
        Answers::new("200", one)
            .invalid(FieldError::new("id", id::RULE))
            .not_found::<T>()
            .failures()
    }
}

impl<T: Resource> IntoResponses for CreateResponses<T> {
    fn responses() -> Responses {
        let created = success::<Written<T>>(
            "The resource as it was created",
            &Written::created(T::example()),
        )
        .header(
            "Location",
            header(Type::String, "The path of the new resource"),
        )
        .header(
            "Idempotency-Replayed",
            header(
                Type::Boolean,
                "`true` where this is the answer to an earlier request with the same key",
            ),
        );
        let in_progress = "A request with the same Idempotency-Key is being carried out";
        let (description, conflict) = match duplicate::<T>() {
            Some(error) => (format!("{error} Or: {in_progress}"), error),
            None => (in_progress.to_owned(), ApiError::RequestInProgress),
        };
        let conflict = problem(&description, &conflict).header(
            "Retry-After",
            header(
                Type::Integer,
                "When to try again, in seconds, where a request is in progress",
            ),
        );
        Answers::new("201", created)
            .invalid(T::invalid_example())
            .body_errors()
            .add("409", conflict)
            .error(
                "The Idempotency-Key was used for another request",
                &ApiError::KeyReused,
            )
            .failures()
    }
}

impl<T: Resource> IntoResponses for UpdateResponses<T> {
    fn responses() -> Responses {
        let updated =
            success::<Written<T>>("The resource as it is now", &Written::updated(T::example()));
        let answers = Answers::new("200", updated)
            .invalid(T::invalid_example())
            .not_found::<T>()
            .body_errors();
        match duplicate::<T>() {
            Some(error) => answers.error("Another resource has the same", &error),
            None => answers,
        }
        .failures()
    }
}

impl<T: Resource> IntoResponses for DeleteResponses<T> {
    fn responses() -> Responses {
        let deleted = success::<Deleted>("The resource is deleted", &Deleted::new::<T>());
        Answers::new("200", deleted)
            .invalid(FieldError::new("id", id::RULE))
            .not_found::<T>()
            .failures()
    }
}

/// The 409 of a resource with a unique constraint; `None` where it has none.
fn duplicate<T: Resource>() -> Option<ApiError> {
    let rule = T::UNIQUE.and_then(constraints::rule);
    rule.map(|rule| ApiError::from(DbError::from(rule)))
}

/// The documented answers of an operation, by status.
struct Answers(Responses);

impl Answers {
    fn new(status: &str, success: ResponseBuilder) -> Self {
        Self(BTreeMap::new()).add(status, success)
    }

    fn add(mut self, status: &str, response: ResponseBuilder) -> Self {
        self.0.insert(status.to_owned(), RefOr::T(response.build()));
        self
    }

    fn error(self, description: &str, error: &ApiError) -> Self {
        let status = actix_web::ResponseError::status_code(error);
        self.add(status.as_str(), problem(description, error))
    }

    fn invalid(self, error: FieldError) -> Self {
        self.error(
            "The request breaks rules, all of which are named",
            &ApiError::Invalid(vec![error]),
        )
    }

    fn not_found<T: Resource>(self) -> Self {
        self.error(
            "There is no resource with this id",
            &ApiError::NotFound(T::KIND, 1),
        )
    }

    fn body_errors(self) -> Self {
        self.error(
            "The body is too long",
            &ApiError::ContentTooLarge(MAX_BYTES),
        )
        .error("The body is not JSON", &ApiError::NotJson)
    }

    /// Completes the answers with the errors of every operation: 500 and 503.
    fn failures(self) -> Responses {
        let no_cause = || Arc::new(fmt::Error);
        let unavailable = problem(
            "PostgreSQL is out of reach (`unavailable`): nothing was done; or, for a write, it went out of reach during the commit (`outcome_unknown`): the write may have been made",
            &ApiError::Unavailable(no_cause()),
        );
        let unavailable = unavailable.header(
            "Retry-After",
            header(Type::Integer, "When to try again, in seconds"),
        );
        self.error("A fault of the server", &ApiError::Internal(no_cause()))
            .add("503", unavailable)
            .0
    }
}

/// The documented 500 of the operations that belong to no resource.
pub(crate) struct Faults;

impl IntoResponses for Faults {
    fn responses() -> Responses {
        let fault = ApiError::Internal(Arc::new(fmt::Error));
        Answers(BTreeMap::new())
            .error("A fault of the server", &fault)
            .0
    }
}

fn success<S: ToSchema>(description: &str, example: &impl Serialize) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(S::name())))
        .example(Some(json!(example)))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
}

fn problem(description: &str, error: &ApiError) -> ResponseBuilder {
    let example = Problem::new(error, Some("0b6f8f3e-6d0c-4f0e-9c39-0d1f5a2b7c11"));
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .example(Some(json!(example)))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
}

/// The documentation of a header of an answer.
pub(crate) fn header(kind: Type, description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(kind)))
        .description(Some(description))
        .build()
}

fn served_from() -> utoipa::openapi::Header {
    header(
        Type::String,
        "`cache`, `primary` or the replica that was read from, such as `replica-1`",
    )
}

/// The documented parameters `page` and `limit` of a list.
pub(crate) struct PageParameters;
/// The documented request headers of a list.
pub(crate) struct ListHeaders;
/// The documented request headers of a create.
pub(crate) struct CreateHeaders;
/// The documented parameter `{id}` of a path.
pub(crate) struct IdParameter;

impl IntoParams for PageParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str, maximum: i64, description: &str, example: i64| {
            let schema = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(1))
                .maximum(Some(maximum));
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(schema))
                .example(Some(json!(example)))
                .build()
        };
        vec![
            parameter("page", MAX_PAGE, "Which page, from 1 (the default)", 1),
            parameter(
                "limit",
                MAX_LIMIT,
                "How many items a page holds, 10 if left out",
                10,
            ),
        ]
    }
}

impl IntoParams for IdParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("The id of the resource"))
                .schema(Some(Id::<()>::schema()))
                .example(Some(json!(1)))
                .build(),
        ]
    }
}

impl IntoParams for ListHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header_parameter(
            "If-None-Match",
            "The ETag of the state that the client has; where that is the present one, the answer is \
             304 without a body",
            "\"0f343b0931126a20f133d67c2b018a3b\"",
        )]
    }
}

impl IntoParams for CreateHeaders {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = format!(
            "Makes the request safe to repeat: within 24 hours, a repeat with the same key gets the \
             same answer and creates nothing; {KEY_RULE}, a new one for each new resource"
        );
        vec![header_parameter(
            "Idempotency-Key",
            &description,
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
        )]
    }
}

/// The documentation of a header that a client may send. The example stands in the description, because
/// Swagger UI sends the value of `example`.
pub(crate) fn header_parameter(name: &str, description: &str, example: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(format!("{description} (for example `{example}`)")))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}
