//! A gateway as the configurators see it.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    id::RelocationId,
    ports::{DriverError, Wait},
    reply::{Presence, Reason},
    request::Spot,
};
use tokio::sync::Mutex;

use super::{
    Options,
    client::Client,
    profile::{FillError, PortState, Profile},
    rpc::{self, RpcError},
};
use crate::device::{Change, Device, Found, permanent, transient};

/// What a device is asked before a change, for people.
const LOCK: &str = "lock its configuration";

/// The one session of this process with a gateway, connected when first needed and anew when it was lost. Whoever uses it
/// has it alone.
pub struct Line {
    name: String,
    options: Options,
    profile: Profile,
    session: Mutex<Option<Session>>,
}

struct Session {
    client: Client,
    /// Whether it has taken back, or had none to take back, what an earlier one left to be confirmed.
    settled: bool,
}

/// What becomes of a commit once it was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It stands.
    Stands,
    /// It is left to be confirmed, for this relocation.
    IsHeld(RelocationId),
}

impl Line {
    /// A gateway of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, options: Options, profile: Profile) -> Arc<Self> {
        Arc::new(Self { name: name.into(), options, profile, session: Mutex::new(None) })
    }

    /// Whether it can be reached and spoken to: nothing is asked of it.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), DriverError> {
        let mut session = self.session.lock().await;
        let open = self.open(session.take()).await?;
        *session = Some(open);
        Ok(())
    }

    async fn open(&self, session: Option<Session>) -> Result<Session, DriverError> {
        if let Some(session) = session {
            return Ok(session);
        }
        let client = Client::connect(&self.name, &self.options).await?;
        Ok(Session { client, settled: false })
    }

    /// By this name a commit waits to be confirmed: the same for all processes, so that whoever comes after one that died
    /// can take it back.
    fn persist(&self) -> String {
        format!("rehome-{}", self.name)
    }

    /// By this name a cutover is held. Nobody takes that for what a dead process has left.
    fn persist_held(&self, by: RelocationId) -> String {
        format!("rehome-{}-{by}", self.name)
    }

    /// For how long it holds cutovers.
    pub(crate) fn holds(&self) -> Option<Duration> {
        (self.options.hold_s > 0).then(|| Duration::from_secs(self.options.hold_s.into()))
    }

    /// Lets stand the cutover that is held for a relocation. Afterwards nothing waits to be confirmed: whatever was refused is taken
    /// back, so that what is seen from then on stays.
    async fn confirm_held(&self, session: &mut Session, by: RelocationId) -> Result<(), DriverError> {
        if !session.client.capabilities.confirmed_commit() {
            return Ok(());
        }
        let confirm = rpc::confirm(&self.persist_held(by));
        match session.client.call("confirm the cutover", &confirm).await {
            Err(error) if !error.transient => self.take_back_all(session, by).await.map(drop),
            confirmed => confirmed.map(drop),
        }
    }

    /// Takes back what waits to be confirmed: the cutover that is held for a relocation, and what a dead process has left. Whether
    /// there was such a thing.
    async fn take_back_all(&self, session: &mut Session, by: RelocationId) -> Result<bool, DriverError> {
        let can = &session.client.capabilities;
        if !can.candidate() || !can.confirmed_commit() {
            return Ok(false);
        }
        let held = match session.client.call(TAKE_BACK, &rpc::cancel(&self.persist_held(by))).await {
            Ok(_) => true,
            Err(error) if error.transient => return Err(error),
            // That there was none: its time was over, or it stands already.
            Err(_) => false,
        };
        if self.options.confirm_s == 0 {
            return Ok(held);
        }
        let left = self.lock(session, "candidate").await?;
        session.client.call("unlock its configuration", &rpc::unlock("candidate")).await?;
        Ok(held || left)
    }

    fn filled(&self, error: &FillError) -> DriverError {
        permanent(Reason::Other, format!("{}: {error}", self.name))
    }

    async fn running(
        &self,
        session: &mut Session,
        spots: &[Spot],
    ) -> Result<Vec<Option<Found>>, DriverError> {
        let filter = self.profile.filter(spots).map_err(|error| self.filled(&error))?;
        let reply = session.client.call("tell its configuration", &rpc::get_running(&filter)).await?;
        let none = super::xml::Element::default();
        self.profile.read(spots, reply.at("data").unwrap_or(&none)).map_err(|error| self.filled(&error))
    }

    /// Whether a port is there and up, as far as the profile knows how to ask.
    async fn ready(&self, session: &mut Session, port: &str) -> Result<(), DriverError> {
        let filter = self.profile.port_filter(port).map_err(|error| self.filled(&error))?;
        let Some(filter) = filter else { return Ok(()) };
        let reply = session.client.call("tell how a port is", &rpc::get(&filter)).await?;
        let none = super::xml::Element::default();
        let state = self.profile.port(port, reply.at("data").unwrap_or(&none));
        let refused = |text: String| Err(permanent(Reason::Rejected, text));
        match state.map_err(|error| self.filled(&error))? {
            PortState::Up => Ok(()),
            PortState::Missing => refused(format!("{} has no port `{port}`", self.name)),
            PortState::Down(says) => {
                refused(format!("the port `{port}` of {} is not up: it says `{says}`", self.name))
            }
        }
    }

    /// Locks what is to be changed: the candidate alone, since with running locked too some devices do not take a commit back
    /// when told to.
    ///
    /// A commit that waits to be confirmed is taken back then, so that what is seen from now on stays: who made it would still
    /// hold the lock, had they not died. Answers whether there was one.
    async fn lock(&self, session: &mut Session, target: &str) -> Result<bool, DriverError> {
        let lock = rpc::lock(target);
        let locked = session.client.ask(LOCK, &lock).await?;
        let refused = |errors: &[RpcError]| rpc::refusal(&self.name, LOCK, errors);
        if !session.client.capabilities.confirmed_commit() {
            return locked.map(|_| false).map_err(|errors| refused(&errors));
        }
        let Err(errors) = locked else { return self.settle(session).await };
        // Some devices can't be locked as long as a commit waits, and netconfd is one. What a session has locked is not touched:
        // it may be at it this very moment. Where a device does not say who has the lock, only once in a session: then the
        // confirmation of one who is at it is refused, and it tries again.
        let is_left = match rpc::lock_holder(&errors) {
            Some(holder) => holder == 0,
            None => !session.settled,
        };
        let error = refused(&errors);
        if error.failure.reason != Reason::Locked || !is_left {
            return Err(error);
        }
        let taken_back = self.settle(session).await?;
        session.client.call(LOCK, &lock).await?;
        Ok(taken_back)
    }

    /// Takes back the commit that waits to be confirmed, if there is one.
    async fn settle(&self, session: &mut Session) -> Result<bool, DriverError> {
        match session.client.call(TAKE_BACK, &rpc::cancel(&self.persist())).await {
            Err(error) if error.failure.reason == Reason::Unreachable => Err(error),
            // A refusal, in whichever words, says that there was none.
            answered => {
                session.settled = true;
                Ok(answered.is_ok())
            }
        }
    }

    /// The changes, within the lock of the target.
    async fn change(
        &self,
        session: &mut Session,
        target: &str,
        changes: &[Change],
        then: Then,
    ) -> Result<(), DriverError> {
        let spots: Vec<Spot> = changes.iter().map(|change| change.spot.clone()).collect();
        let now = self.running(session, &spots).await?;
        for (change, now) in changes.iter().zip(&now) {
            if *now != change.found {
                let text = format!("{} was changed by somebody else between look and edit", change.spot);
                return Err(transient(Reason::Conflict, text));
            }
        }
        let edit = self.profile.edit(changes).map_err(|error| self.filled(&error))?;
        let can = session.client.capabilities.clone();
        let edit = rpc::edit(target, can.rollback_on_error(), &edit);
        session.client.call("take the edit", &edit).await?;
        if target == "running" {
            return self.read_back(session, &spots, changes).await;
        }
        if self.options.validate {
            session.client.call("validate the edit", rpc::VALIDATE).await?;
        }
        let (seconds, persist) = match then {
            Then::Stands => (self.options.confirm_s, self.persist()),
            Then::IsHeld(by) => (self.options.hold_s, self.persist_held(by)),
        };
        if seconds == 0 || !can.confirmed_commit() {
            session.client.call("commit", rpc::COMMIT).await?;
            return self.read_back(session, &spots, changes).await;
        }
        let commit = rpc::commit_confirmed(seconds, &persist);
        session.settled = false;
        session.client.call("commit", &commit).await?;
        if let Err(error) = self.read_back(session, &spots, changes).await {
            session.client.call("take back the commit", &rpc::cancel(&persist)).await?;
            session.settled = true;
            return Err(error);
        }
        if then != Then::Stands {
            return Ok(());
        }
        let confirmed = session.client.call("confirm the commit", &rpc::confirm(&persist)).await;
        session.settled = true;
        // Whether the time was over or another has taken it back: it is not there, and may be done again.
        confirmed.map(drop).map_err(|error| DriverError { transient: true, ..error })
    }

    /// An answer of a device is not yet its configuration.
    async fn read_back(
        &self,
        session: &mut Session,
        spots: &[Spot],
        changes: &[Change],
    ) -> Result<(), DriverError> {
        let now = self.running(session, spots).await?;
        for (change, now) in changes.iter().zip(now) {
            let wanted = change.put.as_ref().map(|holding| self.profile.expected(holding));
            if now != wanted {
                let text = format!(
                    "{} says that it has taken the commit, but at {} it has {}, expected {}",
                    self.name,
                    change.spot,
                    told(now.as_ref()),
                    told(wanted.as_ref()),
                );
                return Err(permanent(Reason::Rejected, text));
            }
        }
        Ok(())
    }

    /// Locks, changes, unlocks; whatever went wrong, nothing is left in the candidate.
    async fn locked(&self, session: &mut Session, changes: &[Change], then: Then) -> Result<(), DriverError> {
        let candidate = session.client.capabilities.candidate();
        if !candidate && !session.client.capabilities.writable_running() {
            let text = format!(
                "{} has neither a candidate configuration nor a running one that can be written",
                self.name
            );
            return Err(permanent(Reason::Rejected, text));
        }
        let target = if candidate { "candidate" } else { "running" };
        let done = if self.lock(session, target).await? {
            // What was found may have been that commit's, also where nothing was to be changed for it.
            let text =
                format!("{}: a commit that nobody confirmed was taken back between look and edit", self.name);
            Err(transient(Reason::Conflict, text))
        } else {
            self.change(session, target, changes, then).await
        };
        if is_lost(&done) {
            return done;
        }
        if done.is_err() && candidate {
            session.client.call("forget the edit", rpc::DISCARD).await?;
        }
        session.client.call("unlock its configuration", &rpc::unlock(target)).await?;
        done
    }
}

/// Whether the session may have an answer on its way that nobody waits for.
fn is_lost<T>(done: &Result<T, DriverError>) -> bool {
    done.as_ref().is_err_and(|error| error.failure.reason == Reason::Unreachable)
}

fn told(found: Option<&Found>) -> String {
    found.map_or_else(
        || "nothing".to_owned(),
        |found| {
            let presence = match found.presence {
                Presence::Absent => "nothing",
                Presence::Reserved => "a reservation",
                Presence::Partial => "half a circuit",
                Presence::Installed => "a circuit",
            };
            let part = |name: &str, value: &Option<String>| {
                value.as_ref().map(|value| format!(", {name} {value}")).unwrap_or_default()
            };
            format!(
                "{presence} `{}`{}{}",
                found.description,
                part("address", &found.ip),
                part("VRF", &found.vrf)
            )
        },
    )
}

/// What a device is asked to do with a commit that is not to stand.
const TAKE_BACK: &str = "take back a commit";

/// A gateway, over the process's one session with it.
pub struct Gateway(pub Arc<Line>);

impl Gateway {
    /// Uses the process's session, alone.
    async fn with<T>(
        &self,
        use_it: impl AsyncFnOnce(&Line, &mut Session) -> Result<T, DriverError>,
    ) -> Result<T, DriverError> {
        let line = self.0.as_ref();
        let mut place = line.session.lock().await;
        // Out of its place meanwhile: a session whose use is given up half-way is not used again.
        let mut session = line.open(place.take()).await?;
        let done = use_it(line, &mut session).await;
        if !is_lost(&done) {
            *place = Some(session);
        }
        done
    }

    /// Makes the changes.
    async fn put(&self, changes: &[Change], then: Then) -> Result<(), DriverError> {
        let half =
            |change: &&Change| change.put.as_ref().is_some_and(|put| put.presence == Presence::Partial);
        if let Some(change) = changes.iter().find(half) {
            let text = format!("nothing is put half-way at {}", change.spot);
            return Err(permanent(Reason::Rejected, text));
        }
        self.with(async |line, session| line.locked(session, changes, then).await).await
    }
}

impl Device for Gateway {
    fn look<'a>(&'a mut self, spots: &'a [Spot]) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        Box::pin(self.with(async |line, session| line.running(session, spots).await))
    }

    fn settle(&mut self, by: RelocationId) -> Wait<'_, Result<bool, DriverError>> {
        Box::pin(self.with(async move |line, session| line.take_back_all(session, by).await))
    }

    fn confirm(&mut self, by: RelocationId) -> Wait<'_, Result<(), DriverError>> {
        Box::pin(self.with(async move |line, session| line.confirm_held(session, by).await))
    }

    fn is_ready<'a>(&'a mut self, spot: &'a Spot) -> Wait<'a, Result<(), DriverError>> {
        Box::pin(self.with(async |line, session| line.ready(session, &spot.port).await))
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        Box::pin(self.put(changes, Then::Stands))
    }

    fn hold<'a>(&'a mut self, changes: &'a [Change], by: RelocationId) -> Wait<'a, Result<(), DriverError>> {
        let then = if self.0.holds().is_some() { Then::IsHeld(by) } else { Then::Stands };
        Box::pin(self.put(changes, then))
    }

    fn preview(&self, changes: &[Change]) -> Vec<String> {
        match self.0.profile.edit(changes) {
            Ok(edit) => {
                edit.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
            }
            Err(error) => vec![error.to_string()],
        }
    }
}
