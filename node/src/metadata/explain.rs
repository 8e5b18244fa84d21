//! What an operator is told when the metadata do not open: what is wrong, and what to do now.

use super::error::{BackupError, MetadataError};
use crate::message::{Explain, Explanation};

impl Explain for MetadataError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let what = crate::say!(
            fr: "Les métadonnées du nœud ne s'ouvrent pas : {detail}",
            en: "The node's metadata do not open: {detail}",
        );
        Explanation { what, next: self.next() }
    }
}

impl MetadataError {
    fn next(&self) -> String {
        match self {
            Self::Damaged { .. } | Self::Lost { .. } => crate::say!(
                fr: "Gardez une copie du dossier et vérifiez le disque (dmesg, smartctl) ; remplacez ce nœud par un nouveau, préparé \
                     par « vauban-node init » sur un autre dossier. Si la majorité des nœuds est perdue : « vauban-node restore ».",
                en: "Keep a copy of the folder and check the disk (dmesg, smartctl); replace this node by a new one, prepared with \
                     `vauban-node init` on another folder. If a majority of the nodes is lost: `vauban-node restore`.",
            ),
            Self::InUse { .. } => crate::say!(
                fr: "Arrêtez l'autre vauban-node qui tourne sur ce dossier.",
                en: "Stop the other vauban-node that runs on this folder.",
            ),
            Self::OtherNode { .. } => crate::say!(
                fr: "Désignez le dossier de ce nœud-ci (--data) : deux nœuds ne partagent ni n'échangent leurs dossiers.",
                en: "Name this node's own folder (--data): nodes neither share nor exchange their folders.",
            ),
            Self::OlderFormat { .. } => crate::say!(
                fr: "Lancez la version qui a écrit ce dossier, ou repartez d'un dossier vide : ces données d'avant la première version ne se convertissent pas.",
                en: "Run the build that wrote this folder, or begin with an empty one: data from before the first release are not converted.",
            ),
            Self::NewerFormat { .. } => crate::say!(
                fr: "Installez une version plus récente de vauban-node ; on ne revient pas à une plus ancienne.",
                en: "Install a newer vauban-node; there is no way back to an older one.",
            ),
            Self::Chain(_) => crate::say!(
                fr: "Demandez à l'administrateur un nouveau fichier d'admission, fait de la demande de ce nœud.",
                en: "Ask the admin for a fresh admission file, made from this node's own request.",
            ),
            Self::NotReady { .. } => crate::say!(
                fr: "Voyez dans le journal ce qui le retient, puis relancez le nœud.",
                en: "See in the log what holds it up, then start the node again.",
            ),
            Self::Failed(_) | Self::NotMarked { .. } => crate::say!(
                fr: "Vérifiez le disque et sa place libre (dmesg, smartctl, df), puis relancez le nœud.",
                en: "Check the disk and its free space (dmesg, smartctl, df), then start the node again.",
            ),
            Self::Engine(_) => crate::say!(
                fr: "Relancez le nœud, et signalez cette erreur avec le journal.",
                en: "Start the node again, and report this error with its log.",
            ),
        }
    }
}

impl Explain for BackupError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let what = crate::say!(
            fr: "La sauvegarde ou la restauration n'est pas faite : {detail}",
            en: "The backup or restore was not done: {detail}",
        );
        let next = match self {
            Self::Metadata(error) => return error.explain(),
            Self::File { .. } => crate::say!(
                fr: "Vérifiez le chemin, la place libre et l'utilisateur ; une sauvegarde n'écrase aucun fichier.",
                en: "Check the path, the free space and the user; a backup overwrites no file.",
            ),
            Self::None { .. } | Self::Damaged { .. } => crate::say!(
                fr: "Prenez une autre sauvegarde : un fichier VBM entier, écrit par « vauban-node backup » ou chaque jour par un nœud.",
                en: "Take another backup: a whole VBM file, written by `vauban-node backup` or daily by a node.",
            ),
            Self::Later { .. } => crate::say!(
                fr: "Installez une version plus récente de vauban-node.",
                en: "Install a newer vauban-node.",
            ),
            Self::Nothing => crate::say!(
                fr: "Attendez que le nœud ait sa place dans la grappe, puis recommencez.",
                en: "Wait until the node has its place in the cluster, then try again.",
            ),
            Self::OtherOrganisation { .. } => crate::say!(
                fr: "Restaurez sur un nœud admis par la même organisation.",
                en: "Restore on a node that the same organisation has admitted.",
            ),
            Self::Randomness(_) => crate::say!(
                fr: "Recommencez ; si cela dure, vérifiez le système.",
                en: "Try again; if it lasts, check the system.",
            ),
        };
        Explanation { what, next }
    }
}
