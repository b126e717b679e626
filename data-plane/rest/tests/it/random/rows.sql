delete from api.reviews; delete from api.books; delete from api.notes where id <> 1; delete from api.partly where id <> 1;
delete from api.authors;
insert into api.authors values (1, 'Woolf', '1882-01-25', '{"a":1}', '{a,b}', 4.5, true, null), (2, 'Austen', null, '[1,{"a":{"b":2}}]', null, 3, false, null);
insert into api.books values (1, 'Orlando', 1, 1928, '{"a":"x"}', '[1,5)', 'orlando', 1), (2, 'Emma', 2, 1815, null, null, 'emma', 2), (3, 'Flush', 1, 1933, null, null, null, null);
insert into api.reviews values (1, 2, 5), (2, 1, 4);
