//! What pages that are HTML do by script, where there is one: save without leaving, and let times grow older. For the whole page,
//! by what an element says of itself; so do buttons that copy.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, HtmlFormElement, HtmlInputElement, HtmlTextAreaElement};

use crate::{clock, format, submission};

/// Sends a form that says `data-save` and stays on the page, so that nothing typed is lost where it is refused.
pub(super) fn save(submit: SubmitEvent) {
    let form = submit.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
    let Some(form) = form.filter(|form| form.has_attribute("data-save")) else { return };
    submit.prevent_default();
    let Some(button) = part::<HtmlElement>(&form, "[type=submit]").filter(|button| !button.has_attribute("aria-disabled")) else {
        return;
    };
    _ = button.set_attribute("aria-disabled", "true");
    say(&form, "[role=status]", "");
    let text = part::<HtmlTextAreaElement>(&form, "textarea");
    let sent = text.as_ref().map(HtmlTextAreaElement::value).unwrap_or_default();
    spawn_local(async move {
        let answer = submission::post(&form.get_attribute("action").unwrap_or_default(), &form).await;
        _ = button.remove_attribute("aria-disabled");
        match answer.unwrap_or_else(|_| Err(submission::unreachable_server())) {
            Ok(_) => {
                // What is saved is what the next change is from.
                part::<HtmlInputElement>(&form, "[name=before]").iter().for_each(|before| before.set_value(&sent));
                text.iter().for_each(|text| _ = text.remove_attribute("aria-invalid"));
                say(&form, "[role=alert]", "");
                say(&form, "[role=status]", "Saved.");
            }
            Err(error) => {
                say(&form, "[role=alert]", &error.message);
                text.iter().for_each(|text| _ = text.set_attribute("aria-invalid", "true"));
                text.iter().for_each(|text| _ = text.focus());
            }
        }
    });
}

/// Lets relative times grow older while they are shown.
pub(super) fn keep_times() {
    Effect::new(|_| clock::every(clock::TICK, grow_older));
}

fn grow_older() {
    let (now, times) = (clock::now_ms(), document().get_elements_by_tag_name("time"));
    for time in (0..times.length()).filter_map(|at| times.item(at)) {
        let at = web_sys::js_sys::Date::parse(&time.get_attribute("datetime").unwrap_or_default());
        time.set_text_content(Some(&format::ago(at as i64, now)));
    }
}

fn part<E: wasm_bindgen::JsCast>(form: &HtmlFormElement, selector: &str) -> Option<E> {
    form.query_selector(selector).ok().flatten()?.dyn_into::<E>().ok()
}

fn say(form: &HtmlFormElement, selector: &str, words: &str) {
    part::<Element>(form, selector).iter().for_each(|place| place.set_text_content(Some(words)));
}
