//! Extending the organisation's chain, among others who do the same.

use vauban_protocol::wire::Refusal;

use crate::clock;
use crate::failure::Failure;
use crate::limit::CERTIFY_TRIES_MAX;
use crate::link::{Link, LinkError};
use crate::organisation::{ChainError, Draft};
use crate::session::Session;

/// Where new certificates go.
#[derive(Clone, Copy)]
pub enum Certifying<'a> {
    /// To a node, which has the last word on their order.
    At(&'a Link),
    /// To this home alone, as long as no node has been admitted; the first one gets them with its admission.
    Here,
}

impl Session {
    /// Drafts certificates on the newest chain and appends them; drafts them anew if others came first. Nothing is done where nothing is
    /// to be said.
    ///
    /// # Errors
    /// [`Failure`] of the draft; [`ChainError::Busy`] if others keep coming first; [`ChainError::Missing`] if this home alone is to know of
    /// it, and has lost what it knew.
    pub async fn certify<T>(
        &self,
        certifying: Certifying<'_>,
        mut draw_up: impl FnMut(&mut Draft) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // What is drafted on less than was said before would be another history.
        if matches!(certifying, Certifying::Here) && !self.reaches_anchor()? {
            return Err(ChainError::Missing.into());
        }
        for _ in 0..CERTIFY_TRIES_MAX {
            let before = self.organisation();
            let mut draft = Draft::new(&before, clock::now());
            let said = draw_up(&mut draft)?;
            let (certificates, head) = draft.finish();
            if certificates.is_empty() {
                return Ok(said);
            }
            let link = match certifying {
                Certifying::At(link) => link,
                Certifying::Here => {
                    self.append(&certificates)?;
                    return Ok(said);
                }
            };
            match link.certify(&certificates).await {
                Ok(_) => {
                    self.append(&certificates)?;
                    return Ok(said);
                }
                Err(error @ LinkError::Refused { refusal: Refusal::Certificate { .. }, .. }) => {
                    self.catch_up(link).await?;
                    let after = self.organisation();
                    // The answer to an earlier try was lost: what was drafted stands in the chain.
                    if after.passed(head) {
                        return Ok(said);
                    }
                    if after.head() == before.head() {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChainError::Busy(self.organisation().head()).into())
    }
}
