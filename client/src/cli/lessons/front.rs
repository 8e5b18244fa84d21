//! What people come to do, and the command for it: the first thing that `vauban --help` shows.

use super::{Example, Text};

macro_rules! tasks {
    ($($line:literal, fr: $french:literal, en: $english:literal;)*) => {
        pub(super) const TASKS: &[Example] =
            &[$(Example { line: $line, does: Text { french: $french, english: $english } }),*];
    };
}

tasks! {
    "vauban init --invite CODE", fr: "rejoindre, avec le code reçu", en: "join, with the code received";
    "vauban sync Projets ~/Projets --watch", fr: "synchroniser un dossier", en: "keep a folder in sync";
    "vauban space add Projets bob", fr: "partager avec un collègue", en: "share with a colleague";
    "vauban space remove Projets bob", fr: "retirer l'accès à quelqu'un", en: "take somebody's access away";
    "vauban link create Projets:Budget", fr: "donner un lien à l'extérieur", en: "hand a link to an outsider";
    "vauban link request Projets:Offres", fr: "recevoir de l'extérieur", en: "get files from an outsider";
    "vauban restore Projets:note.txt --to 2h", fr: "retrouver une version passée", en: "bring an old version back";
    "vauban device revoke laptop", fr: "un appareil perdu ou volé", en: "a device is lost or stolen";
    "vauban recovery begin --invite CODE", fr: "tous vos appareils perdus", en: "all your devices are lost";
    "vauban doctor", fr: "quelque chose ne va pas", en: "something is wrong";
    "vauban user invite bob", fr: "(admin) inviter quelqu'un", en: "(admin) invite somebody";
    "vauban admin offboard bob", fr: "(admin) quelqu'un s'en va", en: "(admin) somebody leaves";
    "vauban admin node --help", fr: "(admin) remplacer un nœud", en: "(admin) replace a node";
    "vauban org reanchor --help", fr: "(admin) restaurer une grappe", en: "(admin) restore a cluster";
}
