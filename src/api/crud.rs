//! The operations of every resource: list, get, create, update and delete.

use super::envelope::{Deleted, List, One, Written};
use super::error::ApiError;
use super::extract::idempotency::IdempotencyKey;
use super::extract::path::RequestPath;
use super::extract::write::WriteRequest;
use super::headers::{IDEMPOTENCY_REPLAYED, JSON, NO_CACHE, X_CACHE, X_SERVED_FROM};
use super::resource::Resource;
use crate::app::read::{CacheStatus, CachedList};
use crate::app::state::AppState;
use crate::cache::ListKey;
use crate::db::idempotency::{self, CreatedAnswer};
use crate::db::{Connection, DbError};
use crate::domain::id::Id;
use crate::domain::page::{ListFilter, Listed, Page};
use crate::domain::scope::Changed;
use crate::domain::served_from::ServedFrom;
use crate::domain::viewer::{Principal, ViewerClass};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use std::rc::Rc;

/// Answers with 200 and a page of the list, or with 304 where `If-None-Match` names the entity tag of
/// the page.
pub(crate) async fn list<T: Resource, F: ListFilter + 'static>(
    request: &HttpRequest,
    state: &AppState,
    filter: F,
    page: Page,
    query: impl AsyncFn(&mut Connection, &F, Page) -> Result<Listed<T>, DbError> + Copy + 'static,
) -> Result<HttpResponse, ApiError> {
    let key = ListKey::new(ViewerClass::Everyone, T::PATH, page, &filter);
    let dependency = filter.dependency();
    // Shared, because the query may go on for others where this request is given up.
    let filter = Rc::new(filter);
    let query = async move |db: &mut Connection| query(db, &filter, page).await;
    let encode = move |listed| serde_json::to_vec(&List::new(page, listed));
    let CachedList {
        entry,
        cache_status,
        served_from,
    } = state
        .reader
        .read_list(key, dependency, query, encode)
        .await?;
    let is_known = is_known(request, &entry.tag);
    let mut response = revalidated(match is_known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    });
    let cache_status = HeaderValue::from_static(match cache_status {
        CacheStatus::Hit => "hit",
        CacheStatus::Miss => "miss",
        CacheStatus::Bypass => "bypass",
    });
    response
        .insert_header((header::ETAG, entry.tag))
        .insert_header((X_CACHE, cache_status))
        .insert_header((X_SERVED_FROM, served_from_value(served_from)));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(entry.body))
}

/// Answers with 200 and the resource that has this id, or with 404.
pub(crate) async fn get<T: Resource>(
    state: &AppState,
    id: Id<T>,
    query: impl AsyncFn(&mut Connection, Id<T>) -> Result<Option<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let query = async |db: &mut Connection| query(db, id).await;
    match state.reader.read(query).await? {
        (Some(resource), served_from) => Ok(revalidated(StatusCode::OK)
            .insert_header((X_SERVED_FROM, served_from_value(served_from)))
            .json(One::new(resource))),
        (None, _) => Err(not_found(id)),
    }
}

/// Answers with 201 and the resource that `insert` creates; where the idempotency key was used for the
/// same request before, with the stored answer to that.
///
/// `insert` gets the id for the resource; `None` where the database is to choose one. `query` reads what an
/// earlier try of the same request has created.
pub(crate) async fn create<T: Resource>(
    request: WriteRequest,
    path: RequestPath,
    state: &AppState,
    key: Option<IdempotencyKey>,
    insert: impl AsyncFn(&mut Connection, Option<i64>) -> Result<Changed<T>, DbError> + 'static,
    query: impl AsyncFn(&mut Connection, Id<T>) -> Result<Option<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let RequestPath(path) = path;
    // A key tells a second try by itself, and has the answer to it.
    let attempt = match key {
        Some(_) => None,
        None => request.attempt(Some(T::TABLE)),
    };
    let keyed = key.map(|key| key.into_request(Principal::Everyone, path.clone()));
    let answer = {
        let path = path.clone();
        move |resource: T| {
            Ok::<_, DbError>(CreatedAnswer {
                location: format!("{path}/{}", resource.id()),
                body: serde_json::to_vec(&Written::created(resource))?,
                is_replayed: false,
            })
        }
    };
    let insert_and_answer = {
        let answer = answer.clone();
        async move |db: &mut Connection, new_id| {
            let Changed { value, scopes } = insert(db, new_id).await?;
            let value = answer(value)?;
            Ok(Changed { value, scopes })
        }
    };
    let statements = async move |db: &mut Connection, new_id| match &keyed {
        Some(keyed) => {
            let insert = async |db: &mut Connection| insert_and_answer(db, new_id).await;
            idempotency::once(db, keyed, insert).await
        }
        None => insert_and_answer(db, new_id).await,
    };
    let written = state
        .writer
        .write(attempt, request.client_disconnected(), statements)
        .await;
    let CreatedAnswer {
        location,
        body,
        is_replayed,
    } = match written {
        Err(DbError::AlreadyDone(Some(id))) => {
            let id = Id::from_database(id);
            let query = async |db: &mut Connection| query(db, id).await;
            let created = state.reader.read_primary(query).await?;
            answer(created.ok_or_else(|| not_found(id))?)?
        }
        written => written?,
    };
    let mut response = revalidated(StatusCode::CREATED);
    response
        .insert_header((header::CONTENT_TYPE, JSON))
        .insert_header((header::LOCATION, location));
    if is_replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.body(body))
}

/// Answers with 200 and the resource that `update` returns, or with 404 where there is none.
///
/// `query` reads what an earlier try of the same request has updated.
pub(crate) async fn update<T: Resource>(
    request: WriteRequest,
    state: &AppState,
    id: Id<T>,
    update: impl AsyncFn(&mut Connection, Id<T>) -> Result<Changed<T>, DbError> + 'static,
    query: impl AsyncFn(&mut Connection, Id<T>) -> Result<Option<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let statements = async move |db: &mut Connection, _| update(db, id).await;
    let written = state
        .writer
        .write(
            request.attempt(None),
            request.client_disconnected(),
            statements,
        )
        .await;
    let resource = match written {
        Err(DbError::NotFound) => return Err(not_found(id)),
        // What others wrote since stays.
        Err(DbError::AlreadyDone(_)) => {
            let query = async |db: &mut Connection| query(db, id).await;
            let there = state.reader.read_primary(query).await?;
            there.ok_or_else(|| not_found(id))?
        }
        written => written?,
    };
    Ok(revalidated(StatusCode::OK).json(Written::updated(resource)))
}

/// Answers with 200 once `delete` has deleted the resource with this id, or with 404 where there is
/// none.
pub(crate) async fn delete<T: Resource>(
    request: WriteRequest,
    state: &AppState,
    id: Id<T>,
    delete: impl AsyncFn(&mut Connection, Id<T>) -> Result<Changed<()>, DbError> + 'static,
) -> Result<HttpResponse, ApiError> {
    let statements = async move |db: &mut Connection, _| delete(db, id).await;
    let written = state
        .writer
        .write(
            request.attempt(None),
            request.client_disconnected(),
            statements,
        )
        .await;
    match written {
        Err(DbError::NotFound) => Err(not_found(id)),
        Ok(()) | Err(DbError::AlreadyDone(_)) => {
            Ok(revalidated(StatusCode::OK).json(Deleted::new::<T>()))
        }
        Err(error) => Err(error.into()),
    }
}

/// The value of the header X-Served-From.
fn served_from_value(served_from: ServedFrom) -> HeaderValue {
    match served_from {
        ServedFrom::Cache => HeaderValue::from_static("cache"),
        ServedFrom::Primary => HeaderValue::from_static("primary"),
        ServedFrom::Replica(_) => HeaderValue::try_from(served_from.to_string())
            .unwrap_or(HeaderValue::from_static("replica")),
    }
}

/// Whether `If-None-Match` names this entity tag, by weak comparison (RFC 9110, 13.1.2): NGINX turns
/// the tag of a body that it compresses into a weak one.
fn is_known(request: &HttpRequest, tag: &[u8]) -> bool {
    let names = request.headers().get_all(header::IF_NONE_MATCH);
    names
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.strip_prefix("W/").unwrap_or(name).as_bytes() == tag)
}

fn not_found<T: Resource>(id: Id<T>) -> ApiError {
    ApiError::NotFound(T::KIND, id.get())
}

/// A response with `Cache-Control: no-cache`: shared caches must revalidate before each use, or a
/// client could read a stale answer from them.
fn revalidated(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, NO_CACHE));
    response
}
