//! What a browser sends, read; what makes no sense is answered as every failure is, in the reader's language.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::refusal::refuse;
use super::serve::Shared;
use crate::failure::Failure;
use crate::say;

/// A form.
pub(super) struct Sent<T>(pub(super) T);

/// What an address asks for.
pub(super) struct Wanted<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Response> {
        match Form::from_request(request, shared).await {
            Ok(Form(sent)) => Ok(Self(sent)),
            Err(error) => Err(senseless(shared, &error.to_string())),
        }
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Wanted<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(wanted)) => Ok(Self(wanted)),
            Err(error) => Err(senseless(shared, &error.to_string())),
        }
    }
}

fn senseless(shared: &Shared, error: &str) -> Response {
    tracing::debug!(error, "a request makes no sense");
    let what = say!(
        fr: "Cette demande n'a pas de sens : revenir à la page d'avant et la recharger.",
        en: "This request makes no sense: go back to the page before, and load it again.",
    );
    refuse(&shared.root, &Failure::Usage(what))
}
