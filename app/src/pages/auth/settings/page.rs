//! A page of settings as HTML: its navigation, its forms, and what some of them have besides fields.

use leptos::prelude::*;

use super::{
    field::Section,
    forms::{HOOKS, Page, REDIRECTS, SMTP},
    hook, markup, provider,
    scene::{Scene, address},
    template,
};

/// The whole page below the project's tabs.
pub(super) fn html(scene: &Scene) -> String {
    let links = Page::ALL.map(|page| {
        view! {
            <a href=address(&scene.project_ref, page) rel="external" aria-current=(page == scene.page).then_some("page")>
                {page.name()}
            </a>
        }
    });
    view! {
        <div class="settings">
            <nav class="settings-nav" aria-label="Settings">
                {links}
            </nav>
            <div class="project-column">{content(scene)}</div>
        </div>
    }
    .to_html()
}

fn content(scene: &Scene) -> AnyView {
    let sections = scene.sections();
    match (scene.page, scene.mail()) {
        (Page::Providers, _) => {
            let list = provider::list(scene, &sections);
            view! { {provider::filter(scene)} {markup::form(scene, list, None)} }.into_any()
        }
        (Page::Messages, Some(mail)) => template::editor(scene, mail, &sections),
        (Page::Messages, None) => {
            let form = markup::form(scene, shown(scene, &sections), None);
            view! { {form} {template::list(scene)} }.into_any()
        }
        (Page::Hooks, _) => {
            let hooks = HOOKS.iter().zip(&sections).map(|(of, section)| hook::section(scene, of, section)).collect_view();
            markup::form(scene, hooks.into_any(), None)
        }
        (Page::SignIn | Page::Urls | Page::Sessions | Page::Limits | Page::Advanced, _) => {
            markup::form(scene, shown(scene, &sections), None)
        }
    }
}

fn shown(scene: &Scene, sections: &[Section]) -> AnyView {
    let shown = sections.iter().map(|section| {
        let more = match &*section.id {
            REDIRECTS => Some(redirect_tester(scene, sections)),
            SMTP => Some(test_message(scene)),
            _ => None,
        };
        markup::section(scene, section, more)
    });
    shown.collect_view().into_any()
}

/// Name of the address that is tried.
const TRIED: &str = "tried";

/// Asks what the server would do with an address, by what is typed in the form.
fn redirect_tester(scene: &Scene, sections: &[Section]) -> AnyView {
    let typed = scene.typed();
    let tried = typed.text(TRIED).unwrap_or_default().trim().to_owned();
    let verdict = (!tried.is_empty()).then(|| {
        let meaning = typed.meaning(sections);
        let text = |key: &str| meaning.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let (class, glyph, words) = match rule(&text("site_url"), &text("uri_allow_list"), &tried) {
            Ok(Some(why)) => ("state-good", crate::components::Glyph::Check, why),
            Ok(None) => {
                ("state-bad", crate::components::Glyph::Failed, "Not allowed: users are sent to the site URL instead.".to_owned())
            }
            Err(error) => ("state-bad", crate::components::Glyph::Failed, error),
        };
        view! {
            <p class=format!("verdict {class}") role="status" tabindex="-1" autofocus=true>
                <crate::components::Icon glyph />
                {words}
            </p>
        }
    });
    view! {
        <div class="field">
            <label for=TRIED>"Would this address be allowed?"</label>
            <div class="input-row">
                <input
                    class="input"
                    id=TRIED
                    name=TRIED
                    type="text"
                    value=tried.clone()
                    placeholder="https://app.example.com/welcome"
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby="tried-hint"
                />
                <button class="button" type="submit" name=markup::ASK value="try">
                    "Try"
                </button>
            </div>
            <p class="field-hint" id="tried-hint">
                "Decided as the server does, by what stands above, saved or not."
            </p>
            {verdict}
        </div>
    }
    .into_any()
}

/// Why the address is allowed, or `None`; an error where the patterns can't be read.
fn rule(site_url: &str, patterns: &str, tried: &str) -> Result<Option<String>, String> {
    use auth_settings::{AllowList, RedirectRule, Settings};
    let mut settings = Settings::default();
    site_url.clone_into(&mut settings.api.site_url);
    settings.uri_allow_list = AllowList::parse(patterns).map_err(|error| format!("{error}: {}.", error.reason))?;
    Ok(settings.redirect_rule(tried).map(|rule| match rule {
        RedirectRule::Site => "Allowed: it is on the site's own host.".to_owned(),
        RedirectRule::Pattern(pattern) => format!("Allowed by {pattern}"),
    }))
}

/// Sends a mail by the settings in force.
fn test_message(scene: &Scene) -> AnyView {
    let to = scene.typed().text("to").unwrap_or_default().to_owned();
    view! {
        <div class="field">
            <label for="to">"Address for a test message"</label>
            <div class="input-row">
                <input
                    class="input"
                    id="to"
                    name="to"
                    type="text"
                    inputmode="email"
                    value=to
                    placeholder="you@example.com"
                    autocomplete="email"
                    spellcheck="false"
                    aria-describedby="to-hint"
                />
                <button class="button" type="submit" name=markup::ASK value="send-test">
                    "Send a test message"
                </button>
            </div>
            <p class="field-hint" id="to-hint">
                "By the settings that are in force: save first what you want to try."
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use control_plane_api::{ProjectRef, ProjectState};
    use serde_json::json;

    use super::*;
    use crate::pages::auth::settings::{scene::Reply, typed::Typed};

    fn scene(page: Page, query: &str) -> Scene {
        Scene {
            page,
            project_ref: ProjectRef::from_letters([0; 20]),
            api_url: "http://a.test".to_owned(),
            state: ProjectState::Running,
            document: Scene::defaults(),
            defaults: Scene::defaults(),
            query: Typed::of_query(query),
            reply: None,
            example: None,
            functions: None,
        }
    }

    #[test]
    fn every_field_of_a_page_is_in_it() {
        for page in Page::ALL.into_iter().filter(|page| *page != Page::Hooks) {
            let scene = scene(page, "");
            let html = html(&scene);
            for field in page.sections(&scene.document, None).into_iter().flat_map(|section| section.fields) {
                assert!(html.contains(&format!("name=\"{}\"", field.key)), "{} in {html}", field.key);
            }
        }
    }

    #[test]
    fn a_secret_is_shown_by_a_word_alone() {
        let mut scene = scene(Page::Messages, "");
        scene.document.insert("smtp_pass".to_owned(), json!("690d21bc"));
        let html = html(&scene);
        assert!(!html.contains("690d21bc"), "{html}");
        assert!(html.contains("Leave empty to keep it"), "{html}");
    }

    #[test]
    fn what_was_typed_is_shown_as_text_with_what_is_wrong() {
        let mut scene = scene(Page::Urls, "");
        let typed = [("was", "{}"), ("site_url", "\"><script>")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        let typed = Typed(typed.to_vec());
        let errors = [("site_url".to_owned(), "This must be <b>.".to_owned())].into();
        scene.reply = Some(Reply { typed, errors, ..Reply::default() });
        let html = html(&scene);
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;\"") || html.contains("value=\"&quot;><script>\""), "{html}");
        assert!(html.contains("This must be &lt;b&gt;.") && html.contains("aria-invalid=\"true\""), "{html}");
    }

    #[test]
    fn that_something_was_saved_is_said_where_it_was() {
        let html = |query| html(&scene(Page::Providers, query));
        let saved = html("saved=github");
        assert!(saved.contains("Saved, and in force now."));
        assert!(saved.contains("<details id=\"github\" open "), "{saved}");
        assert_eq!(saved.matches(" open class=").count(), 1, "{saved}");
        assert!(!html("").contains("Saved") && !html("").contains(" open class="));
    }

    #[test]
    fn an_address_is_tried_as_the_server_would() {
        let try_it = |tried| rule("https://app.test", "https://*.example.com/**,app://x", tried);
        assert_eq!(try_it("https://app.test/home").unwrap().as_deref(), Some("Allowed: it is on the site's own host."));
        assert_eq!(try_it("https://a.example.com/b/c").unwrap().as_deref(), Some("Allowed by https://*.example.com/**"));
        assert_eq!(try_it("https://a.b.example.com/"), Ok(None));
        assert_eq!(try_it("https://evil.test"), Ok(None));
        assert!(rule("https://app.test", "https://[", "https://app.test").is_err());
    }
}
