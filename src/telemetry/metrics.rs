//! Figures for whoever watches: counted by the crates through a facade, told here as Prometheus reads them.

use std::{sync::Arc, time::Duration};

use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rehome_domain::ports::Bus;

const BUILD: &str = "rehome_build_info";
const DEPTH: &str = "rehome_queue_messages";
const CONSUMERS: &str = "rehome_queue_consumers";

/// How often histograms are tidied: often enough that what is recorded between two scrapes stays small.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often supervisors ask how full the queues are: as often as a scraper looks, and nothing to a broker.
const SOUND: Duration = Duration::from_secs(5);

/// Bounds of what takes time, in seconds: a commit takes milliseconds, a router's minutes.
const SECONDS: [f64; 16] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Bounds of what is counted together: batches go up to `supervisor.batch`.
const COUNTS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Says what every figure is. The others' are counted where they arise.
pub fn describe() {
    describe_gauge!(BUILD, "1, with the version that runs");
    describe_gauge!(DEPTH, Unit::Count, "messages that wait in a queue and nobody has in hand");
    describe_gauge!(CONSUMERS, Unit::Count, "who takes from a queue");
    rehome_actors::metrics::describe();
    rehome_bus::metrics::describe();
    rehome_store::metrics::describe();
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Begins to keep the figures, and tidies them as long as the runtime lives. Once in a process.
///
/// # Errors
/// If they are kept already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let kept = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_inputs".to_owned()), &COUNTS)?
        .install_recorder()?;
    describe();
    let tidied = kept.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            tidied.run_upkeep();
        }
    });
    Ok(kept)
}

/// Asks again and again how full the queues are, for ever.
pub async fn sound(bus: Arc<dyn Bus>) {
    loop {
        match bus.depths().await {
            Ok(depths) => {
                for depth in depths {
                    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
                    let (messages, consumers) =
                        (depth.messages as f64, depth.consumers.map(|many| many as f64));
                    gauge!(DEPTH, "queue" => depth.queue.clone()).set(messages);
                    if let Some(consumers) = consumers {
                        gauge!(CONSUMERS, "queue" => depth.queue).set(consumers);
                    }
                }
            }
            // What is not known is not told as it last was.
            Err(error) => {
                tracing::debug!(%error, "how full the queues are is not known");
                for queue in ["intake", "supervisor", "steering", "l3", "l2", "dead", "unreadable"] {
                    gauge!(DEPTH, "queue" => queue).set(f64::NAN);
                }
            }
        }
        tokio::time::sleep(SOUND).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, with_local_recorder,
    };

    use super::*;

    /// Hears what is described.
    #[derive(Default)]
    struct Heard(Mutex<Vec<[String; 3]>>);

    impl Heard {
        fn hear(&self, name: &KeyName, kind: &str, text: &SharedString) {
            self.0.lock().unwrap().push([name.as_str().to_owned(), kind.to_owned(), text.to_string()]);
        }
    }

    impl Recorder for Heard {
        fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
            self.hear(&name, "counter", &text);
        }

        fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
            self.hear(&name, "gauge", &text);
        }

        fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
            self.hear(&name, "histogram", &text);
        }

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn the_document_has_every_figure_with_its_kind_and_meaning_and_no_other() {
        let heard = Heard::default();
        with_local_recorder(&heard, describe);
        let mut described = heard.0.into_inner().unwrap();
        let rows =
            include_str!("../../docs/metrics.md").lines().filter(|line| line.starts_with("| `rehome_"));
        let mut documented: Vec<[String; 3]> = rows
            .map(|row| {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                [cells[1].trim_matches('`'), cells[2], cells[4]].map(str::to_owned)
            })
            .collect();
        described.sort();
        documented.sort();
        assert_eq!(documented, described);
    }

    #[test]
    fn names_say_whose_they_are_and_their_units() {
        let heard = Heard::default();
        with_local_recorder(&heard, describe);
        for [name, kind, _] in heard.0.into_inner().unwrap() {
            assert!(name.starts_with("rehome_"), "{name}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        }
    }
}
