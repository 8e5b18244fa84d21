//! Tells an open dashboard what reads differently, for as long as somebody has it open.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;

use super::pages::{Pieces, look};
use super::words::{Asked, language};
use crate::limit::DASHBOARD_LOOK_MS;
use crate::message::Language;
use crate::web::serve::Pages;

/// One dashboard that is told.
struct Told {
    pages: Arc<Pages>,
    language: Language,
    last: Pieces,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn tell(
    Shared(pages): Shared<Arc<Pages>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = language(&asked, &headers);
    let Ok(place) = Arc::clone(&pages.dashboards).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let told = unfold(Told { pages, language, last: Pieces::new(), _place: place }, |mut told| async move {
        loop {
            let pieces = look(Arc::clone(&told.pages), told.language).await.ok()?;
            let changed = pieces.iter().filter(|(place, piece)| told.last.get(*place) != Some(piece));
            let news: BTreeMap<_, _> = changed.collect();
            let event =
                if news.is_empty() { None } else { Some(Event::default().event("pieces").json_data(&news).ok()?) };
            told.last = pieces;
            if let Some(event) = event {
                return Some((Ok::<_, Infallible>(event), told));
            }
            tokio::time::sleep(Duration::from_millis(DASHBOARD_LOOK_MS)).await;
        }
    });
    Sse::new(told).keep_alive(KeepAlive::default()).into_response()
}
