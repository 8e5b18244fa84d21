//! The few bytes of HTTP that reading a node's metrics takes.

use std::io::{BufRead as _, BufReader, Read, Write};
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

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// Header fields, their names in lower case, in the server's order.
    pub fields: Vec<(String, String)>,
    /// The body, if its length was announced: what goes on for as long as one listens is not waited for.
    pub body: String,
}

impl Answer {
    /// The first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request of any method, with further header lines (each with its end), and a body.
///
/// # Errors
/// If the server does not answer, or not in HTTP.
pub fn ask(server: SocketAddr, method: &str, path: &str, lines: &str, body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}");
    let host = if lines.contains("Host:") { String::new() } else { format!("Host: {server}\r\n") };
    write!(stream, "{head}{host}\r\n{body}")?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let code = line.split(' ').nth(1).with_context(|| format!("no status in `{line}`"))?.parse()?;
    let mut fields = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => fields.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { code, fields, body: String::new() };
    if let Some(length) = answer.field("content-length").filter(|_| method != "HEAD") {
        reader.take(length.parse()?).read_to_string(&mut answer.body)?;
    }
    Ok(answer)
}

/// The status code and body of what is posted, with what the node says a refusal is.
///
/// # Errors
/// If the node does not answer, or not in HTTP.
pub fn post(server: SocketAddr, path: &str, body: &[u8]) -> anyhow::Result<Posted> {
    let mut stream = TcpStream::connect_timeout(&server, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    // A node that refuses need not read all of it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        read?;
        anyhow::bail!("no HTTP answer");
    };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let code = head.split(' ').nth(1).context("no status")?.parse()?;
    let refusal = head.lines().find_map(|line| line.strip_prefix("x-vauban-refusal: ")).unwrap_or_default().to_owned();
    Ok(Posted { code, refusal, body: body.to_vec() })
}

/// What a node answers to what is posted.
#[derive(Debug)]
pub struct Posted {
    /// The status.
    pub code: u16,
    /// The word for why not.
    pub refusal: String,
    /// The body.
    pub body: Vec<u8>,
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
