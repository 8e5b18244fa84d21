//! Failures of a run over a space: its log, its chunks, this machine's disk.

use vauban_protocol::space::Role;

use crate::complaint::{Complaint, breach_text, bug};
use crate::content::{ChunkFault, FetchError, ReceiptError, UploadError};
use crate::log::{EpochError, LogError};
use crate::say;
use crate::sync::{MembersError, Problem, SyncError};
use crate::tree::TreeError;

pub(super) fn complaint(error: &SyncError) -> Complaint {
    match error {
        SyncError::Log(error) => of_log(error),
        SyncError::Epoch(error) => of_epoch(*error),
        SyncError::OtherHead => alarm(say!(
            fr: "Le nœud répond à une modification par une autre histoire que la sienne.",
            en: "The node answers a change with another history than the change makes.",
        )),
        SyncError::Behind { ours, theirs } => Complaint::new(
            say!(
                fr: "Le nœud montre un espace plus ancien ({theirs}) que celui déjà vu ici ({ours}).",
                en: "The node shows an older space ({theirs}) than was already seen here ({ours}).",
            ),
            say!(
                fr: "Rien n'a été touché. Réessayer dans un moment ; si cela dure, prévenir l'exploitant : le nœud a perdu ou cache des données.",
                en: "Nothing was touched. Try again in a moment; if it lasts, tell the operator: the node has lost data or hides it.",
            ),
        ),
        SyncError::Overtaken => Complaint::new(
            say!(fr: "D'autres modifient l'espace plus vite que cet appareil.", en: "Others change the space faster than this device."),
            say!(fr: "Relancer la même commande : rien n'est envoyé deux fois.", en: "Run the same command again: nothing is sent twice."),
        ),
        SyncError::SetBack => Complaint::new(
            say!(
                fr: "Les nœuds ont été restaurés d'une sauvegarde, et la racine de l'organisation l'a signé.",
                en: "The nodes were restored from a backup, and the organisation's root has signed it.",
            ),
            say!(
                fr: "Lancer `vauban sync` sur cet espace : tous les fichiers d'ici restent, et ce qui manque aux nœuds leur est renvoyé.",
                en: "Run `vauban sync` on this space: every file here stays, and what the nodes lack is sent to them again.",
            ),
        ),
        SyncError::HistoryBehind => Complaint::new(
            say!(
                fr: "L'histoire si ancienne de cet espace n'est pas encore là : cet appareil vient de commencer, et la lit en arrière-plan.",
                en: "History that old is not here yet: this device has only just started, and reads it in the background.",
            ),
            say!(
                fr: "Laisser finir `vauban sync ESPACE DOSSIER --once` (ou --watch), puis redemander.",
                en: "Let `vauban sync SPACE DIR --once` (or --watch) come to its end, then ask again.",
            ),
        ),
        SyncError::NotKept => Complaint::new(
            say!(fr: "Ce contenu n'est plus gardé : son délai est passé.", en: "This content is no longer kept: its time has passed."),
            say!(
                fr: "Voir ce qui l'est encore : `vauban history ESPACE:CHEMIN` ; pour garder plus longtemps : `vauban space policy`.",
                en: "See what still is: `vauban history SPACE:PATH`; to keep for longer: `vauban space policy`.",
            ),
        ),
        SyncError::NoEpoch(space) => Complaint::new(
            say!(fr: "L'espace {space} n'a pas encore de clés.", en: "Space {space} has no keys yet."),
            say!(
                fr: "Demander à son propriétaire de relancer sa commande, qui a été interrompue.",
                en: "Ask its owner to run their command again, which was interrupted.",
            ),
        ),
        SyncError::Members(error) => of_members(*error),
        SyncError::Upload(UploadError::Receipts(error)) => of_receipts(*error),
        SyncError::Fetch(error) => of_fetch(error),
        SyncError::Tree(error) => of_tree(error),
        SyncError::Cache(error) if error.is_busy() => Complaint::new(
            say!(
                fr: "Un autre vauban de cette machine lit cet espace pour la première fois, ou en lit une longue suite.",
                en: "Another vauban of this machine reads this space for the first time, or a long stretch of it.",
            ),
            say!(
                fr: "Rien n'est perdu : attendre qu'il ait fini (`vauban status` montre où en est le service), puis relancer.",
                en: "Nothing is lost: wait until it is done (`vauban status` shows how far the service is), then run it again.",
            ),
        ),
        SyncError::Cache(error) => Complaint::new(
            say!(fr: "Le cache local est inutilisable : {error}.", en: "The local cache cannot be used: {error}."),
            say!(
                fr: "Vérifier la place libre et le disque ; le dossier « cache » peut être supprimé sans rien perdre, puis relancer.",
                en: "Check free space and the disk; the folder \"cache\" can be deleted without any loss, then run it again.",
            ),
        ),
        SyncError::Journal(error) => Complaint::new(
            say!(fr: "Le journal des envois est inutilisable : {error}.", en: "The journal of uploads cannot be used: {error}."),
            say!(fr: "Vérifier les droits, la place libre et le disque, puis relancer.", en: "Check permissions, free space and the disk, then run it again."),
        ),
        SyncError::Seal(_) => Complaint::new(
            say!(fr: "Ce nom est trop long.", en: "This name is too long."),
            say!(fr: "En choisir un plus court.", en: "Choose a shorter one."),
        ),
        other => bug(&other.to_string()),
    }
}

fn of_members(error: MembersError) -> Complaint {
    match error {
        MembersError::Role(Role::Owner) => Complaint::new(
            say!(
                fr: "Seul un propriétaire de l'espace nomme ou retire un propriétaire ou un gestionnaire.",
                en: "Only an owner of the space names or removes an owner or a manager.",
            ),
            say!(fr: "Le lui demander : `vauban space members` le nomme.", en: "Ask one: `vauban space members` names them."),
        ),
        MembersError::Role(_) => Complaint::new(
            say!(
                fr: "Seul un gestionnaire ou un propriétaire de l'espace y admet ou en retire quelqu'un.",
                en: "Only a manager or an owner of the space admits or removes somebody.",
            ),
            say!(fr: "Le lui demander : `vauban space members` le nomme.", en: "Ask one: `vauban space members` names them."),
        ),
        MembersError::Leaving => Complaint::new(
            say!(
                fr: "On ne quitte pas un espace en y changeant autre chose.",
                en: "Nobody leaves a space and changes something else in it at once.",
            ),
            say!(fr: "Changer le reste d'abord, puis `vauban space leave`.", en: "Change the rest first, then `vauban space leave`."),
        ),
        MembersError::LastOwner => Complaint::new(
            say!(fr: "L'espace n'aurait plus de propriétaire.", en: "The space would have no owner left."),
            say!(
                fr: "En nommer un autre d'abord : `vauban space add ESPACE QUI --role owner`.",
                en: "Name another one first: `vauban space add SPACE WHO --role owner`.",
            ),
        ),
        MembersError::NoMember { user, .. } => Complaint::new(
            say!(
                fr: "L'utilisateur {user} n'est pas membre de l'espace : rien n'a changé.",
                en: "User {user} is no member of the space: nothing was changed.",
            ),
            say!(fr: "Qui l'est : `vauban space members ESPACE`.", en: "Who is: `vauban space members SPACE`."),
        ),
        MembersError::KeyExposed(user) => Complaint::new(
            say!(
                fr: "Un appareil de l'utilisateur {user} est révoqué, et ses clés ne sont pas encore renouvelées : qui a cet appareil ouvrirait celles de l'espace.",
                en: "A device of user {user} is revoked, and their keys are not renewed yet: whoever has that device would open the space's.",
            ),
            say!(
                fr: "Lui demander de lancer `vauban sync` sur un autre appareil, ce qui les renouvelle, puis relancer. Sans autre appareil : `vauban user recover`.",
                en: "Ask them to run `vauban sync` on another device, which renews them, then run it again. Without another device: `vauban user recover`.",
            ),
        ),
        MembersError::Gone => Complaint::new(
            say!(fr: "Cette personne n'est plus de l'organisation.", en: "This person is not of the organisation any more."),
            say!(fr: "Qui en est : `vauban user list`.", en: "Who is: `vauban user list`."),
        ),
        MembersError::Hidden => Complaint::new(
            say!(
                fr: "Un autre appareil, ou un nœud d'un autre site, a vu plus que ce que ce nœud montre de l'organisation ou de l'espace : rien n'est confirmé.",
                en: "Another device, or a node of another site, has seen more than this node shows of the organisation or of the space: nothing is confirmed.",
            ),
            say!(
                fr: "Rien n'a été changé. Relancer dans un moment ; si cela dure, prévenir la sécurité de l'organisation : le nœud cache quelque chose.",
                en: "Nothing was changed. Run it again in a moment; if it lasts, tell the organisation's security officer: the node hides something.",
            ),
        ),
        MembersError::Alone => Complaint::new(
            say!(
                fr: "Personne ne peut confirmer ce que les nœuds montrent : ils sont tous sur un site, et personne d'autre n'a encore parlé dans cet espace.",
                en: "Nobody can confirm what the nodes show: all of them stand on one site, and nobody else has spoken in this space yet.",
            ),
            say!(
                fr: "Demander à un administrateur si la personne est toujours de l'organisation, puis `--unconfirmed`.",
                en: "Ask an admin whether the person is still of the organisation, then use `--unconfirmed`.",
            ),
        ),
        MembersError::Unconfirmed => Complaint::new(
            say!(
                fr: "Ni un nœud d'un autre site, ni, depuis sept jours, un autre appareil n'a confirmé ce que les nœuds montrent de cet espace.",
                en: "Neither a node of another site nor, for seven days, another device has confirmed what the nodes show of this space.",
            ),
            say!(
                fr: "Synchroniser l'espace sur un autre appareil, d'un autre membre s'il le faut, puis relancer ; ou comparer `vauban space fingerprint` de vive voix, puis `--unconfirmed`.",
                en: "Sync the space on another device, another member's if need be, then run it again; or compare `vauban space fingerprint` by voice, then use `--unconfirmed`.",
            ),
        ),
    }
}

fn of_log(error: &LogError) -> Complaint {
    match error {
        LogError::Fork { seq, .. } => alarm(say!(
            fr: "L'histoire de l'espace a bifurqué au numéro {seq} : deux versions différentes ont été montrées.",
            en: "The space's history has forked at number {seq}: two different versions were shown.",
        )),
        LogError::Rollback { seen, shown } => alarm(say!(
            fr: "Depuis des jours, aucun nœud n'atteint le numéro {seen} de l'espace (montré : {shown}).",
            en: "For days no node has reached the space's number {seen} (shown: {shown}).",
        )),
        LogError::Withheld { device, seen, shown } => alarm(say!(
            fr: "L'appareil {device} a vu le numéro {seen} de l'espace ; le nœud n'en montre que {shown}.",
            en: "Device {device} has seen the space's number {seen}; the node shows no more than {shown}.",
        )),
        LogError::SplitView { device, seq, .. } => alarm(say!(
            fr: "L'appareil {device} a vu une autre histoire de l'espace que celle montrée ici (au numéro {seq}).",
            en: "Device {device} has seen another history of the space than is shown here (at number {seq}).",
        )),
        LogError::Cloned { counter } => Complaint::new(
            say!(
                fr: "L'espace contient une modification ({counter}) signée par cet appareil, qu'il n'a jamais faite : l'appareil a été copié ou restauré.",
                en: "The space holds a change ({counter}) signed by this device, which it never made: the device was copied or restored.",
            ),
            say!(
                fr: "Ne plus utiliser cet appareil : le faire révoquer, et l'enrôler à nouveau.",
                en: "Stop using this device: have it revoked, and enrol it again.",
            ),
        ),
        LogError::Invalid { seq, error } => alarm(say!(
            fr: "L'histoire de l'espace contient au numéro {seq} ce qu'aucun nœud honnête n'accepte ({error}).",
            en: "The space's history holds at number {seq} what no honest node accepts ({error}).",
        )),
        LogError::FalseCheckpoint { seq, device } => alarm(say!(
            fr: "Le point de reprise numéro {seq}, signé par l'appareil {device}, n'est pas l'arbre de l'espace ; l'histoire complète l'a remplacé, rien n'a été supprimé.",
            en: "Checkpoint {seq}, signed by device {device}, is not the space's tree; the whole history has replaced it, nothing was removed.",
        )),
        LogError::Garbage(_) | LogError::OtherSpace | LogError::OrganisationBehind(_) => Complaint::new(
            say!(fr: "Le nœud montre autre chose que l'histoire de l'espace ({error}).", en: "The node shows something else than the space's history ({error})."),
            say!(fr: "Prévenir l'exploitant : un nœud sain ne fait pas cela.", en: "Tell the operator: a sound node does not do this."),
        ),
        LogError::FoldVersion(version) => Complaint::new(
            say!(
                fr: "Cet espace suit des règles plus récentes (version {version}) que ce client.",
                en: "This space follows later rules (version {version}) than this client.",
            ),
            say!(fr: "Mettre Vauban à jour sur cette machine.", en: "Update Vauban on this machine."),
        ),
    }
}

fn of_epoch(error: EpochError) -> Complaint {
    match error {
        EpochError::Withheld { epoch, by } => Complaint::new(
            say!(
                fr: "L'appareil {by} devait donner à cette personne les clés de l'époque {epoch}, et ne l'a pas fait : ce qui suit reste illisible.",
                en: "Device {by} was to give this person the keys of epoch {epoch}, and did not: what follows stays unreadable.",
            ),
            say!(
                fr: "Prévenir la sécurité de l'organisation. Qui peut écrire les a demandées par cette synchronisation : resynchroniser une fois qu'un membre qui les a, et qui écrit, l'a fait. Pour un lecteur, ce membre lance `vauban space rotate`. Si personne ne les a, continuer dans un nouvel espace, sans qui les retient.",
                en: "Tell the organisation's security officer. Whoever may write has asked for them by this sync: sync again once a member who has them, and writes, has done so. For a reader, that member runs `vauban space rotate`. If nobody has them, go on in a new space, without whoever withholds them.",
            ),
        ),
        EpochError::Decode { epoch, .. } => alarm(say!(
            fr: "Le certificat de l'époque {epoch} est illisible.",
            en: "The certificate of epoch {epoch} cannot be read.",
        )),
        EpochError::LeftOut(epoch) => Complaint::new(
            say!(
                fr: "Un de vos appareils a été révoqué : les clés de l'époque {epoch} n'ont pas été données à cette personne, car il les aurait ouvertes.",
                en: "A device of yours was revoked: you were not given the keys of epoch {epoch}, since it would have opened them.",
            ),
            say!(
                fr: "Rien n'est perdu. Cet appareil renouvelle vos propres clés de lui-même ; le prochain appareil d'un membre qui se synchronise et peut écrire vous transmet tout, aussitôt par `vauban space rotate`.",
                en: "Nothing is lost. This device renews your own keys by itself; the next device that syncs of a member who may write hands everything on to you, at once by `vauban space rotate`.",
            ),
        ),
        EpochError::Unknown(epoch) => Complaint::new(
            say!(
                fr: "Personne ne donne à cet appareil les clés de l'époque {epoch} : ce qui a été écrit alors reste illisible ici.",
                en: "Nobody gives this device the keys of epoch {epoch}: what was written then stays unreadable here.",
            ),
            say!(
                fr: "Un membre de ce temps-là, qui écrit, les transmet par `vauban space rotate`.",
                en: "A member of that time who writes hands them on by `vauban space rotate`.",
            ),
        ),
    }
}

fn of_receipts(error: ReceiptError) -> Complaint {
    match error {
        ReceiptError::Forged => alarm(say!(
            fr: "Un reçu du nœud ne se vérifie pas : il prétend garder ce qu'il n'a pas.",
            en: "A receipt of the node does not verify: it claims to keep what it has not.",
        )),
        ReceiptError::Policy(breach) => {
            let breach = breach_text(breach);
            Complaint::new(
                say!(
                    fr: "Les copies ne respecteraient pas la politique de l'organisation : {breach}. Rien n'a été enregistré.",
                    en: "The copies would break the organisation's policy: {breach}. Nothing was committed.",
                ),
                say!(
                    fr: "Vérifier l'horloge de cette machine ; sinon demander à un administrateur de vérifier les chartes des nœuds, puis relancer.",
                    en: "Check this machine's clock; otherwise ask an admin to check the nodes' charters, then run it again.",
                ),
            )
        }
    }
}

fn of_fetch(error: &FetchError) -> Complaint {
    match error {
        FetchError::Chunk(ChunkFault::Missing(chunk) | ChunkFault::Corrupt(chunk)) => Complaint::new(
            say!(
                fr: "Le nœud a perdu ou abîmé un morceau de ce fichier ({chunk}).",
                en: "The node has lost or damaged a piece of this file ({chunk}).",
            ),
            say!(
                fr: "Prévenir l'exploitant. Un appareil qui a encore le fichier en garde une copie saine.",
                en: "Tell the operator. A device that still has the file keeps a sound copy.",
            ),
        ),
        FetchError::Chunk(ChunkFault::Unheard(_)) => Complaint::new(
            say!(
                fr: "Un nœud qui a peut-être un morceau de ce fichier ne répond pas.",
                en: "A node that may have a piece of this file does not answer.",
            ),
            say!(
                fr: "Relancer plus tard ; si cela dure, prévenir l'exploitant.",
                en: "Run it again later; if it lasts, tell the operator.",
            ),
        ),
        FetchError::Ended | FetchError::Nodes(_) => bug(&error.to_string()),
        FetchError::Chunk(ChunkFault::Forged(_)) | FetchError::Page(_) | FetchError::Length | FetchError::Content => {
            Complaint::new(
                say!(
                    fr: "Ce fichier n'est pas ce que son auteur a enregistré ({error}).",
                    en: "This file is not what its author recorded ({error}).",
                ),
                say!(
                    fr: "Demander à son auteur de l'envoyer à nouveau avec un client à jour.",
                    en: "Ask its author to send it again with an up-to-date client.",
                ),
            )
        }
    }
}

fn of_tree(error: &TreeError) -> Complaint {
    match error {
        TreeError::HoldsHome { folder, home } => {
            let (folder, home) = (folder.display(), home.display());
            Complaint::new(
                say!(
                    fr: "{folder} contient les clés de cet appareil ({home}), ou se trouve parmi elles.",
                    en: "{folder} holds this device's keys ({home}), or lies among them.",
                ),
                say!(
                    fr: "Choisir un autre dossier, ou un sous-dossier ; ou déplacer {home} ailleurs et l'indiquer par VAUBAN_HOME.",
                    en: "Choose another folder, or one below it; or move {home} elsewhere and name it by VAUBAN_HOME.",
                ),
            )
        }
        TreeError::Nested { folder, other } => {
            let (folder, other) = (folder.display(), other.display());
            Complaint::new(
                say!(
                    fr: "{folder} se trouve dans un autre dossier synchronisé ({other}), ou le contient.",
                    en: "{folder} lies in another synced folder ({other}), or holds it.",
                ),
                say!(fr: "Choisir un dossier à côté.", en: "Choose a folder beside it."),
            )
        }
        TreeError::Missing(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Le dossier {path} n'existe pas.", en: "There is no folder {path}."),
                say!(
                    fr: "Vérifier son nom ; pour y recevoir l'espace, le créer d'abord : `mkdir -p {path}`.",
                    en: "Check its name; to receive the space in it, make it first: `mkdir -p {path}`.",
                ),
            )
        }
        TreeError::MarkerLost(path) => {
            let path = path.display();
            Complaint::new(
                say!(
                    fr: "Le dossier {path} n'a plus sa marque : son disque n'est peut-être pas monté. Rien n'a été touché.",
                    en: "The folder {path} has lost its mark: its disk may not be mounted. Nothing was touched.",
                ),
                say!(
                    fr: "Monter le disque et relancer. S'il est bien là, recommencer par `--anew` : les fichiers égaux se rejoignent, rien n'est supprimé.",
                    en: "Mount the disk and run it again. If it is there, begin anew by `--anew`: equal files join, nothing is removed.",
                ),
            )
        }
        TreeError::OtherSpace(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Le dossier {path} est déjà celui d'un autre espace.", en: "The folder {path} belongs to another space already."),
                say!(fr: "Choisir un autre dossier.", en: "Choose another folder."),
            )
        }
        TreeError::MarkerDamaged(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "La marque {path} est abîmée.", en: "The mark {path} is damaged."),
                say!(
                    fr: "Supprimer ce seul fichier et relancer : les fichiers égaux se rejoignent, rien n'est supprimé.",
                    en: "Delete this one file and run it again: equal files join, nothing is removed.",
                ),
            )
        }
        TreeError::TooManyCopies(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Il y a trop de copies de conflit de {path}.", en: "There are too many conflict copies of {path}."),
                say!(fr: "Les trier, puis relancer.", en: "Sort them out, then run it again."),
            )
        }
        TreeError::Stranded { path, why } => {
            let (path, Complaint { what, now }) = (path.display(), of_tree(why));
            let what = what.trim_end_matches('.').to_owned();
            Complaint::new(
                say!(
                    fr: "Ce qui se trouvait à {path} attend dans .vauban/tmp : {what}.",
                    en: "What stood at {path} waits in .vauban/tmp: {what}."
                ),
                now,
            )
        }
        TreeError::Disk { path, source, .. } => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Impossible d'utiliser {path} : {source}.", en: "Cannot use {path}: {source}."),
                say!(
                    fr: "Vérifier les droits, la place libre et le disque, puis relancer.",
                    en: "Check permissions, free space and the disk, then run it again.",
                ),
            )
        }
    }
}

fn alarm(what: String) -> Complaint {
    Complaint::new(
        what,
        say!(
            fr: "ALARME : ne rien faire d'autre ; garder cette machine en l'état et prévenir la sécurité de l'organisation.",
            en: "ALARM: do nothing else; keep this machine as it is and tell the organisation's security officer.",
        ),
    )
}

impl Problem {
    /// Why something was left out, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Unreadable(reason) => say!(fr: "illisible ({reason})", en: "cannot be read ({reason})"),
            Self::Busy => say!(fr: "change pendant la lecture", en: "changes while it is read"),
            Self::TooLarge => say!(fr: "trop grand", en: "too large"),
            Self::Unnameable => say!(
                fr: "ce nom n'est pas du texte, est trop long ou contient « \\ »",
                en: "the name is no text, is too long or contains \"\\\"",
            ),
            Self::Special => say!(fr: "ni fichier, ni dossier, ni lien", en: "neither file, folder nor link"),
            Self::Hostile(reason) => say!(fr: "refusé sur ce disque ({reason})", en: "refused on this disk ({reason})"),
            Self::MountChanged => say!(
                fr: "un disque y est monté, ou ne l'est plus",
                en: "a disk is mounted there, or no longer is",
            ),
            Self::Unwritable(reason) => say!(fr: "ne peut être écrit ({reason})", en: "cannot be written ({reason})"),
            Self::MissingChunk(reason) => {
                say!(fr: "un morceau manque au nœud ({reason})", en: "the node lacks a piece ({reason})")
            }
            Self::Unheard => say!(
                fr: "un nœud qui en a peut-être un morceau ne répond pas",
                en: "a node that may have a piece of it does not answer",
            ),
            Self::Forged => say!(
                fr: "le contenu n'est pas celui que son auteur a enregistré",
                en: "the content is not what its author recorded",
            ),
            Self::NoContent => say!(fr: "rien n'y a encore été écrit", en: "nothing was written to it yet"),
            Self::InTheWay => say!(fr: "autre chose s'y trouve", en: "something else stands there"),
            Self::Knot => say!(
                fr: "trop de noms échangés à la fois pour une seule modification : en renommer une partie, puis relancer",
                en: "too many names change places at once for one commit: rename a part of them, then run it again",
            ),
            Self::Held => say!(fr: "retenu par le frein", en: "held by the brake"),
            Self::Clock => say!(
                fr: "rien d'ancien n'est supprimé : aucun nœud ne confirme l'horloge de cette machine (`vauban doctor`)",
                en: "nothing old is deleted: no node confirms this machine's clock (`vauban doctor`)"
            ),
            Self::Kept => say!(
                fr: "n'est plus synchronisé ici mais y a été modifié : gardé, non envoyé (le sélectionner à nouveau l'envoie)",
                en: "is no longer synced here but was changed here: kept, not sent (selecting it again sends it)",
            ),
            Self::ReadOnly => say!(
                fr: "vous ne faites que lire cet espace : gardé ici, non envoyé",
                en: "you may only read this space: kept here, not sent",
            ),
            Self::Pattern { line, reason } => say!(
                fr: "ligne {line} : motif invalide, sans effet ({reason})",
                en: "line {line}: not a pattern, without effect ({reason})",
            ),
        }
    }
}
