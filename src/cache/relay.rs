//! What a process that is cut off from Redis asks its peers to do there, and their answers, as text.

use super::commands::Raise;
use super::mark::{Mark, MarkId};
use crate::domain::log_position::LogPosition;
use std::fmt;
use std::str::FromStr;

/// A step of a write that a peer takes in the writer's stead.
#[derive(Clone, Debug)]
pub enum Relayed {
    /// To leave this mark.
    Mark(MarkId, Mark),
    /// To raise for a write, whose commit is shown by whoever has replayed this position.
    Raise(Raise, LogPosition),
}

/// The words of the step, parted by spaces: `mark ID TRANSACTION SCOPES`, or `raise POSITION MARK SCOPES`,
/// in which `-` stands for no mark.
impl fmt::Display for Relayed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark(id, mark) => write!(out, "mark {} {mark}", id.as_str()),
            Self::Raise(Raise { scopes, mark }, position) => {
                let mark = mark.as_ref().map_or("-", MarkId::as_str);
                write!(out, "raise {position} {mark} {scopes}")
            }
        }
    }
}

impl FromStr for Relayed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (step, rest) = text.split_once(' ').ok_or(())?;
        match step {
            "mark" => {
                let (id, mark) = rest.split_once(' ').ok_or(())?;
                Ok(Self::Mark(id.into(), Mark::read(mark)))
            }
            "raise" => {
                let mut words = rest.splitn(3, ' ');
                let mut word = || words.next().ok_or(());
                let position = word()?.parse()?;
                let mark = Some(word()?).filter(|id| *id != "-").map(MarkId::from);
                let scopes = word()?.parse()?;
                Ok(Self::Raise(Raise { scopes, mark }, position))
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_survives_its_text() {
        let position = "0000000000000001-00000001-00000000000000ff";
        for text in [
            "mark 00000000000000aa 0000000000000001-00000001-7 all,u1".to_owned(),
            format!("raise {position} 00000000000000aa all,u1"),
            format!("raise {position} - *"),
        ] {
            let step: Relayed = text.parse().unwrap();
            assert_eq!(step.to_string(), text);
        }
    }
}
