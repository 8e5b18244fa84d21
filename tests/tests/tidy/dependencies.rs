//! The dependency law: which package may never reach which other, by normal dependencies, all features on.
//!
//! What it proves for the node: no code that could open a sealed object is linked into it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;

use anyhow::Context;
use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand};

/// One direction that dependencies may not take.
struct Law {
    package: &'static str,
    never: &'static [&'static str],
    because: &'static str,
}

const LAWS: &[Law] = &[
    Law {
        package: "vauban-node",
        never: &["vauban-crypto", "aes-gcm", "hpke", "argon2", "hkdf"],
        because: "a node holds sealed bytes, and no code that could open them",
    },
    Law {
        package: "vauban-node",
        never: &["vauban-client", "reqwest", "ureq", "hyper-tls", "webpki-roots"],
        because: "a node depends on no client, and calls nobody out",
    },
    Law {
        package: "vauban-protocol",
        never: &["vauban-crypto", "vauban-node", "vauban-client", "tokio", "quinn", "rocksdb"],
        because: "the contract is pure, and stands below everything",
    },
    Law {
        package: "vauban-crypto",
        never: &["vauban-node", "vauban-client", "tokio", "quinn", "rocksdb"],
        because: "sealing does no input or output",
    },
    Law {
        package: "vauban-client",
        never: &["vauban-node", "rocksdb", "openraft"],
        because: "a client depends on the contract, never on the node",
    },
];

/// Packages and what each depends on normally, by name. A name that stands for two versions holds the edges of both.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn dependencies_point_one_way() -> anyhow::Result<()> {
    let graph = workspace()?;
    for law in LAWS {
        anyhow::ensure!(graph.contains_key(law.package), "no package {}", law.package);
    }
    super::none("forbidden dependencies", &violations(&graph))
}

#[test]
fn crypto_under_the_node_is_refused() -> anyhow::Result<()> {
    let mut graph = workspace()?;
    link(&mut graph, "vauban-node", "vauban-crypto");
    let found = violations(&graph);
    assert!(found.iter().any(|is| is.starts_with("vauban-node → vauban-crypto:")), "{found:?}");
    assert!(found.iter().any(|is| is.contains("→ aes-gcm:")), "what comes with it is refused too: {found:?}");
    Ok(())
}

#[test]
fn a_cipher_deep_under_the_node_is_refused() -> anyhow::Result<()> {
    let mut graph = workspace()?;
    link(&mut graph, "vauban-protocol", "innocent");
    link(&mut graph, "innocent", "hkdf");
    let found = violations(&graph);
    assert!(found.iter().any(|is| is.starts_with("vauban-node → vauban-protocol → innocent → hkdf:")), "{found:?}");
    Ok(())
}

fn link(graph: &mut Graph, from: &str, to: &str) {
    graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    graph.entry(to.to_owned()).or_default();
}

/// Each forbidden package that a law's package reaches, with the way there.
fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for law in LAWS {
        let ways = ways_from(graph, law.package);
        for never in law.never {
            if let Some(way) = ways.get(*never) {
                found.push(format!("{}: {}", way.join(" → "), law.because));
            }
        }
    }
    found
}

/// A shortest way from `start` to each package that it reaches.
fn ways_from<'a>(graph: &'a Graph, start: &'a str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut ways = BTreeMap::from([(start, vec![start])]);
    let mut queue = VecDeque::from([start]);
    while let Some(package) = queue.pop_front() {
        let way = ways.get(package).cloned().unwrap_or_default();
        for next in graph.get(package).into_iter().flatten() {
            if !ways.contains_key(next.as_str()) {
                let mut longer = way.clone();
                longer.push(next);
                ways.insert(next, longer);
                queue.push_back(next);
            }
        }
    }
    ways
}

/// The graph that cargo resolves for this machine's platform.
fn workspace() -> anyhow::Result<Graph> {
    let metadata = MetadataCommand::new()
        .manifest_path(super::tree::root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host()?])
        .exec()?;
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let resolve = metadata.resolve.context("cargo resolved nothing")?;
    let mut graph = Graph::new();
    for node in &resolve.nodes {
        let from = names.get(&node.id).context("a node without a package")?;
        let edges = graph.entry(from.clone()).or_default();
        for dependency in &node.deps {
            let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal {
                edges.insert(names.get(&dependency.pkg).context("an edge to nowhere")?.clone());
            }
        }
    }
    Ok(graph)
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}
