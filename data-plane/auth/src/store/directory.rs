//! `auth.users` as who administers them looks through them: of one kind, in one order, page by page by the last row's key, so that the
//! millionth page costs what the first does. Every order and kind has an index (`auth_schema`, version 3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Db, Parameter, StoreError, query::Query};

/// What users are ordered by. Who has none of it comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Created,
    LastSignIn,
    Email,
}

/// An order; its ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub sort: Sort,
    pub descending: bool,
}

/// Which users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Show {
    All,
    /// Whose address or number was shown to be theirs.
    Confirmed,
    /// Whose address or number was not yet.
    Waiting,
    Anonymous,
    /// Kept out now.
    Banned,
    /// Who come by single sign-on.
    Sso,
    /// Who can sign in by this one.
    Provider(String),
}

/// What a user is searched by.
#[derive(Debug, Clone)]
pub enum Search {
    /// The beginning of an address, number, name or id. Read from indexes.
    Beginning(Beginning),
    /// A part of an address, number or name, or an id. Every user is looked at.
    Anywhere { text: String, phone: String, id: Option<Uuid> },
    /// Nothing but being one of these; see [`narrowed`].
    Among(Vec<Uuid>),
}

/// What begins with a text: from and to.
#[derive(Debug, Clone)]
pub struct Beginning {
    text: (String, String),
    phone: Option<(String, String)>,
    id: Option<(Uuid, Uuid)>,
    /// Users of the kind that is shown are few: see [`narrowed`].
    of_few: bool,
}

/// Greater than any letter that follows a beginning.
const AFTER_ALL: char = char::MAX;

/// Fewer letters of an id are found with too many.
const SHORTEST_ID: usize = 4;

impl Search {
    #[must_use]
    pub fn beginning(text: &str) -> Self {
        let text = text.to_lowercase();
        let up_to = |text: &str| format!("{text}{AFTER_ALL}");
        let phone = digits(&text).map(|digits| (digits.clone(), up_to(&digits)));
        let hex: String = text.chars().filter(|letter| *letter != '-').collect();
        let is_id = (SHORTEST_ID..=32).contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let filled = |with: &str| Uuid::parse_str(&format!("{hex}{}", with.repeat(32 - hex.len()))).ok();
        let id = if is_id { filled("0").zip(filled("f")) } else { None };
        Self::Beginning(Beginning { text: (text.clone(), up_to(&text)), phone, id, of_few: false })
    }

    #[must_use]
    pub fn anywhere(text: &str) -> Self {
        let text = text.to_lowercase();
        let phone = super::containing(&digits(&text).unwrap_or_else(|| text.clone()));
        Self::Anywhere { phone, id: text.parse().ok(), text: super::containing(&text) }
    }
}

/// Of a number as people write it: as it is stored.
fn digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|letter| !" +-()./".contains(*letter)).collect();
    Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A user's place in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    id: Uuid,
    key: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    At(OffsetDateTime),
    Text(String),
}

impl Key {
    fn parameter(&self) -> Parameter<'_> {
        match self {
            Self::At(at) => at,
            Self::Text(text) => text,
        }
    }
}

impl Place {
    /// As it goes into an address.
    #[must_use]
    pub fn cursor(&self) -> String {
        let key = match &self.key {
            None => String::new(),
            Some(Key::At(at)) => format!("={}", at.unix_timestamp_nanos() / 1000),
            Some(Key::Text(text)) => format!("={text}"),
        };
        URL_SAFE_NO_PAD.encode(format!("{}{key}", self.id.simple()))
    }

    /// Of a [`Place::cursor`] in the same order.
    #[must_use]
    pub fn parse(cursor: &str, sort: Sort) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (id, key) = text.split_at_checked(32)?;
        let id = Uuid::try_parse(id).ok()?;
        let key = match (key.strip_prefix('='), sort) {
            (None, _) if key.is_empty() => None,
            (None, _) => return None,
            (Some(text), Sort::Email) => Some(Key::Text(text.to_owned())),
            (Some(micros), Sort::Created | Sort::LastSignIn) => {
                let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
                Some(Key::At(OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?))
            }
        };
        Some(Self { id, key })
    }

    fn of(row: &Row, sort: Sort) -> Self {
        let key = match sort {
            Sort::Created | Sort::LastSignIn => row.get::<_, Option<OffsetDateTime>>(1).map(Key::At),
            Sort::Email => row.get::<_, Option<String>>(1).map(Key::Text),
        };
        Self { id: row.get(0), key }
    }
}

/// Where a page is: at the beginning, after a place or before one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    Beginning,
    After(Place),
    Before(Place),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub show: Show,
    pub search: Option<Search>,
    pub order: Order,
    pub position: Position,
    pub limit: usize,
}

/// The ids of one page in their order, and the places that lead to its neighbours.
#[derive(Debug)]
pub struct Page {
    pub ids: Vec<Uuid>,
    pub previous: Option<Place>,
    pub next: Option<Place>,
}

/// How many users are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exact(i64),
    /// By the table's statistics.
    About(i64),
    MoreThan(i64),
}

/// One page.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, wanted: &Wanted) -> Result<Page, StoreError> {
    let (place, is_backward) = match &wanted.position {
        Position::Beginning => (None, false),
        Position::After(place) => (Some(place), false),
        Position::Before(place) => (Some(place), true),
    };
    // Who has a key, then who has none; from the end the other way.
    let mut parts = [true, false];
    if is_backward {
        parts.reverse();
    }
    // Whoever gets an address is anonymous no longer; nobody has to go through all addresses to find that out.
    let has_nobody_with_key = wanted.show == Show::Anonymous && wanted.order.sort == Sort::Email;
    let begins_with = place.map_or(parts[0], |place| place.key.is_some());
    let mut found = Vec::new();
    let parts = parts.into_iter().skip_while(|has_key| *has_key != begins_with);
    for has_key in parts.filter(|has_key| !(*has_key && has_nobody_with_key)) {
        // One more tells whether there is another page.
        let missing = wanted.limit + 1 - found.len();
        if missing > 0 {
            let place = place.filter(|place| place.key.is_some() == has_key);
            let limit = i64::try_from(missing).unwrap_or(i64::MAX);
            found.extend(part(db, wanted, Part { is_backward, has_key, place, limit }).await?);
        }
    }
    let has_more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    if is_backward {
        found.reverse();
    }
    let (has_previous, has_next) = if is_backward { (has_more, true) } else { (place.is_some(), has_more) };
    Ok(Page {
        previous: found.first().filter(|_| has_previous).cloned(),
        next: found.last().filter(|_| has_next).cloned(),
        ids: found.into_iter().map(|place| place.id).collect(),
    })
}

/// A part of a page.
struct Part<'a> {
    is_backward: bool,
    /// Of those with a key, or of those without.
    has_key: bool,
    place: Option<&'a Place>,
    limit: i64,
}

async fn part(db: &Db, wanted: &Wanted, part: Part<'_>) -> Result<Vec<Place>, StoreError> {
    let Some(Search::Beginning(beginning)) = &wanted.search else { return rows(db, wanted, &part, Source::Table).await };
    if beginning.of_few {
        return rows(db, wanted, &part, Source::Kind).await;
    }
    // Many are found: soon, unless they stand far from each other in this order, or at its end.
    let found = rows(db, wanted, &part, Source::Order).await?;
    if i64::try_from(found.len()).is_ok_and(|found| found == part.limit) {
        return Ok(found);
    }
    rows(db, wanted, &part, Source::Search).await
}

/// What a statement reads: all that the planner thinks best, or what bounds its work. It does not know how many begin with what, and
/// would go through all users in their order where few of the first ones are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Table,
    /// The next [`WALKED`] users.
    Order,
    /// Who is found: all of them, and the first are chosen.
    Search,
    /// Who is of the kind, likewise.
    Kind,
}

/// So many users are looked at in their order.
const WALKED: i64 = 20_000;

async fn rows(db: &Db, wanted: &Wanted, part: &Part<'_>, source: Source) -> Result<Vec<Place>, StoreError> {
    let Order { sort, descending } = wanted.order;
    let columns = Columns::of(sort, descending != part.is_backward);
    let outer = Columns { key: "key", ..columns };
    let of_part = |query, columns: &Columns| columns.after(columns.filled(query, part.has_key), part.place);
    let show = |query| of_kind(query, &wanted.show);
    let search = |query| searched(query, wanted.search.as_ref());
    let all = Query::of("select *,").and(columns.key, &[]).and("as key from auth.users where true", &[]);
    let query = match source {
        Source::Table => {
            let all = Query::of("select id,").and(columns.key, &[]).and("from auth.users where true", &[]);
            columns.ordered(search(show(of_part(all, &columns))), &part.limit)
        }
        Source::Order => {
            let within =
                columns.ordered(of_part(all, &columns), &WALKED).within("select id, key from (", ") as users where true");
            outer.ordered(search(show(within)), &part.limit)
        }
        Source::Search => outer.ordered(of_part(show(fenced(search(all))), &outer), &part.limit),
        Source::Kind => outer.ordered(of_part(search(fenced(show(all))), &outer), &part.limit),
    };
    let rows = db.rows_of(&query).await?;
    Ok(rows.iter().map(|row| Place::of(row, sort)).collect())
}

/// `offset 0` has what is within be planned by itself: by what it asks for, and not by an order and a limit that it knows nothing of.
fn fenced(query: Query<'_>) -> Query<'_> {
    query.and("offset 0", &[]).within("select id, key from (", ") as users where true")
}

/// The parts of a statement that an order has.
#[derive(Debug, Clone, Copy)]
struct Columns {
    key: &'static str,
    direction: &'static str,
    beyond: &'static str,
}

impl Columns {
    fn of(sort: Sort, descending: bool) -> Self {
        let key = match sort {
            Sort::Created => "created_at",
            Sort::LastSignIn => "last_sign_in_at",
            Sort::Email => r#"lower(email) collate "C""#,
        };
        let (direction, beyond) = if descending { ("desc", "<") } else { ("asc", ">") };
        Self { key, direction, beyond }
    }

    fn filled<'a>(&self, query: Query<'a>, has_key: bool) -> Query<'a> {
        query.and("and", &[]).and(self.key, &[]).and(if has_key { "is not null" } else { "is null" }, &[])
    }

    fn after<'a>(&self, query: Query<'a>, place: Option<&'a Place>) -> Query<'a> {
        match place.map(|place| (&place.id, &place.key)) {
            Some((id, Some(key))) => {
                let query = query.and("and (", &[]).and(self.key, &[]).and(", id)", &[]);
                query.and(self.beyond, &[]).and("($?, $?)", &[key.parameter(), id])
            }
            Some((id, None)) => query.and("and id", &[]).and(self.beyond, &[]).and("$?", &[id]),
            None => query,
        }
    }

    fn ordered<'a>(&self, query: Query<'a>, limit: &'a i64) -> Query<'a> {
        let query = query.and("order by", &[]).and(self.key, &[]).and(self.direction, &[]);
        query.and(", id", &[]).and(self.direction, &[]).and("limit $?", &[limit])
    }
}

/// As the index of names has it.
macro_rules! name {
    () => {
        "lower(coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', raw_user_meta_data ->> 'display_name'))"
    };
}

const NAME: &str = concat!(name!(), " collate \"C\" >= $? and ", name!(), " collate \"C\" < $?");
const BEGINNING: &str = concat!(
    "and (lower(email) collate \"C\" >= $? and lower(email) collate \"C\" < $? or phone ~>=~ $? and phone ~<~ $? or ",
    name!(),
    " collate \"C\" >= $? and ",
    name!(),
    " collate \"C\" < $? or id >= $? and id <= $?)"
);
const ANYWHERE: &str = concat!("and (lower(email) like $? or phone like $? or ", name!(), " like $? or id = $?)");

/// Up to so many users are looked up one by one.
const FEW: usize = 20_000;

/// A search for a beginning, made one among those who are found by it where they are few, and otherwise one that knows whether those
/// of the kind are.
///
/// # Errors
/// [`StoreError`]
pub async fn narrowed(db: &Db, search: Search, show: &Show) -> Result<Search, StoreError> {
    const LIMIT: i64 = FEW as i64 + 1;
    let Search::Beginning(beginning) = search else { return Ok(search) };
    let Beginning { text: (from, to), phone, id, .. } = &beginning;
    let mut query = Query::of("select id from (")
        .and("(select id from auth.users where lower(email) collate \"C\" >= $? and lower(email) collate \"C\" < $?", &[from, to])
        .and("limit $?) union (select id from auth.users where", &[&LIMIT])
        .and(NAME, &[from, to])
        .and("limit $?)", &[&LIMIT]);
    if let Some((from, to)) = phone {
        query = query.and("union (select id from auth.users where phone ~>=~ $? and phone ~<~ $? limit $?)", &[from, to, &LIMIT]);
    }
    if let Some((from, to)) = id {
        query = query.and("union (select id from auth.users where id >= $? and id <= $? limit $?)", &[from, to, &LIMIT]);
    }
    let found = db.rows_of(&query.and(") as found limit $?", &[&LIMIT])).await?;
    if found.len() <= FEW {
        return Ok(Search::Among(found.iter().map(|row| row.get(0)).collect()));
    }
    let of_few = *show != Show::All && {
        let query = of_kind(Query::of("select count(*) from (select from auth.users where true"), show);
        let rows = db.rows_of(&query.and("limit $?) as found", &[&LIMIT])).await?;
        rows.first().is_some_and(|row| row.get::<_, i64>(0) < LIMIT)
    };
    Ok(Search::Beginning(Beginning { of_few, ..beginning }))
}

/// Adds of which kind users are to be.
fn of_kind<'a>(query: Query<'a>, show: &'a Show) -> Query<'a> {
    match show {
        Show::All => query,
        Show::Confirmed => query.and("and confirmed_at is not null", &[]),
        Show::Waiting => query.and("and confirmed_at is null and not is_anonymous", &[]),
        Show::Anonymous => query.and("and is_anonymous", &[]),
        Show::Banned => query.and("and banned_until is not null and banned_until > now()", &[]),
        Show::Sso => query.and("and is_sso_user", &[]),
        Show::Provider(provider) => {
            query.and("and exists (select from auth.identities where user_id = users.id and provider = $?)", &[provider])
        }
    }
}

/// Adds what they are to be found by.
fn searched<'a>(query: Query<'a>, search: Option<&'a Search>) -> Query<'a> {
    match search {
        None => query,
        Some(Search::Among(ids)) => query.and("and id = any($?)", &[ids]),
        Some(Search::Anywhere { text, phone, id }) => query.and(ANYWHERE, &[text, phone, text, id]),
        Some(Search::Beginning(Beginning { text: (from, to), phone, id, .. })) => {
            const NONE: Option<&str> = None;
            const NOBODY: Option<Uuid> = None;
            let (phone_from, phone_to): (Parameter<'_>, Parameter<'_>) = match phone {
                Some((from, to)) => (from, to),
                None => (&NONE, &NONE),
            };
            let (id_from, id_to): (Parameter<'_>, Parameter<'_>) = match id {
                Some((from, to)) => (from, to),
                None => (&NOBODY, &NOBODY),
            };
            query.and(BEGINNING, &[from, to, phone_from, phone_to, from, to, id_from, id_to])
        }
    }
}

/// Up to so many users are counted.
const COUNTED: i64 = 10_000;

/// How many users are meant: counted up to 10,000. Beyond, the table's statistics tell of all, and nothing tells of a part.
///
/// # Errors
/// [`StoreError`]
pub async fn total(db: &Db, wanted: &Wanted) -> Result<Total, StoreError> {
    const LIMIT: i64 = COUNTED + 1;
    let search = wanted.search.as_ref();
    let query = match search {
        // They are more than can be looked up, and so more than are counted.
        Some(Search::Beginning(_)) if wanted.show == Show::All => return Ok(Total::MoreThan(COUNTED)),
        Some(Search::Beginning(beginning)) => {
            let all = Query::of("select *, null as key from auth.users where true");
            if beginning.of_few {
                searched(fenced(of_kind(all, &wanted.show)), search)
            } else {
                of_kind(fenced(searched(all, search)), &wanted.show)
            }
        }
        _ => searched(of_kind(Query::of("select from auth.users where true"), &wanted.show), search),
    };
    let query = query.and("limit $?", &[&LIMIT]).within("select count(*) from (", ") as found");
    let rows = db.rows_of(&query).await?;
    let counted: i64 = rows.first().map_or(0, |row| row.get(0));
    if counted <= COUNTED {
        return Ok(Total::Exact(counted));
    }
    if wanted.show != Show::All || wanted.search.is_some() {
        return Ok(Total::MoreThan(COUNTED));
    }
    let sql = "select reltuples::bigint from pg_class where oid = 'auth.users'::regclass";
    let about: i64 = db.row(sql, &[]).await?.map_or(0, |row| row.get(0));
    Ok(if about > COUNTED { Total::About(about) } else { Total::MoreThan(COUNTED) })
}

/// The size of the table of users in bytes, which tells at once whether there are many.
///
/// # Errors
/// [`StoreError`]
pub async fn size(db: &Db) -> Result<i64, StoreError> {
    Ok(db.row("select pg_relation_size('auth.users')", &[]).await?.map_or(0, |row| row.get(0)))
}

/// Providers by which somebody can sign in, 50 at most. One step in the index for each.
///
/// # Errors
/// [`StoreError`]
pub async fn providers(db: &Db) -> Result<Vec<String>, StoreError> {
    let sql = "with recursive found as ( \
               (select provider from auth.identities order by provider limit 1) union all \
               select (select provider from auth.identities where provider > found.provider order by provider limit 1) \
               from found where found.provider is not null) \
               select provider from found where provider is not null limit 50";
    Ok(db.rows(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_795_350_605_123_456_000).unwrap();
        let places = [
            (Sort::Created, Some(Key::At(at))),
            (Sort::LastSignIn, None),
            (Sort::Email, Some(Key::Text("ann=b@example.com".to_owned()))),
            (Sort::Email, Some(Key::Text(String::new()))),
        ];
        for (sort, key) in places {
            let place = Place { id: Uuid::from_u128(7), key };
            assert_eq!(Place::parse(&place.cursor(), sort), Some(place));
        }
        for wrong in ["", "x", "%", "AAAA", &URL_SAFE_NO_PAD.encode("00000000000000000000000000000007=x")] {
            assert_eq!(Place::parse(wrong, Sort::Created), None, "{wrong}");
        }
    }

    #[test]
    fn beginnings_are_of_what_they_look_like() {
        let of = |text: &str| match Search::beginning(text) {
            Search::Beginning(Beginning { text: (from, _), phone, id, .. }) => (from, phone.map(|phone| phone.0), id),
            Search::Anywhere { .. } | Search::Among(_) => unreachable!(),
        };
        assert_eq!(of("Ann@"), ("ann@".to_owned(), None, None));
        assert_eq!(of("+49 (151)").1.as_deref(), Some("49151"));
        assert_eq!(of("abc").2, None);
        let (from, to) = of("1F2e-").2.unwrap();
        assert_eq!(from.to_string(), "1f2e0000-0000-0000-0000-000000000000");
        assert_eq!(to.to_string(), "1f2effff-ffff-ffff-ffff-ffffffffffff");
    }
}
