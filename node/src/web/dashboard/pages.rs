//! The page, its style and its script; and the pieces of it that change by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::task::spawn_blocking;

use super::concerns::{Concern, Level, concerns};
use super::events;
use super::situation::{Job, Member, Situation};
use super::words::{Asked, count, job_name, language, size, span};
use crate::message::Language;
use crate::web::serve::Pages;

/// What a page may load and do: its own style, script and events.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// Pieces of the page by the names of their places.
pub(super) type Pieces = BTreeMap<&'static str, String>;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    words: Words,
    pieces: Pieces,
}

impl Dashboard {
    fn piece(&self, place: &str) -> &str {
        self.pieces.get(place).map(String::as_str).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "dashboard_safety.html")]
struct Safety {
    words: Words,
    concerns: Vec<Concern>,
    is_safe: bool,
}

#[derive(Template)]
#[template(path = "dashboard_nodes.html")]
struct Nodes<'a> {
    words: Words,
    situation: &'a Situation,
    placed: usize,
    rows: Vec<Row>,
}

/// One node, as people read it.
struct Row {
    node: String,
    is_this: bool,
    site: String,
    place: String,
    operator: String,
    regime: String,
    role: Option<&'static str>,
    is_reached: Option<bool>,
    lag: Option<String>,
    charter: String,
}

#[derive(Template)]
#[template(path = "dashboard_store.html")]
struct Store {
    words: Words,
    store: Option<Stored>,
    read_again: Option<String>,
    applied: String,
}

/// This node's chunks, as people read them.
struct Stored {
    used_bytes: u64,
    total_bytes: u64,
    used: String,
    total: String,
    chunks: String,
    bytes: String,
    damaged: String,
}

#[derive(Template)]
#[template(path = "dashboard_jobs.html")]
struct Jobs {
    words: Words,
    rows: Vec<JobRow>,
}

/// A job, as people read it.
struct JobRow {
    name: &'static str,
    state: &'static str,
    kind: &'static str,
    seen: String,
    changed: String,
    bytes: String,
}

#[derive(Template)]
#[template(path = "dashboard_rates.html")]
struct Rates {
    words: Words,
    figures: Option<Figures>,
}

/// What is done in a second, as people read it.
struct Figures {
    uploaded: String,
    requests: String,
    commits: String,
}

/// The language of one page.
#[derive(Debug, Clone, Copy)]
struct Words(Language);

impl Words {
    /// One text in the language of the page: both stand side by side in the template.
    fn say(self, french: &'static str, english: &'static str) -> &'static str {
        match self.0 {
            Language::French => french,
            Language::English => english,
        }
    }

    /// The language, as HTML names it.
    fn lang(self) -> &'static str {
        self.say("fr", "en")
    }
}

/// The paths of the dashboard.
pub(in crate::web) fn routes() -> Router<Arc<Pages>> {
    Router::new()
        .route("/", get(show))
        .route("/dashboard.css", get(style))
        .route("/dashboard.js", get(script))
        .route("/live", get(events::tell))
        .layer(from_fn(guard))
}

/// Tells browsers what these pages are.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Language"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn style() -> Response {
    let style = include_str!("../../../assets/dashboard.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], style).into_response()
}

async fn script() -> Response {
    let script = include_str!("../../../assets/dashboard.js");
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script).into_response()
}

async fn show(Shared(pages): Shared<Arc<Pages>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let language = language(&asked, &headers);
    let rendered = match look(pages, language).await {
        Ok(pieces) => Dashboard { words: Words(language), pieces }.render(),
        Err(error) => Err(error),
    };
    match rendered {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the dashboard cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The pieces as they read now.
pub(super) async fn look(pages: Arc<Pages>, language: Language) -> Result<Pieces, askama::Error> {
    let cluster = pages.cluster().await;
    let looking = spawn_blocking(move || pieces(&Situation::of(&pages.parts, &cluster, pages.looks.rates()), language));
    looking.await.unwrap_or(Err(askama::Error::Fmt))
}

fn pieces(situation: &Situation, language: Language) -> Result<Pieces, askama::Error> {
    let words = Words(language);
    let concerns = concerns(situation, language);
    let is_safe = concerns.iter().all(|concern| concern.level != Level::Danger);
    let store = situation.store.map(|store| Stored {
        used_bytes: store.disk.used_bytes,
        total_bytes: store.disk.total_bytes,
        used: size(language, store.disk.used_bytes),
        total: size(language, store.disk.total_bytes),
        chunks: count(store.chunks),
        bytes: size(language, store.object_bytes),
        damaged: count(store.quarantined),
    });
    let read_again = situation.unread_seconds().map(|seconds| span(language, seconds));
    let rows = situation.nodes.iter().map(|member| row(words, situation, member)).collect();
    let jobs = situation.jobs.iter().map(|job| job_row(words, job)).collect();
    let figures = situation.rates.map(|rates| Figures {
        uploaded: size(language, rates.uploaded_bytes),
        requests: count(rates.requests),
        commits: count(rates.commits),
    });
    Ok(Pieces::from([
        ("safety", Safety { words, concerns, is_safe }.render()?),
        ("nodes", Nodes { words, situation, placed: situation.placed().count(), rows }.render()?),
        ("store", Store { words, store, read_again, applied: count(situation.applied) }.render()?),
        ("jobs", Jobs { words, rows: jobs }.render()?),
        ("rates", Rates { words, figures }.render()?),
    ]))
}

fn row(words: Words, situation: &Situation, member: &Member) -> Row {
    let charter = &member.charter;
    let left = charter.not_after.0.saturating_sub(situation.now.0);
    Row {
        node: charter.node().to_string(),
        is_this: charter.node() == situation.node,
        site: charter.site.clone(),
        place: format!("{}, {}", charter.department, charter.country),
        operator: charter.operator.name.clone(),
        regime: charter.regime.clone(),
        role: role(words, member),
        is_reached: member.is_reached,
        lag: member.lag.filter(|lag| *lag > 0).map(count),
        charter: span(words.0, left),
    }
}

/// A node's part in the group.
fn role(words: Words, member: &Member) -> Option<&'static str> {
    Some(match (member.is_leader, member.is_draining, member.votes?) {
        (true, ..) => words.say("meneur", "leader"),
        (_, true, _) => words.say("à vider", "to be emptied"),
        (_, _, true) => words.say("votant", "voter"),
        (_, _, false) => words.say("sans voix", "no vote"),
    })
}

fn job_row(words: Words, job: &Job) -> JobRow {
    let (state, kind) = match job {
        Job { failure: Some(_), .. } => (words.say("échoue", "failing"), "problem"),
        Job { is_held_back: true, .. } => (words.say("retenue", "held back"), "problem"),
        Job { is_paused: true, .. } => (words.say("en pause", "paused"), "calm"),
        Job { is_working: true, .. } => (words.say("au travail", "at work"), "busy"),
        _ => (words.say("rien à faire", "nothing to do"), "good"),
    };
    JobRow {
        name: job_name(words.0, job.name),
        state,
        kind,
        seen: count(job.seen),
        changed: count(job.changed),
        bytes: size(words.0, job.bytes),
    }
}
