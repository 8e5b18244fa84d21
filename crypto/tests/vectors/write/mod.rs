//! Makes the vectors, from fixed randomness.

mod chunk;
mod log;
mod outside;
mod people;
mod share;

use crate::case::{Case, Vectors};

/// Every kind with its vectors.
pub(crate) fn all() -> Vec<(&'static str, Vectors)> {
    vec![
        ("chunk", chunk::chunk()),
        ("cut", chunk::cut()),
        ("ops", log::ops()),
        ("epoch", log::epoch()),
        ("name", log::name()),
        ("wrap", people::wrap()),
        ("bundle", people::bundle()),
        ("invite", people::invite()),
        ("share", share::share()),
        ("split", share::split()),
        ("keystore", people::keystore()),
        ("link", outside::link()),
        ("drop", outside::drop()),
    ]
}

/// What happens to any sealed object on a hostile node: bits flipped at each of `places`, bytes gone, bytes added.
fn damages(of: &str, object: &[u8], places: &[(&str, usize)]) -> Vec<Case> {
    let length = object.len();
    let flipped = places.iter().map(|(place, at)| {
        Case::defect(&format!("{place}: one bit flipped"), of).splice(*at, 1, &[object[*at] ^ 0x80])
    });
    let mut cases: Vec<_> = flipped.collect();
    cases.push(Case::defect("nothing left", of).splice(0, length, &[]));
    cases.push(Case::defect("last byte gone", of).splice(length - 1, 1, &[]));
    cases.push(Case::defect("last sixteen bytes gone", of).splice(length - 16, 16, &[]));
    cases.push(Case::defect("first byte gone", of).splice(0, 1, &[]));
    cases.push(Case::defect("one byte more", of).splice(length, 0, &[0]));
    cases
}

/// What happens to the beginning of an object that has a magic and a suite.
fn downgrades(of: &str, other_magic: &[u8; 3]) -> Vec<Case> {
    vec![
        Case::defect("magic of another kind", of).splice(0, 3, other_magic),
        Case::defect("suite 0, below the floor", of).splice(3, 1, &[0]),
        Case::defect("suite 2, which does not exist", of).splice(3, 1, &[2]),
    ]
}
