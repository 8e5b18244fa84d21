//! Failures of links for people without an account.

use crate::complaint::Complaint;
use crate::plain::Plain;
use crate::say;
use crate::shared_link::{AddressError, SharedLinkError};

pub(super) fn complaint(error: &SharedLinkError) -> Complaint {
    let ask = || {
        say!(
            fr: "Demander un nouveau lien à la personne qui l'a envoyé.",
            en: "Ask whoever sent the link for a new one.",
        )
    };
    match error {
        SharedLinkError::Address(AddressError::Version) => Complaint::new(
            say!(
                fr: "Ce lien vient d'une version plus récente de Vauban.",
                en: "This link was made by a later version of Vauban.",
            ),
            say!(fr: "Mettre Vauban à jour sur cette machine.", en: "Update Vauban on this machine."),
        ),
        SharedLinkError::Address(AddressError::Fragment | AddressError::Typo) => Complaint::new(
            say!(
                fr: "Cette adresse n'est pas un lien entier : une partie manque ou est fausse.",
                en: "This address is no whole link: a part is missing or wrong.",
            ),
            say!(
                fr: "La copier en entier, avec tout ce qui suit le « # » ; en argument, la mettre entre apostrophes.",
                en: "Copy all of it, with everything behind the `#`; as an argument, put it between quotes.",
            ),
        ),
        SharedLinkError::Unsigned => Complaint::new(
            say!(
                fr: "Ce lien n'est pas signé par un appareil de son organisation : le nœud l'a inventé, ou l'appareil a été révoqué.",
                en: "This link is not signed by a device of its organisation: the node made it up, or the device was revoked.",
            ),
            ask(),
        ),
        SharedLinkError::Forged | SharedLinkError::Manifest(_) => Complaint::new(
            say!(
                fr: "Ce qui a été reçu n'est pas ce qui a été partagé ({error}). Rien n'a été écrit.",
                en: "What was received is not what was shared ({error}). Nothing was written.",
            ),
            say!(
                fr: "Prévenir la personne qui a envoyé le lien, et l'exploitant du nœud : un nœud sain ne fait pas cela.",
                en: "Tell whoever sent the link, and the node's operator: a sound node does not do this.",
            ),
        ),
        SharedLinkError::Password => Complaint::new(
            say!(
                fr: "Il faut le mot de passe du lien, et personne n'est là pour le taper.",
                en: "The link's password is needed, and nobody is there to type it.",
            ),
            say!(
                fr: "Relancer dans un terminal, ou le donner par `--password-stdin`.",
                en: "Run it again in a terminal, or give it by `--password-stdin`.",
            ),
        ),
        SharedLinkError::EmptyPassword => Complaint::new(
            say!(fr: "Le mot de passe est vide.", en: "The password is empty."),
            say!(
                fr: "Le taper, ou le mettre sur la première ligne de l'entrée standard (après l'adresse, si elle y est aussi).",
                en: "Type it, or put it on the first line of standard input (after the address, if that is there, too).",
            ),
        ),
        SharedLinkError::PasswordsDiffer => Complaint::new(
            say!(fr: "Les deux mots de passe diffèrent.", en: "The two passwords differ."),
            say!(fr: "Relancer la commande.", en: "Run the command again."),
        ),
        SharedLinkError::AsksForFiles => Complaint::new(
            say!(
                fr: "Cette adresse demande des fichiers ; elle n'en ouvre aucun.",
                en: "This address asks for files; it opens none.",
            ),
            say!(
                fr: "L'ouvrir dans un navigateur, et y déposer les fichiers.",
                en: "Open it in a browser, and drop the files there.",
            ),
        ),
        SharedLinkError::NoPage => Complaint::new(
            say!(
                fr: "Aucun nœud ne sert la page où déposer des fichiers : la demande n'a pas été faite.",
                en: "No node serves the page to drop files at: the request was not made.",
            ),
            say!(
                fr: "Demander à l'exploitant de remplir `[links]` dans node.toml (listen et origin), puis relancer.",
                en: "Ask the operator to fill in `[links]` in node.toml (listen and origin), then run it again.",
            ),
        ),
        SharedLinkError::Forbidden => Complaint::new(
            say!(
                fr: "L'organisation n'admet ni lien ni demande de fichiers.",
                en: "The organisation allows neither links nor file requests.",
            ),
            say!(
                fr: "Demander à qui l'administre : `vauban org policy` le montre et le change.",
                en: "Ask whoever administers it: `vauban org policy` shows and changes that.",
            ),
        ),
        SharedLinkError::Origin(origin) => {
            let origin = Plain(origin);
            Complaint::new(
                say!(
                    fr: "Le nœud donne au lien une adresse que l'organisation n'admet pas : {origin}. Le lien a été retiré.",
                    en: "The node gives the link an address that the organisation does not allow: {origin}. The link was revoked.",
                ),
                say!(
                    fr: "Prévenir l'exploitant du nœud ; s'il a changé de nom, l'administrateur l'admet par `vauban org policy --link-origin`.",
                    en: "Tell the node's operator; if it has a new name, the admin allows it by `vauban org policy --link-origin`.",
                ),
            )
        }
        SharedLinkError::Exists(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "{path} existe déjà et ne sera pas écrasé.", en: "{path} exists already and is not overwritten."),
                say!(fr: "Choisir un autre dossier.", en: "Choose another folder."),
            )
        }
        SharedLinkError::TooLarge => Complaint::new(
            say!(
                fr: "Il y a là plus de fichiers qu'un lien ne peut en montrer.",
                en: "There are more files there than one link can show.",
            ),
            say!(fr: "Partager ses dossiers un par un.", en: "Share its folders one by one."),
        ),
    }
}
