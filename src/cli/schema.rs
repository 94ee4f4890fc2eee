//! `rehome schema`: the generated documents.

use rehome_bus::amqp::asyncapi;
use rehome_domain::{
    lang::Lang,
    render,
    table::{From, Hand, ROWS, Row, Sends, Set},
};
use serde_json::{Value, json};

use super::{Setting, Told};

/// Print a generated document
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome schema table                        the table of transitions, as Markdown
  rehome schema table --lang zh
  rehome schema table --format json
  rehome schema diagram > diagram.svg        the diagram of states, as SVG
  rehome schema diagram --format mermaid
  rehome schema asyncapi > asyncapi.json     every message, as AsyncAPI 3.0
  rehome schema openapi > openapi.json       the API of the workbench, as OpenAPI 3.1
  rehome schema tmf641 > tmf641.md           relocations as TMF641 service orders")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The table of transitions
    Table {
        /// How it is written
        #[arg(long, value_name = "FORMAT", default_value = "markdown")]
        format: Writing,
    },
    /// The diagram of states
    Diagram {
        /// How it is drawn
        #[arg(long, value_name = "FORMAT", default_value = "svg")]
        format: Drawing,
    },
    /// The messages that other systems send and receive
    Asyncapi,
    /// The API that `rehome serve` has under /api/v1
    Openapi,
    /// What a relocation is as a TMF641 service order, as Markdown
    Tmf641,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Writing {
    Markdown,
    Json,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Drawing {
    Svg,
    Mermaid,
}

pub(super) fn schema(args: &Args, setting: &Setting) -> Told {
    let lang = setting.lang;
    let amqp = &setting.loaded.settings.amqp;
    let mut text = match args.what {
        What::Table { format: Writing::Markdown } => render::table_markdown(lang),
        What::Table { format: Writing::Json } => {
            let rows: Vec<Value> = ROWS.iter().map(row).collect();
            format!("{:#}", Value::Array(rows))
        }
        What::Diagram { format: Drawing::Svg } => render::diagram_svg(lang),
        What::Diagram { format: Drawing::Mermaid } => render::diagram_mermaid(lang),
        What::Openapi => format!("{:#}", rehome_web::api::document()),
        What::Tmf641 => rehome_web::tmf::guide::markdown(),
        What::Asyncapi => format!("{:#}", asyncapi::document(&amqp.prefix, &amqp.own_domains)),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Told::good(text)
}

/// A row as data. An empty list in `from` means any.
fn row(row: &Row) -> Value {
    json!({
        "id": row.id,
        "source": row.source.label(Lang::En),
        "from": from(&row.from),
        "on": row.on,
        "relocation": row.relocation,
        "reservation": set(row.reservation),
        "cutover": set(row.cutover),
        "disposition": row.disposition,
        "cancels": row.cancels,
        "awaits_l2_rollback": row.awaits_l2_rollback,
        "sends": sends(row.sends),
        "alarm": row.alarm,
    })
}

fn from(from: &From) -> Value {
    json!({
        "relocation": from.relocation,
        "reservation": from.reservation,
        "cutover": from.cutover,
        "l3": hand(from.l3),
        "l2": hand(from.l2),
        "l3_reservation_rollback": from.l3_reservation_rollback,
        "install_rollback": from.install_rollback,
        "cancelling": from.cancelling,
    })
}

fn hand(hand: Hand) -> Value {
    match hand {
        Hand::Any => json!("any"),
        Hand::Empty => json!("empty"),
        Hand::Quiet => json!("quiet"),
        Hand::Has(works) => json!({ "has": works }),
        Hand::Sure(works) => json!({ "sure": works }),
        Hand::Doubtful(works) => json!({ "doubtful": works }),
    }
}

fn set<T: serde::Serialize>(set: Set<T>) -> Value {
    match set {
        Set::Keep => json!("keep"),
        Set::Clear => json!("clear"),
        Set::To(status) => json!({ "to": status }),
    }
}

fn sends(sends: Sends) -> Value {
    match sends {
        Sends::These(orders) => json!(orders),
        Sends::ReleaseHeld => json!("release_held"),
        Sends::Again(layer) => json!({ "again": layer }),
    }
}
