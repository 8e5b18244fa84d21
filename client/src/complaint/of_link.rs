//! Failures between this client and a node.

use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::wire::Refusal;

use crate::complaint::{Complaint, breach_text};
use crate::link::{LinkError, Unreached, Untrusted};
use crate::say;
use crate::size::Size;

pub(super) fn complaint(error: &LinkError) -> Complaint {
    match error {
        LinkError::Unreachable { address, reason } => unreachable(address, reason),
        LinkError::Untrusted { address, reason } => {
            let reason = untrusted_text(*reason);
            Complaint::new(
                say!(
                    fr: "Le nœud {address} n'est pas digne de confiance : {reason}. Rien ne lui a été envoyé.",
                    en: "The node {address} is not trusted: {reason}. Nothing was sent to it.",
                ),
                say!(
                    fr: "Vérifier l'horloge de cette machine ; sinon demander à un administrateur de vérifier la charte et le certificat de ce nœud.",
                    en: "Check this machine's clock; otherwise ask an admin to check this node's charter and certificate.",
                ),
            )
        }
        LinkError::Refused { refusal, .. } => refused(refusal),
        LinkError::Misbehaved(how) => Complaint::new(
            say!(fr: "Le nœud ne respecte pas le protocole ({how}).", en: "The node breaks the protocol ({how})."),
            say!(
                fr: "Comparer les versions du client et du nœud ; sinon prévenir l'exploitant, car un nœud sain ne fait pas cela.",
                en: "Compare the versions of client and node; otherwise tell the operator, since a sound node does not do this.",
            ),
        ),
        LinkError::Local(source) => Complaint::new(
            say!(fr: "Cette machine ne peut pas ouvrir de connexion : {source}.", en: "This machine cannot open a connection: {source}."),
            say!(fr: "Vérifier le réseau de cette machine, puis relancer.", en: "Check this machine's network, then run it again."),
        ),
        LinkError::Bug(what) => Complaint::new(
            say!(fr: "Défaut de Vauban : {what}.", en: "A defect of Vauban's own: {what}."),
            say!(
                fr: "Rien n'a été perdu. Signaler ce texte à l'équipe qui vous fournit Vauban.",
                en: "Nothing was lost. Report this text to the team that gives you Vauban.",
            ),
        ),
    }
}

fn unreachable(address: &str, reason: &Unreached) -> Complaint {
    match reason {
        Unreached::NoServer => Complaint::new(
            say!(fr: "Aucun nœud n'est connu de cet appareil.", en: "This device knows no node."),
            say!(
                fr: "Admettre un premier nœud par `vauban org charter`, et le démarrer.",
                en: "Admit a first node by `vauban org charter`, and start it.",
            ),
        ),
        Unreached::Name => Complaint::new(
            say!(fr: "L'adresse {address} ne mène à aucune machine.", en: "The address {address} leads to no machine."),
            say!(fr: "Vérifier le nom (hôte:port) et le DNS.", en: "Check the name (host:port) and the DNS."),
        ),
        Unreached::Silent => Complaint::new(
            say!(fr: "Le nœud {address} ne répond pas.", en: "The node {address} does not answer."),
            say!(
                fr: "Vérifier qu'il est démarré et que l'UDP passe ; `vauban doctor` cherche la cause. Le travail fait est gardé.",
                en: "Check that it runs and that UDP is let through; `vauban doctor` looks for the cause. Work done is kept.",
            ),
        ),
        Unreached::Lost(how) => Complaint::new(
            say!(fr: "La connexion à {address} a été coupée ({how}).", en: "The connection to {address} was lost ({how})."),
            say!(
                fr: "Relancer quand le nœud est revenu : ce qui est envoyé ne le sera pas deux fois.",
                en: "Run it again when the node is back: what was sent is not sent twice.",
            ),
        ),
        Unreached::Handshake(how) => Complaint::new(
            say!(
                fr: "Pas de connexion sûre avec {address} ({how}).",
                en: "No secure connection with {address} ({how}).",
            ),
            say!(
                fr: "Vérifier que cette adresse est bien un nœud Vauban, et que client et nœud sont à jour.",
                en: "Check that this address is a Vauban node, and that client and node are up to date.",
            ),
        ),
    }
}

fn untrusted_text(reason: Untrusted) -> String {
    match reason {
        Untrusted::Certificate => say!(
            fr: "son certificat n'est pas de cette organisation, ou a expiré",
            en: "its certificate is not of this organisation, or has ended",
        ),
        Untrusted::NoCharter => {
            say!(fr: "aucune charte en vigueur ne nomme sa clé", en: "no charter in force names its key")
        }
        Untrusted::Revoked => say!(fr: "sa charte a été révoquée", en: "its charter was revoked"),
        Untrusted::Policy(breach) => breach_text(breach),
    }
}

fn refused(refusal: &Refusal) -> Complaint {
    let what = refusal_text(refusal);
    let now = match refusal {
        Refusal::Unavailable
        | Refusal::Behind
        | Refusal::NotHead { .. }
        | Refusal::ReceiptsTooOld { .. }
        | Refusal::NoCopy => say!(
            fr: "Relancer dans un moment ; le travail fait est gardé.",
            en: "Run it again in a moment; work done is kept.",
        ),
        Refusal::NotInForce => say!(
            fr: "Garder ses fichiers, rien n'est perdu ici ; qui tient la racine lance `vauban org reanchor`, puis relancer.",
            en: "Keep your files, nothing is lost here; whoever holds the root runs `vauban org reanchor`, then run it again.",
        ),
        Refusal::UnknownInvite | Refusal::InviteExpired | Refusal::InviteFull => say!(
            fr: "Demander une nouvelle invitation.",
            en: "Ask for a new invite.",
        ),
        Refusal::DiskFull | Refusal::MetadataFull => say!(
            fr: "Prévenir l'exploitant : il faut de la place ou un nœud de plus. Rien n'est perdu, l'envoi reprendra là où il en était ; supprimer et lire restent possibles.",
            en: "Tell the operator: it takes room or another node. Nothing is lost, sending resumes where it stopped; removing and reading go on.",
        ),
        Refusal::Quota { .. } => say!(
            fr: "Demander à un administrateur de l'augmenter (`vauban admin quota set`), ou supprimer des fichiers : leur place revient après la rétention de l'espace. Rien n'est perdu, l'envoi reprendra de lui-même ; supprimer et recevoir restent possibles.",
            en: "Ask an admin to raise it (`vauban admin quota set`), or remove files: their room comes back after the space's retention. Nothing is lost, sending will resume by itself; removing and receiving go on.",
        ),
        Refusal::UnknownLink | Refusal::LinkExpired | Refusal::LinkEnded => say!(
            fr: "Demander un nouveau lien à la personne qui l'a envoyé.",
            en: "Ask whoever sent the link for a new one.",
        ),
        Refusal::LinkToken => say!(
            fr: "Vérifier l'adresse et le mot de passe auprès de la personne qui les a envoyés.",
            en: "Check the address and the password with whoever sent them.",
        ),
        Refusal::RequestFull => say!(fr: "Faire une nouvelle demande.", en: "Make a new request."),
        Refusal::LinkBusy => say!(fr: "Attendre une minute, puis relancer.", en: "Wait a minute, then run it again."),
        Refusal::UnknownDevice => say!(
            fr: "Attendre que le nœud ait rattrapé l'organisation ; sinon demander à un administrateur si cet appareil est enrôlé.",
            en: "Wait until the node has caught up with the organisation; otherwise ask an admin whether this device is enrolled.",
        ),
        Refusal::CounterUsed => say!(
            fr: "Cet appareil a été copié ou restauré : ne plus l'utiliser, et l'enrôler à nouveau.",
            en: "This device was cloned or restored: stop using it, and enrol it again.",
        ),
        Refusal::Revoked | Refusal::Forbidden | Refusal::UnknownSpace | Refusal::Limit => say!(
            fr: "S'adresser à un administrateur de l'organisation ou au propriétaire de l'espace.",
            en: "Ask an admin of the organisation or the space's owner.",
        ),
        Refusal::Malformed
        | Refusal::Proof
        | Refusal::Certificate { .. }
        | Refusal::CounterGap { .. }
        | Refusal::OrganisationHead { .. }
        | Refusal::Commit
        | Refusal::ChunkMismatch
        | Refusal::NotKept
        | Refusal::FeatureLevel => say!(
            fr: "Relancer ; si cela se répète, comparer les versions du client et du nœud (`vauban doctor`).",
            en: "Run it again; if it happens again, compare the versions of client and node (`vauban doctor`).",
        ),
    };
    Complaint::new(what, now)
}

fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Malformed => {
            say!(fr: "Le nœud n'a pas compris la demande.", en: "The node could not read the request.")
        }
        Refusal::UnknownDevice => {
            say!(fr: "Le nœud ne connaît pas cet appareil.", en: "The node does not know this device.")
        }
        Refusal::Revoked => say!(fr: "Cet appareil a été révoqué.", en: "This device has been revoked."),
        Refusal::Proof => say!(
            fr: "Le nœud refuse la preuve d'identité de cet appareil.",
            en: "The node refuses this device's proof of identity.",
        ),
        Refusal::Forbidden => say!(fr: "Vous n'avez pas le droit de faire cela.", en: "You may not do that."),
        Refusal::UnknownSpace => say!(
            fr: "Cet espace n'existe pas, ou vous n'en êtes pas membre.",
            en: "There is no such space, or you are no member of it.",
        ),
        Refusal::UnknownInvite => say!(
            fr: "Cette invitation n'existe pas ou a déjà servi.",
            en: "This invite does not exist or has been used.",
        ),
        Refusal::InviteExpired => say!(fr: "Cette invitation a expiré.", en: "This invite has expired."),
        Refusal::InviteFull => say!(
            fr: "Cette invitation a reçu trop de réponses : quelqu'un d'autre essaie peut-être de s'en servir.",
            en: "This invite has received too many answers: somebody else may be trying to use it.",
        ),
        Refusal::Certificate { .. } => say!(
            fr: "L'organisation n'accepte pas ce certificat.",
            en: "The organisation does not accept this certificate.",
        ),
        Refusal::NotHead { .. } => say!(fr: "L'espace a changé entre-temps.", en: "The space has moved on."),
        Refusal::CounterUsed => say!(
            fr: "ALARME : un autre appareil utilise les clés de celui-ci.",
            en: "ALARM: another device uses the keys of this one.",
        ),
        Refusal::CounterGap { .. } => say!(
            fr: "Le nœud n'a pas reçu un changement antérieur de cet appareil.",
            en: "The node lacks an earlier change of this device.",
        ),
        Refusal::ReceiptsTooOld { .. } => say!(
            fr: "Les reçus des fragments envoyés sont trop vieux.",
            en: "The receipts of the chunks that were sent are too old.",
        ),
        Refusal::NoCopy => say!(
            fr: "Les nœuds ne trouvent pas le fragment qui donne les clés de l'espace.",
            en: "The nodes do not find the chunk that gives the space's keys.",
        ),
        Refusal::OrganisationHead { .. } => say!(
            fr: "Le nœud ne connaît pas encore cet état de l'organisation.",
            en: "The node does not know this state of the organisation yet.",
        ),
        Refusal::Commit => say!(
            fr: "Le nœud refuse ce changement de l'espace.",
            en: "The node refuses this change of the space.",
        ),
        Refusal::ChunkMismatch => say!(
            fr: "Un fragment est arrivé abîmé au nœud.",
            en: "A chunk arrived damaged at the node.",
        ),
        Refusal::Limit => {
            say!(fr: "Une limite de l'organisation est atteinte.", en: "A limit of the organisation is reached.")
        }
        Refusal::DiskFull => say!(
            fr: "Les nœuds n'ont plus de place : trop de leurs disques sont pleins pour garder ce qui est envoyé.",
            en: "The nodes have no room left: too many of their disks are full to keep what is sent.",
        ),
        Refusal::Quota { of, used_bytes, bytes_max } => {
            let (used, most) = (Size(*used_bytes), Size(*bytes_max));
            match of {
                QuotaOf::Space(_) => say!(
                    fr: "Le quota de l'espace ne suffit pas : {used} utilisés sur {most}.",
                    en: "The quota of the space does not suffice: {used} of {most} are used.",
                ),
                QuotaOf::User(_) => say!(
                    fr: "Votre quota ne suffit pas : {used} utilisés sur {most}, tous espaces confondus.",
                    en: "Your quota does not suffice: {used} of {most} are used, in all spaces together.",
                ),
            }
        }
        Refusal::MetadataFull => say!(
            fr: "Le disque où les nœuds gardent leurs métadonnées est presque plein : ils ne prennent plus de contenu.",
            en: "The disk on which nodes keep their metadata is nearly full: they take no content any more.",
        ),
        Refusal::Unavailable => say!(fr: "Le nœud n'est pas disponible.", en: "The node is not available now."),
        Refusal::Behind => say!(
            fr: "Le nœud est en retard sur ce que cet appareil connaît.",
            en: "The node lags behind what this device knows.",
        ),
        Refusal::NotKept => say!(
            fr: "Des fragments que ce changement garde ont été effacés.",
            en: "Chunks that this change keeps have been deleted.",
        ),
        Refusal::NotInForce => say!(
            fr: "Les nœuds ont été restaurés d'une sauvegarde, et n'écrivent rien avant que la racine de l'organisation l'ait signé.",
            en: "The nodes were restored from a backup, and write nothing before the organisation's root has signed it.",
        ),
        Refusal::UnknownLink => say!(fr: "Ce lien n'existe pas.", en: "This link does not exist."),
        Refusal::LinkExpired => say!(fr: "Ce lien a expiré.", en: "This link has expired."),
        Refusal::LinkEnded => say!(
            fr: "Ce lien a été révoqué : on n'y a plus accès.",
            en: "This link was revoked: it opens nothing any more.",
        ),
        Refusal::LinkToken => say!(
            fr: "Le mot de passe, ou le lien lui-même, n'est pas le bon.",
            en: "The password, or the link itself, is not the right one.",
        ),
        Refusal::RequestFull => say!(
            fr: "Cette demande de fichiers a reçu tout ce qu'elle peut.",
            en: "This file request has received as much as it may.",
        ),
        Refusal::LinkBusy => say!(
            fr: "Ce lien a été ouvert, ou essayé, trop souvent ces derniers temps.",
            en: "This link was opened, or tried, too often lately.",
        ),
        Refusal::FeatureLevel => say!(
            fr: "Les nœuds ne savent pas encore faire cela.",
            en: "The nodes cannot do this yet.",
        ),
    }
}
