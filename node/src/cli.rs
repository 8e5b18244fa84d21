//! The command line: what may be asked, and how it is explained, in the operator's language.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

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

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one(name).cloned()
}

fn command() -> Command {
    Command::new("vauban-node")
        .version(env!("CARGO_PKG_VERSION"))
        .about(crate::say!(
            fr: "Un nœud de stockage Vauban : il garde des fragments scellés et un journal scellé, qu'il ne sait pas ouvrir.",
            en: "A Vauban storage node: it keeps sealed chunks and a sealed log, neither of which it can open."
        ))
        .after_help(crate::say!(
            fr: "D'une machine nue à un nœud qui sert :\n\
                 \x20 1. vauban-node init --data /var/lib/vauban-node --listen [::]:4433 --advertise noeud1.exemple.fr:4433\n\
                 \x20 2. portez node-request.vbq à une administratrice ; elle lance « vauban org charter » et vous rend une admission\n\
                 \x20 3. vauban-node admit --data /var/lib/vauban-node ADMISSION\n\
                 \x20 4. vauban-node run --data /var/lib/vauban-node\n\
                 \x20 5. à partir du deuxième nœud, une administratrice lui donne sa place : « vauban admin node add »\n\n\
                 Codes de sortie : 0 tout va bien ; 1 refus, avec ce qu'il faut faire ; 2 ligne de commande ; 3 le stockage a fait défaut.",
            en: "From a bare machine to a node that serves:\n\
                 \x20 1. vauban-node init --data /var/lib/vauban-node --listen [::]:4433 --advertise node1.example.org:4433\n\
                 \x20 2. carry node-request.vbq to an admin, who runs `vauban org charter` and gives you an admission\n\
                 \x20 3. vauban-node admit --data /var/lib/vauban-node ADMISSION\n\
                 \x20 4. vauban-node run --data /var/lib/vauban-node\n\
                 \x20 5. from the second node on, an admin gives it its place: `vauban admin node add`\n\n\
                 Exit codes: 0 all is well; 1 refused, with what to do; 2 command line; 3 storage failed."
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(init())
        .subcommand(admit())
        .subcommand(run())
        .subcommand(cluster())
        .subcommand(backup())
        .subcommand(restore())
        .subcommand(rejoin())
}

fn init() -> Command {
    Command::new("init")
        .about(crate::say!(
            fr: "Fabrique les clés du nœud, sa demande de charte et sa configuration",
            en: "Makes the node's keys, its request for a charter and its configuration"
        ))
        .arg(data().required(true))
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDR")
                .required(true)
                .value_parser(value_parser!(SocketAddr))
                .help(crate::say!(fr: "Où écouter en QUIC (UDP) : [::]:4433 pour toutes les adresses", en: "Where to listen by QUIC (UDP): [::]:4433 for every address")),
        )
        .arg(
            Arg::new("advertise")
                .long("advertise")
                .value_name("HOST:PORT")
                .help(crate::say!(fr: "Où les clients joignent le nœud, si --listen ne le dit pas", en: "Where clients reach the node, if --listen does not say it")),
        )
        .arg(config())
}

fn admit() -> Command {
    Command::new("admit")
        .about(crate::say!(
            fr: "Reçoit l'admission d'une administratrice, après l'avoir vérifiée de bout en bout",
            en: "Takes in an admin's admission, once all of it has been verified"
        ))
        .arg(data().required(true))
        .arg(file(crate::say!(fr: "Le fichier écrit par « vauban org charter »", en: "The file that `vauban org charter` wrote")))
}

fn run() -> Command {
    Command::new("run")
        .about(crate::say!(
            fr: "Lance le nœud, jusqu'à SIGTERM ou SIGINT",
            en: "Runs the node, until SIGTERM or SIGINT"
        ))
        .after_help(crate::say!(
            fr: "Une fois prêt, le nœud écrit sur la sortie standard une ligne :\n\
                 \x20 ready node=IDENTIFIANT quic=ADRESSE web=ADRESSE\n\
                 Un nœud qui n'a pas encore sa place dans la grappe écrit d'abord la même ligne, avec « waiting ».",
            en: "Once it serves, the node writes one line to standard output:\n\
                 \x20 ready node=ID quic=ADDRESS web=ADDRESS\n\
                 A node that has no place in the cluster yet first writes the same line, with `waiting`."
        ))
        .arg(data())
        .arg(config())
        .arg(
            Arg::new("check")
                .long("check")
                .action(ArgAction::SetTrue)
                .help(crate::say!(fr: "Vérifie configuration, clés et admission, puis s'arrête", en: "Checks configuration, keys and admission, then ends")),
        )
}

fn cluster() -> Command {
    Command::new("cluster")
        .about(crate::say!(fr: "La grappe de ce nœud", en: "This node's cluster"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("status")
                .about(crate::say!(
                    fr: "Demande au nœud qui tourne ici comment va la grappe : qui mène, qui vote, qui est en retard ou absent",
                    en: "Asks the node that runs here how the cluster is: who leads, who votes, who lags or is away"
                ))
                .arg(data())
                .arg(config())
                .arg(
                    Arg::new("json")
                        .long("json")
                        .action(ArgAction::SetTrue)
                        .help(crate::say!(fr: "En JSON", en: "As JSON")),
                ),
        )
}

fn backup() -> Command {
    Command::new("backup")
        .about(crate::say!(
            fr: "Écrit les métadonnées du nœud dans un fichier, qu'il tourne ou non",
            en: "Writes the node's metadata to a file, whether it runs or not"
        ))
        .after_help(crate::say!(
            fr: "Le fichier est celui d'un instant. Il ne contient ni clé, ni nom, ni fragment ; les fragments sont sur les disques des nœuds.\n\
                 Pour en écrire un chaque jour, voyez [backup] dans node.toml.",
            en: "The file is of one moment. It holds no key, no name and no chunk; chunks are on the nodes' disks.\n\
                 To have one written daily, see [backup] in node.toml."
        ))
        .arg(data().required(true))
        .arg(file(crate::say!(fr: "Le fichier à écrire", en: "The file to write")))
}

fn restore() -> Command {
    Command::new("restore")
        .about(crate::say!(
            fr: "Fait revivre une grappe perdue, depuis une sauvegarde, sur ce nœud",
            en: "Brings a lost cluster back to life from a backup, on this node"
        ))
        .after_help(crate::say!(
            fr: "Quand la majorité des nœuds est perdue pour de bon, et seulement alors :\n\
                 \x20 1. arrêtez tous les nœuds, et prenez la sauvegarde la plus récente : « vauban-node backup » sur chacun qui a encore des\n\
                 \x20    métadonnées, l'indice le plus haut ; ce qui est venu après elle et n'est sur aucun appareil est perdu\n\
                 \x20 2. ici : vauban-node restore --data DOSSIER SAUVEGARDE, puis vauban-node run\n\
                 \x20 3. portez reanchor-request.vbx à qui tient la racine, qui lance « vauban org reanchor » ; jusque-là, tout se lit et rien ne s'écrit\n\
                 \x20 4. sur chaque autre nœud qui reste : vauban-node rejoin, puis vauban-node run",
            en: "When a majority of the nodes is lost for good, and only then:\n\
                 \x20 1. stop every node, and take the newest backup: `vauban-node backup` on each that still has metadata, the highest\n\
                 \x20    index; what came after it and is on no device is lost\n\
                 \x20 2. here: vauban-node restore --data DIR BACKUP, then vauban-node run\n\
                 \x20 3. carry reanchor-request.vbx to whoever holds the root, who runs `vauban org reanchor`; until then all can be read, and nothing written\n\
                 \x20 4. on each other node that is left: vauban-node rejoin, then vauban-node run"
        ))
        .arg(data().required(true))
        .arg(file(crate::say!(fr: "La sauvegarde", en: "The backup")))
        .arg(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .help(crate::say!(fr: "Met de côté les métadonnées que ce nœud a encore", en: "Sets aside the metadata that this node still has")),
        )
}

fn rejoin() -> Command {
    Command::new("rejoin")
        .about(crate::say!(
            fr: "Met de côté les métadonnées d'une grappe qui a été restaurée ailleurs, et garde les fragments",
            en: "Sets aside the metadata of a cluster that was restored elsewhere, and keeps the chunks"
        ))
        .arg(data().required(true))
}

fn file(help: String) -> Arg {
    Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

fn data() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help(crate::say!(fr: "Le dossier de données du nœud", en: "The node's data folder"))
}

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(crate::say!(fr: "La configuration ; sinon node.toml du dossier de données", en: "The configuration; else node.toml of the data folder"))
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
}
