//! `vauban link take SPACE`.

use std::sync::Arc;

use serde::Serialize;
use vauban_protocol::id::LinkId;

use super::chosen::chosen;
use crate::commands::Context;
use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Purpose, connected};
use crate::content::Nodes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file_request::Junk;
use crate::plain::Plain;
use crate::say;
use crate::size::Size;
use crate::sync::{JunkDrop, OnJunk, OpenSpace, Received, TakenDrop, Taking, WaitingDrops, Watcher, WhyWaiting};

/// Digits of a request's or drop's identifier that a person is shown. Of a drop they are its reference, which the page shows to whoever dropped it.
const DIGITS_SHOWN: usize = 12;
/// Drops of one kind that a person is shown; scripts are told of more.
pub(super) const DROPS_SHOWN: usize = 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(
        fr: "L'espace, par son nom ou le début de son identifiant",
        en: "The space, by name or by how its identifier begins",
    ))]
    space: String,
    #[arg(long, help = say!(
        fr: "Fait oublier aux nœuds les envois qui ne s'ouvrent pas",
        en: "Has nodes let go of drops that do not open",
    ))]
    discard_unreadable: bool,
    #[arg(long, value_name = "REQUEST", conflicts_with = "discard", help = say!(
        fr: "Prend aussi ce qui est venu par cette demande, dont l'auteur n'écrit plus dans l'espace, ou dont les clés ont changé depuis",
        en: "Takes also what came by this request, whose maker writes to the space no more, or since which the space's keys have changed",
    ))]
    accept: Option<String>,
    #[arg(long, value_name = "REQUEST", conflicts_with = "discard_unreadable", help = say!(
        fr: "Ne prend rien, et fait oublier aux nœuds tout ce qui attend par cette demande, sans le lire",
        en: "Takes nothing, and has nodes let go of all that waits by this request, unread",
    ))]
    discard: Option<String>,
}

/// What `--discard` did.
#[derive(Debug, Serialize)]
struct Discarded {
    request: String,
    drops: u64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if let Some(request) = &arguments.discard {
        return discard(context, arguments.space.clone(), request.clone());
    }
    let (name, vouched) = (arguments.space.clone(), arguments.accept.clone());
    let on_junk = if arguments.discard_unreadable { OnJunk::Discard } else { OnJunk::Name };
    let progress = Progress::new(context.output, Plans::Untold);
    let watcher: Arc<dyn Watcher> = progress.clone();
    let received = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let although = match vouched {
            Some(wanted) => Some(chosen_request(&mut space, &wanted)?),
            None => None,
        };
        Ok(space.take_drops(Taking { on_junk, although }, &watcher)?)
    });
    progress.finish();
    let received = received?;
    context.output.result(&received, paths);
    for line in told(&received) {
        context.output.note(&line);
    }
    Ok(if received.junk.is_empty() && received.waiting.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Where the files are. A member chose the folder, the files' names are harmless.
fn paths(received: &Received) -> String {
    if received.is_nothing() {
        return say!(fr: "Rien n'a été déposé.", en: "Nothing was dropped.");
    }
    let paths: Vec<String> = received.files.iter().map(|file| Plain(&file.path).to_string()).collect();
    paths.join("\n")
}

fn discard(context: &Context, name: String, wanted: String) -> Result<Exit, Failure> {
    let discarded = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let request = chosen_request(&mut space, &wanted)?;
        Ok(Discarded { request: request.to_hex(), drops: space.discard_drops(request)? })
    })?;
    context.output.result(&discarded, |Discarded { request, drops }| {
        say!(
            fr: "{drops} envoi(s) par la demande {request} : les nœuds les oublient.",
            en: "{drops} drop(s) by request {request}: nodes let go of them.",
        )
    });
    Ok(Exit::Done)
}

fn chosen_request<N: Nodes>(space: &mut OpenSpace<N>, wanted: &str) -> Result<LinkId, Failure> {
    chosen(wanted, space.file_requests()?.iter().map(|listed| listed.request.id))
}

/// What a person is told of drops beyond the files that came.
pub(crate) fn told(received: &Received) -> Vec<String> {
    let mut lines = Vec::new();
    if !received.files.is_empty() {
        let (files, bytes) = (received.files.len(), received.files.iter().map(|file| file.bytes).sum::<u64>());
        let bytes = Size(bytes);
        lines.push(say!(
            fr: "déposés  {files} fichier(s), {bytes}, par des personnes sans compte",
            en: "dropped    {files} file(s), {bytes}, by people without an account",
        ));
    }
    lines.extend(received.taken.iter().take(DROPS_SHOWN).map(of_taken));
    let more = received.taken.len().saturating_sub(DROPS_SHOWN);
    if more > 0 {
        lines.push(say!(fr: "         et {more} autre(s) envoi(s) (`--json`)", en: "           and {more} more drop(s) (`--json`)"));
    }
    lines.extend(received.junk.iter().map(of_junk));
    lines.extend(received.waiting.iter().map(of_waiting));
    lines
}

fn of_taken(taken: &TakenDrop) -> String {
    let (drop, files, bytes) = (short(&taken.drop), taken.files, Size(taken.bytes));
    let (first, more) = (Plain(&taken.first), if files > 1 { ", …" } else { "" });
    say!(
        fr: "         référence {drop} : {files} fichier(s), {bytes} : {first}{more}",
        en: "           reference {drop}: {files} file(s), {bytes}: {first}{more}",
    )
}

fn of_junk(junk: &JunkDrop) -> String {
    let (request, bytes) = (short(&junk.request), Size(junk.bytes));
    let drop = short(&junk.drop);
    let why = if junk.why == Junk::Names {
        say!(fr: "refusé (trop de fichiers du même nom)", en: "refused (too many files of the same name)")
    } else {
        say!(fr: "illisible", en: "unreadable")
    };
    if junk.discarded {
        say!(
            fr: "{why} : un envoi de {bytes} (référence {drop}) par la demande {request} ; les nœuds l'oublient",
            en: "{why}: a drop of {bytes} (reference {drop}) by request {request}; nodes let go of it",
        )
    } else {
        say!(
            fr: "{why} : un envoi de {bytes} (référence {drop}) par la demande {request}. Rien n'en est pris. S'il est inconnu de tous : `vauban link take ESPACE --discard-unreadable`",
            en: "{why}: a drop of {bytes} (reference {drop}) by request {request}. Nothing of it is taken. If nobody knows of it: `vauban link take SPACE --discard-unreadable`",
        )
    }
}

fn of_waiting(waiting: &WaitingDrops) -> String {
    let (request, drops) = (short(&waiting.request), waiting.drops);
    let why = match waiting.why {
        WhyWaiting::Keys => say!(
            fr: "cet appareil n'a pas les clés de cette demande. Un autre membre peut les avoir ; si personne ne les a : `vauban link take ESPACE --discard {request}`",
            en: "this device lacks the keys of this request. Another member may have them; if nobody has: `vauban link take SPACE --discard {request}`",
        ),
        WhyWaiting::Elsewhere => say!(
            fr: "un fragment manque encore ici, ou un autre appareil les prend",
            en: "a chunk is still missing here, or another device takes them",
        ),
        WhyWaiting::Room => say!(
            fr: "les nœuds, ou un quota, n'ont plus de place pour ces fichiers. Un autre membre peut en avoir",
            en: "the nodes, or a quota, have no room left for these files. Another member may have some",
        ),
        WhyWaiting::Disk => say!(
            fr: "le disque de cette machine ne peut pas les recevoir : faire de la place",
            en: "this machine's disk cannot take them in: make room",
        ),
        WhyWaiting::Place => say!(
            fr: "aucune place n'a été trouvée pour leurs fichiers : d'autres modifient l'espace, ou trop de fichiers portent ces noms",
            en: "no place was found for their files: others change the space, or too many files have these names",
        ),
        WhyWaiting::Maker => say!(
            fr: "qui l'a faite n'écrit plus dans l'espace, ou son appareil est révoqué. Si ces fichiers sont attendus : `vauban link take ESPACE --accept {request}` ; sinon : `--discard {request}`",
            en: "whoever made it writes to the space no more, or that device was revoked. If these files are expected: `vauban link take SPACE --accept {request}`; if not: `--discard {request}`",
        ),
        WhyWaiting::Epoch => say!(
            fr: "les clés de l'espace ont changé depuis ; qui en a été exclu peut connaître cette demande. Si ces fichiers sont attendus : `vauban link take ESPACE --accept {request}` ; sinon : `--discard {request}`",
            en: "the space's keys have changed since; whoever was shut out may know this request. If these files are expected: `vauban link take SPACE --accept {request}`; if not: `--discard {request}`",
        ),
        WhyWaiting::Beyond => say!(
            fr: "c'est plus que cette demande ne permet, ou après sa fin : prévenir l'exploitant. Pour ne pas les garder : `vauban link take ESPACE --discard {request}`",
            en: "it is more than this request lets come, or after its end: tell the operator. Not to keep them: `vauban link take SPACE --discard {request}`",
        ),
        WhyWaiting::Refused => say!(
            fr: "les nœuds refusent ce qu'il faudrait écrire pour eux dans l'espace",
            en: "the nodes refuse what would have to be written into the space for them",
        ),
    };
    let which = which(&waiting.named, drops);
    say!(
        fr: "en attente : {drops} envoi(s) par la demande {request}{which} : {why}",
        en: "waiting: {drops} drop(s) by request {request}{which}: {why}",
    )
}

/// The references of drops, of which there are `drops`.
fn which(named: &[String], drops: u64) -> String {
    let mut shown: Vec<String> = named.iter().take(DROPS_SHOWN).map(|drop| short(drop)).collect();
    if shown.is_empty() {
        return String::new();
    }
    if drops > shown.len() as u64 {
        shown.push("…".to_owned());
    }
    let references = shown.join(", ");
    say!(fr: " (référence : {references})", en: " (reference: {references})")
}

pub(super) fn short(identifier: &str) -> String {
    identifier.chars().take(DIGITS_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::is_commanding;
    use crate::sync::ReceivedFile;

    /// The folder of a request is another member's choice.
    #[test]
    fn paths_of_dropped_files_are_nothing_but_text() {
        let path = "a\u{1b}[2K\r\nb\u{202e}/offer.pdf".to_owned();
        let file = ReceivedFile { path: path.clone(), bytes: 1, renamed: false, drop: "0a".repeat(16) };
        let (request, drop) = ("0b".repeat(16), "0a".repeat(16));
        let taken = TakenDrop { request, drop, files: 1, bytes: 1, first: path };
        for text in [paths(&Received { files: vec![file], ..Received::default() }), of_taken(&taken)] {
            assert!(!text.chars().any(is_commanding), "{text}");
        }
    }

    /// Whoever dropped something is shown the first twelve digits of it, and calls a member with them.
    #[test]
    fn each_drop_is_told_with_its_reference() {
        let (request, drop) = ("0b".repeat(16), |number: u64| format!("{number:012x}{:020}", 0));
        let taken = |number| TakenDrop {
            request: request.clone(),
            drop: drop(number),
            files: 2,
            bytes: 1,
            first: "Offers/prices.ods".to_owned(),
        };
        let junk = JunkDrop { request: request.clone(), drop: drop(7), bytes: 1, why: Junk::List, discarded: false };
        let named = vec![drop(8), drop(9)];
        let waiting = WaitingDrops { request: request.clone(), why: WhyWaiting::Room, drops: 3, named };
        let shown = DROPS_SHOWN as u64;
        let received = Received {
            taken: (100..100 + shown + 2).map(taken).collect(),
            junk: vec![junk],
            waiting: vec![waiting],
            ..Received::default()
        };
        let lines = told(&received);
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(has("000000000064") && has(&format!("{:012x}", 99 + shown)) && has("(`--json`)"), "{lines:?}");
        assert!(has("000000000007") && has("000000000008, 000000000009, …"), "{lines:?}");
    }
}
