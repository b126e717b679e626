//! Who has an account in a project: the list. Where it is, how it is ordered and what is searched stands in the address.

mod answers;
mod changes;
pub(super) mod new;
mod sheets;
pub(super) mod user;

use control_plane::Error;
use leptos::prelude::*;

pub(crate) use answers::to_type;

use super::{
    load::Content,
    markup::{self, done_note, hidden, mark, when},
    visit::{Visit, query_of},
};
use crate::components::{Glyph, Icon};
use answers::{UserLine, UserList, UserState};

/// Kinds of users, as the directory of Auth names them.
const KINDS: [(&str, &str); 6] = [
    ("", "All"),
    ("confirmed", "Confirmed"),
    ("waiting", "Waiting"),
    ("anonymous", "Anonymous"),
    ("banned", "Banned"),
    ("sso", "Single sign-on"),
];

/// Orders, as the directory of Auth names them.
const ORDERS: [(&str, &str); 4] = [("", "Newest"), ("oldest", "Oldest"), ("last_sign_in", "Last sign-in"), ("email", "E-mail")];

/// What the page's address asks for.
#[derive(Debug, Clone, Default)]
struct Asked {
    search: String,
    show: String,
    sort: String,
    /// `anywhere` where that was asked for.
    matching: String,
    /// A cursor with its name: `after`, `before`.
    cursor: Option<(&'static str, String)>,
}

impl Asked {
    fn by_address(visit: &Visit) -> Self {
        let text = |name| visit.asked_for(name).unwrap_or_default();
        let cursor = ["after", "before"].into_iter().find_map(|name| Some((name, visit.asked_for(name)?)));
        Self { search: text("search"), show: text("show"), sort: text("sort"), matching: text("match"), cursor }
    }

    /// As a query: of an address of this page, and of the directory.
    fn query(&self) -> String {
        let (cursor, place) = self.cursor.as_ref().map_or(("after", ""), |(name, place)| (*name, place.as_str()));
        query_of(&[
            ("search", &self.search),
            ("show", &self.show),
            ("sort", &self.sort),
            ("match", &self.matching),
            (cursor, place),
        ])
    }

    /// The first page of it with something else.
    fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self { cursor: None, ..self.clone() };
        change(&mut other);
        format!("?{}", other.query())
    }

    fn at(&self, name: &'static str, cursor: String) -> String {
        format!("?{}", Self { cursor: Some((name, cursor)), ..self.clone() }.query())
    }

    fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || !self.show.is_empty()
    }
}

/// A page of users, searched or not.
pub(super) async fn list(visit: &Visit) -> Result<Content, Error> {
    let asked = Asked::by_address(visit);
    let path = format!("/_admin/users?{}", asked.query());
    let list = UserList::of(&visit.ask(&path).await?, time::OffsetDateTime::now_utc());
    let address = visit.address("users");
    let UserList { users, previous, next, count, by_beginning, providers } = list;
    let pages = pages(&asked, previous, next);
    let listed = if users.is_empty() { nobody(&address, &asked) } else { ledger(&address, users) };
    let shown = view! {
        <div class="project-column">
            {done_note(visit.just_done(&[("deleted", "The user is deleted.")]))}
            <div class="users-tools">
                {search_form(&address, &asked)}
                <div class="page-actions">
                    {markup::copy_curl(visit.curl("GET", &path, None), "Copy this list as curl")} {add_user(&address)}
                </div>
            </div>
            <div class="users-tools">
                {kinds(&asked, providers)}
                {choices("Sort by", asked_orders(&asked))}
            </div>
            {by_beginning.then(|| only_beginnings(&asked))}
            {listed}
            <div class="pages pages-between">
                <p class="text-sm soft figures">{count}</p>
                {pages}
            </div>
        </div>
    };
    Ok(Content::new("Users", shown.into_any()))
}

fn add_user(address: &str) -> AnyView {
    view! {
        <a class="button button-primary" href=format!("{address}/new") rel="external">
            <Icon glyph=Glyph::Plus />
            "Add user"
        </a>
    }
    .into_any()
}

fn only_beginnings(asked: &Asked) -> AnyView {
    let anywhere = asked.with(|asked| asked.matching = "anywhere".to_owned());
    view! {
        <p class="text-sm soft">
            "There are many users, so only beginnings were searched. "
            <a href=anywhere rel="external">
                "Search every part of every user"
            </a>
        </p>
    }
    .into_any()
}

fn ledger(address: &str, users: Vec<UserLine>) -> AnyView {
    let rows = users.into_iter().map(|user| row(address, user)).collect_view();
    view! {
        <div class="ledger">
            <div class="users-row users-head label" aria-hidden="true">
                <span>"User"</span>
                <span>"State"</span>
                <span>"Signs in by"</span>
                <span>"Created"</span>
                <span>"Last sign-in"</span>
            </div>
            <ul aria-label="Users">{rows}</ul>
        </div>
    }
    .into_any()
}

fn search_form(address: &str, asked: &Asked) -> AnyView {
    let kept = [("show", asked.show.clone()), ("sort", asked.sort.clone())]
        .map(|(name, value)| (!value.is_empty()).then(|| hidden(name, value)));
    view! {
        <form class="users-search" method="get" action=address.to_owned() role="search">
            {kept}
            <input
                class="input"
                type="search"
                name="search"
                value=asked.search.clone()
                aria-label="Search by address, number, name or id"
                placeholder="Address, number, name or id"
            />
            <button class="button" type="submit">
                "Search"
            </button>
        </form>
    }
    .into_any()
}

/// Name, address and whether it is this page's.
type Choice = (String, String, bool);

fn kinds(asked: &Asked, providers: Vec<(String, String)>) -> AnyView {
    let choice = |kind: &str, name: &str| {
        let current = asked.show == kind;
        (name.to_owned(), asked.with(|asked| asked.show = kind.to_owned()), current)
    };
    let kinds: Vec<_> = KINDS.iter().map(|(kind, name)| choice(kind, name)).collect();
    // One way in for all tells nothing.
    let providers = if providers.len() > 1 { providers } else { Vec::new() };
    let providers: Vec<_> = providers.iter().map(|(id, name)| choice(&format!("provider:{id}"), name)).collect();
    let by_provider = (!providers.is_empty()).then(|| choices("Signs in by", providers));
    (choices("Show", kinds), by_provider).into_any()
}

fn asked_orders(asked: &Asked) -> Vec<Choice> {
    let choice =
        |(order, name): (&str, &str)| (name.to_owned(), asked.with(|asked| asked.sort = order.to_owned()), asked.sort == order);
    ORDERS.map(choice).into()
}

fn choices(label: &'static str, choices: Vec<Choice>) -> AnyView {
    let links = choices.into_iter().map(|(name, href, current)| {
        view! {
            <a href=href rel="external" aria-current=current.then_some("true")>
                {name}
            </a>
        }
    });
    view! {
        <nav class="sort users-choices" aria-label=label>
            <span class="soft">{label}</span>
            {links.collect_view()}
        </nav>
    }
    .into_any()
}

fn pages(asked: &Asked, previous: Option<String>, next: Option<String>) -> AnyView {
    let link = |word: &'static str, href: Option<String>| href.map(|href| markup::button_to(href, word));
    let first = asked.cursor.is_some().then(|| asked.with(|_| ()));
    let previous = previous.map(|cursor| asked.at("before", cursor));
    let next = next.map(|cursor| asked.at("after", cursor));
    if first.is_none() && next.is_none() {
        return ().into_any();
    }
    view! {
        <nav class="pages" aria-label="Pages">
            {link("First page", first)}
            {link("Previous", previous)}
            {link("Next", next)}
        </nav>
    }
    .into_any()
}

/// There is nobody: what to do next.
fn nobody(address: &str, asked: &Asked) -> AnyView {
    if asked.is_narrowed() || asked.cursor.is_some() {
        return markup::empty("Nobody is found by this", "", markup::button_to(address.to_owned(), "Show all users"));
    }
    let actions = view! {
        <div class="pages">{add_user(address)} {markup::button_to(format!("{address}/new#invite"), "Invite by e-mail")}</div>
    };
    markup::empty(
        "Nobody has signed up yet",
        "Users appear here when they sign up in an application, or when you add or invite them.",
        actions.into_any(),
    )
}

fn row(address: &str, user: UserLine) -> AnyView {
    let UserLine { id, name, full_name, state, providers, created_at, last_sign_in_at } = user;
    let providers = if providers.is_empty() { "Nothing".to_owned() } else { providers };
    view! {
        <li class="users-row ledger-row">
            <div class="min-w-0">
                <a class="ledger-name" href=format!("{address}/{id}") rel="external">
                    {name}
                </a>
                <p class="text-sm soft wrap-anywhere">{full_name}</p>
                <p class="ref">{id}</p>
            </div>
            <div>{badge(state)}</div>
            <dl class="ledger-facts">
                {fact("Signs in by", providers.into_any())}
                {fact("Created", when(created_at, "Unknown"))}
                {fact("Last sign-in", when(last_sign_in_at, "Never"))}
            </dl>
        </li>
    }
    .into_any()
}

fn fact(label: &'static str, value: AnyView) -> AnyView {
    view! {
        <div>
            <dt class="soft">{label}</dt>
            <dd>{value}</dd>
        </div>
    }
    .into_any()
}

fn badge(state: UserState) -> AnyView {
    let (class, glyph, word) = match state {
        UserState::Confirmed => ("state state-good", Glyph::Check, "Confirmed"),
        UserState::Waiting => ("state state-busy", Glyph::Waiting, "Waiting"),
        UserState::Anonymous => ("state state-idle", Glyph::EyeOff, "Anonymous"),
        UserState::Banned => ("state state-bad", Glyph::Minus, "Banned"),
        UserState::Deleted => ("state state-idle", Glyph::Close, "Deleted"),
    };
    mark(class, glyph, word)
}
