//! What an operator is told when the metadata do not open: what is wrong, and what to do now.

use super::error::MetadataError;
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
                fr: "Gardez une copie du dossier et vérifiez le disque (dmesg, smartctl) ; restaurez-le d'une sauvegarde \
                     de ce nœud même, ou préparez un nouveau nœud avec « vauban-node init » sur un autre dossier.",
                en: "Keep a copy of the folder and check the disk (dmesg, smartctl); restore it from a backup of this \
                     very node, or prepare a new node with `vauban-node init` on another folder.",
            ),
            Self::InUse { .. } => crate::say!(
                fr: "Arrêtez l'autre vauban-node qui tourne sur ce dossier.",
                en: "Stop the other vauban-node that runs on this folder.",
            ),
            Self::OtherNode { .. } => crate::say!(
                fr: "Désignez le dossier de ce nœud-ci (--data) : deux nœuds ne partagent ni n'échangent leurs dossiers.",
                en: "Name this node's own folder (--data): nodes neither share nor exchange their folders.",
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
