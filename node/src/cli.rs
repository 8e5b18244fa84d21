//! The command line: what may be asked, and how it is explained, in the operator's language.

mod grammar;
mod layout;
mod mistake;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};

use self::grammar::command;
use crate::message::Explanation;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Make a node.
    Init {
        /// Its data folder.
        data: PathBuf,
        /// Where it will listen.
        listen: SocketAddr,
        /// Where clients will reach it.
        advertise: Option<String>,
        /// Its configuration file, if not in the data folder.
        config: Option<PathBuf>,
    },
    /// Take an admin's answer in.
    Admit {
        /// The data folder.
        data: PathBuf,
        /// The answer.
        file: PathBuf,
    },
    /// Run the node.
    Run {
        /// The data folder, if the configuration does not say it.
        data: Option<PathBuf>,
        /// The configuration file, if not in the data folder.
        config: Option<PathBuf>,
        /// Only say whether everything is in order.
        check: bool,
    },
    /// Write the metadata to a file.
    Backup {
        /// The data folder.
        data: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Begin a new incarnation of a lost cluster from a backup.
    Restore {
        /// The data folder.
        data: PathBuf,
        /// The backup.
        file: PathBuf,
        /// Whether metadata that are there are set aside.
        replace: bool,
    },
    /// Come to a restored cluster as a new node does.
    Rejoin {
        /// The data folder.
        data: PathBuf,
    },
    /// Say how the cluster is.
    ClusterStatus {
        /// The data folder of the node to ask, if the configuration does not say it.
        data: Option<PathBuf>,
        /// The configuration file, if not in the data folder.
        config: Option<PathBuf>,
        /// As JSON.
        json: bool,
    },
}

impl Invocation {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`clap::Error`]: help, the version, or what is wrong with the line; it knows its own exit code.
    pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(line)?;
        let incomplete = |mut command: Command| command.error(ErrorKind::MissingSubcommand, "");
        match matches.subcommand() {
            Some(("init", matches)) => match (path(matches, "data"), matches.get_one("listen")) {
                (Some(data), Some(listen)) => Ok(Self::Init {
                    data,
                    listen: *listen,
                    advertise: matches.get_one("advertise").cloned(),
                    config: path(matches, "config"),
                }),
                _ => Err(incomplete(command)),
            },
            Some(("admit", matches)) => match (path(matches, "data"), path(matches, "file")) {
                (Some(data), Some(file)) => Ok(Self::Admit { data, file }),
                _ => Err(incomplete(command)),
            },
            Some(("backup", matches)) => match (path(matches, "data"), path(matches, "file")) {
                (Some(data), Some(file)) => Ok(Self::Backup { data, file }),
                _ => Err(incomplete(command)),
            },
            Some(("restore", matches)) => match (path(matches, "data"), path(matches, "file")) {
                (Some(data), Some(file)) => Ok(Self::Restore { data, file, replace: matches.get_flag("replace") }),
                _ => Err(incomplete(command)),
            },
            Some(("rejoin", matches)) => match path(matches, "data") {
                Some(data) => Ok(Self::Rejoin { data }),
                None => Err(incomplete(command)),
            },
            Some(("run", matches)) => Ok(Self::Run {
                data: path(matches, "data"),
                config: path(matches, "config"),
                check: matches.get_flag("check"),
            }),
            Some(("cluster", matches)) => match matches.subcommand() {
                Some(("status", matches)) => Ok(Self::ClusterStatus {
                    data: path(matches, "data"),
                    config: path(matches, "config"),
                    json: matches.get_flag("json"),
                }),
                _ => Err(incomplete(command)),
            },
            _ => Err(incomplete(command)),
        }
    }
}

/// What a person is told of a line that [`Invocation::parse`] refused; nothing, if it only asked for help or the version.
#[must_use]
pub fn mistake(error: &clap::Error, line: &[OsString]) -> Option<Explanation> {
    mistake::explain(error, &command(), line)
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one(name).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Invocation, clap::Error> {
        Invocation::parse(line.iter().map(OsString::from))
    }

    #[test]
    fn the_definitions_hold() {
        command().debug_assert();
    }

    #[test]
    fn each_verb_is_understood() {
        let init = parse(&["vauban-node", "init", "--data", "d", "--listen", "[::]:1"]).unwrap();
        assert!(matches!(init, Invocation::Init { advertise: None, config: None, .. }));
        let admit = parse(&["vauban-node", "admit", "--data", "d", "f"]).unwrap();
        assert_eq!(admit, Invocation::Admit { data: "d".into(), file: "f".into() });
        let run = parse(&["vauban-node", "run", "--config", "c", "--check"]).unwrap();
        assert_eq!(run, Invocation::Run { data: None, config: Some("c".into()), check: true });
    }

    #[test]
    fn the_cluster_is_asked_for() {
        let status = parse(&["vauban-node", "cluster", "status", "--data", "d", "--json"]).unwrap();
        assert_eq!(status, Invocation::ClusterStatus { data: Some("d".into()), config: None, json: true });
        assert!(parse(&["vauban-node", "cluster"]).is_err());
    }

    #[test]
    fn what_is_missing_is_said() {
        for line in [&["vauban-node", "init", "--data", "d"][..], &["vauban-node", "admit", "f"]] {
            assert_eq!(parse(line).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        }
    }

    #[test]
    fn a_mistake_leads_to_what_was_meant() {
        for (line, meant, help) in [
            (&["vauban-node", "bakcup"][..], "`vauban-node backup`", "`vauban-node --help`"),
            (&["vauban-node", "cluster", "statsu"], "`vauban-node cluster status`", "`vauban-node cluster --help`"),
            (&["vauban-node", "run", "--chek"], "`--check`", "`vauban-node run --help`"),
            (&["vauban-node", "init", "--data", "d"], "--listen", "`vauban-node init --help`"),
        ] {
            let error = parse(line).unwrap_err();
            let line: Vec<OsString> = line.iter().map(OsString::from).collect();
            let Explanation { what, next } = mistake(&error, &line).unwrap();
            assert!(what.contains(meant) && next.contains(help), "{what} → {next}");
        }
        let asked = [OsString::from("vauban-node"), OsString::from("--help")];
        assert_eq!(mistake(&Invocation::parse(asked.clone()).unwrap_err(), &asked), None);
    }
}
