//! Lives in which something comes between two calls of a run: each once was a fault of this engine's.

use std::collections::BTreeSet;

use vauban_client::log::{EntryId, Op, Said};
use vauban_protocol::id::Digest;
use vauban_protocol::space::Commit;
use vauban_protocol::wire::Request;

use super::*;
use crate::cloud::{Fate, Witness};

/// Which contents each entry ever had.
struct Contents {
    stage: Arc<Stage>,
    of: Mutex<BTreeMap<EntryId, BTreeSet<Digest>>>,
}

impl Witness for Contents {
    fn asked(&self, _device: usize, _request: &Request) -> Fate {
        Fate::Pass
    }

    fn committed(&self, _device: usize, commit: &Commit) {
        let Ok(Said::Changes(changes)) = self.stage.epochs.open_ops(commit) else { return };
        for op in &changes.ops {
            if let Op::Write { entry, version } = op {
                self.of.lock().unwrap().entry(*entry).or_default().insert(version.content);
            }
        }
    }

    fn counter_used(&self, _device: usize) {}
}

/// A folder is in the way of a file, and something lies in it that was agreed on elsewhere. Each step in turn is refused: what was
/// displaced, and could not be put back, is not taken for removed.
#[test]
fn what_is_displaced_and_cannot_be_put_back_is_removed_from_nobody() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "a/f", "of a", true);
        write(&pair.disks[0], "stays", "stays", true);
        pair.settle();
        write(&pair.disks[0], "d", "a file", true);
        pair.sync(0);
        let folder = {
            let mut volume = pair.disks[1].volume();
            let (folder, name) = volume.make_way("d/a").unwrap();
            volume.rename((ROOT, "a"), (folder, name), false).unwrap();
            folder
        };
        let Some(ran) = pair.run_told(1, step, Told::Refuse) else {
            assert!(step > 10, "{step} steps are none");
            return;
        };
        let removed = ran.map_or(0, |summary| summary.removed_there);
        assert_eq!(removed, 0, "the step {step} is refused");
        pair.settle();
        let file = pair.disks[1].volume().children(folder).unwrap().len();
        assert_eq!((file, pair.contents(0)), (1, vec!["a file".into(), "of a".into(), "stays".into()]), "{step}");
    }
}

/// Somebody writes to a file that has just landed, and the power fails before its name is durable: what was written is found.
#[test]
fn what_is_written_to_a_file_whose_name_is_lost_is_found() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "f", "one", true);
        pair.sync(0);
        let (was_written, disk) = (Arc::new(AtomicBool::new(false)), Arc::clone(&pair.disks[1]));
        let writes = Arc::clone(&was_written);
        let write_and_die = move |volume: &mut Volume| {
            if let Ok(file) = volume.at("f") {
                volume.write(file, b"mine, of a moment ago").unwrap();
                volume.flush_content(file);
                writes.store(true, Ordering::Relaxed);
                disk.kill();
            }
        };
        if pair.run_told(1, step, Told::Act(Box::new(write_and_die))).is_none() {
            assert!(step > 5, "{step} steps are none");
            return;
        }
        pair.cut_power(1);
        pair.settle();
        let is_found = pair.contents(0).iter().any(|content| content.starts_with("mine"));
        assert!(is_found || !was_written.load(Ordering::Relaxed), "before step {step}: {:?}", pair.contents(0));
    }
}

/// A file is made executable before each call in turn of the runs that write it, or move it: that reaches everybody.
#[test]
fn what_is_made_executable_meanwhile_is_so_for_everybody() {
    let mut pair = Pair::new(&Town::found());
    for is_moved in [false, true] {
        for call in 0.. {
            pair.begin();
            write(&pair.disks[0], "f", "one", true);
            if is_moved {
                pair.settle();
                pair.disks[0].volume().rename((ROOT, "f"), (ROOT, "g"), false).unwrap();
            }
            pair.sync(0);
            let was_made = Arc::new(AtomicBool::new(false));
            let makes = Arc::clone(&was_made);
            let make_executable = move |volume: &mut Volume| {
                if let Ok(file) = volume.at("f").or_else(|_| volume.at("g")) {
                    volume.set_executable(file, true).unwrap();
                    makes.store(true, Ordering::Relaxed);
                }
            };
            let Some(ran) = pair.run_told_at_any_call(1, call, Told::Act(Box::new(make_executable))) else {
                assert!(call > 20, "{call} calls are none");
                break;
            };
            ran.unwrap();
            pair.settle();
            let is_executable = pair.tree(0).values().any(|seen| matches!(seen, Seen::File { executable: true, .. }));
            assert_eq!(is_executable, was_made.load(Ordering::Relaxed), "before call {call}");
        }
    }
}

/// Two folders change places before each call in turn of a run that looks at them twice: no file of one is ever written as a version
/// of the other's.
#[test]
fn folders_swapped_between_two_looks_are_themselves() {
    let mut pair = Pair::new(&Town::found());
    for call in 0.. {
        pair.begin();
        let contents = Arc::new(Contents { stage: Arc::clone(&pair.stage), of: Mutex::default() });
        pair.cloud.set_witness(Some(Arc::<Contents>::clone(&contents)));
        write(&pair.disks[1], "c/f", "of c", true);
        write(&pair.disks[1], "d/f", "of d", true);
        pair.settle();
        write(&pair.disks[1], "c/g", "more of c", true);
        write(&pair.disks[1], "d/g", "more of d", true);
        let swap = |volume: &mut Volume| volume.rename((ROOT, "c"), (ROOT, "d"), true).unwrap();
        let Some(ran) = pair.run_told_at_any_call(1, call, Told::Act(Box::new(swap))) else {
            assert!(call > 40, "{call} calls are none");
            return;
        };
        ran.unwrap();
        pair.settle();
        assert!(contents.of.lock().unwrap().values().all(|contents| contents.len() == 1), "before call {call}");
        let wanted = [("c/f", "of d"), ("c/g", "more of d"), ("d/f", "of c"), ("d/g", "more of c")];
        for (path, content) in wanted {
            let seen = Seen::File { content: content.into(), executable: false };
            assert_eq!(pair.tree(0).get(path), Some(&seen), "{path}, before call {call}");
        }
    }
}

/// A run is killed before each step in turn, and the file that it was landing is written anew elsewhere: what it left is no edit.
#[test]
fn what_a_killed_run_left_is_no_edit() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "f", "one", true);
        pair.sync(0);
        if pair.run_told(1, step, Told::PowerCut).is_none() {
            assert!(step > 5, "{step} steps are none");
            return;
        }
        pair.disks[1].revive();
        write(&pair.disks[0], "f", "two, and longer", true);
        pair.settle();
        assert_eq!(pair.contents(0), ["two, and longer"], "killed before step {step}");
    }
}

/// A run that moves a file is refused each step in turn, and something else is written where the file was: that is no version of it.
#[test]
fn what_comes_to_stand_where_a_file_was_is_not_that_file() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        let contents = Arc::new(Contents { stage: Arc::clone(&pair.stage), of: Mutex::default() });
        pair.cloud.set_witness(Some(Arc::<Contents>::clone(&contents)));
        write(&pair.disks[0], "a/stays", "stays", true);
        write(&pair.disks[0], "f", "one", true);
        pair.settle();
        {
            let mut volume = pair.disks[0].volume();
            let folder = volume.at("a").unwrap();
            volume.rename((ROOT, "f"), (folder, "f"), false).unwrap();
        }
        pair.sync(0);
        if pair.run_told(1, step, Told::Refuse).is_none() {
            assert!(step > 3, "{step} steps are none");
            return;
        }
        let is_gone = pair.disks[1].volume().at("f").is_err();
        if is_gone {
            write(&pair.disks[1], "f", "another", true);
        }
        pair.settle();
        assert!(contents.of.lock().unwrap().values().all(|contents| contents.len() == 1), "step {step}");
        assert_eq!(pair.contents(0).len(), if is_gone { 3 } else { 2 }, "step {step}");
    }
}

/// A folder is renamed, and another one made under its old name, which is listed before it: it is itself all the same.
#[test]
fn a_folder_that_left_its_name_to_another_one_is_itself() {
    let pair = Pair::new(&Town::found());
    write(&pair.disks[0], "b/f", "one", true);
    write(&pair.disks[0], "b/g", "two", true);
    pair.settle();
    {
        let mut volume = pair.disks[0].volume();
        volume.rename((ROOT, "b"), (ROOT, "d"), false).unwrap();
        volume.create(ROOT, "b", What::Folder(BTreeMap::new()), false).unwrap();
    }
    let summary = pair.sync(0);
    assert_eq!((summary.moved_there, summary.folders, summary.uploaded), (1, 1, 0), "{summary:?}");
    pair.settle();
}

/// A run is killed before each step in turn, and the folders that it was making are removed elsewhere: nobody made them anew.
#[test]
fn what_a_killed_run_made_is_no_new_folder() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "a/d/f", "one", true);
        pair.sync(0);
        if pair.run_told(1, step, Told::PowerCut).is_none() {
            assert!(step > 8, "{step} steps are none");
            return;
        }
        pair.disks[1].revive();
        pair.disks[0].volume().remove_all(ROOT, "a").unwrap();
        write(&pair.disks[0], "a", "two", true);
        pair.settle();
        assert_eq!(pair.contents(0), ["two"], "killed before step {step}");
        assert_eq!(pair.tree(0).len(), 1, "killed before step {step}");
    }
}

/// A folder that others removed leaves its place while a run removes what it was in; a file that others moved out of it is there all
/// the same, and what stands at that file's new name makes way.
#[test]
fn what_left_a_folder_that_is_no_more_is_not_waited_for() {
    let mut pair = Pair::new(&Town::found());
    for call in 0.. {
        pair.begin();
        write(&pair.disks[0], "c/d/f", "one", true);
        write(&pair.disks[0], "x/stays", "stays", true);
        pair.settle();
        {
            let mut volume = pair.disks[1].volume();
            let folder = volume.at("c/d").unwrap();
            volume.rename((folder, "f"), (ROOT, "g"), false).unwrap();
            volume.remove_all(ROOT, "c").unwrap();
        }
        pair.sync(1);
        let leave = |volume: &mut Volume| {
            if let (Ok(from), Ok(to)) = (volume.at("c"), volume.at("x")) {
                let _ = volume.rename((from, "d"), (to, "e"), false);
            }
        };
        let Some(ran) = pair.run_told_at_any_call(0, call, Told::Act(Box::new(leave))) else {
            assert!(call > 20, "{call} calls are none");
            return;
        };
        ran.unwrap();
        {
            let mut volume = pair.disks[0].volume();
            let folder = volume.at("x").unwrap();
            let _ = volume.remove_all(folder, "e");
            let _ = volume.remove_all(ROOT, "g");
        }
        write(&pair.disks[0], "g/h", "two", true);
        pair.settle();
    }
}

/// A file has gone where the log has it, and another one has come to its name, when the power fails and takes the cache's word for both:
/// each is itself, and nothing is written for it.
#[test]
fn a_file_that_had_moved_is_itself_once_the_cache_is_set_back() {
    let mut pair = Pair::new(&Town::found());
    pair.begin();
    write(&pair.disks[0], "c", "old", true);
    pair.settle();
    let before = pair.stage.desk(1).image();
    pair.disks[0].volume().rename((ROOT, "c"), (ROOT, "a"), false).unwrap();
    write(&pair.disks[0], "c", "new, and longer", true);
    pair.sync(0);
    pair.sync(1);
    let desk = pair.stage.desk(1);
    let mut image = desk.image();
    image.restore_cache(&before);
    desk.lay(&image);
    let again = pair.sync(1);
    assert!(again.conflicts.is_empty() && again.uploaded == 0 && again.commits == 0, "{again:?}");
    pair.settle();
    assert_eq!(pair.contents(0), ["old", "new, and longer"]);
    assert_eq!(pair.contents(1), ["old", "new, and longer"]);
}
