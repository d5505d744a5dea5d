//! The command line as scripts see it: one binary for all tests that run the program.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, not only the tests themselves, stop at the first surprise"
)]

mod accepted;
mod actors;
mod bucket;
mod cases;
mod chain;
mod checkouts;
mod collections;
mod commands;
mod config;
mod configuration;
mod controls;
mod copies;
mod coverage;
mod decided;
mod delivery;
mod docs;
mod events;
mod expected;
mod exports;
mod facts;
mod files_from;
mod filters;
mod flood;
mod folder;
mod follow;
mod generate;
mod granted;
mod harness;
mod hidden;
mod inputs;
mod inventory;
mod investigation;
mod json;
mod keys;
mod layers;
mod live;
mod loopback;
mod notes;
mod nowhere;
mod period;
mod pictures;
mod plan;
mod policies;
mod problems;
mod rules;
mod s3;
mod scale;
mod scanning;
mod schemas;
mod settings;
mod shards;
mod state;
mod streams;
mod tags;
mod trail;
mod undone;
mod unmet;
mod usage;
mod userrules;
mod values;
mod verified;
mod verify;
#[cfg(not(feature = "s3"))]
mod without_s3;
