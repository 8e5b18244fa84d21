//! Files, day by day.

use super::{Example, Lesson, Text};

lessons! {
    "sync" {
        "vauban sync Projets ~/Projets --dry-run", fr: "montre, sans rien changer", en: "shows, and changes nothing";
        "vauban sync Projets ~/Projets --once", fr: "une fois", en: "once";
        "vauban sync Projets ~/Projets --watch", fr: "reste, et suit chaque changement", en: "stays, and follows each change";
        more fr: "Codes de sortie : 3 si le frein retient des suppressions en nombre (`vauban sync approve`), 11 si des fichiers sont laissés \
                  de côté. Plusieurs dossiers, en arrière-plan : `vauban service --help`.",
             en: "Exit codes: 3 if the brake holds removals in bulk (`vauban sync approve`), 11 if files are left out. \
                  Several folders, in the background: `vauban service --help`.";
    }
    "sync approve" {
        "vauban sync Projets --dry-run", fr: "d'abord, voir ce qui est retenu", en: "first, see what is held";
        "vauban sync approve Projets", fr: "puis l'exécuter", en: "then carry it out";
    }
    "select" {
        "vauban select Projets", fr: "ce qui est gardé ici", en: "what is kept here";
        "vauban select Projets --without photos/2019", fr: "tout sauf ce dossier", en: "everything but this folder";
        "vauban select Projets --only Budget 2026", fr: "ces dossiers seuls", en: "these folders alone";
        more fr: "Ce qui n'est plus gardé ici reste dans l'espace.", en: "What is no longer kept here stays in the space.";
    }
    "ignored" {
        "vauban ignored Projets", fr: "tout ce qui est à part", en: "all that takes no part";
        "vauban ignored Projets build", fr: "dans ce dossier", en: "in this folder";
        more fr: "Les règles se mettent dans un fichier `.vaubanignore`, comme dans `.gitignore`.",
             en: "Rules are put into a file `.vaubanignore`, as into `.gitignore`.";
    }
    "fsck" {
        "vauban fsck Projets", fr: "vérifie", en: "checks";
        "vauban fsck Projets --heal", fr: "renvoie ce qui manque, d'ici", en: "sends what is missing, from here";
        more fr: "Codes de sortie : 11 s'il manque encore quelque chose, 6 si trop peu de nœuds ont répondu pour le dire.",
             en: "Exit codes: 11 if something is still missing, 6 if too few nodes answered to tell.";
    }
    "service" {
        "vauban service add Projets ~/Projets", fr: "d'abord, quoi synchroniser", en: "first, what to sync";
        "vauban service install", fr: "puis le lancer pour de bon", en: "then start it for good";
        "vauban status", fr: "ce qu'il fait", en: "what it does";
    }
    "service add" {
        "vauban service add Projets ~/Projets", fr: "pris tout de suite en compte", en: "in force at once";
    }
    "service remove" {
        "vauban service remove Projets", fr: "le dossier reste tel quel", en: "the folder stays as it is";
    }
    "service list" {
        "vauban service list", fr: "espaces et dossiers", en: "spaces and folders";
    }
    "service notices" {
        "vauban service notices off", fr: "plus d'avis sur le bureau", en: "no more notices on the desktop";
    }
    "service install" {
        "vauban service install --passphrase-file ~/.vauban-passphrase", fr: "démarre avec la session", en: "starts with the session";
        more fr: "Sans systemd, faire lancer `vauban sync --watch` par autre chose.",
             en: "Without systemd, have something else start `vauban sync --watch`.";
    }
    "service uninstall" {
        "vauban service uninstall", fr: "les dossiers restent tels quels", en: "the folders stay as they are";
    }
    "service status" {
        "vauban service status", fr: "code de sortie 15 s'il ne tourne pas", en: "exit code 15 if it does not run";
    }
    "pause" {
        "vauban pause", fr: "tout, jusqu'à `vauban resume`", en: "everything, until `vauban resume`";
        "vauban pause Projets --for 2h", fr: "un espace, deux heures", en: "one space, two hours";
    }
    "resume" {
        "vauban resume", fr: "tout", en: "everything";
        "vauban resume Projets", fr: "un espace", en: "one space";
    }
    "limit" {
        "vauban limit", fr: "les limites d'à présent", en: "the limits as they are";
        "vauban limit --up 2MiB/s", fr: "envoie moins vite", en: "sends slower";
        "vauban limit --up none", fr: "sans limite", en: "without a limit";
    }
    "log" {
        "vauban log", fr: "les dernières lignes", en: "the last lines";
        "vauban log Projets --follow", fr: "à mesure, d'un espace", en: "as it happens, of one space";
    }
    "trash" {
        "vauban trash list Projets", fr: "ce qui s'y trouve", en: "what is in it";
        "vauban trash restore Projets 2026/note.txt", fr: "le remet à sa place", en: "puts it back";
        more fr: "La corbeille est celle de cette machine, pour 30 jours. Ce qui n'y est plus : `vauban restore --help`.",
             en: "The trash is this machine's, for 30 days. For what is not in it any more: `vauban restore --help`.";
    }
    "trash list" {
        "vauban trash list Projets", fr: "chemins, et quand", en: "paths, and when";
    }
    "trash restore" {
        "vauban trash restore Projets 2026/note.txt", fr: "le remet à sa place", en: "puts it back";
    }
    "trash empty" {
        "vauban trash empty Projets", fr: "ne se rattrape pas ici", en: "cannot be undone here";
    }
    "put" {
        "vauban put plan.pdf Projets:2026/plan.pdf", fr: "sans dossier synchronisé", en: "without a synced folder";
        more fr: "Un dossier entier : `vauban sync --help`.", en: "A whole folder: `vauban sync --help`.";
    }
    "get" {
        "vauban get Projets:2026/plan.pdf plan.pdf", fr: "le fichier d'à présent", en: "the file as it is now";
        "vauban get Projets:2026/plan.pdf ancien.pdf --at 2026-05-01", fr: "comme alors", en: "as it was then";
    }
    "cat" {
        "vauban cat Projets:2026/note.txt", fr: "le fichier d'à présent", en: "the file as it is now";
        "vauban cat Projets:2026/note.txt --at 2h", fr: "comme il y a deux heures", en: "as it was two hours ago";
    }
    "ls" {
        "vauban ls Projets", fr: "l'espace", en: "the space";
        "vauban ls Projets:2026 --at 1d", fr: "un dossier, comme hier", en: "a folder, as yesterday";
    }
    "history" {
        "vauban history Projets:2026/note.txt", fr: "qui, quand, par quel appareil", en: "who, when, by which device";
        more fr: "Le numéro à la fin d'une ligne, comme #41, se donne à `--at '#41'` et `--to '#41'`.",
             en: "The number that ends a line, such as #41, is given to `--at '#41'` and `--to '#41'`.";
    }
    "diff" {
        "vauban diff Projets --from 1d", fr: "depuis hier", en: "since yesterday";
        "vauban diff Projets:2026 --from 2026-05-01 --to 2026-06-01", fr: "d'un mois", en: "of one month";
    }
    "restore" {
        "vauban restore Projets:2026/note.txt --to 2h", fr: "un fichier", en: "one file";
        "vauban restore Projets --to 2026-05-01", fr: "tout l'espace", en: "the whole space";
        more fr: "Ce qui est venu depuis reste. Chercher le bon moment : `vauban history`, `vauban diff`. Ce que cette machine a mis à la \
                  corbeille : `vauban trash`. Code de sortie 11 si du contenu n'est plus gardé.",
             en: "What came since stays. To find the right moment: `vauban history`, `vauban diff`. What this machine moved to the trash: \
                  `vauban trash`. Exit code 11 if some content is no longer kept.";
    }
    "ui" {
        "vauban ui", fr: "dans le navigateur ; Ctrl-C la ferme", en: "in the browser; Ctrl-C closes it";
        "vauban ui --no-browser", fr: "affiche l'adresse seulement", en: "only prints the address";
    }
    "status" {
        "vauban status", fr: "vous, le nœud, les espaces", en: "you, the node, the spaces";
        "vauban status --json", fr: "pour un script", en: "for a script";
    }
    "doctor" {
        "vauban doctor", fr: "à lancer d'abord", en: "to be run first";
        more fr: "Codes de sortie : 0 si tout va bien, 14 s'il y a quelque chose à faire.",
             en: "Exit codes: 0 if all is well, 14 if there is something to do.";
    }
    "completions" {
        "vauban completions bash", fr: "à écrire dans un fichier", en: "to be written to a file";
        more fr: "Par exemple : `vauban completions bash > ~/.local/share/bash-completion/completions/vauban`.",
             en: "For instance: `vauban completions bash > ~/.local/share/bash-completion/completions/vauban`.";
    }
}
