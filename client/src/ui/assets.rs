//! The style and the script, which are part of the program.

use axum::http::header;
use axum::response::{IntoResponse, Response};

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/ui.css")).into_response()
}

pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../assets/ui.js")).into_response()
}
