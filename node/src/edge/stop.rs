//! The word that the node stops, from whoever decides it to everyone who serves.

use tokio::sync::watch;

/// Says that the node stops. Dropping it says so, too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears that the node stops.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// The two ends.
#[must_use]
pub fn stop_channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says it, once and for all.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until it is said.
    pub async fn stopped(&mut self) {
        // An error means that the stopper is gone, and with it whoever could still want the node to run.
        let _said = self.0.wait_for(|said| *said).await;
    }
}
