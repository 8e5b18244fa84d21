//! The listener, and which path is which page.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::address::Token;
use super::desk::Desk;
use super::guard::{Guard, guard};
use super::pages::{apart, changes, conflicts, content, files, held, history, machine, overview, restore, trash};
use super::{assets, live, refusal};
use crate::limit::{UI_FORM_BYTES_MAX, UI_STREAMS_MAX};
use crate::session::Session;

/// The page, listening.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
    shared: Arc<Shared>,
}

/// Why there is no page, or no more.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The port cannot be had.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// Which; 0 for any.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The listener failed.
    #[error("the page's listener failed: {0}")]
    Serve(io::Error),
    /// The operating system has no random source.
    #[error("the operating system has no random source")]
    Random,
}

/// What every page has.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) desk: Desk,
    /// What every path begins with.
    pub(super) root: String,
    /// Places for pages that are told what goes on.
    pub(super) streams: Arc<Semaphore>,
}

impl Page {
    /// Listens on a port of loopback; on any that is free for 0.
    ///
    /// # Errors
    /// [`PageError`].
    pub async fn bind(device: Arc<Session>, port: u16) -> Result<Self, PageError> {
        let failed = |source| PageError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let token = Token::random().ok_or(PageError::Random)?;
        let streams = Arc::new(Semaphore::new(UI_STREAMS_MAX));
        let shared = Arc::new(Shared { desk: Desk::new(device), root: token.root(), streams });
        Ok(Self { listener, address, token, shared })
    }

    /// The address to open, which whoever has it may use.
    #[must_use]
    pub fn url(&self) -> String {
        self.token.url(self.address)
    }

    /// Serves until `stop`.
    ///
    /// # Errors
    /// [`PageError::Serve`].
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), PageError> {
        let judge = Arc::new(Guard::new(self.token, self.address));
        let pages = Router::new()
            .route("/", get(overview::show))
            .route("/ui.css", get(assets::style))
            .route("/ui.js", get(assets::script))
            .route("/live", get(live::tell))
            .route("/space/{space}", get(files::show))
            .route("/space/{space}/content", get(content::send))
            .route("/space/{space}/history", get(history::show))
            .route("/space/{space}/changes", get(changes::show))
            .route("/space/{space}/restore", get(restore::ask).post(restore::carry_out))
            .route("/space/{space}/conflicts", get(conflicts::show).post(conflicts::decide))
            .route("/space/{space}/trash", get(trash::show).post(trash::put_back))
            .route("/space/{space}/machine", get(machine::show))
            .route("/space/{space}/pause", post(machine::pause_it))
            .route("/space/{space}/resume", post(machine::resume_it))
            .route("/space/{space}/apart", get(apart::show))
            .route("/space/{space}/held", get(held::show).post(held::approve));
        let router = Router::new()
            .nest(self.shared.root.trim_end_matches('/'), pages)
            .route(&self.shared.root, get(overview::show))
            .fallback(refusal::no_page)
            .layer(DefaultBodyLimit::max(UI_FORM_BYTES_MAX))
            .layer(from_fn_with_state(judge, guard))
            .with_state(self.shared);
        // Not axum's own graceful end: it would wait for a browser's idle connection.
        tokio::select! {
            served = axum::serve(self.listener, router) => served.map_err(PageError::Serve),
            () = stop => Ok(()),
        }
    }
}
