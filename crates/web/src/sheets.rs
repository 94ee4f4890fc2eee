//! Sheets: many relocations submitted at once. The whole sheet is read first; one with a fault submits nothing.

use std::sync::Arc;

use rehome_domain::{lang::Lang, request::Request, role::Role};

use crate::{
    door::Caller,
    frame::Problem,
    runs::{Run, Runs, Sent, What, Wish},
    site::Workbench,
};

/// The largest sheet that is taken, in bytes: some ten thousand rows.
pub(crate) const LARGEST: usize = 4 * 1024 * 1024;
/// The most rows or faults of a sheet that are told of. All rows are submitted.
pub(crate) const TOLD: usize = 1000;

/// Reads sheets.
pub trait SheetReader: Send + Sync {
    /// The relocations of a sheet, CSV or JSON by its name or by how it begins.
    ///
    /// # Errors
    /// All that is wrong with it, in words.
    fn read(&self, name: &str, bytes: &[u8], lang: Lang) -> Result<Vec<SheetRow>, Vec<SheetFault>>;
}

/// A relocation of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// Its line or number.
    pub line: usize,
    /// What is asked for.
    pub request: Arc<Request>,
}

/// What is wrong with a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetFault {
    /// In which line or object; none if with all of it.
    pub line: Option<usize>,
    /// With which field.
    pub field: Option<String>,
    /// What, for people.
    pub problem: String,
}

/// Begins to submit all rows of a sheet, each under its own id: what was submitted before is found again.
///
/// # Errors
/// If the caller may submit nothing, or the process stops: nothing was submitted then.
pub(crate) fn submit(
    workbench: &Arc<Workbench>,
    caller: &Caller,
    rows: Vec<SheetRow>,
) -> Result<Arc<Run>, Problem> {
    caller.needs(Role::TO_SUBMIT)?;
    let sent = rows.into_iter().map(|SheetRow { request, .. }| Sent {
        service: request.service_id.clone(),
        relocation: request.relocation(),
        wish: Wish::Row(request),
    });
    Runs::start(workbench, What::Submit, caller.by(), sent.collect())
}
