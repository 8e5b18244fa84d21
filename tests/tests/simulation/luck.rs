//! What may happen in one life. Each life has a few kinds of faults, and others none of them: rare faults together hide less than all
//! faults always.

use crate::dice::Dice;

/// Chances are in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Luck {
    pub(crate) devices: usize,
    pub(crate) turns: usize,
    /// Only the first device's person does anything.
    pub(crate) is_lone: bool,
    pub(crate) reuses_inodes: bool,
    pub(crate) has_twins: bool,
    pub(crate) has_links: bool,
    /// A step of the disk is the process's last.
    pub(crate) crash: u32,
    /// Of crashes, those by which the power fails.
    pub(crate) power: u32,
    /// Of what people write, what is flushed.
    pub(crate) flush: u32,
    /// A person does something between two steps.
    pub(crate) edit: u32,
    /// Another device runs between two steps.
    pub(crate) nested: u32,
    /// A step fails.
    pub(crate) refusal: u32,
    pub(crate) lost_request: u32,
    pub(crate) lost_answer: u32,
    pub(crate) doubled: u32,
    /// Between two turns:
    pub(crate) lag: u32,
    pub(crate) cache_lost: u32,
    pub(crate) cache_restored: u32,
    pub(crate) unmounted: u32,
    pub(crate) emptied: u32,
    pub(crate) unreadable: u32,
    pub(crate) approved_blindly: u32,
    pub(crate) new_folder: u32,
    pub(crate) copied: u32,
    pub(crate) hours: u32,
}

impl Luck {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut rare = |chances: [u32; 3]| if dice.roll(3) == 0 { *dice.pick(&chances).unwrap_or(&0) } else { 0 };
        let crash = rare([5, 20, 60]);
        let edit = rare([5, 20, 80]);
        let nested = rare([2, 10, 30]);
        let refusal = rare([2, 10, 30]);
        let (lost_request, lost_answer, doubled) = (rare([20, 60, 150]), rare([20, 60, 150]), rare([50, 100, 300]));
        let (lag, cache_lost, cache_restored) = (rare([50, 100, 200]), rare([30, 60, 100]), rare([30, 60, 100]));
        let (unmounted, emptied, unreadable) = (rare([50, 100, 200]), rare([50, 100, 200]), rare([50, 100, 200]));
        let (approved_blindly, hours) = (rare([200, 500, 900]), rare([100, 200, 300]));
        let (new_folder, copied) = (rare([20, 40, 60]), if dice.roll(8) == 0 { 60 } else { 0 });
        Self {
            devices: 2 + [0, 0, 0, 1, 1, 2][dice.roll(6)],
            turns: 6 + dice.roll(9),
            is_lone: dice.roll(5) == 0,
            reuses_inodes: dice.roll(2) == 0,
            has_twins: dice.roll(4) == 0,
            has_links: dice.roll(4) == 0,
            crash,
            power: [0, 500, 1000][dice.roll(3)],
            flush: [300, 800, 1000][dice.roll(3)],
            edit,
            nested,
            refusal,
            lost_request,
            lost_answer,
            doubled,
            lag,
            cache_lost,
            cache_restored,
            unmounted,
            emptied,
            unreadable,
            approved_blindly,
            new_folder,
            copied,
            hours,
        }
    }

    /// Whether what one person means is what must come out: nothing but this machine's own faults can come between.
    pub(crate) fn is_foreseeable(&self) -> bool {
        let power_cuts = self.crash > 0 && self.power > 0;
        let others = self.cache_lost
            + self.cache_restored
            + self.copied
            + self.new_folder
            + self.edit
            + self.refusal
            + self.unreadable
            + self.emptied;
        self.is_lone && !power_cuts && others == 0
    }
}
