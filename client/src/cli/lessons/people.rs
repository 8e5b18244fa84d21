//! People, their devices, and what they share.

use super::{Example, Lesson, Text};

lessons! {
    "init" {
        "vauban init --invite CODE", fr: "demande une phrase de passe", en: "asks for a passphrase";
        "vauban init --invite CODE --name laptop", fr: "nomme l'appareil", en: "names the device";
        more fr: "Le code vient d'un administrateur (`vauban user invite`) ou d'un autre de vos appareils (`vauban device add`). Ensuite : \
                  `vauban space list`, `vauban sync --help`. Code de sortie 9 si le code est faux, utilisé ou expiré.",
             en: "The code comes from an admin (`vauban user invite`) or from another device of yours (`vauban device add`). Then: \
                  `vauban space list`, `vauban sync --help`. Exit code 9 if the code is wrong, used or expired.";
    }
    "device" {
        "vauban device add", fr: "un appareil de plus, d'ici", en: "one more device, from here";
        "vauban device revoke laptop", fr: "il est perdu ou volé", en: "it is lost or stolen";
        more fr: "Si c'était le dernier : `vauban recovery --help`.", en: "If it was the last one: `vauban recovery --help`.";
    }
    "device add" {
        "vauban device add", fr: "affiche le code, et attend", en: "shows the code, and waits";
        "vauban device add --expires 2h --no-wait", fr: "sans attendre", en: "without waiting";
        more fr: "Sur le nouvel appareil : `vauban init --invite CODE`.", en: "On the new device: `vauban init --invite CODE`.";
    }
    "device accept" {
        "vauban device accept --wait", fr: "après `device add --no-wait`", en: "after `device add --no-wait`";
    }
    "device list" {
        "vauban device list", fr: "noms et identifiants", en: "names and identifiers";
    }
    "device revoke" {
        "vauban device revoke laptop", fr: "un des vôtres", en: "one of yours";
        "vauban device revoke laptop --user alice", fr: "(admin) d'une autre personne", en: "(admin) somebody else's";
        more fr: "L'appareil garde ce qu'il avait reçu, sous sa phrase de passe. Vos clés et celles de vos espaces changent ; s'il reste des \
                  espaces en attente, `vauban space rotate --help`.",
             en: "The device keeps what it had received, under its passphrase. Your keys and those of your spaces change; if spaces are said \
                  to be pending, `vauban space rotate --help`.";
    }
    "recovery" {
        "vauban recovery setup --guardians bob,carole,david --threshold 2", fr: "AVANT toute perte", en: "BEFORE any loss";
        "vauban recovery begin --invite CODE", fr: "après : sur la nouvelle machine", en: "after it: on the new machine";
        "vauban recovery approve alice", fr: "chez chaque gardien", en: "at each guardian's";
        "vauban recovery finish", fr: "sur la nouvelle machine", en: "on the new machine";
        more fr: "Le code vient d'un administrateur, qui révoque d'abord les appareils perdus : `vauban user recover --help`.",
             en: "The code comes from an admin, who first revokes the lost devices: `vauban user recover --help`.";
    }
    "recovery setup" {
        "vauban recovery setup --guardians bob,carole,david --threshold 2", fr: "deux sur trois", en: "two of three";
        more fr: "Assez de gardiens ensemble lisent tout ce que vous lisez ; moins, rien.",
             en: "Enough guardians together can read all that you can; fewer, nothing.";
    }
    "recovery stop" {
        "vauban recovery stop", fr: "vos clés changent ensuite", en: "your keys change afterwards";
    }
    "recovery list" {
        "vauban recovery list", fr: "vos gardiens, et qui demande", en: "your guardians, and who asks";
    }
    "recovery begin" {
        "vauban recovery begin --invite CODE --name phone", fr: "affiche huit mots", en: "shows eight words";
        "vauban recovery begin", fr: "les montre encore", en: "shows them again";
        more fr: "Lire ces mots de vive voix à vos gardiens, puis : `vauban recovery finish`.",
             en: "Read these words to your guardians by voice, then: `vauban recovery finish`.";
    }
    "recovery approve" {
        "vauban recovery approve alice", fr: "montre l'appareil, ne donne rien", en: "shows the device, gives nothing";
        "vauban recovery approve alice \\\n      --words \"dinam zilun gurij rikur rugok vifud gudoj livab\"",
            fr: "rend votre part", en: "gives your share back";
        more fr: "Appeler la personne à un numéro connu d'avance, et taper les mots qu'ELLE lit. Code de sortie 16 tant que rien n'est donné.",
             en: "Call the person at a number known before, and type the words that THEY read. Exit code 16 as long as nothing is given.";
    }
    "recovery refuse" {
        "vauban recovery refuse", fr: "ce n'est pas vous qui demandez", en: "it is not you who asks";
        "vauban recovery refuse alice", fr: "(admin) pour une personne", en: "(admin) for somebody";
    }
    "recovery finish" {
        "vauban recovery finish --wait", fr: "dès que les gardiens ont approuvé", en: "once guardians have approved";
        more fr: "Nommer ensuite vos gardiens à nouveau : `vauban recovery setup`. Code de sortie 16 s'il manque encore des parts.",
             en: "Then name your guardians anew: `vauban recovery setup`. Exit code 16 if shares are still missing.";
    }
    "space" {
        "vauban space create Projets", fr: "un dossier partagé, à vous", en: "a shared folder of yours";
        "vauban space add Projets bob", fr: "partager avec bob", en: "share it with bob";
        "vauban space remove Projets bob", fr: "lui retirer l'accès", en: "take it away again";
        more fr: "Les fichiers d'un espace : `vauban sync --help`. Pour qui n'a pas de compte : `vauban link --help`.",
             en: "The files of a space: `vauban sync --help`. For people without an account: `vauban link --help`.";
    }
    "space create" {
        "vauban space create Projets", fr: "puis `vauban sync Projets DOSSIER --once`", en: "then `vauban sync Projets DIR --once`";
    }
    "space list" {
        "vauban space list", fr: "identifiants et noms", en: "identifiers and names";
    }
    "space members" {
        "vauban space members Projets", fr: "qui, quel rôle, depuis quand", en: "who, which role, since when";
    }
    "space add" {
        "vauban space add Projets bob", fr: "lit et écrit", en: "reads and writes";
        "vauban space add Projets bob --role reader", fr: "lit seulement", en: "only reads";
        "vauban space add Projets bob carole", fr: "plusieurs personnes", en: "several people";
        more fr: "Comparer ensuite l'empreinte de vive voix (`vauban user show`). Quelqu'un qui n'est pas dans l'organisation : `vauban user \
                  invite`, ou un lien, `vauban link create`. Si un autre appareil doit d'abord confirmer : `vauban space fingerprint --help`.",
             en: "Compare the fingerprint by voice afterwards (`vauban user show`). Somebody who is not in the organisation: `vauban user \
                  invite`, or a link, `vauban link create`. If another device has to confirm first: `vauban space fingerprint --help`.";
    }
    "space remove" {
        "vauban space remove Projets bob", fr: "bob ne lira plus ce qui suit", en: "bob reads nothing of what follows";
        more fr: "Ce que ses appareils ont reçu y reste. Qui quitte l'organisation : `vauban admin offboard --help`. Un appareil volé : `vauban \
                  device revoke --help`. Prendre d'abord ce qui a été déposé : `vauban link take`.",
             en: "What their devices have received stays there. Who leaves the organisation: `vauban admin offboard --help`. A stolen device: \
                  `vauban device revoke --help`. First take what was dropped: `vauban link take`.";
    }
    "space leave" {
        "vauban space leave Projets", fr: "vos fichiers restent ici", en: "your files stay here";
        more fr: "Le dernier propriétaire en nomme d'abord un autre : `vauban space add Projets bob --role owner`.",
             en: "The last owner names another one first: `vauban space add Projets bob --role owner`.";
    }
    "space rotate" {
        "vauban space rotate Projets", fr: "après une fuite possible", en: "after a possible leak";
        "vauban space rotate Projets --unconfirmed", fr: "si personne d'autre n'est là", en: "if nobody else is there";
    }
    "space fingerprint" {
        "vauban space fingerprint Projets", fr: "huit mots, à lire à un membre", en: "eight words, to read to a member";
        "vauban space fingerprint Projets --at 41", fr: "au numéro que l'autre lit", en: "at the number that they read";
        "vauban space fingerprint Projets --qr", fr: "à comparer par l'œil", en: "to be compared by eye";
    }
    "space verify" {
        "vauban space verify --code VB1S:…", fr: "ÉGAL, ou PAS ÉGAL", en: "EQUAL, or NOT EQUAL";
        more fr: "Code de sortie 8 si ce n'est pas égal : ne plus rien envoyer, prévenir la sécurité de l'organisation.",
             en: "Exit code 8 if it is not equal: send nothing more, tell the organisation's security officer.";
    }
    "space policy" {
        "vauban space policy Projets", fr: "combien de temps", en: "for how long";
        "vauban space policy Projets --retention 365", fr: "un an (propriétaire)", en: "one year (owner)";
    }
    "space quota" {
        "vauban space quota Projets", fr: "de l'espace, et de vous", en: "of the space, and of you";
        more fr: "Un administrateur le change : `vauban admin quota --help`.", en: "An admin changes it: `vauban admin quota --help`.";
    }
    "space checkpoint" {
        "vauban space checkpoint Projets", fr: "avant bien des arrivées", en: "before many arrive";
    }
    "link" {
        "vauban link create Projets:Budget", fr: "une adresse à donner, qui montre Budget", en: "an address to hand out, which shows Budget";
        "vauban link request Projets:Offres", fr: "une adresse où déposer des fichiers", en: "an address to drop files at";
        "vauban link list Projets", fr: "ce qui est ouvert", en: "what is open";
        "vauban link revoke Projets c9a69871e355", fr: "y met fin", en: "ends it";
    }
    "link create" {
        "vauban link create Projets:Budget", fr: "un dossier, sept jours", en: "a folder, seven days";
        "vauban link create Projets:plan.pdf --expires 2w", fr: "un fichier, deux semaines", en: "a file, two weeks";
        more fr: "Qui a l'adresse lit ce qu'elle montre : la donner par une voie sûre. Y mettre fin : `vauban link revoke`. L'inverse, recevoir \
                  des fichiers : `vauban link request`.",
             en: "Whoever has the address reads what it shows: hand it over by a safe way. To end it: `vauban link revoke`. The way back, \
                  getting files: `vauban link request`.";
    }
    "link request" {
        "vauban link request Projets:Offres --max-size 500MB", fr: "500 Mo en tout", en: "500 MB in all";
        more fr: "Ce qui arrive se prend à la synchronisation, ou par `vauban link take`. Les contenus sont ceux d'inconnus.",
             en: "What comes is taken by syncing, or by `vauban link take`. Its contents are a stranger's.";
    }
    "link take" {
        "vauban link take Projets", fr: "ce qui est arrivé", en: "what has come";
        "vauban link take Projets --accept e37561ab606e", fr: "d'une demande d'avant", en: "of a request from before";
    }
    "link list" {
        "vauban link list Projets", fr: "liens et demandes, avec leur fin", en: "links and requests, with their end";
    }
    "link revoke" {
        "vauban link revoke Projets c9a69871e355", fr: "comme `vauban link list` l'écrit", en: "as `vauban link list` writes it";
    }
    "link get" {
        "vauban link get 'https://partage.agence.example/#…' Recus", fr: "dans le dossier Recus", en: "into the folder Recus";
        more fr: "Code de sortie 4 si le mot de passe est faux, 5 si le lien est révoqué ou expiré.",
             en: "Exit code 4 if the password is wrong, 5 if the link is revoked or has ended.";
    }
}
