//! The people and machines of an organisation, by the names that nodes cannot read.

use vauban_crypto::name::{DirectoryKey, Named};
use vauban_protocol::id::{DeviceId, UserId};
use vauban_protocol::organisation::{DeviceRecord, Issuer, Organisation, UserRecord};

use crate::plain::Plain;
use crate::say;

/// Names, as the holder of the directory key reads them, and as they can be shown: others have chosen them.
#[derive(Clone, Copy)]
pub struct Roster<'a> {
    organisation: &'a Organisation,
    directory: &'a DirectoryKey,
}

impl<'a> Roster<'a> {
    /// The names of `organisation`.
    #[must_use]
    pub fn new(organisation: &'a Organisation, directory: &'a DirectoryKey) -> Self {
        Self { organisation, directory }
    }

    /// A person's name; the short identifier where the name does not open.
    #[must_use]
    pub fn user(&self, user: UserId) -> String {
        self.organisation
            .users()
            .find(|(id, _)| *id == user)
            .map_or_else(|| user.to_string(), |(id, record)| self.user_name(id, record))
    }

    /// A machine's name; the short identifier where the name does not open.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> String {
        self.organisation.device(device).map_or_else(|| device.to_string(), |record| self.device_name(device, record))
    }

    /// Who has signed a certificate: the root, or a person, by name; the short identifier of a device that nobody knows.
    #[must_use]
    pub fn issuer(&self, issuer: Issuer) -> String {
        match issuer {
            Issuer::Root => say!(fr: "la racine", en: "the root"),
            Issuer::Device(device) => {
                self.organisation.device(device).map_or_else(|| device.to_string(), |record| self.user(record.user))
            }
        }
    }

    /// Every person ever certified, with name.
    pub fn users(&self) -> impl Iterator<Item = (UserId, String, &'a UserRecord)> + '_ {
        self.organisation.users().map(|(id, record)| (id, self.user_name(id, record), record))
    }

    /// Every machine ever certified of a person, with name.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = (DeviceId, String, &'a DeviceRecord)> + '_ {
        self.organisation
            .devices()
            .filter(move |(_, record)| record.user == user)
            .map(|(id, record)| (id, self.device_name(id, record), record))
    }

    fn user_name(&self, user: UserId, record: &UserRecord) -> String {
        let name = self.directory.open_name(Named::User(user), &record.sealed_name);
        name.map_or_else(|_| user.to_string(), |name| Plain(&name).to_string())
    }

    /// The name of a machine that is nobody's yet.
    #[must_use]
    pub fn device_named(&self, device: DeviceId, record: &DeviceRecord) -> String {
        self.device_name(device, record)
    }

    fn device_name(&self, device: DeviceId, record: &DeviceRecord) -> String {
        let name = self.directory.open_name(Named::Device(device), &record.sealed_name);
        name.map_or_else(|_| device.to_string(), |name| Plain(&name).to_string())
    }
}
