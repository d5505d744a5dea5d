//! What a follower counts of itself, and who may ask for it.
//!
//! What must stay true: every finding is counted once, as told, suppressed, known or below the least
//! level, so that these add up to those that were found.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use tiny_http::{Header, Method, Response, Server};

use super::desk::Tally;
use crate::follow::Turn;
use crate::model::level::Level;
use crate::model::outcome::Outcome;

/// The counts.
#[derive(Debug, Clone)]
pub struct Counts {
    registry: Registry,
    records: IntCounterVec,
    objects: IntCounterVec,
    messages: IntCounterVec,
    found: IntCounter,
    told: IntCounterVec,
    left_out: IntCounterVec,
    /// Problems that were told.
    pub problems: IntCounter,
    /// Objects that are not done.
    pub in_hand: IntGauge,
    /// How long the oldest message in hand has waited, in seconds.
    pub queue_age: IntGauge,
    /// How far the latest event is behind the clock, in seconds.
    pub lag: IntGauge,
    /// How long the last conclusion took, with writing its state; milliseconds.
    pub concluding: IntGauge,
    /// When the last turn ended, in seconds since 1970.
    pub turned: IntGauge,
}

impl Counts {
    /// Nothing yet.
    ///
    /// # Errors
    /// When a name is no name of a metric.
    pub fn new() -> Result<Counts, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone())).map(|()| counter)
        };
        let by = |name: &str, help: &str, label: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counter.clone())).map(|()| counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        Ok(Counts {
            records: by(
                "keytrail_records_total",
                "Records that were read, by when: at once or settled.",
                "when",
            )?,
            objects: by(
                "keytrail_objects_total",
                "Objects by result: looked, settled or faulty.",
                "result",
            )?,
            messages: by(
                "keytrail_messages_total",
                "Messages by result: received, done or dead.",
                "result",
            )?,
            found: counter(
                "keytrail_findings_found_total",
                "Findings that rules made: the sum of told and left out.",
            )?,
            told: by("keytrail_findings_total", "Findings that were told, by level.", "level")?,
            left_out: by(
                "keytrail_findings_left_out_total",
                "Findings that were not told, by reason: suppressed, known or low.",
                "reason",
            )?,
            problems: counter("keytrail_problems_total", "Problems that were told.")?,
            in_hand: gauge("keytrail_objects_in_hand", "Objects that are not done.")?,
            queue_age: gauge(
                "keytrail_queue_age_seconds",
                "How long ago the oldest message in hand was sent.",
            )?,
            lag: gauge(
                "keytrail_event_lag_seconds",
                "How far the latest event is behind the clock.",
            )?,
            concluding: gauge(
                "keytrail_conclusion_milliseconds",
                "How long the last turn with a conclusion took.",
            )?,
            turned: gauge("keytrail_last_turn_timestamp_seconds", "When the last turn ended.")?,
            registry,
        })
    }

    /// Whether no turn has ended yet.
    pub fn is_new(&self) -> bool {
        self.turned.get() == 0
    }

    /// Objects were looked at.
    pub fn looked(&self, outcome: &Outcome, tally: &Tally, objects: usize) {
        self.records.with_label_values(&["at once"]).inc_by(outcome.totals.records);
        self.objects.with_label_values(&["looked"]).inc_by(objects as u64);
        self.tally(tally);
    }

    /// Objects were concluded over.
    pub fn concluded(&self, outcome: &Outcome, tally: &Tally) {
        self.records.with_label_values(&["settled"]).inc_by(outcome.totals.records);
        self.tally(tally);
    }

    fn tally(&self, tally: &Tally) {
        let Tally { found, told, suppressed, known, low } = tally;
        self.found.inc_by(*found);
        for (level, count) in Level::ALL.into_iter().zip(told) {
            self.told.with_label_values(&[level.to_string().as_str()]).inc_by(*count);
        }
        for (reason, count) in [("suppressed", suppressed), ("known", known), ("low", low)] {
            self.left_out.with_label_values(&[reason]).inc_by(*count);
        }
    }

    /// A turn ended.
    pub fn turn(&self, turn: &Turn) {
        let add = |all: &IntCounterVec, result: &str, count: usize| {
            all.with_label_values(&[result]).inc_by(count as u64);
        };
        add(&self.objects, "settled", turn.settled);
        add(&self.objects, "faulty", turn.faulty);
        add(&self.messages, "received", turn.received);
        add(&self.messages, "done", turn.done);
        add(&self.messages, "dead", turn.dead);
    }

    /// All of them in Prometheus' text form.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A text takes all that is written.
        let _ = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text);
        text
    }
}

/// Serves counts at an address, from a thread of its own, as long as the process lives.
///
/// # Errors
/// When the address is none or taken.
pub fn serve(counts: Counts, address: &str) -> io::Result<SocketAddr> {
    let address = address.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("names no address"))?;
    let server = Server::http(address).map_err(io::Error::other)?;
    let bound = server.server_addr().to_ip().unwrap_or(address);
    thread::Builder::new().name("metrics".into()).spawn(move || {
        for request in server.incoming_requests() {
            let is_asked = *request.method() == Method::Get && request.url() == "/metrics";
            let answer = match is_asked {
                true => Response::from_string(counts.text()),
                false => Response::from_string("see /metrics\n").with_status_code(404),
            };
            let kind = Header::from_bytes("Content-Type", "text/plain; version=0.0.4");
            let answer = match kind {
                Ok(kind) => answer.with_header(kind),
                Err(()) => answer,
            };
            // Whoever asked may be gone.
            let _ = request.respond(answer);
        }
    })?;
    Ok(bound)
}
