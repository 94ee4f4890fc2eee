//! One relocation is one trace, whichever processes work on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any, trace::v1::Span,
};
use prost::Message as _;
use rehome_testkit::{broker::Vhost, postgres::Database};

use crate::{
    operations::{Serving, scaled_out},
    running::{Said, write_sheet},
};

/// Takes OTLP over HTTP, as a collector does.
struct Collector {
    at: String,
    told: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Vec<_>>>::default();
        let taken = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || take(&stream.unwrap(), &taken));
            }
        });
        Self { at, told }
    }

    /// Each span with the process that told it.
    fn spans(&self) -> Vec<(i64, Span)> {
        let told = self.told.lock().unwrap();
        let resources = told.iter().flat_map(|request| &request.resource_spans);
        let spans = resources.flat_map(|resource| {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            let pid = attributes.iter().find(|pair| pair.key == "process.pid").unwrap();
            let Some(Any::IntValue(pid)) = pid.value.as_ref().unwrap().value else { panic!("{pid:?}") };
            let spans = resource.scope_spans.iter().flat_map(|scope| scope.spans.clone());
            spans.map(move |span| (pid, span))
        });
        spans.collect()
    }
}

/// Takes what comes over one connection.
fn take(stream: &TcpStream, taken: &Mutex<Vec<ExportTraceServiceRequest>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, String::new());
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        taken.lock().unwrap().push(ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let mut answering = stream;
        answering.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_relocation_is_one_trace_with_its_id_over_supervisor_and_configurators() {
    let (vhost, database, collector) = (Vhost::new(), Database::create(), Collector::start());
    let (amqp, postgres) = (vhost.url(), database.url());
    let serving = ["supervisor", "l3", "l2"].map(|role| {
        let mut command = scaled_out(&["serve", "--roles", role], &amqp, &postgres);
        command.env("REHOME__TELEMETRY__OTLP_ENDPOINT", &collector.at);
        Serving::start(command)
    });
    for process in &serving {
        process.until_ready(true);
    }
    let pids = serving.each_ref().map(|process| i64::from(process.id()));
    let dir = tempfile::tempdir().unwrap();
    let sheet = dir.path().join("sheet.csv");
    write_sheet(&sheet, 3);
    let mut run = scaled_out(&["run", "--json", "--attach"], &amqp, &postgres);
    Said::of(run.arg(&sheet)).json(0);
    // What is left is told at the end.
    for process in serving {
        assert_eq!(process.terminate(), Some(0));
    }

    let relocations: BTreeSet<String> =
        database.sql("SELECT replace(id::text, '-', '') FROM ticket").lines().map(str::to_owned).collect();
    assert_eq!(relocations.len(), 3);
    let spans = collector.spans();
    let traces: BTreeSet<String> = spans.iter().map(|(_, span)| hex(&span.trace_id)).collect();
    assert_eq!(traces, relocations);
    let of: BTreeMap<&[u8], &(i64, Span)> = spans.iter().map(|told| (&*told.1.span_id, told)).collect();
    for relocation in &relocations {
        let own = || spans.iter().filter(|(_, span)| hex(&span.trace_id) == *relocation);
        let processes: BTreeSet<i64> = own().map(|(pid, _)| *pid).collect();
        assert_eq!(processes, pids.into(), "each process has its part in the trace");
        let parents = |name: &str| -> Vec<(i64, i64, &str)> {
            let named = own().filter(|(_, span)| span.name == name);
            let parents = named.filter_map(|(pid, span)| {
                let (above, parent) = of.get(&*span.parent_span_id)?;
                Some((*pid, *above, parent.name.as_str()))
            });
            parents.collect()
        };
        // Reserve and cut over, at each layer: the order is the child of the step that sends it, and its reply's step
        // the child of the order.
        let [supervisor, l3, l2] = pids;
        let mut orders = parents("order");
        orders.sort_unstable();
        let mut expected = [
            (l3, supervisor, "step"),
            (l3, supervisor, "step"),
            (l2, supervisor, "step"),
            (l2, supervisor, "step"),
        ];
        expected.sort_unstable();
        assert_eq!(orders, expected);
        let replies = parents("step").into_iter().filter(|(_, _, parent)| *parent == "order").count();
        assert_eq!(replies, 4);
        assert!(parents("operation").iter().all(|(pid, above, name)| pid == above && *name == "order"));
    }
}
