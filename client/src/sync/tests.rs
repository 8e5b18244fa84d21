//! The engine against a model of a node that keeps every rule a real one keeps, and breaks the line when told to.

mod brakes;
mod checkpoints;
mod conflicts;
mod crashes;
mod false_checkpoints;
mod false_keys;
mod faults;
mod halts;
mod histories;
mod hostile;
mod ignored;
mod injected;
mod manifests;
mod moves;
mod node;
mod past;
mod releases;
mod removals;
mod room;
mod scoped;
mod selected;
mod set_back;
mod stopping;
mod story;
mod words;
mod world;
