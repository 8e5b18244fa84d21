//! Which names the operators' web answers to.
//!
//! A page anywhere may have its own name lead to this node's address, and then read what is here through an operator's browser (DNS
//! rebinding): the browser names that page's host. So a name is answered only if an operator has listed it; an address, or `localhost`,
//! cannot be led elsewhere.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Said to whoever uses another name.
const REFUSED: &str = "Ce nœud ne répond pas à ce nom : l'ajouter à « hosts » dans [web] de node.toml, ou employer son adresse.\n\
                       This node does not answer to this name: add it to `hosts` in [web] of node.toml, or use its address.\n";

/// The names that an operator has listed, beside addresses and `localhost`.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Those names, in any case.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn answer_to(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        host == "localhost" || address.parse::<IpAddr>().is_ok() || self.0.contains(&host)
    }
}

/// Refuses what is asked by a name that is not this node's. Programs that name no host are no browsers.
pub(super) async fn judge(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).map(|host| Authority::try_from(host.as_bytes()).ok());
    let named = named.or_else(|| request.uri().authority().cloned().map(Some));
    match named {
        Some(authority) if !authority.as_ref().is_some_and(|authority| hosts.answer_to(authority.host())) => {
            (StatusCode::MISDIRECTED_REQUEST, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], REFUSED)
                .into_response()
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_listed_names_are_answered_and_no_other() {
        let hosts = Hosts::new(&["Node1.Agence.example".to_owned()]);
        for host in ["127.0.0.1", "10.0.0.7", "[::1]", "localhost", "LOCALHOST", "node1.agence.example"] {
            assert!(hosts.answer_to(host), "{host}");
        }
        for host in [
            "",
            "ailleurs.example",
            "node1.agence.example.ailleurs.example",
            "localhost.ailleurs.example",
            "127.0.0.1.ailleurs.example",
        ] {
            assert!(!hosts.answer_to(host), "{host}");
        }
    }
}
