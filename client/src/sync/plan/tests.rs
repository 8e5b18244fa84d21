mod fuzz;

use vauban_protocol::id::Digest;

use super::*;
use crate::log::{EntryId, EntryName};
use crate::tree::{Identity, LocalKind};

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
        file_type: None,
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

/// Without a version here, its place was looked at.
fn judge(
    base: Option<BaseRow>,
    here: Option<LocalChild>,
    there: Option<RemoteChild>,
    read: Option<Digest>,
) -> Situation {
    situation(&around(base.as_ref(), here.as_ref(), there.as_ref(), read))
}

fn around<'a>(
    base: Option<&'a BaseRow>,
    here: Option<&'a LocalChild>,
    there: Option<&'a RemoteChild>,
    read: Option<Digest>,
) -> Neighbourhood<'a> {
    let content = read.map(|digest| LocalContent { digest: Some(digest), file_type: None });
    let here = here.map_or(Presence::Gone, Presence::Seen);
    Neighbourhood { base, here, there, content, ..Neighbourhood::default() }
}

fn spot(parent: u8, name: &str) -> Spot {
    Spot { parent: EntryId([parent; 16]), name: EntryName::parse(name.as_bytes()).unwrap() }
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
fn f_gone_here() {
    assert_eq!(judge(Some(base(Kind::File)), None, Some(there(Kind::File, OLD)), None), Situation::RemoveThere);
    assert_eq!(judge(Some(base(Kind::Folder)), None, Some(there(Kind::Folder, OLD)), None), Situation::RemoveThere);
}

#[test]
fn g_gone_here_and_edited_or_moved_there() {
    let (base, edited, same) = (base(Kind::File), there(Kind::File, NEW), there(Kind::File, OLD));
    assert_eq!(situation(&around(Some(&base), None, Some(&edited), None)), Situation::WriteHere);
    let moved = Neighbourhood { has_moved_there: true, ..around(Some(&base), None, Some(&same), None) };
    assert_eq!(situation(&moved), Situation::WriteHere);
}

#[test]
fn h_gone_there() {
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 0)), None, None), Situation::RemoveHere);
    assert_eq!(judge(Some(base(Kind::Folder)), Some(here(LocalKind::Folder, 9)), None, None), Situation::RemoveHere);
}

#[test]
fn i_gone_there_and_edited_or_moved_here() {
    assert_eq!(judge(Some(base(Kind::File)), Some(here(FILE, 9)), None, None), Situation::CreateThere);
    let (base, here) = (base(Kind::File), here(FILE, 9));
    let moved = Neighbourhood { has_moved_here: true, ..around(Some(&base), Some(&here), None, Some(OLD)) };
    assert_eq!(situation(&moved), Situation::CreateThere);
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

/// A rename shows in `ctime_ns`, and leaves the content: as read.
#[test]
fn what_was_only_moved_is_not_edited() {
    let (base, here, same) = (base(Kind::File), here(FILE, 9), there(Kind::File, OLD));
    let moved = |read| Neighbourhood { has_moved_here: true, ..around(Some(&base), Some(&here), Some(&same), read) };
    assert_eq!(situation(&moved(Some(OLD))), Situation::Same);
    assert_eq!(situation(&moved(Some(OTHER))), Situation::WriteThere);
    assert_eq!(situation(&moved(None)), Situation::WriteThere, "unread, it must be sent");
}

#[test]
fn p_to_s_moved() {
    let (was, here, there) = (spot(0, "was"), spot(0, "here"), spot(3, "there"));
    assert_eq!(placing(&was, &was, &was), Placing::Same);
    assert_eq!(placing(&was, &here, &was), Placing::MoveThere, "P");
    assert_eq!(placing(&was, &was, &there), Placing::MoveHere, "Q");
    assert_eq!(placing(&was, &there, &there), Placing::Agree, "R");
    assert_eq!(placing(&was, &here, &there), Placing::MoveHere, "S");
}

#[test]
fn u_not_looked_at() {
    let (base, there) = (base(Kind::File), there(Kind::File, OLD));
    for there in [None, Some(&there)] {
        let around = Neighbourhood { base: Some(&base), there, ..Neighbourhood::default() };
        assert_eq!(situation(&around), Situation::Unknown);
    }
    let new = Neighbourhood { there: Some(&there), ..Neighbourhood::default() };
    assert_eq!(situation(&new), Situation::WriteHere, "what was never here needs no looking for");
}

/// What takes no part where the log has it.
fn judge_apart(base: Option<BaseRow>, here: Option<LocalChild>) -> Situation {
    let there = there(Kind::File, OLD);
    situation(&Neighbourhood { is_apart: true, ..around(base.as_ref(), here.as_ref(), Some(&there), None) })
}

#[test]
fn v_apart_there() {
    assert_eq!(judge_apart(None, None), Situation::Apart);
}

#[test]
fn w_as_base_here_and_apart_there() {
    assert_eq!(judge_apart(Some(base(Kind::File)), Some(here(FILE, 0))), Situation::Leave);
    assert_eq!(judge_apart(Some(base(Kind::Folder)), Some(here(LocalKind::Folder, 9))), Situation::Leave);
}

#[test]
fn x_edited_here_and_apart_there() {
    assert_eq!(judge_apart(Some(base(Kind::File)), Some(here(FILE, 9))), Situation::Keep);
    let (base, here, there) = (base(Kind::File), here(FILE, 9), there(Kind::File, OLD));
    let read = |digest| around(Some(&base), Some(&here), Some(&there), Some(digest));
    assert_eq!(situation(&Neighbourhood { is_apart: true, ..read(OTHER) }), Situation::Keep);
    assert_eq!(situation(&Neighbourhood { is_apart: true, ..read(OLD) }), Situation::Leave, "only touched");
}

#[test]
fn y_gone_here_and_apart_there() {
    assert_eq!(judge_apart(Some(base(Kind::File)), None), Situation::Forget, "never a removal");
    let (base, there) = (base(Kind::File), there(Kind::File, OLD));
    let unseen = Neighbourhood { here: Presence::Unseen, ..around(Some(&base), None, Some(&there), None) };
    assert_eq!(situation(&Neighbourhood { is_apart: true, ..unseen }), Situation::Unknown);
}

#[test]
fn z_new_and_apart_here() {
    let here = here(FILE, 0);
    let new = Neighbourhood { is_apart: true, ..around(None, Some(&here), None, None) };
    assert_eq!(situation(&new), Situation::Apart);
}
