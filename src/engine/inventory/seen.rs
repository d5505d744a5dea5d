//! One call on a key, with the texts that every part of the inventory asks for.

use std::borrow::Cow;
use std::io;
use std::rc::Rc;

use super::texts::{Caller, Texts};
use crate::engine::partial::key_use::Call;
use crate::engine::partial::touch::{Detail, Touch, flag};
use crate::model::time::Time;
use crate::record::hidden::is_hidden_text;
use crate::record::json::{Json, Kind};
use crate::record::kms;

/// One call on a key.
pub struct Seen {
    pub touch: Touch,
    pub call: Rc<Call>,
    pub caller: Rc<Caller>,
    pub detail: Option<Rc<Detail>>,
}

impl Seen {
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn new(touch: Touch, texts: &mut Texts<'_>) -> io::Result<Seen> {
        Ok(Seen {
            call: texts.call(touch.what)?,
            caller: texts.caller(touch.who)?,
            detail: texts.detail(touch.detail)?,
            touch,
        })
    }

    pub fn time(&self) -> Time {
        Time(self.touch.time)
    }

    /// `eventName`
    pub fn name(&self) -> &str {
        &self.call.name
    }

    pub fn ok(&self) -> bool {
        !self.call.attempt
    }

    /// Whether it lies in the range that is reported, and not before it.
    pub fn is_reported(&self) -> bool {
        self.touch.is(flag::REPORTED)
    }

    /// Whether it uses the key, or should have. Whoever only asks whether he may does not.
    pub fn is_use(&self) -> bool {
        kms::is_crypto(self.name()) && self.error() != Some("DryRunOperationException")
    }

    /// Whether somebody asks for a change.
    pub fn is_administration(&self) -> bool {
        kms::is_admin(self.name())
    }

    /// Whether it belongs to the life of the key: a change, whoever made it.
    pub fn is_change(&self) -> bool {
        !kms::is_read(self.name())
    }

    /// `errorCode`
    pub fn error(&self) -> Option<&str> {
        self.detail.as_ref()?.error.as_deref()
    }

    /// `errorMessage`
    pub fn message(&self) -> Option<&str> {
        self.detail.as_ref()?.message.as_deref()
    }

    /// A member of the request.
    pub fn request(&self, path: &[&str]) -> Option<Json<'_>> {
        at(self.detail.as_ref()?.request.as_deref()?, path)
    }

    /// A member of the response.
    pub fn response(&self, path: &[&str]) -> Option<Json<'_>> {
        at(self.detail.as_ref()?.response.as_deref()?, path)
    }

    /// A member of what is told beside request and response.
    pub fn more(&self, path: &[&str]) -> Option<Json<'_>> {
        at(self.detail.as_ref()?.more.as_deref()?, path)
    }

    /// The text of a member of the request.
    pub fn asked(&self, name: &str) -> Option<Cow<'_, str>> {
        self.request(&[name])?.text()
    }

    /// A policy document in the request: text, or the document itself, as exports have it.
    pub fn document(&self, name: &str) -> Option<Cow<'_, str>> {
        document(self.request(&[name])?)
    }

    /// The same in the response.
    pub fn answered_document(&self, name: &str) -> Option<Cow<'_, str>> {
        document(self.response(&[name])?)
    }

    /// The text of a member of the response, behind a path.
    pub fn answered(&self, path: &[&str]) -> Option<Cow<'_, str>> {
        self.response(path)?.text()
    }

    /// Whether the request is there as a whole, so that what is not in it was not asked for.
    pub fn request_is_whole(&self) -> bool {
        self.request(&[]).is_some() && self.request(&["omitted"]).is_none()
    }
}

/// The text of a policy document; none of one that AWS hides.
fn document(value: Json<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::Object => Some(Cow::Borrowed(value.raw())),
        _ => value.text().filter(|text| !is_hidden_text(text)),
    }
}

/// The value behind a path in the text of an object.
fn at<'t>(text: &'t str, path: &[&str]) -> Option<Json<'t>> {
    let root = Some(Json::new(text)).filter(|root| root.kind() == Kind::Object)?;
    if path.is_empty() { Some(root) } else { root.path(path).filter(|value| !value.is_null()) }
}
