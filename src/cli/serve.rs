//! `rehome serve`: a long-running process with some of the roles.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Instant};

use rehome_devices::faults::FaultPlan;
use rehome_web::{Bound, Site};
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, Failure, Setting, Told, say};
use crate::{
    app::{App, Roles, Store},
    telemetry::metrics,
    texts,
    workbench::{self, First},
};

/// Run as a service, with all roles or some of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome serve
  rehome serve --config /etc/rehome/rehome.toml --roles supervisor
  rehome serve --config /etc/rehome/rehome.toml --roles l3,l2 --listen 0.0.0.0:8081
  rehome serve --config /etc/rehome/rehome.toml --roles web

Any number of processes may have a role, on any number of machines, if bus.kind is \"amqp\" and store.kind \"postgres\".
SIGTERM or Ctrl-C: finishes what is in hand, hands back the rest, and ends with exit code 0.")]
pub(super) struct Args {
    /// What this process does, separated by commas
    #[arg(long, value_name = "ROLES", value_delimiter = ',', default_value = "supervisor,l3,l2,web")]
    roles: Vec<Role>,
    /// Data directory of an SQLite store; data.dir if not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to answer over HTTP (workbench, API, /healthz, /readyz, /metrics); http.listen if not given, "" for nowhere
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Fault plan for simulated devices (TOML or JSON)
    #[arg(long, value_name = "PLAN")]
    faults: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Steps tickets and watches their deadlines
    Supervisor,
    /// Carries out orders on gateways
    L3,
    /// Carries out orders on switches
    L2,
    /// Serves the workbench and the API over HTTP
    Web,
}

pub(super) async fn serve(args: Args, setting: &Setting) -> Ended {
    let settings = &setting.loaded.settings;
    let plan = args.faults.as_deref().map(FaultPlan::load).transpose();
    let plan = plan.map_err(|error| Failure::Bad(format!("{:#}", anyhow::Error::from(error))))?;
    let data = args.data.as_ref().unwrap_or(&settings.data.dir);
    let has = |role| args.roles.contains(&role);
    let roles = Roles {
        supervisor: has(Role::Supervisor),
        l3: has(Role::L3),
        l2: has(Role::L2),
        web: has(Role::Web),
    };
    // Before anything starts: a signal that comes while it does is not lost.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listen = args.listen.as_ref().unwrap_or(&settings.http.listen);
    let door = if listen.is_empty() { None } else { Some(Bound::open(listen)?) };
    let figures = metrics::start()?;
    let (store, lock) = App::open(settings, data).await?;
    let kept = store.clone();
    if let Some(door) = door.as_ref().filter(|_| roles.web) {
        first_user(setting, &store, door.address()).await?;
    }
    let app = App::start_over(settings, store, lock, plan, roles).await?;
    let at = door.as_ref().map_or_else(|| "nowhere".to_owned(), |door| door.address().to_string());
    let mut workbench = None;
    let running = match door {
        None => None,
        Some(door) => {
            if roles.web {
                let provider = workbench::provider(&settings.oidc)?;
                workbench = Some(workbench::open(settings, &app, &kept, provider)?);
            }
            let workbench = workbench.clone();
            let site = Site { probe: app.probe(), metrics: Arc::new(move || figures.render()), workbench };
            let listening = workbench::listening(settings, door.address());
            Some(door.serve(site, &listening)?)
        }
    };
    let postman = if roles.web { Some(workbench::postman(settings, &app, &kept)?) } else { None };
    if roles.supervisor {
        tokio::spawn(metrics::sound(Arc::clone(&app.bus)));
    }
    tracing::warn!(roles = roles.names().join(","), http = at, "serving");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("stopping: finishing what is in hand");
    let until = Instant::now() + settings.run.drain();
    // While this process still steps what it sends. Half of the time: what is in hand has the other.
    let not_sent = match workbench {
        Some(workbench) => workbench.runs.finish(settings.run.drain() / 2).await,
        None => 0,
    };
    if let Some(postman) = postman {
        postman.stop().await;
    }
    let left = app.drain(until.saturating_duration_since(Instant::now())).await;
    if let Some(running) = running {
        running.stop().await;
    }
    let mut text = String::new();
    if not_sent > 0 {
        text += &(texts::not_sent(setting.lang, not_sent) + "\n");
    }
    if left > 0 {
        text += &(texts::left_in_hand(setting.lang, left) + "\n");
    }
    Ok(Told::good(text))
}

/// Sees to it that somebody can come in; says how, if this is the first start.
async fn first_user(setting: &Setting, store: &Store, at: SocketAddr) -> Result<(), Failure> {
    let lang = setting.lang;
    let said = match workbench::first_user(&*store.accounts(), at.ip().is_loopback()).await? {
        First::Known => return Ok(()),
        First::Made { name, password } => texts::first_user(lang, at, name, password),
        // They come by the identity provider, and the first of them makes the first account.
        First::Nobody if !setting.loaded.settings.oidc.issuer.is_empty() => return Ok(()),
        First::Nobody => {
            store.close(true).await;
            return Err(Failure::Bad(texts::no_users(lang)));
        }
    };
    // Not into the log, which may be kept: this is for whoever starts it.
    say(std::io::stderr().lock(), &format!("{said}\n"));
    Ok(())
}
