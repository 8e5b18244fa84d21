//! Admissions that must not admit, each named by its defect.

pub(crate) mod authority;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vauban_protocol::organisation::{NodeAdmission, NodeRequest, OrganisationError};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

use self::authority::{Answer, Authority, admission};
use super::{AdmissionError, AdmitError, admit, init};
use crate::clock;
use crate::data_folder::DataFolder;
use crate::metadata::tests::town::Town;

/// A year that no certificate under test outlives by itself.
const LATE: i32 = 2100;

/// A node that has asked, and the organisation that it asked.
struct Desk {
    root: TempDir,
    folder: DataFolder,
    town: Town,
    authority: Authority,
    request: Signed<NodeRequest>,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let town = Town::with_authority(1, authority.der());
        let (folder, request) = asked(root.path(), "node");
        Self { root, folder, town, authority, request }
    }

    fn answer(&self) -> Answer {
        self.authority.answer(&self.request, LATE)
    }

    fn admit(&self, admission: &NodeAdmission) -> Result<(), AdmitError> {
        let file: PathBuf = self.root.path().join("admission");
        std::fs::write(&file, admission.to_bytes()).unwrap();
        admit(&self.folder, &file, clock::now()).map(drop)
    }

    fn refused(&self, admission: &NodeAdmission) -> AdmissionError {
        match self.admit(admission) {
            Err(AdmitError::Admission(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn asked(root: &Path, name: &str) -> (DataFolder, Signed<NodeRequest>) {
    let folder = DataFolder::at(&root.join(name));
    let listen = "127.0.0.1:4433".parse().unwrap();
    let made = init(&folder, &folder.config(), listen, None).unwrap();
    let request = Signed::parse(std::fs::read(made.request).unwrap().into()).unwrap();
    (folder, request)
}

#[test]
fn an_admission_admits_again_and_again() {
    let mut desk = Desk::new();
    let first = desk.answer();
    let first = admission(&mut desk.town, first);
    desk.admit(&first).unwrap();
    desk.admit(&first).unwrap();
    let renewed = desk.answer();
    let renewed = admission(&mut desk.town, renewed);
    desk.admit(&renewed).unwrap();
    assert!(matches!(desk.admit(&first), Err(AdmitError::Older)));
}

#[test]
fn an_admission_for_another_node() {
    let mut desk = Desk::new();
    let (_, other) = asked(desk.root.path(), "other");
    let answer = desk.authority.answer(&other, LATE);
    let admission = admission(&mut desk.town, answer);
    assert!(matches!(desk.refused(&admission), AdmissionError::NoCharter { .. }));
}

#[test]
fn a_charter_for_another_tls_key() {
    let mut desk = Desk::new();
    let (_, other) = asked(desk.root.path(), "other");
    let mut answer = desk.answer();
    answer.charter.tls_keys = desk.authority.answer(&other, LATE).charter.tls_keys;
    let admission = admission(&mut desk.town, answer);
    assert!(matches!(desk.refused(&admission), AdmissionError::TlsKey));
}

#[test]
fn a_charter_out_of_date() {
    let mut desk = Desk::new();
    let mut answer = desk.answer();
    answer.charter.not_after = Timestamp(1);
    let admission = admission(&mut desk.town, answer);
    assert!(matches!(desk.refused(&admission), AdmissionError::NotInForce { .. }));
}

#[test]
fn a_certificate_by_another_authority() {
    let mut desk = Desk::new();
    let forged = Authority::new().answer(&desk.request, LATE);
    let admission = admission(&mut desk.town, forged);
    assert!(matches!(desk.refused(&admission), AdmissionError::Certificate(_)));
}

#[test]
fn a_certificate_out_of_date() {
    let mut desk = Desk::new();
    let answer = desk.authority.answer(&desk.request, 2021);
    let admission = admission(&mut desk.town, answer);
    assert!(matches!(desk.refused(&admission), AdmissionError::Certificate(_)));
}

#[test]
fn a_certificate_for_another_key_of_this_authority() {
    let mut desk = Desk::new();
    let (_, other) = asked(desk.root.path(), "other");
    let mut answer = desk.answer();
    answer.tls_certificate = desk.authority.answer(&other, LATE).tls_certificate;
    let admission = admission(&mut desk.town, answer);
    assert!(matches!(desk.refused(&admission), AdmissionError::Certificate(_)));
}

#[test]
fn a_chain_that_was_tampered_with() {
    let mut desk = Desk::new();
    let answer = desk.answer();
    let mut admission = admission(&mut desk.town, answer);
    *admission.chain[2].last_mut().unwrap() ^= 1;
    let refused = desk.refused(&admission);
    let AdmissionError::Chain { position, source } = refused else { panic!("{refused}") };
    assert_eq!((position, source), (2, OrganisationError::Signature));
}

#[test]
fn an_admission_by_another_organisation() {
    let mut desk = Desk::new();
    let answer = desk.answer();
    let ours = admission(&mut desk.town, answer);
    desk.admit(&ours).unwrap();
    let mut elsewhere = Town::with_authority(77, desk.authority.der());
    let theirs = admission(&mut elsewhere, desk.answer());
    let refused = desk.admit(&theirs);
    assert!(matches!(refused, Err(AdmitError::OtherOrganisation { .. })));
}

#[test]
fn a_file_that_is_no_admission() {
    let desk = Desk::new();
    let refused = admit(&desk.folder, &desk.folder.config(), clock::now()).unwrap_err();
    assert!(matches!(refused, AdmitError::Admission(AdmissionError::Decode(_))));
}
