//! What may be asked, command by command, with what the help of each teaches.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use super::layout;

/// The grammar of the whole line.
pub(super) fn command() -> Command {
    let command = Command::new("vauban-node")
        .version(env!("CARGO_PKG_VERSION"))
        .about(crate::say!(
            fr: "Un nœud de stockage Vauban : il garde des fragments scellés et un journal scellé, qu'il ne sait pas ouvrir.",
            en: "A Vauban storage node: it keeps sealed chunks and a sealed log, neither of which it can open."
        ))
        .after_help(crate::say!(
            fr: "D'une machine nue à un nœud qui sert :\n\
                 \x20 1. vauban-node init --help\n\
                 \x20 2. portez node-request.vbq à une administratrice ; elle lance\n\
                 \x20    `vauban org charter` et vous rend une admission\n\
                 \x20 3. vauban-node admit --data /var/lib/vauban-node node.vba\n\
                 \x20 4. vauban-node run --data /var/lib/vauban-node\n\
                 \x20 5. à partir du deuxième nœud, une administratrice lui donne sa place :\n\
                 \x20    `vauban admin node add`\n\n\
                 Que voulez-vous faire ?\n\
                 \x20 savoir si tout va bien             vauban-node cluster status\n\
                 \x20 sauvegarder les métadonnées        vauban-node backup --help\n\
                 \x20 remplacer un nœud                  vauban admin node --help (chez un admin)\n\
                 \x20 restaurer une grappe perdue        vauban-node restore --help\n\
                 \x20 restaurer des fichiers             vauban restore --help (chez un membre)\n\n\
                 Codes de sortie :\n\
                 \x20 0  tout va bien\n\
                 \x20 1  refus, avec ce qu'il faut faire\n\
                 \x20 2  ligne de commande incorrecte\n\
                 \x20 3  le stockage a fait défaut\n\n\
                 Pour en lire plus : deploy/README.md ; node.toml explique chaque réglage.",
            en: "From a bare machine to a node that serves:\n\
                 \x20 1. vauban-node init --help\n\
                 \x20 2. carry node-request.vbq to an admin, who runs `vauban org charter` and\n\
                 \x20    gives you an admission\n\
                 \x20 3. vauban-node admit --data /var/lib/vauban-node node.vba\n\
                 \x20 4. vauban-node run --data /var/lib/vauban-node\n\
                 \x20 5. from the second node on, an admin gives it its place:\n\
                 \x20    `vauban admin node add`\n\n\
                 What do you want to do?\n\
                 \x20 see whether all is well            vauban-node cluster status\n\
                 \x20 back the metadata up               vauban-node backup --help\n\
                 \x20 replace a node                     vauban admin node --help (at an admin's)\n\
                 \x20 restore a lost cluster             vauban-node restore --help\n\
                 \x20 restore files                      vauban restore --help (at a member's)\n\n\
                 Exit codes:\n\
                 \x20 0  all is well\n\
                 \x20 1  refused, with what to do\n\
                 \x20 2  wrong command line\n\
                 \x20 3  storage failed\n\n\
                 Read on: deploy/README.md; node.toml explains each option."
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(layout::help())
        .arg(layout::version())
        .subcommand(init())
        .subcommand(admit())
        .subcommand(run())
        .subcommand(cluster())
        .subcommand(backup())
        .subcommand(restore())
        .subcommand(rejoin());
    layout::lay_out(command)
}

fn init() -> Command {
    Command::new("init")
        .about(crate::say!(
            fr: "Fabrique les clés du nœud, sa demande de charte et sa configuration",
            en: "Makes the node's keys, its request for a charter and its configuration"
        ))
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "sur la machine du nœud, une fois", en: "on the node's machine, once"),
                "vauban-node init --data /var/lib/vauban-node --listen '[::]:4433' \\\n      --advertise node1.example.org:4433",
            )],
            &crate::say!(
                fr: "Ensuite, chez une administratrice : `vauban org charter --help` ; puis, ici : `vauban-node admit`.",
                en: "Then, at an admin's: `vauban org charter --help`; and, here: `vauban-node admit`."
            ),
        ))
        .arg(data().required(true))
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name(crate::say!(fr: "ADRESSE:PORT", en: "ADDRESS:PORT"))
                .required(true)
                .value_parser(value_parser!(SocketAddr))
                .help(crate::say!(fr: "Où écouter en QUIC (UDP) : [::]:4433 pour toutes les adresses", en: "Where to listen by QUIC (UDP): [::]:4433 for every address")),
        )
        .arg(
            Arg::new("advertise")
                .long("advertise")
                .value_name(crate::say!(fr: "HÔTE:PORT", en: "HOST:PORT"))
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
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "ce que `vauban org charter` a écrit", en: "what `vauban org charter` wrote"),
                "vauban-node admit --data /var/lib/vauban-node node.vba",
            )],
            &crate::say!(fr: "Ensuite : `vauban-node run`.", en: "Then: `vauban-node run`."),
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
        .after_help(layout::taught(
            &[
                (
                    crate::say!(fr: "d'abord, voir si tout est en ordre", en: "first, see whether all is in order"),
                    "vauban-node run --data /var/lib/vauban-node --check",
                ),
                (
                    crate::say!(fr: "puis le lancer, ou le confier à systemd", en: "then run it, or leave that to systemd"),
                    "vauban-node run --data /var/lib/vauban-node",
                ),
            ],
            &crate::say!(
                fr: "Une fois prêt, le nœud écrit sur la sortie standard une ligne :\n\
                     \x20 ready node=IDENTIFIANT quic=ADRESSE web=ADRESSE\n\
                     Un nœud qui n'a pas encore sa place dans la grappe écrit d'abord la même ligne, avec « waiting ».",
                en: "Once it serves, the node writes one line to standard output:\n\
                     \x20 ready node=ID quic=ADDRESS web=ADDRESS\n\
                     A node that has no place in the cluster yet first writes the same line, with `waiting`."
            ),
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
        .about(crate::say!(fr: "La grappe de ce nœud : comment elle va", en: "This node's cluster: how it is"))
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "sur la machine d'un nœud qui tourne", en: "on the machine of a node that runs"),
                "vauban-node cluster status --data /var/lib/vauban-node",
            )],
            &crate::say!(
                fr: "Ajouter, remplacer, retirer un nœud est l'affaire d'un administrateur : `vauban admin node --help`.",
                en: "Adding, replacing and removing nodes is an admin's: `vauban admin node --help`."
            ),
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("status")
                .about(crate::say!(
                    fr: "Demande au nœud qui tourne ici comment va la grappe : qui mène, qui vote, qui est en retard ou absent",
                    en: "Asks the node that runs here how the cluster is: who leads, who votes, who lags or is away"
                ))
                .after_help(layout::taught(
                    &[
                        (
                            crate::say!(fr: "pour une personne", en: "for a person"),
                            "vauban-node cluster status --data /var/lib/vauban-node",
                        ),
                        (
                            crate::say!(fr: "pour un script", en: "for a script"),
                            "vauban-node cluster status --data /var/lib/vauban-node --json",
                        ),
                    ],
                    &crate::say!(
                        fr: "Un nœud absent pour de bon se remplace : `vauban admin node --help`.",
                        en: "A node that is gone for good is replaced: `vauban admin node --help`."
                    ),
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
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "à garder ailleurs que sur ce nœud", en: "to be kept elsewhere than on this node"),
                "vauban-node backup --data /var/lib/vauban-node /media/usb/node1.backup",
            )],
            &crate::say!(
                fr: "Le fichier est celui d'un instant. Il ne contient ni clé, ni nom, ni fragment ; les fragments sont sur les disques des \
                     nœuds. Pour en écrire un chaque jour, voyez [backup] dans node.toml. Pour s'en servir : `vauban-node restore --help`.",
                en: "The file is of one moment. It holds no key, no name and no chunk; chunks are on the nodes' disks. To have one written \
                     daily, see [backup] in node.toml. To make use of it: `vauban-node restore --help`."
            ),
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
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "sur un nœud, tous étant arrêtés", en: "on one node, all being stopped"),
                "vauban-node restore --data /var/lib/vauban-node /media/usb/node1.backup",
            )],
            &crate::say!(
                fr: "Quand la majorité des nœuds est perdue pour de bon, et seulement alors (une minorité se remplace : `vauban admin node \
                     --help`) :\n\
                     \x20 1. arrêtez tous les nœuds, et prenez la sauvegarde la plus récente :\n\
                     \x20    `vauban-node backup` sur chacun qui a encore des métadonnées, l'indice\n\
                     \x20    le plus haut ; ce qui est venu après et n'est sur aucun appareil est perdu\n\
                     \x20 2. ici : vauban-node restore, puis vauban-node run\n\
                     \x20 3. portez reanchor-request.vbx à qui tient la racine, qui lance\n\
                     \x20    `vauban org reanchor` ; jusque-là, tout se lit et rien ne s'écrit\n\
                     \x20 4. sur chaque autre nœud qui reste : vauban-node rejoin, puis vauban-node run",
                en: "When a majority of the nodes is lost for good, and only then (a minority is replaced: `vauban admin node --help`):\n\
                     \x20 1. stop every node, and take the newest backup: `vauban-node backup` on\n\
                     \x20    each that still has metadata, the highest index; what came after it\n\
                     \x20    and is on no device is lost\n\
                     \x20 2. here: vauban-node restore, then vauban-node run\n\
                     \x20 3. carry reanchor-request.vbx to whoever holds the root, who runs\n\
                     \x20    `vauban org reanchor`; until then all can be read, and nothing written\n\
                     \x20 4. on each other node that is left: vauban-node rejoin, then vauban-node run"
            ),
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
        .after_help(layout::taught(
            &[(
                crate::say!(fr: "sur chaque autre nœud qui reste", en: "on each other node that is left"),
                "vauban-node rejoin --data /var/lib/vauban-node",
            )],
            &crate::say!(
                fr: "Le nœud étant arrêté. Ensuite : `vauban-node run`. Avant : `vauban-node restore --help`, sur un autre nœud.",
                en: "The node being stopped. Then: `vauban-node run`. Before it: `vauban-node restore --help`, on another node."
            ),
        ))
        .arg(data().required(true))
}

fn file(help: String) -> Arg {
    Arg::new("file")
        .value_name(crate::say!(fr: "FICHIER", en: "FILE"))
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help(help)
}

fn data() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name(crate::say!(fr: "DOSSIER", en: "DIR"))
        .value_parser(value_parser!(PathBuf))
        .help(crate::say!(fr: "Le dossier de données du nœud", en: "The node's data folder"))
}

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name(crate::say!(fr: "FICHIER", en: "FILE"))
        .value_parser(value_parser!(PathBuf))
        .help(crate::say!(fr: "La configuration ; sinon node.toml du dossier de données", en: "The configuration; else node.toml of the data folder"))
}
