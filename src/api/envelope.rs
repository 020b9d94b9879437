//! The bodies of answers that are no errors.

use super::resource::Resource;
use crate::domain::page::{Listed, Page};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr, Type};
use utoipa::{PartialSchema, ToSchema};

/// The body of a get: one resource.
#[derive(Debug, Serialize)]
pub(crate) struct One<T> {
    /// The status code of the answer.
    status: u16,
    data: T,
}

impl<T> One<T> {
    /// The body of a 200 with this resource.
    pub(crate) fn new(data: T) -> Self {
        Self { status: 200, data }
    }
}

/// The body of a create or an update: the resource, with a sentence.
#[derive(Debug, Serialize)]
pub(crate) struct Written<T> {
    /// The status code of the answer.
    status: u16,
    /// What was done, as a sentence.
    message: String,
    data: T,
}

impl<T: Resource> Written<T> {
    /// The body of a 201 with this resource.
    pub(crate) fn created(data: T) -> Self {
        let message = format!("The {} was created.", T::KIND);
        Self {
            status: 201,
            message,
            data,
        }
    }

    /// The body of a 200 with this resource.
    pub(crate) fn updated(data: T) -> Self {
        let message = format!("The {} was updated.", T::KIND);
        Self {
            status: 200,
            message,
            data,
        }
    }
}

/// The body of a delete: a sentence.
#[derive(Debug, Serialize)]
pub(crate) struct Deleted {
    /// The status code of the answer.
    status: u16,
    /// What was done, as a sentence.
    message: String,
}

impl Deleted {
    /// The body of a 200 for a deleted `T`.
    pub(crate) fn new<T: Resource>() -> Self {
        Self {
            status: 200,
            message: format!("The {} was deleted.", T::KIND),
        }
    }
}

/// The body of a list: a page, with the total.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    /// The status code of the answer.
    status: u16,
    /// How many items the whole list has.
    total: i64,
    page: i64,
    limit: i64,
    total_pages: i64,
    data: Vec<T>,
}

impl<T> List<T> {
    /// The body of a 200 with this page.
    pub(crate) fn new(page: Page, listed: Listed<T>) -> Self {
        Self {
            status: 200,
            total: listed.total,
            page: page.number,
            limit: page.limit,
            total_pages: page.count(listed.total),
            data: listed.items,
        }
    }
}

// The schemas, by hand, because the derived ones would write out what `T` is instead of naming it.

/// A property of an envelope.
fn property(kind: Type, description: &str, example: impl Into<Value>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(description))
        .examples([example.into()])
}

/// An envelope with the status code that every answer repeats.
fn envelope() -> ObjectBuilder {
    let status = property(Type::Integer, "The status code of the answer", 200).minimum(Some(100));
    ObjectBuilder::new()
        .property("status", status)
        .required("status")
}

fn message() -> ObjectBuilder {
    property(
        Type::String,
        "What was done, as a sentence for a person",
        "The task was updated.",
    )
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

impl<T: ToSchema> PartialSchema for One<T> {
    fn schema() -> RefOr<Schema> {
        let data = reference::<T>();
        envelope().property("data", data).required("data").into()
    }
}

impl<T: ToSchema> ToSchema for One<T> {
    fn name() -> Cow<'static, str> {
        format!("One_{}", T::name()).into()
    }
}

impl<T: ToSchema> PartialSchema for Written<T> {
    fn schema() -> RefOr<Schema> {
        envelope()
            .property("message", message())
            .required("message")
            .property("data", reference::<T>())
            .required("data")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Written<T> {
    fn name() -> Cow<'static, str> {
        format!("Written_{}", T::name()).into()
    }
}

impl PartialSchema for Deleted {
    fn schema() -> RefOr<Schema> {
        envelope()
            .property("message", message())
            .required("message")
            .into()
    }
}

impl ToSchema for Deleted {}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let numbers = [
            ("total", "How many items the whole list has", 0, 17799),
            ("page", "Which page this is", 1, 1),
            ("limit", "How many items a page holds", 1, 10),
            ("totalPages", "How many pages the whole list has", 0, 1780),
        ];
        let mut list = envelope();
        for (name, description, minimum, example) in numbers {
            let number = property(Type::Integer, description, example).minimum(Some(minimum));
            list = list.property(name, number).required(name);
        }
        let data = ArrayBuilder::new()
            .description(Some("The items on this page, in the list's order"))
            .items(reference::<T>());
        list.property("data", data).required("data").into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("List_{}", T::name()).into()
    }
}
