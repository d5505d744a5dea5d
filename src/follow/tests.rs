//! A follower in a world where anything may fail at any step.
//!
//! The world has a bucket, a queue, a disk and a clock, all simulated from one seed. Each call of the follower
//! may fail before or after it has done its work, messages come twice and in any order, objects are
//! poisoned, deleted and replaced, and the follower is killed at any point. What is checked: no message is deleted
//! before the findings of its objects were told and are in the state; no object is concluded over twice;
//! when the faults end, all that can be read was told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::model::coverage::Place;
use crate::model::time::Time;

/// Numbers from a seed: xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    /// Records: which account, and when.
    Records(Vec<(u64, i64)>),
    Poison,
    Gone,
}

struct Mail {
    body: Vec<Arc<str>>,
    odd: bool,
    deliveries: u32,
    visible: i64,
    receipt: u64,
}

struct World {
    dice: Dice,
    now: i64,
    /// One of so many calls fails; none with 0.
    faults: u64,
    killed: bool,
    bucket: BTreeMap<Arc<str>, Held>,
    queue: BTreeMap<u64, Mail>,
    receipts: u64,
    told: BTreeSet<String>,
    /// What the disk has: objects of all conclusions that last.
    state: BTreeSet<Arc<str>>,
    dead: BTreeSet<u64>,
    dead_objects: BTreeSet<String>,
    deleted: u64,
}

type Shared = Rc<RefCell<World>>;

impl World {
    /// Whether a call fails now; being killed is failing for good.
    fn fails(&mut self) -> bool {
        let faults = self.faults;
        if self.killed || faults == 0 {
            return self.killed;
        }
        self.killed = self.dice.roll(faults * 4) == 0;
        self.killed || self.dice.roll(faults) == 0
    }

    fn arrive(&mut self, number: u64) {
        let count = 1 + self.dice.roll(3);
        let mut body = Vec::new();
        for at in 0..count {
            let name: Arc<str> = format!("s3://b/{number}-{at}").into();
            let held = match self.dice.roll(12) {
                0 => Held::Poison,
                1 => Held::Gone,
                _ => {
                    let now = self.now;
                    let records = 1 + self.dice.roll(3);
                    let record = |_| (self.dice.roll(3), now - self.dice.roll(900) as i64);
                    Held::Records((0..records).map(record).collect())
                }
            };
            self.bucket.insert(Arc::clone(&name), held);
            body.push(name);
        }
        let copies = 1 + u64::from(self.dice.roll(5) == 0);
        for copy in 0..copies {
            let visible = self.now + self.dice.roll(300) as i64;
            let odd = self.dice.roll(40) == 0;
            let mail = Mail { body: body.clone(), odd, deliveries: 0, visible, receipt: 0 };
            self.queue.insert(number * 2 + copy, mail);
        }
    }

    fn of_receipt(&mut self, receipt: &str) -> Option<u64> {
        let receipt: u64 = receipt.parse().ok()?;
        self.queue.iter().find(|(_, mail)| mail.receipt == receipt).map(|(id, _)| *id)
    }
}

struct SimQueue(Shared);

const KEEP: i64 = 120;

fn trouble() -> InboxTrouble {
    InboxTrouble { message: "no answer".into(), lasting: false }
}

impl Inbox for SimQueue {
    fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, InboxTrouble> {
        let world = &mut *self.0.borrow_mut();
        if world.fails() {
            return Err(trouble());
        }
        let mut deliveries = Vec::new();
        let ids: Vec<u64> = world.queue.keys().copied().collect();
        for id in ids {
            let skip = world.dice.roll(3) == 0;
            world.receipts += 1;
            let (now, receipt) = (world.now, world.receipts);
            let Some(mail) = world.queue.get_mut(&id) else { continue };
            if mail.visible > now || skip || deliveries.len() >= most {
                continue;
            }
            (mail.deliveries, mail.visible, mail.receipt) =
                (mail.deliveries + 1, now + KEEP, receipt);
            let announce = |name: &Arc<str>| Announced { name: Arc::clone(name), etag: None };
            deliveries.push(Delivery {
                id: id.to_string(),
                receipt: receipt.to_string(),
                deliveries: mail.deliveries,
                sent: Some(Time(now)),
                body: String::new(),
                content: match (mail.odd, mail.body.is_empty()) {
                    (true, _) => Content::Odd("odd".into()),
                    (false, true) => Content::Nothing("test".into()),
                    (false, false) => Content::Objects(mail.body.iter().map(announce).collect()),
                },
            });
        }
        // The answer may be lost: the messages are hidden all the same.
        if world.fails() { Err(trouble()) } else { Ok(deliveries) }
    }

    fn keep(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        let world = &mut *self.0.borrow_mut();
        if world.fails() {
            return Err(trouble());
        }
        for receipt in receipts {
            let Some(id) = world.of_receipt(receipt) else { continue };
            let now = world.now;
            world.queue.get_mut(&id).unwrap().visible = now + KEEP;
        }
        if world.fails() { Err(trouble()) } else { Ok(()) }
    }

    fn give_back(&mut self, receipts: &[String], at_once: bool) -> Result<(), InboxTrouble> {
        let world = &mut *self.0.borrow_mut();
        if world.fails() {
            return Err(trouble());
        }
        for receipt in receipts {
            let Some(id) = world.of_receipt(receipt) else { continue };
            let visible = world.now + if at_once { 0 } else { 30 };
            world.queue.get_mut(&id).unwrap().visible = visible;
        }
        Ok(())
    }

    fn done(&mut self, receipts: &[String]) -> Result<(), InboxTrouble> {
        let world = &mut *self.0.borrow_mut();
        if world.fails() {
            return Err(trouble());
        }
        for receipt in receipts {
            let Some(id) = world.of_receipt(receipt) else { continue };
            let mail = world.queue.remove(&id).unwrap();
            world.deleted += 1;
            if mail.odd {
                assert!(world.dead.contains(&id), "message {id} is gone and nobody was told");
                continue;
            }
            for name in &mail.body {
                let is_safe = world.state.contains(name) || world.dead_objects.contains(&**name);
                assert!(is_safe, "message {id} is gone and {name} is not in the state");
                if let Held::Records(records) = &world.bucket[name] {
                    let is_told = |at: usize| {
                        let line = format!("settled {name} {at}");
                        world.told.contains(&line)
                    };
                    assert!((0..records.len()).all(is_told), "{name} is done and was not told");
                }
            }
        }
        if world.fails() { Err(trouble()) } else { Ok(()) }
    }
}

struct SimJudge {
    world: Shared,
    /// What the last conclusion was over, as far as it was read whole.
    open: Vec<Arc<str>>,
}

fn of_account(account: u64) -> Place {
    Place { account: account.to_string(), region: "r".into() }
}

impl Judge for SimJudge {
    fn look(&mut self, objects: &[Announced]) -> io::Result<Judged> {
        let world = &mut *self.world.borrow_mut();
        let mut judged = Judged::default();
        for Announced { name, .. } in objects {
            if world.state.contains(name) {
                continue;
            }
            let name = Arc::clone(name);
            let (latest, fault) = match &world.bucket[&name] {
                _ if world.killed => return Err(io::Error::other("killed")),
                Held::Records(records) => {
                    for at in 0..records.len() {
                        judged.lines.extend(format!("early {name} {at}\n").bytes());
                    }
                    let latest = records.iter().map(|(a, time)| (of_account(*a), Time(*time)));
                    (latest.collect(), None)
                }
                Held::Poison => (Vec::new(), Some("is cut off".to_owned())),
                Held::Gone => (Vec::new(), Some("is not there".to_owned())),
            };
            let fault = fault.or_else(|| world.fails().then(|| "no answer".to_owned()));
            let passing = fault.as_deref() == Some("no answer");
            judged.objects.push(LookedAt { name, latest, fault, passing });
        }
        Ok(judged)
    }

    fn settle(&mut self, objects: &[Announced]) -> io::Result<Settled> {
        let world = &mut *self.world.borrow_mut();
        if world.killed {
            return Err(io::Error::other("killed"));
        }
        let mut settled = Settled::default();
        let partly = objects.iter().filter(|_| world.fails() && !world.killed).cloned();
        settled.partly = partly.collect();
        let whole = objects.iter().filter(|object| !settled.partly.contains(object));
        self.open = whole.map(|object| Arc::clone(&object.name)).collect();
        for name in &self.open {
            assert!(!world.state.contains(name), "{name} is concluded over twice");
            if let Held::Records(records) = &world.bucket[name] {
                for at in 0..records.len() {
                    settled.lines.extend(format!("settled {name} {at}\n").bytes());
                }
            }
        }
        settled.lost = world.fails().then(|| "something is lost".to_owned());
        Ok(settled)
    }

    fn commit(&mut self) -> Result<(), String> {
        let world = &mut *self.world.borrow_mut();
        if world.fails() {
            return Err("the disk is full".into());
        }
        for name in self.open.drain(..) {
            world.state.insert(name);
        }
        // As one that is killed when it has written.
        let is_lost = world.faults > 0 && world.dice.roll(world.faults * 4) == 0;
        world.killed |= is_lost;
        if is_lost { Err("killed".into()) } else { Ok(()) }
    }

    fn problem(&mut self, _: &str, message: &str) -> Vec<u8> {
        format!("problem {message}\n").into_bytes()
    }

    fn forget(&mut self, _: &[Announced]) {}
}

struct SimOut(Shared);

impl Outbox for SimOut {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        let text = String::from_utf8(lines.to_vec()).unwrap();
        let fails = world.fails();
        let some = if fails { world.dice.roll(4) as usize } else { usize::MAX };
        world.told.extend(text.lines().take(some).map(str::to_owned));
        if fails { Err(io::Error::other("no space left")) } else { Ok(()) }
    }
}

struct SimDead(Shared);

impl DeadLetters for SimDead {
    fn put(&mut self, letter: &DeadLetter) -> io::Result<()> {
        let world = &mut *self.0.borrow_mut();
        if world.fails() {
            return Err(io::Error::other("no space left"));
        }
        assert!(!letter.problems.is_empty());
        world.dead.insert(letter.message.parse().unwrap());
        world.dead_objects.extend(letter.problems.iter().map(|(name, _)| name.clone()));
        Ok(())
    }
}

fn follower(world: &Shared) -> Follow<SimQueue, SimJudge, SimOut> {
    let judge = SimJudge { world: Rc::clone(world), open: Vec::new() };
    let pace = Pace { settle: 1_200, every: 60, keep: KEEP, tries: 4, most: 30, at_once: 12 };
    let (queue, out) = (SimQueue(Rc::clone(world)), SimOut(Rc::clone(world)));
    Follow::new((queue, judge, out), Some(Box::new(SimDead(Rc::clone(world)))), pace)
}

/// Runs a world for so many steps with faults, and then without any until nothing is left.
fn live(seed: u64, steps: u64) {
    let world = Rc::new(RefCell::new(World {
        dice: Dice(seed.wrapping_mul(2).wrapping_add(1)),
        now: 1_000_000,
        faults: 20,
        killed: false,
        bucket: BTreeMap::new(),
        queue: BTreeMap::new(),
        receipts: 0,
        told: BTreeSet::new(),
        state: BTreeSet::new(),
        dead: BTreeSet::new(),
        dead_objects: BTreeSet::new(),
        deleted: 0,
    }));
    let mut all = follower(&world);
    let clock = Rc::clone(&world);
    let now = move || Time(clock.borrow().now);
    let mut go_on = |ending: bool| {
        let turn = all.turn(&now, ending);
        if world.borrow().killed || turn.is_err() {
            world.borrow_mut().killed = false;
            all = follower(&world);
        } else if ending {
            all.give_all_back();
        }
    };
    for step in 0..steps {
        let ending = {
            let mut world = world.borrow_mut();
            if world.queue.len() < 60 && world.dice.roll(3) == 0 {
                world.arrive(step);
            }
            world.now += world.dice.roll(60) as i64;
            world.dice.roll(200) == 0
        };
        go_on(ending);
    }
    world.borrow_mut().faults = 0;
    for _ in 0..2_000 {
        world.borrow_mut().now += 60;
        go_on(false);
        if world.borrow().queue.is_empty() {
            break;
        }
    }
    let world = world.borrow();
    assert!(world.queue.is_empty(), "{} messages are left", world.queue.len());
    assert!(world.deleted > steps / 8, "only {} messages were done", world.deleted);
}

#[test]
fn nothing_is_lost_or_concluded_twice_whatever_fails() {
    for seed in 1..=40 {
        eprintln!("seed {seed}");
        live(seed, 500);
    }
}

/// `cargo nextest run --run-ignored all -E 'test(million)'`
#[test]
#[ignore = "takes a minute"]
fn a_million_steps() {
    for seed in 1_000..1_200 {
        eprintln!("seed {seed}");
        live(seed, 5_000);
    }
}
