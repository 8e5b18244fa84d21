//! The devices that sign for a person: each with the words of its own keys, since those of the person's key, which opens, say nothing of
//! what signs.

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::{Issuer, device_fingerprint};

use super::View;
use crate::{say, spoken};

/// A device that signs as a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Signing {
    /// The person.
    user: String,
    /// Its name.
    device: String,
    device_id: String,
    /// Of all its keys, to be compared by voice.
    words: String,
    /// Who enrolled it: the name, and how the identifier begins.
    certified_by: String,
}

impl Signing {
    /// In one line, which stands below the person's.
    pub(super) fn line(&self) -> String {
        let Self { device, device_id, words, certified_by, .. } = self;
        let id = device_id.get(..12).unwrap_or(device_id);
        say!(
            fr: "  appareil « {device} » ({id}), certifié par {certified_by} ; ses mots : {words}",
            en: "  device \"{device}\" ({id}), certified by {certified_by}; its words: {words}",
        )
    }
}

impl View<'_> {
    /// Each device of a person that is not revoked.
    pub(super) fn signing(&self, user: UserId) -> Vec<Signing> {
        let devices = self.organisation.live_devices_of(user);
        let signing = devices.filter_map(|device| {
            let record = self.organisation.live_device(device)?;
            Some(Signing {
                user: user.to_hex(),
                device: self.roster.device(device),
                device_id: device.to_hex(),
                words: spoken::words(&device_fingerprint(&record.keys, &record.kem).0),
                certified_by: self.certifier(record.certified_by),
            })
        });
        signing.collect()
    }

    /// Whoever has certified a device, so that two of one name are told apart.
    fn certifier(&self, issuer: Issuer) -> String {
        let name = self.roster.issuer(issuer);
        let Issuer::Device(device) = issuer else { return name };
        let Some(record) = self.organisation.device(device) else { return name };
        let id = record.user.to_hex();
        let id = id.get(..12).unwrap_or(&id);
        format!("{name} ({id})")
    }
}

/// What the words are for.
pub(super) fn warning() -> String {
    say!(
        fr: "ATTENTION : qui détient un de ces appareils signe comme cet administrateur. Comparer de vive voix, avec la personne, les mots de CHACUN : elle les lit sur l'appareil même (`vauban device list`). S'il en est un qu'elle n'a pas, ne rien signer, et le révoquer",
        en: "MIND: whoever holds one of these devices signs as that admin. Compare the words of EACH with the person, by voice: they read them on that very device (`vauban device list`). If there is one that they do not have, sign nothing, and revoke it",
    )
}
