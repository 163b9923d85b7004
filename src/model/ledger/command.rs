//! The commands that the ledger accepts.

use super::codes::{CreateCodes, DeleteCode};
use super::data::BuyData;
use super::devices::SetDevices;
use super::footprint::Footprint;
use super::issue::Issue;
use super::move_units::MoveUnits;
use super::operation::{ActorFacts, Operation, Transfer};
use super::purchases::{FillPool, TakeBack};
use super::redeem::Redeem;
use super::refusal::Stop;
use super::state::Ledger;
use super::vouchers::{CancelCodes, ExpireCodes, Fulfil, ReplaceCode};

/// What an operation does.
#[derive(Debug, Clone)]
pub enum Command {
    Issue(Issue),
    MoveUnits(MoveUnits),
    CreateCodes(CreateCodes),
    DeleteCode(DeleteCode),
    Redeem(Redeem),
    SetDevices(SetDevices),
    Fulfil(Fulfil),
    FillPool(FillPool),
    TakeBack(TakeBack),
    BuyData(BuyData),
    ExpireCodes(ExpireCodes),
    CancelCodes(CancelCodes),
    ReplaceCode(ReplaceCode),
}

impl Command {
    pub(super) fn rules(&self) -> &dyn Rules {
        match self {
            Command::Issue(command) => command,
            Command::MoveUnits(command) => command,
            Command::CreateCodes(command) => command,
            Command::DeleteCode(command) => command,
            Command::Redeem(command) => command,
            Command::SetDevices(command) => command,
            Command::Fulfil(command) => command,
            Command::FillPool(command) => command,
            Command::TakeBack(command) => command,
            Command::BuyData(command) => command,
            Command::ExpireCodes(command) => command,
            Command::CancelCodes(command) => command,
            Command::ReplaceCode(command) => command,
        }
    }
}

/// The rules of one command.
pub(super) trait Rules {
    /// Names everything that [`Rules::decide`] may touch. It is called again with what was found, until it names
    /// nothing new. Naming too much costs a read; an omission fails the operation.
    fn footprint(&self, actor: &ActorFacts, touches: &mut Footprint<'_>);

    /// Carries out the command and returns its transfers, or refuses it before anything has changed.
    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop>;
}
