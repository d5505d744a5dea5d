//! What a follower counts of itself, and who may ask for it.
//!
//! What must stay true: every finding is counted once, as told, suppressed, known or below the least
//! level, so that these add up to those that were found.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use super::admission::Tally;
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

/// The longest head of a request that is read, in bytes.
const HEAD: usize = 8 << 10;

/// How long a client may take for each of its steps.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves counts at an address, from a thread of its own, as long as the process lives. One client is
/// served after the other, with one answer each: whoever is slow or says too much is let go.
///
/// # Errors
/// When the address is none or taken.
pub fn serve(counts: Counts, address: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    thread::Builder::new().name("metrics".into()).spawn(move || {
        for client in listener.incoming() {
            // Whoever asked may be gone.
            let _ = client.and_then(|client| answer(client, &counts));
        }
    })?;
    Ok(bound)
}

fn answer(mut client: TcpStream, counts: &Counts) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let (mut head, begun) = (Vec::new(), Instant::now());
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut some = [0; 1024];
        let count = client.read(&mut some)?;
        if count == 0 || head.len() + count > HEAD || begun.elapsed() > PATIENCE {
            return Ok(());
        }
        head.extend_from_slice(&some[..count]);
    }
    let (status, text) = match head.starts_with(b"GET /metrics ") {
        true => ("200 OK", counts.text()),
        false => ("404 Not Found", "see /metrics\n".to_owned()),
    };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes())?;
    client.write_all(text.as_bytes())
}
