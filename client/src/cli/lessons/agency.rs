//! The organisation: its people, its nodes, its root.

use super::{Example, Lesson, Text};

lessons! {
    "user" {
        "vauban user invite bob", fr: "affiche le code à lui remettre", en: "shows the code to hand over";
        "vauban user accept --wait", fr: "l'accepte, quand il répond", en: "lets bob in, once he answers";
        "vauban user show bob", fr: "son empreinte, ses appareils", en: "the fingerprint, the devices";
        more fr: "Qui s'en va : `vauban admin offboard --help`. Qui a tout perdu : `vauban user recover --help`. Partager avec quelqu'un : \
                  `vauban space --help`.",
             en: "Who leaves: `vauban admin offboard --help`. Who has lost everything: `vauban user recover --help`. To share with \
                  somebody: `vauban space --help`.";
    }
    "user invite" {
        "vauban user invite bob", fr: "valable sept jours", en: "holds for seven days";
        "vauban user invite bob --expires 12h", fr: "douze heures", en: "twelve hours";
        more fr: "La personne lance `vauban init --invite CODE` ; ensuite, ici : `vauban user accept`.",
             en: "The person runs `vauban init --invite CODE`; then, here: `vauban user accept`.";
    }
    "user accept" {
        "vauban user accept", fr: "qui a déjà répondu", en: "who has answered already";
        "vauban user accept --wait", fr: "attend une réponse", en: "waits for an answer";
    }
    "user list" {
        "vauban user list", fr: "noms et identifiants", en: "names and identifiers";
    }
    "user show" {
        "vauban user show bob", fr: "à comparer de vive voix", en: "to be compared by voice";
        "vauban user show --qr", fr: "la vôtre, en QR code", en: "your own, as a QR code";
    }
    "user verify" {
        "vauban user verify bob --code VB1U:…", fr: "ÉGAL, ou PAS ÉGAL", en: "EQUAL, or NOT EQUAL";
        more fr: "Code de sortie 8 si ce n'est pas égal : ne rien partager avec cette personne, prévenir la sécurité de l'organisation.",
             en: "Exit code 8 if it is not equal: share nothing with that person, tell the organisation's security officer.";
    }
    "user recover" {
        "vauban device revoke desktop --user alice", fr: "d'abord, chaque appareil perdu", en: "first, each lost device";
        "vauban user recover alice", fr: "le code de la nouvelle machine", en: "the new machine's code";
        "vauban user accept --wait", fr: "quand elle l'a tapé", en: "once it was typed there";
        more fr: "Ses gardiens approuvent ensuite : `vauban recovery --help`. Sans gardiens : `vauban user revoke`, puis `vauban user invite`.",
             en: "The guardians approve after that: `vauban recovery --help`. Without guardians: `vauban user revoke`, then `vauban user invite`.";
    }
    "user revoke" {
        "vauban user revoke bob", fr: "avec tous ses appareils", en: "with all of the devices";
        more fr: "Voir d'abord ce que la personne laisse : `vauban admin offboard --help`. Un appareil seul : `vauban device revoke`.",
             en: "First see what the person leaves behind: `vauban admin offboard --help`. One device alone: `vauban device revoke`.";
    }
    "org" {
        "vauban org create \"Agence\"", fr: "la fonde, sur cette machine", en: "founds it, on this machine";
        "vauban org backup racine.vbk", fr: "à garder hors de la machine", en: "to be kept off the machine";
        "vauban org policy", fr: "où les fichiers peuvent être", en: "where files may be";
        more fr: "Un premier nœud : `vauban org charter --help`. La machine de la racine est perdue : `vauban org restore --help`. Une grappe est \
                  restaurée : `vauban org reanchor --help`.",
             en: "A first node: `vauban org charter --help`. The root's machine is lost: `vauban org restore --help`. A cluster was \
                  restored: `vauban org reanchor --help`.";
    }
    "org create" {
        "vauban org create \"Agence\" --user sophie --country FR", fr: "nœuds en France seule", en: "nodes in France alone";
        more fr: "Ensuite : `vauban org backup`, puis un premier nœud, `vauban-node init --help`.",
             en: "Then: `vauban org backup`, and a first node, `vauban-node init --help`.";
    }
    "org backup" {
        "vauban org backup racine.vbk", fr: "à refaire après tout changement de clés", en: "again after each change of keys";
        more fr: "À garder hors de cette machine, sa phrase de passe ailleurs. Pour s'en servir : `vauban org restore`.",
             en: "To be kept off this machine, its passphrase elsewhere. To make use of it: `vauban org restore`.";
    }
    "org restore" {
        "vauban org restore racine.vbk --device portable", fr: "sur une nouvelle machine", en: "on a new machine";
        more fr: "C'est la racine qui est restaurée. Des fichiers : `vauban restore`. Une grappe : `vauban-node restore`.",
             en: "It is the root that is restored. Files: `vauban restore`. A cluster: `vauban-node restore`.";
    }
    "org appoint" {
        "vauban org appoint bob", fr: "bob peut alors inviter", en: "bob can then invite";
    }
    "org charter" {
        "vauban org charter node-request.vbq --site Paris-1 --department 75 \\\n      --operator \"DSI de l'agence\" --siren 110000015 \\\n      --regime \"droit français\" --out node.vba",
            fr: "signe ce que le nœud demande", en: "signs what the node asks for";
        more fr: "Porter ensuite node.vba au nœud : `vauban-node admit`. À partir du deuxième : `vauban admin node add`.",
             en: "Then carry node.vba to the node: `vauban-node admit`. From the second one on: `vauban admin node add`.";
    }
    "org policy" {
        "vauban org policy", fr: "la montre", en: "shows it";
        "vauban org policy --country FR --country BE", fr: "deux pays", en: "two countries";
        "vauban org policy --links off", fr: "plus de liens vers l'extérieur", en: "no links to the outside any more";
        "vauban org policy --two-admins on", fr: "deux signatures", en: "two signatures";
    }
    "org reanchor" {
        "vauban org reanchor reanchor-request.vbx", fr: "après `vauban-node restore`", en: "after `vauban-node restore`";
        more fr: "Une sauvegarde est plus ancienne que ce qui a été enregistré après elle. Sans la signature de la racine, chaque appareil \
                  tiendrait la grappe restaurée pour un nœud qui cache des données, et donnerait l'alarme. Avec elle, chacun revient à l'état \
                  restauré de ses espaces, garde les fichiers de son disque, et renvoie ceux qui manquent. Ce qui est venu après la sauvegarde et \
                  n'est sur le disque d'aucun appareil est perdu pour de bon : ce que `vauban put` a envoyé, les dépôts, les anciennes versions. \
                  Prenez d'abord la sauvegarde la plus récente de tous les nœuds, et ne signez que si la grappe est vraiment perdue : les \
                  nœuds de la précédente ne seront plus écoutés. Étape par étape : `vauban-node restore --help`.",
             en: "A backup is older than what was stored after it. Without the root's signature every device would take the restored cluster \
                  for a node that hides data, and raise the alarm. With it, each goes back to the restored state of its spaces, keeps the \
                  files on its disk, and sends again those that are missing. What came after the backup and is on no device's disk is lost \
                  for good: what `vauban put` has sent, what was dropped, earlier versions. Take the newest backup of all nodes first, and \
                  sign only if the cluster is truly lost: the nodes of the one before will not be listened to any more. Step by step: `vauban-node restore --help`.";
    }
    "admin" {
        "vauban admin node list", fr: "les nœuds", en: "the nodes";
        "vauban admin pending", fr: "ce qui attend un administrateur", en: "what waits for an admin";
        "vauban admin offboard bob --dry-run", fr: "ce que bob laisserait", en: "what bob would leave behind";
        more fr: "Inviter quelqu'un : `vauban user --help`. Nommer un administrateur, admettre un nœud : `vauban org --help`.",
             en: "To invite somebody: `vauban user --help`. To appoint an admin, to admit a node: `vauban org --help`.";
    }
    "admin node" {
        "vauban admin node add 632d3b4a --address n4.agence.fr:4433 --capacity 8TB", fr: "d'abord, le remplaçant", en: "first, the new one";
        "vauban admin node drain b02031f1", fr: "puis vider l'ancien", en: "then empty the old one";
        "vauban admin node remove b02031f1", fr: "et le retirer, une fois vide", en: "and remove it, once it is empty";
        more fr: "C'est ainsi qu'on remplace un nœud ; perdu, on le retire sans le vider. La majorité est perdue : `vauban-node restore --help`. Un \
                  nouveau nœud a d'abord sa charte : `vauban org charter --help`.",
             en: "This is how a node is replaced; one that is lost is removed without being emptied. The majority is lost: `vauban-node \
                  restore --help`. A new node has its charter first: `vauban org charter --help`.";
    }
    "admin node add" {
        "vauban admin node add 632d3b4a --address n2.agence.fr:4433 --capacity 8TB", fr: "il vote", en: "it votes";
        more fr: "Le nœud fondateur d'abord, puis ceux que `vauban admin pending` montre.",
             en: "The founding node first, then those that `vauban admin pending` shows.";
    }
    "admin node drain" {
        "vauban admin node drain b02031f1", fr: "à suivre : `vauban-node cluster status`", en: "to follow: `vauban-node cluster status`";
        more fr: "Ensuite : `vauban admin node remove`.", en: "Then: `vauban admin node remove`.";
    }
    "admin node remove" {
        "vauban admin node remove b02031f1", fr: "pour toujours", en: "for good";
        more fr: "Un nœud qui répond se vide d'abord : `vauban admin node drain`.",
             en: "A node that answers is emptied first: `vauban admin node drain`.";
    }
    "admin node list" {
        "vauban admin node list", fr: "identifiants, sites, rôles", en: "identifiers, sites, roles";
    }
    "admin pending" {
        "vauban admin pending", fr: "puis `vauban admin approve`", en: "then `vauban admin approve`";
    }
    "admin approve" {
        "vauban admin approve p34", fr: "la montre, demande, signe", en: "shows it, asks, signs";
        "vauban admin approve 632d3b4a --address n2.agence.fr:4433 --capacity 8TB", fr: "un nœud", en: "a node";
    }
    "admin withdraw" {
        "vauban admin withdraw p34", fr: "elle n'aura pas lieu", en: "nothing comes of it";
    }
    "admin offboard" {
        "vauban admin offboard bob --dry-run", fr: "montre ce que bob laisse", en: "shows what bob leaves behind";
        "vauban admin offboard bob", fr: "montre, demande, révoque", en: "shows, asks, revokes";
        more fr: "Ce que personne d'autre ne pourrait lire, bob le donne d'abord : `vauban space add ESPACE PERSONNE --role owner`.",
             en: "What nobody else could read bob hands over first: `vauban space add SPACE USER --role owner`.";
    }
    "admin quota" {
        "vauban admin quota show", fr: "ce qui est utilisé", en: "what is used";
        "vauban admin quota set --space Projets 500GB", fr: "d'un espace", en: "of a space";
    }
    "admin quota set" {
        "vauban admin quota set --space Projets 500GB", fr: "d'un espace", en: "of a space";
        "vauban admin quota set --user bob --none", fr: "plus de limite pour bob", en: "no limit for bob any more";
    }
    "admin quota show" {
        "vauban admin quota show", fr: "ce qui en est utilisé", en: "what is used of them";
    }
}
