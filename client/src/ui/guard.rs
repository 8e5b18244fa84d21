//! Who gets an answer: a browser on this machine that was given the token, asking for this very address.
//!
//! A page of elsewhere can make a browser send requests here: it does not know the token, its name for this machine is not in
//! `Host` (DNS rebinding), and what it posts carries its own `Origin`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::address::Token;

/// What a page may load and do: its own style, script and events, and forms to itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// What a request is judged by.
#[derive(Debug)]
pub(super) struct Guard {
    token: Token,
    host: String,
    origin: String,
}

impl Guard {
    pub(super) fn new(token: Token, address: SocketAddr) -> Self {
        Self { token, host: address.to_string(), origin: format!("http://{address}") }
    }

    fn lets_pass(&self, method: &Method, path: &str, headers: &HeaderMap) -> bool {
        let says = |name, wanted: &str| headers.get(name).is_some_and(|value: &HeaderValue| value == wanted);
        let is_read = method == Method::GET || method == Method::HEAD;
        self.token.opens(path) && says(header::HOST, &self.host) && (is_read || says(header::ORIGIN, &self.origin))
    }
}

/// Answers nobody else, and tells browsers what these pages are.
pub(super) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !guard.lets_pass(request.method(), request.uri().path(), request.headers()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // `no-referrer` would take the Origin from this page's own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn others_get_nothing() {
        let token = Token::random().unwrap();
        let guard = Guard::new(token.clone(), "127.0.0.1:4000".parse().unwrap());
        let root = token.root();
        let here = headers(&[(header::HOST, "127.0.0.1:4000")]);
        assert!(guard.lets_pass(&Method::GET, &root, &here));
        assert!(!guard.lets_pass(&Method::GET, "/", &here), "no token");
        assert!(!guard.lets_pass(&Method::GET, &root, &HeaderMap::new()), "no host");
        let rebound = headers(&[(header::HOST, "ailleurs.example:4000")]);
        assert!(!guard.lets_pass(&Method::GET, &root, &rebound), "a name of elsewhere");
        assert!(!guard.lets_pass(&Method::POST, &root, &here), "a form without origin");
        let own = headers(&[(header::HOST, "127.0.0.1:4000"), (header::ORIGIN, "http://127.0.0.1:4000")]);
        assert!(guard.lets_pass(&Method::POST, &root, &own));
        let foreign = headers(&[(header::HOST, "127.0.0.1:4000"), (header::ORIGIN, "http://ailleurs.example")]);
        assert!(!guard.lets_pass(&Method::POST, &root, &foreign), "a form of elsewhere");
    }
}
