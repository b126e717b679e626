//! A form posted to a server function, and its answer. Leptos's own `ActionForm` does the same for any argument types,
//! but is compiled anew for each; this one is compiled once, which keeps the wasm small.

use std::time::Duration;

use control_plane_api::ErrorCode;
use leptos::{
    prelude::*,
    server::ServerActionError,
    server_fn::{
        ServerFn,
        error::ServerFnUrlError,
        redirect::{REDIRECT_HEADER, call_redirect_hook},
    },
    task::spawn_local,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, HtmlFormElement, RequestInit, Response, UrlSearchParams};

use crate::DashboardError;

/// One form and the state of what it sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Submission {
    /// Where the form posts to.
    pub(crate) url: &'static str,
    pub(crate) pending: RwSignal<bool>,
    /// Why the last try was refused; from the address where the form was posted without scripts.
    pub(crate) error: RwSignal<Option<DashboardError>>,
    /// How often the server agreed.
    pub(crate) done: RwSignal<u32>,
}

impl Submission {
    /// For forms that post to the server function `S`.
    pub(crate) fn to<S: ServerFn>() -> Self {
        Self::new(S::PATH)
    }

    fn new(url: &'static str) -> Self {
        let in_address = use_context::<ServerActionError>().filter(|error| error.path() == url);
        let error = in_address.map(|error| ServerFnUrlError::<DashboardError>::decode_err(error.err()));
        Self { url, pending: RwSignal::new(false), error: RwSignal::new(error), done: RwSignal::new(0) }
    }

    /// The message for the field `name`.
    pub(crate) fn for_field(self, name: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || self.error.read().as_ref().and_then(|error| error.for_field(name)))
    }

    /// The message that belongs to none of the fields `shown`.
    pub(crate) fn beside_fields(self, shown: &'static [&'static str]) -> Signal<Option<String>> {
        Signal::derive(move || self.error.read().as_ref().and_then(|error| error.beside_fields(shown)))
    }

    /// What was typed into a form that was refused without scripts.
    pub(crate) fn typed(self) -> Option<String> {
        self.error.read_untracked().as_ref().and_then(|error| error.typed.clone())
    }

    /// `aria-disabled` of the button that sends it. The button keeps the focus, which `disabled` would take from it.
    pub(crate) fn pending_word(self) -> Signal<Option<&'static str>> {
        Signal::derive(move || self.pending.get().then_some("true"))
    }

    /// Sends the form in place of the browser.
    pub(crate) fn send(self, submit: &leptos::ev::SubmitEvent) {
        submit.prevent_default();
        let Some(form) = submit.current_target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok()) else { return };
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = post(self.url, &form).await.unwrap_or_else(|_| Err(unreachable_server()));
            _ = self.pending.try_set(false);
            match answer {
                Ok(leads_to) => {
                    _ = self.done.try_update(|done| *done += 1);
                    if let Some(path) = leads_to {
                        call_redirect_hook(&path);
                    }
                }
                Err(error) => {
                    _ = self.error.try_set(Some(error));
                    // Once the field is marked.
                    set_timeout(move || focus_refused_field(&form), Duration::ZERO);
                }
            }
        });
    }
}

/// Where the server leads to, or why it refused; `JsValue` if it can't be reached.
pub(crate) async fn post(url: &str, form: &HtmlFormElement) -> Result<Result<Option<String>, DashboardError>, JsValue> {
    let fields = FormData::new_with_form(form)?;
    let body = UrlSearchParams::new_with_str_sequence_sequence(&fields)?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&body);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(url, &request)).await?.unchecked_into();
    let headers = response.headers();
    let leads_to = if headers.has(REDIRECT_HEADER)? { headers.get("location")? } else { None };
    if response.ok() {
        return Ok(Ok(leads_to));
    }
    if let Some(path) = leads_to {
        call_redirect_hook(&path);
    }
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok(Err(serde_json::from_slice(text.as_bytes()).unwrap_or_else(|_| {
        DashboardError::new(ErrorCode::Internal, format!("The server answered with status {}. Try again.", response.status()))
    })))
}

fn focus_refused_field(form: &HtmlFormElement) {
    if let Ok(Some(field)) = form.query_selector("[aria-invalid]") {
        _ = field.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}

pub(crate) fn unreachable_server() -> DashboardError {
    DashboardError::new(ErrorCode::Unavailable, "The server can't be reached. Check that supacloud is running, then try again.")
}
