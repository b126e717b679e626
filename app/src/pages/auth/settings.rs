//! What a project's Auth is told, as far as most projects need it; the rest is in the Management API.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::loaded;
use crate::{
    auth_pages::AuthSettings,
    components::{FormAlert, PostForm, Sheet},
    server_fns::{SaveAuthSettings, load_auth_settings},
    submission::Submission,
};

/// One form.
#[component]
pub(crate) fn AuthSettingsPage() -> impl IntoView {
    loaded("settings", load_auth_settings, shown)
}

fn shown(project_ref: ProjectRef, settings: AuthSettings) -> AnyView {
    let submission = Submission::to::<SaveAuthSettings>();
    let error = submission.beside_fields(&[]);
    let saved = move || (submission.done.get() > 0 && submission.error.read().is_none()).then_some("Saved, and in force.");
    let password_hint = if settings.has_smtp_pass { "There is one. Leave this empty to keep it." } else { "" };
    let field = |name: &'static str, label: &'static str, kind: &'static str, value: String, hint: &'static str| {
        let hint_id = format!("{name}-hint");
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <input class="input" id=name name=name type=kind value=value autocomplete="off" aria-describedby=hint_id.clone() />
                <p class="field-hint" id=hint_id>
                    {hint}
                </p>
            </div>
        }
        .into_any()
    };
    let choice = |name: &'static str, label: &'static str, on: bool| {
        view! {
            <label class="choice">
                <input type="checkbox" name=name value="true" checked=on />
                <span>{label}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <PostForm submission at="#saved">
            <input type="hidden" name="project_ref" value=project_ref.to_string() />
            <div class="project-column auth-form">
                <Sheet id="addresses" title="Addresses">
                    <div class="sheet-body form">
                        {field("site_url", "Site URL", "text", settings.site_url, "Where users return to from links in messages.")}
                        <div class="field">
                            <label for="uri_allow_list">"Redirect URLs"</label>
                            <textarea
                                class="input"
                                id="uri_allow_list"
                                name="uri_allow_list"
                                rows="4"
                                spellcheck="false"
                                aria-describedby="uri_allow_list-hint"
                                prop:value=settings.uri_allow_list.clone()
                            >
                                {settings.uri_allow_list.clone()}
                            </textarea>
                            <p class="field-hint" id="uri_allow_list-hint">
                                "One a line; * stands for anything but a / or a dot, ** for anything."
                            </p>
                        </div>
                    </div>
                </Sheet>
                <Sheet id="sign-up" title="Sign-up">
                    <div class="sheet-body form">
                        {choice("allow_signup", "Anybody may sign up", settings.allow_signup)}
                        {choice("mailer_autoconfirm", "E-mail addresses count as confirmed at once", settings.autoconfirm)}
                        {choice("anonymous", "Anonymous sign-ins", settings.anonymous)}
                        {field(
                            "password_min_length",
                            "Shortest password, in characters",
                            "number",
                            settings.password_min_length.to_string(),
                            "",
                        )}
                        <div class="field">
                            <label for="password_characters">"A password needs"</label>
                            <select
                                class="input"
                                id="password_characters"
                                name="password_characters"
                                inner_html=settings.password_characters
                            ></select>
                        </div>
                    </div>
                </Sheet>
                <Sheet id="smtp" title="SMTP">
                    <div class="sheet-body form">
                        {field("smtp_host", "Host", "text", settings.smtp_host, "Without one, messages are kept in the mailbox.")}
                        {field("smtp_port", "Port", "text", settings.smtp_port, "")}
                        {field("smtp_user", "User name", "text", settings.smtp_user, "")}
                        {field("smtp_pass", "Password", "password", String::new(), password_hint)}
                        {field("smtp_admin_email", "Sender's address", "email", settings.smtp_admin_email, "")}
                        {field("smtp_sender_name", "Sender's name", "text", settings.smtp_sender_name, "")}
                    </div>
                </Sheet>
                <div id="saved">
                    <FormAlert message=error />
                    <div class="form-actions">
                        <p class="field-hint" role="status">
                            {saved}
                        </p>
                        <button class="button button-primary" type="submit" aria-disabled=submission.pending_word()>
                            "Save"
                        </button>
                    </div>
                </div>
            </div>
        </PostForm>
    }
    .into_any()
}
