//! Single things: showing, changing and deleting them.

use super::path::Id;
use super::respond;
use crate::db::{Connection, DbError};
use crate::error::ApiError;
use crate::state::AppState;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// 200 with the thing of this kind that `get` finds.
pub async fn show<T: Serialize>(
    state: &AppState,
    kind: &'static str,
    id: Id,
    get: impl AsyncFn(&mut Connection) -> Result<Option<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let position = state.freshness().await;
    match state.db.read(position, get).await? {
        (Some(thing), source) => Ok(respond::one(thing, source)),
        (None, _) => Err(ApiError::NotFound(kind, id.0)),
    }
}

/// 200 with the thing of this kind as `update` leaves it.
pub async fn change<T: Serialize>(
    request: &HttpRequest,
    state: &AppState,
    kind: &'static str,
    id: Id,
    update: impl AsyncFnOnce(&mut Connection) -> Result<Option<T>, DbError>,
) -> Result<HttpResponse, ApiError> {
    let thing = state.write(request, update).await?;
    let thing = thing.ok_or(ApiError::NotFound(kind, id.0))?;
    state.announce().await?;
    Ok(respond::updated(kind, thing))
}

/// 200 when `delete` has removed the thing of this kind.
pub async fn remove(
    request: &HttpRequest,
    state: &AppState,
    kind: &'static str,
    id: Id,
    delete: impl AsyncFnOnce(&mut Connection) -> Result<bool, DbError>,
) -> Result<HttpResponse, ApiError> {
    let was_there = state.write(request, delete).await?;
    // Even where it was gone: a first attempt may have died between its commit and its announcement.
    state.announce().await?;
    match was_there {
        true => Ok(respond::deleted(kind)),
        false => Err(ApiError::NotFound(kind, id.0)),
    }
}
