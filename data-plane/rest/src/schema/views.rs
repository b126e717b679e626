//! Which column of which table a view's column shows, read off the view's rewrite rule.
//!
//! PostgreSQL stores a view's query as a `pg_node_tree`. Each entry of its target list names the column it stands for
//! (`resno`) and, if it is a plain column, where that comes from (`resorigtbl`, `resorigcol`). Views over views name
//! the inner view, so origins are followed until a table.

use std::collections::HashMap;

/// Origins of view columns, followed down to tables.
#[derive(Debug, Default)]
pub(crate) struct ViewColumns {
    /// By view: number of the column, base table and its column's number.
    columns: HashMap<u32, Vec<(i16, u32, i16)>>,
    /// By table: the views over it.
    over: HashMap<u32, Vec<u32>>,
}

/// Views over views at most, as a guard; PostgreSQL allows no cycles.
const MAX_CHAIN: usize = 32;

impl ViewColumns {
    /// `rules`: each view's id and its rule's `ev_action` as text. Their order is that of [`Self::over`].
    pub(crate) fn new(rules: &[(u32, String)]) -> Self {
        let direct: HashMap<u32, Vec<(i16, u32, i16)>> = rules.iter().map(|(view, rule)| (*view, origins(rule))).collect();
        let follow = |mut table: u32, mut column: i16| {
            for _ in 0..MAX_CHAIN {
                let Some(columns) = direct.get(&table) else { break };
                let (_, next, number) = columns.iter().find(|(own, _, _)| *own == column)?;
                (table, column) = (*next, *number);
            }
            Some((table, column))
        };
        let mut found = Self::default();
        for (view, _) in rules {
            let followed: Vec<(i16, u32, i16)> = direct[view]
                .iter()
                .filter_map(|(own, table, column)| follow(*table, *column).map(|(table, column)| (*own, table, column)))
                .collect();
            for (_, table, _) in &followed {
                let views = found.over.entry(*table).or_default();
                if views.last() != Some(view) {
                    views.push(*view);
                }
            }
            found.columns.insert(*view, followed);
        }
        found
    }

    /// The views that show a column of the table.
    pub(crate) fn over(&self, table: u32) -> impl Iterator<Item = u32> {
        self.over.get(&table).into_iter().flatten().copied()
    }

    /// The tables whose columns a view shows.
    pub(crate) fn bases(&self, view: u32) -> impl Iterator<Item = u32> {
        self.columns.get(&view).into_iter().flatten().map(|(_, table, _)| *table)
    }

    /// The view's columns that show the table's.
    pub(crate) fn columns_showing(&self, view: u32, table: u32, column: i16) -> impl Iterator<Item = i16> {
        let columns = self.columns.get(&view).into_iter().flatten();
        columns.filter(move |(_, t, c)| *t == table && *c == column).map(|(own, _, _)| *own)
    }
}

/// The view's column numbers with the relation and column each comes from.
fn origins(rule: &str) -> Vec<(i16, u32, i16)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut tokens = rule.split_ascii_whitespace().peekable();
    let mut in_target_list = false;
    let (mut number, mut table) = (0_i16, 0_u32);
    while let Some(token) = tokens.next() {
        // `({QUERY` is depth 1; its target list's `{TARGETENTRY` are depth 2. Braces in names are escaped by a backslash.
        let mut escaped = false;
        let before = depth;
        for c in token.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if before == 1 && token.starts_with(':') {
            in_target_list = token == ":targetList";
        }
        if !in_target_list || before != 2 {
            continue;
        }
        let value = tokens.peek().copied().unwrap_or_default();
        match token {
            ":resno" => number = value.parse().unwrap_or(0),
            ":resorigtbl" => table = value.parse().unwrap_or(0),
            ":resorigcol" => {
                let column = value.parse().unwrap_or(0);
                if number > 0 && table > 0 && column > 0 {
                    found.push((number, table, column));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r"({QUERY :commandType 1 :rtable ({RANGETBLENTRY :eref {ALIAS :aliasname t\} :colnames (a b)} :subquery
        {QUERY :targetList ({TARGETENTRY :expr {VAR :varno 1} :resno 9 :resname x :resorigtbl 7 :resorigcol 7 :resjunk false})}})
        :targetList ({TARGETENTRY :expr {VAR :varno 1} :resno 1 :resname id :ressortgroupref 0 :resorigtbl 100 :resorigcol 2 :resjunk false}
        {TARGETENTRY :expr {FUNCEXPR :args ({VAR :varno 1})} :resno 2 :resname f :resorigtbl 0 :resorigcol 0 :resjunk false}) :override 0})";

    #[test]
    fn reads_only_the_outermost_target_list() {
        assert_eq!(origins(RULE), [(1, 100, 2)]);
    }

    #[test]
    fn follows_views_over_views() {
        let outer = RULE.replace("100", "200").replace(":resorigcol 2", ":resorigcol 1");
        let views = ViewColumns::new(&[(200, RULE.to_owned()), (300, outer)]);
        assert_eq!(views.columns_showing(300, 100, 2).collect::<Vec<_>>(), [1]);
        assert_eq!(views.over(100).collect::<Vec<_>>(), [200, 300]);
    }

    #[test]
    fn a_column_may_be_shown_twice() {
        let twice = RULE.replace(":resorigtbl 0 :resorigcol 0", ":resorigtbl 100 :resorigcol 2");
        let views = ViewColumns::new(&[(300, twice.clone()), (200, twice)]);
        assert_eq!(views.columns_showing(200, 100, 2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(views.over(100).collect::<Vec<_>>(), [300, 200], "each once, in the order of the rules");
    }
}
