//! A node's web shows, and does nothing: whoever reaches it, by whatever method, from whatever page, has no more authority than before.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use tokio::runtime::Runtime;
use vauban_client::content::Nodes;
use vauban_protocol::wire::{Request, Response};
use vauban_tests::agency::Agency;
use vauban_tests::http::{self, Answer};
use vauban_tests::node::Node;

use crate::device::Device;

/// Where the operators' web is made, and where the page of links is, whose two questions ask for a link's token.
const WEB: &str = "node/src/web";
const PAGE: &str = "node/src/edge/page.rs";
/// Routes that the code names by a constant.
const NAMED: [(&str, &str); 1] = [("CLUSTER_PAGE", vauban_node::web::CLUSTER_PAGE)];
/// What a browser or anybody else can send.
const METHODS: [&str; 8] = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FORMAT"];
/// What would be asked for, if there were anything to ask for.
const WISHES: [&str; 6] = ["/seat", "/drain", "/remove", "/restore", "/admin", "/config"];

/// A route of the sources: its path, and the methods that its handlers are for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    path: String,
    methods: Vec<String>,
}

#[test]
fn operator_has_no_authority_in_dashboard() -> anyhow::Result<()> {
    let routes = routes_of(&sources(WEB)?)?;
    let paths: BTreeSet<_> = routes.iter().map(|route| route.path.as_str()).collect();
    let known = ["/", "/cluster.json", "/dashboard.css", "/dashboard.js", "/healthz", "/live", "/metrics"];
    anyhow::ensure!(paths == BTreeSet::from(known), "routes have come or gone: {paths:?}");
    for route in &routes {
        anyhow::ensure!(route.methods == ["get"], "{route:?} does more than read");
    }
    let page: BTreeSet<_> = routes_of(&sources(PAGE)?)?.into_iter().map(|route| route.path).collect();
    anyhow::ensure!(
        page == ["/", "/open", "/chunks", "/request", "/record", "/finish", "/cancel"].map(str::to_owned).into(),
        "the page of links: {page:?}"
    );

    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let device = Device::open(&laptop)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let before = state(&node, &device, &runtime)?;
    for path in known.into_iter().chain(WISHES) {
        nothing_is_done(&node, path, known.contains(&path)).with_context(|| path.to_owned())?;
    }
    pages_ask_for_nothing(&node)?;
    anyhow::ensure!(state(&node, &device, &runtime)? == before, "something has changed");
    // The control: what does change something is a signature, and it is seen here.
    agency.enrol("bob")?;
    anyhow::ensure!(state(&node, &device, &runtime)? != before, "a change would not be seen");
    node.stop()?;
    Ok(())
}

/// Fails if a page elsewhere, whose own name leads here (DNS rebinding), reads a node's web through the browser of somebody who may.
#[test]
fn a_name_that_is_not_the_nodes_is_not_answered() -> anyhow::Result<()> {
    let agency = Agency::create()?;
    let home = agency.charter("node", &[])?;
    home.configure("hosts = []", "hosts = [\"node1.agency.example\"]")?;
    let node = home.run()?;
    for path in ["/", "/metrics", "/healthz", "/cluster.json", "/live", "/nowhere"] {
        let rebound = http::ask(node.web(), "GET", path, "Host: elsewhere.example:9433\r\n", "")?;
        anyhow::ensure!(rebound.code == 421, "{path}: {rebound:?}");
        anyhow::ensure!(rebound.body.is_empty() || rebound.body.contains("[web]"), "{path} tells more: {rebound:?}");
    }
    for host in ["node1.agency.example", "NODE1.agency.example:9433", "localhost:9433", "127.0.0.1", "[::1]:9433"] {
        let own = http::ask(node.web(), "GET", "/healthz", &format!("Host: {host}\r\n"), "")?;
        anyhow::ensure!(own.code == 200, "{host}: {own:?}");
    }
    node.stop()?;
    Ok(())
}

/// Every method but reading is refused, whoever asks, and no browser is told that a page of somebody else's may ask, or read.
fn nothing_is_done(node: &Node, path: &str, is_there: bool) -> anyhow::Result<()> {
    let web = node.web();
    let foreign = "Origin: https://elsewhere.example\r\n";
    let forms = [
        ("", ""),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "node=1&action=remove&confirm=yes"),
        ("Content-Type: text/plain\r\n", "{\"action\":\"drain\"}"),
        ("Content-Type: application/json\r\nX-HTTP-Method-Override: DELETE\r\n", "{\"action\":\"drain\"}"),
        ("Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-anything\r\n", ""),
    ];
    for method in METHODS {
        for (lines, body) in forms {
            let answer = http::ask(web, method, path, &format!("{foreign}{lines}"), body);
            // A request that is no HTTP of that path (CONNECT) may end without an answer: that, too, does nothing.
            let Ok(answer) = answer else {
                anyhow::ensure!(method == "CONNECT", "{method} {path} has no answer");
                continue;
            };
            let expected: &[u16] = if is_there { &[405, 400] } else { &[404, 400] };
            anyhow::ensure!(expected.contains(&answer.code), "{method} {path}: {answer:?}");
            is_for_nobody_else(&answer)?;
        }
    }
    // Reading with wishes in the address reads.
    for query in ["", "?action=remove&node=1", "?drain", "?lang=en&seat=true"] {
        let answer = http::ask(web, "GET", &format!("{path}{query}"), foreign, "")?;
        anyhow::ensure!(answer.code == if is_there { 200 } else { 404 }, "GET {path}{query}: {}", answer.code);
        is_for_nobody_else(&answer)?;
    }
    Ok(())
}

/// A page of another origin may not read the answer, and nothing in it outlives it.
fn is_for_nobody_else(answer: &Answer) -> anyhow::Result<()> {
    let opened = answer.fields.iter().find(|(name, _)| name.starts_with("access-control-") || name == "set-cookie");
    anyhow::ensure!(opened.is_none(), "{opened:?}");
    Ok(())
}

/// What a browser gets has nothing that asks: no form, field or button, no handler, and a policy that would stop them; nobody else's
/// page can show it as its own, and have it clicked.
fn pages_ask_for_nothing(node: &Node) -> anyhow::Result<()> {
    for language in ["fr", "en"] {
        let page = http::ask(node.web(), "GET", &format!("/?lang={language}"), "", "")?;
        let text = page.body.to_lowercase();
        anyhow::ensure!(text.contains("</html>"), "no page");
        for asking in [
            "<form",
            "<input",
            "<button",
            "<select",
            "<textarea",
            "<iframe",
            "formaction",
            "javascript:",
            " onclick",
            " onsubmit",
        ] {
            anyhow::ensure!(!text.contains(asking), "{asking}: {}", page.body);
        }
        let policy = page.field("content-security-policy").context("no policy")?;
        for line in ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            anyhow::ensure!(policy.contains(line), "{policy}");
        }
        anyhow::ensure!(page.field("x-frame-options") == Some("DENY"), "{:?}", page.fields);
    }
    let script = http::ask(node.web(), "GET", "/dashboard.js", "", "")?.body;
    anyhow::ensure!(script.contains("EventSource"), "no script: {script}");
    for asking in ["fetch(", "XMLHttpRequest", "sendBeacon", "WebSocket", ".submit(", "eval("] {
        anyhow::ensure!(!script.contains(asking), "{asking}");
    }
    Ok(())
}

/// What somebody with authority could have changed: the organisation's chain, spaces, and the cluster; all but what moves by itself.
fn state(node: &Node, device: &Device, runtime: &Runtime) -> anyhow::Result<String> {
    let (_, body) = http::page(node.web(), "/cluster.json")?;
    let mut cluster: Value = serde_json::from_str(&body)?;
    let moving = ["applied", "cluster_time", "lag", "held", "upkeep"];
    let forget = |of: &mut Value| {
        if let Some(fields) = of.as_object_mut() {
            moving.iter().for_each(|field| drop(fields.remove(*field)));
        }
    };
    forget(&mut cluster);
    cluster.get_mut("nodes").and_then(Value::as_array_mut).into_iter().flatten().for_each(forget);
    let (status, spaces) = runtime.block_on(async {
        let link = device.link().await?;
        let (Response::Status(status), _) = Nodes::request(&link, Request::Status, Vec::new()).await? else {
            anyhow::bail!("no status");
        };
        let (Response::Spaces(spaces), _) = Nodes::request(&link, Request::Spaces, Vec::new()).await? else {
            anyhow::bail!("no spaces");
        };
        Ok((status, spaces))
    })?;
    let configured = fs::read_to_string(node.home().data().join("node.toml"))?;
    Ok(format!("{cluster} {:?} {} {spaces:?} {configured}", status.org, status.feature_level))
}

/// The Rust of a file, or of all files of a folder.
fn sources(path: &str) -> anyhow::Result<String> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let at = Path::new(&package).parent().context("the project's root")?.join(path);
    let mut text = String::new();
    let mut waiting = vec![at];
    while let Some(at) = waiting.pop() {
        if at.is_dir() {
            for item in fs::read_dir(&at)? {
                waiting.push(item?.path());
            }
        } else {
            text += &fs::read_to_string(&at)?;
        }
    }
    Ok(text)
}

/// Every route that is made there. One that is made otherwise than these are is an error: it would not be judged.
fn routes_of(text: &str) -> anyhow::Result<Vec<Route>> {
    for other in [".fallback(", ".nest(", "route_service(", "MethodRouter", "on(MethodFilter"] {
        anyhow::ensure!(!text.contains(other), "{other} makes routes that this test does not read");
    }
    let mut found = Vec::new();
    for route in text.split(".route(").skip(1) {
        let (path, rest) = route.split_once(',').context("a route has a path and handlers")?;
        let literal = path.trim().strip_prefix('"').and_then(|path| path.strip_suffix('"'));
        let named = NAMED.iter().find(|(name, _)| *name == path.trim()).map(|(_, path)| *path);
        let path = literal.or(named).with_context(|| format!("{path}: which route is that?"))?.to_owned();
        // From here to the end of the call, each handler is given to the function that is named as its method.
        let mut depth = 1;
        let end = rest.char_indices().find(|(_, is)| {
            depth += i32::from(*is == '(') - i32::from(*is == ')');
            depth == 0
        });
        let handlers = rest.get(..end.context("the call ends")?.0).unwrap_or_default();
        let methods = handlers.split('(').filter_map(|before| before.split(['.', ' ', ')']).next_back());
        let methods = methods.filter(|method| !method.is_empty()).map(|method| method.trim().to_owned());
        let methods: Vec<_> = methods.take(handlers.matches('(').count()).collect();
        found.push(Route { path, methods });
    }
    Ok(found)
}

#[test]
fn a_route_that_does_more_than_read_is_found() -> anyhow::Result<()> {
    let text = "Router::new()\n.route(\"/a\", get(shown))\n.route(CLUSTER_PAGE, get(shown))\n.route(\"/b\", get(shown).post(done))\n.route(\n\"/c\",\ndelete(gone),\n)";
    let methods: Vec<_> = routes_of(text)?.into_iter().map(|route| (route.path, route.methods.join(" "))).collect();
    let expected = [("/a", "get"), ("/cluster.json", "get"), ("/b", "get post"), ("/c", "delete")];
    assert_eq!(methods, expected.map(|(path, methods)| (path.to_owned(), methods.to_owned())));
    assert!(routes_of(".route(ELSEWHERE, get(shown))").is_err());
    assert!(routes_of(".fallback(post(all))").is_err());
    Ok(())
}
