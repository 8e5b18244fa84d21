//! Whatever three trees stand beside each other, their plan is the same each time, takes nothing that was not seen and agreed on, and
//! carried out again and again ends with trees that agree and nothing left to do; or, where names and folders are exchanged crosswise on
//! both sides at once, with something that the plan says is left. Seconds in `cargo test`; longer by `make fuzz`.

mod model;

use std::collections::BTreeSet;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bolero::check;
use vauban_protocol::id::SpaceId;

use self::model::Trees;
use crate::log::{Op, Tree as _};
use crate::sync::plan::{LogChange, Plan};
use crate::sync::standing::Spot;
use crate::tree::{SyncRoot, ThisDisk};

/// How long the target runs.
const TIME: Duration = Duration::from_secs(4);
/// Steps of each of the three histories, at most: deeper ones only repeat.
const STEPS_MAX: usize = 12;
/// Plans that are carried out, until nothing may be left to do.
const PLANS_MAX: usize = 10;

/// What was done before both sides agreed, then in the log, then on the disk; and whether the base was lost.
type Histories = (Vec<[u8; 4]>, Vec<[u8; 4]>, Vec<[u8; 4]>, bool);

#[test]
fn fuzz_any_three_trees_come_to_agree() {
    let folder = tempfile::tempdir().unwrap();
    let root = Arc::new(SyncRoot::look(&ThisDisk, folder.path(), SpaceId([1; 16])).unwrap());
    let plans = Shielded(&root);
    check!().with_type::<Histories>().with_test_time(TIME).for_each(|histories| come_to_agree(plans.get(), histories));
}

/// The root is only named in plans: nothing of it is looked at.
struct Shielded<'a>(&'a Arc<SyncRoot>);

impl RefUnwindSafe for Shielded<'_> {}

impl<'a> Shielded<'a> {
    fn get(&self) -> &'a Arc<SyncRoot> {
        self.0
    }
}

fn come_to_agree(root: &Arc<SyncRoot>, (before, there, here, is_base_lost): &Histories) {
    let mut trees = Trees::grow([before, there, here].map(|steps| &steps[..steps.len().min(STEPS_MAX)]));
    // What was agreed on is in the log's history, whatever stands there now.
    let mut known: BTreeSet<_> = trees.base.values().filter_map(|row| row.content).collect();
    known.extend(trees.contents_there());
    if *is_base_lost {
        trees.lose_base();
    }
    let owed = trees.contents_here();
    for _ in 0..PLANS_MAX {
        trees.recognise();
        let plan = trees.clone().plan(root);
        assert_eq!(format!("{plan:?}"), format!("{:?}", trees.clone().plan(root)), "two plans for one situation");
        judge(&trees, &plan);
        if is_nothing(&plan) {
            assert_eq!(trees.shown_here(), trees.shown_there(), "nothing is left to do, and they do not agree");
            known.extend(trees.contents_here());
            let lost: Vec<_> = owed.difference(&known).collect();
            assert!(lost.is_empty(), "lost: {lost:?}");
            return;
        }
        let plan = trees.plan(root);
        trees.carry_out(plan);
        known.extend(trees.contents_there());
    }
    let plan = trees.plan(root);
    assert!(plan.left > 0, "something is left to do after {PLANS_MAX} plans: {plan:?}");
}

/// Nothing is taken that was not agreed on and is not as it was; nothing is done to one entry twice.
fn judge(trees: &Trees, plan: &Plan) {
    for LogChange { op, .. } in &plan.log_changes {
        if let Op::Remove { entry } = op {
            let base = trees.base.get(entry).expect("removed in the log, and never agreed on");
            let place = trees.log.place(*entry).unwrap().expect("removed in the log, which has it no more");
            assert!(!trees.here.has(*entry), "removed in the log, and still here");
            assert_eq!(trees.content_there(*entry), base.content, "removed in the log, and edited there");
            let is_moved = Spot::of(&place) != Spot { parent: base.parent, name: base.name.clone() };
            assert!(!is_moved, "removed in the log, and moved there");
        }
    }
    for trashing in &plan.trashings {
        let base = trees.base.get(&trashing.entry).expect("removed here, and never agreed on");
        assert!(!trees.log.has(trashing.entry), "removed here, and still in the log");
        assert_eq!(trees.content_here(trashing.entry), base.content, "removed here, and edited here");
    }
    for download in plan.downloads.iter().filter(|download| download.replaces_base) {
        let base = trees.base.get(&download.child.entry).expect("replaced here, and never agreed on");
        assert_eq!(trees.content_here(base.entry), base.content, "replaced here, and edited here");
    }
    for upload in plan.uploads.iter().filter(|upload| !upload.is_new) {
        let there = trees.content_there(upload.entry);
        let is_known = trees.base.get(&upload.entry).is_some_and(|base| base.content == there);
        assert!(is_known || there.is_none(), "replaced in the log, and edited there");
    }
    let mut once = BTreeSet::new();
    let taken = plan.trashings.iter().map(|trashing| trashing.entry);
    let written = plan.downloads.iter().map(|download| download.child.entry);
    let sent = plan.uploads.iter().map(|upload| upload.was.unwrap_or(upload.entry));
    for entry in taken.chain(written).chain(sent) {
        assert!(once.insert(entry), "two things are done about the content of {entry}");
    }
}

fn is_nothing(plan: &Plan) -> bool {
    plan.log_changes.is_empty()
        && plan.uploads.is_empty()
        && plan.trashings.is_empty()
        && plan.asides.is_empty()
        && plan.shifts.is_empty()
        && plan.folders_there.is_empty()
        && plan.downloads.is_empty()
        && plan.agreed.is_empty()
        && plan.forgotten.is_empty()
}
