//! The few bytes of HTTP that reading a node's metrics takes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;

/// Seconds that a node's page may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The status code and body of one page.
///
/// # Errors
/// If the node does not answer, or not in HTTP.
pub fn page(server: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let code = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((code, body.to_owned()))
}

/// The value of one metric without labels.
///
/// # Errors
/// If the node does not export it.
pub fn metric(server: SocketAddr, name: &str) -> anyhow::Result<f64> {
    let (_, body) = page(server, "/metrics")?;
    body.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .with_context(|| format!("no metric {name}"))?
        .trim()
        .parse()
        .with_context(|| format!("{name} is no number"))
}
