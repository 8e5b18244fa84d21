//! `vauban recovery begin [--invite CODE] --name DEVICE`.
//!
//! As `vauban init`: the machine's keys and its one post are on disk before the post leaves. Run again, it posts the same, and shows the
//! same words.

use serde::Serialize;
use vauban_protocol::organisation::{InviteKind, device_fingerprint};

use crate::clock;
use crate::commands::entered::invite_code;
use crate::commands::meeting::{ask, meet};
use crate::commands::org::machine_name;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Contents, InviteCode, JoiningKeys, KeysError};
use crate::organisation::{joining_keys, verify_invite};
use crate::state::StateError;
use crate::{say, spoken};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "CODE", help = say!(
        fr: "Le code reçu d'un administrateur ; inutile pour revoir les mots. Sans lui, il est demandé sans s'afficher ; « - » le lit sur l'entrée standard. En argument, d'autres programmes de cette machine le voient, et l'historique de l'interpréteur le garde",
        en: "The code received from an admin; not needed to see the words again. Without it, it is asked for and not shown; `-` reads it from standard input. As an argument, other programs of this machine see it, and the shell's history keeps it",
    ))]
    invite: Option<String>,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Le nom de cet appareil (sinon celui de la machine)",
        en: "This device's name (else the machine's)",
    ))]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    /// This device's fingerprint, to be read to guardians.
    words: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let keys = if context.home.keystore().exists() { resume(context)? } else { begin(context, arguments)? };
    let fingerprint = device_fingerprint(keys.signing.public(), keys.device_kem.public());
    context.output.result(&Report { words: spoken::words(&fingerprint.0) }, |Report { words }| {
        say!(
            fr: "Demande envoyée. Les mots de cet appareil, à lire de vive voix à vos gardiens, et à personne par écrit :\n  {words}\n\
                 Un administrateur accepte l'appareil (`vauban user accept`), vos gardiens l'approuvent (`vauban recovery approve`).\n\
                 Puis, ici : `vauban recovery finish`.",
            en: "Asked. The words of this device, to be read to your guardians by voice, and to nobody in writing:\n  {words}\n\
                 An admin accepts the device (`vauban user accept`), your guardians approve it (`vauban recovery approve`).\n\
                 Then, here: `vauban recovery finish`.",
        )
    });
    Ok(Exit::Done)
}

fn begin(context: &Context, arguments: &Arguments) -> Result<JoiningKeys, Failure> {
    let text = invite_code(arguments.invite.as_deref())?;
    let code = InviteCode::parse(&text)?;
    let passphrase = context.choose_passphrase()?;
    let name = arguments.name.clone().unwrap_or_else(machine_name);
    block_on(async {
        let (chain, guest, invite) = ask(&code, meet(&code, 0).await, async |guest| guest.invite().await).await?;
        verify_invite(&invite, chain.organisation(), clock::now())?;
        let kind = invite.payload().kind;
        if !matches!(kind, InviteKind::Recovery(_)) {
            return Err(Failure::Usage(say!(
                fr: "Ce code n'est pas celui d'une récupération : `vauban init`, qui le demande.",
                en: "This is not the code of a recovery: `vauban init`, which asks for it.",
            )));
        }
        let keys = joining_keys(&code, &text, kind, &name)?;
        context.home.create()?;
        let contents = Contents::Recovering(keys);
        keys::save(&context.home, &passphrase, &contents)?;
        let Contents::Recovering(keys) = contents else {
            return Err(Failure::Bug("the keystore changed its contents"));
        };
        ask(&code, Ok((chain, guest)), async |guest| guest.join(&keys.post).await).await?;
        Ok(keys)
    })
}

fn resume(context: &Context) -> Result<JoiningKeys, Failure> {
    let passphrase = context.passphrase()?;
    let keys = match keys::open(&context.home, &passphrase)? {
        Contents::Recovering(keys) => keys,
        Contents::Joining(_) => return Err(KeysError::NotEnrolled.into()),
        Contents::Enrolled(_) => return Err(StateError::Exists(context.home.keystore()).into()),
    };
    let code = InviteCode::parse(&keys.code)?;
    block_on(async {
        let (chain, guest) = meet(&code, 0).await?;
        // A post that was taken needs no second one, and an invite that was answered takes none.
        if !chain.organisation().is_invite_used(code.invite) {
            ask(&code, Ok((chain, guest)), async |guest| guest.join(&keys.post).await).await?;
        }
        Ok(())
    })?;
    Ok(keys)
}
