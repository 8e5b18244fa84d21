use super::*;
use crate::log::{EntryId, EntryName};
use crate::tree::Identity;

const OLD: Digest = Digest([1; 32]);
const NEW: Digest = Digest([2; 32]);
const OTHER: Digest = Digest([3; 32]);

fn identity(ctime_ns: i64) -> Identity {
    Identity { device: 1, inode: 2, bytes: 3, mtime_ns: 4, ctime_ns }
}

fn name() -> EntryName {
    EntryName::parse(b"name").unwrap()
}

fn base(kind: Kind) -> BaseRow {
    BaseRow {
        entry: EntryId([1; 16]),
        parent: EntryId::ROOT,
        name: name(),
        kind,
        content: (kind != Kind::Folder).then_some(OLD),
        executable: false,
        identity: identity(0),
    }
}

/// `ctime_ns` 0 is the base's.
fn here(kind: LocalKind, ctime_ns: i64) -> LocalChild {
    LocalChild { name: name(), kind, executable: false, identity: identity(ctime_ns) }
}

fn there(kind: Kind, content: Digest) -> RemoteChild {
    RemoteChild {
        entry: EntryId([1; 16]),
        name: name(),
        kind,
        content: (kind != Kind::Folder).then_some(content),
        executable: false,
        bytes: 3,
    }
}

fn judge(
    base: Option<BaseRow>,
    here: Option<LocalChild>,
    there: Option<RemoteChild>,
    read: Option<Digest>,
) -> Situation {
    situation(&Neighbourhood {
        base: base.as_ref(),
        here: here.as_ref(),
        there: there.as_ref(),
        content: read.map(|content| LocalContent { content }),
        ..Neighbourhood::default()
    })
}

const FILE: LocalKind = LocalKind::File;

#[test]
fn a_nothing_changed() {
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 0)), Some(there(Kind::File, OLD)), None), Situation::Same);
    let folder = (base(Kind::Folder), here(LocalKind::Folder, 9), there(Kind::Folder, OLD));
    assert_eq!(judge(Some(folder.0), Some(folder.1), Some(folder.2), None), Situation::Same, "folders are not edited");
}

#[test]
fn b_edited_here() {
    let found = judge(Some(base(Kind::File)), Some(here(FILE, 9)), Some(there(Kind::File, OLD)), None);
    assert_eq!(found, Situation::WriteThere);
}

#[test]
fn c_edited_there() {
    let found = judge(Some(base(Kind::File)), Some(here(FILE, 0)), Some(there(Kind::File, NEW)), None);
    assert_eq!(found, Situation::WriteHere);
    let executable = RemoteChild { executable: true, ..there(Kind::File, OLD) };
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 0)), Some(executable), None), Situation::WriteHere);
    let another_entry = RemoteChild { entry: EntryId([9; 16]), ..there(Kind::File, NEW) };
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 0)), Some(another_entry), None), Situation::WriteHere);
}

#[test]
fn d_and_e_edited_on_both_sides() {
    let with = |read| judge(Some(base(Kind::File)), Some(here(FILE, 9)), Some(there(Kind::File, NEW)), read);
    assert_eq!(with(None), Situation::Compare);
    assert_eq!(with(Some(NEW)), Situation::Agree);
    assert_eq!(with(Some(OTHER)), Situation::Conflict);
    let longer = RemoteChild { bytes: 4, ..there(Kind::File, NEW) };
    assert_eq!(
        judge(Some(base(Kind::File)), Some(here(FILE, 9)), Some(longer), None),
        Situation::Conflict,
        "another length needs no reading"
    );
}

#[test]
fn f_and_g_gone_here() {
    assert_eq!(judge(Some(base(Kind::File)), None, Some(there(Kind::File, OLD)), None), Situation::Leave);
    assert_eq!(judge(Some(base(Kind::File)), None, Some(there(Kind::File, NEW)), None), Situation::WriteHere);
}

#[test]
fn h_and_i_gone_there() {
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 0)), None, None), Situation::Leave);
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 9)), None, None), Situation::CreateThere);
}

#[test]
fn j_gone_on_both_sides() {
    assert_eq!(judge(Some(base(Kind::File)), None, None, None), Situation::Forget);
}

#[test]
fn k_and_l_new_on_one_side() {
    assert_eq!(judge(None, Some(here(FILE, 0)), None, None), Situation::CreateThere);
    assert_eq!(judge(None, None, Some(there(Kind::File, NEW)), None), Situation::WriteHere);
}

/// What a lost cache looks like, too: nothing is removed, nothing is doubled.
#[test]
fn m_and_n_new_on_both_sides() {
    let with = |read| judge(None, Some(here(FILE, 0)), Some(there(Kind::File, NEW)), read);
    assert_eq!(with(None), Situation::Compare);
    assert_eq!(with(Some(NEW)), Situation::Agree);
    assert_eq!(with(Some(OTHER)), Situation::Conflict);
    let folders = judge(None, Some(here(LocalKind::Folder, 0)), Some(there(Kind::Folder, OLD)), None);
    assert_eq!(folders, Situation::Agree);
    let unwritten = RemoteChild { content: None, ..there(Kind::File, NEW) };
    assert_eq!(judge(None, Some(here(FILE, 0)), Some(unwritten), None), Situation::WriteThere);
}

#[test]
fn o_kinds_differ() {
    for base in [None, Some(base(Kind::File))] {
        let found = judge(base, Some(here(LocalKind::Folder, 0)), Some(there(Kind::File, OLD)), None);
        assert_eq!(found, Situation::Conflict);
    }
    assert_eq!(judge(None, Some(here(FILE, 0)), Some(there(Kind::Folder, OLD)), None), Situation::Conflict);
}

#[test]
fn p_moved_there() {
    let (base, here, there) = (base(Kind::File), here(FILE, 0), there(Kind::File, NEW));
    let left = Neighbourhood { base: Some(&base), here: Some(&here), has_left: true, ..Neighbourhood::default() };
    let come = Neighbourhood { there: Some(&there), has_come: true, ..Neighbourhood::default() };
    assert_eq!((situation(&left), situation(&come)), (Situation::Leave, Situation::Leave));
}
