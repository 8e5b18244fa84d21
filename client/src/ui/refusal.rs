//! What a page says when it cannot be what was asked for: the two lines of every failure.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::wording::{Frame, Tab};
use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::state::StateError;

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal {
    frame: Frame,
    complaint: Complaint,
}

/// A failure as a page.
pub(super) fn refuse(root: &str, failure: &Failure) -> Response {
    let code = match Exit::from(failure) {
        // Another process works with this home, and no service that would lend it.
        _ if matches!(failure, Failure::State(StateError::InUse(_))) => StatusCode::CONFLICT,
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::BAD_REQUEST,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    tracing::debug!(?failure, "a page is refused");
    let frame = Frame::new(root, say!(fr: "Impossible", en: "Not possible"));
    (code, page(&Refusal { frame, complaint: Complaint::from(failure) })).into_response()
}

/// A template as an answer.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(super) async fn no_page() -> StatusCode {
    StatusCode::NOT_FOUND
}
