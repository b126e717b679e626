"""What clients.spec.ts does with supabase-js, in short, with supabase-py. Usage: client.py URL PUBLISHABLE_KEY SECRET_KEY"""

import faulthandler
import sys

from postgrest.exceptions import APIError
from supabase import create_client
from supabase_auth.errors import AuthApiError

# Says where it waits, should it wait too long.
faulthandler.dump_traceback_later(45, exit=True)
url, publishable, secret = sys.argv[1:]
anon = create_client(url, publishable)
admin = create_client(url, secret)


def check(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


check(
    anon.table("books").select("title, authors(name)").eq("title", "Solaris").execute().data,
    [{"title": "Solaris", "authors": {"name": "Stanisław Lem"}}],
)
check(len(anon.table("books").select("id").gt("pages", 250).order("pages", desc=True).limit(2).execute().data), 2)
check(anon.table("books").select("*", count="exact", head=True).execute().count, 4)
check(anon.table("authors").select("name").eq("id", 2).single().execute().data, {"name": "Stanisław Lem"})
check(anon.table("authors").select("name").eq("id", 99).maybe_single().execute(), None)
check(anon.rpc("add", {"a": 2, "b": 40}).execute().data, 42)

check(admin.table("authors").insert({"name": "Python", "born": 1991}).execute().data[0]["born"], 1991)
check(admin.table("authors").upsert({"name": "Python", "born": 1990}, on_conflict="name").execute().data[0]["born"], 1990)
check(admin.table("authors").update({"born": 1989}).eq("name", "Python").execute().data[0]["born"], 1989)
check(len(admin.table("authors").delete().eq("name", "Python").execute().data), 1)

try:
    anon.table("books").insert({"title": "Spam", "author_id": 1}).execute()
    raise AssertionError("row level security let an insert through")
except APIError as error:
    check(error.code, "42501")

user = {"email": "python@example.com", "password": "correct horse battery"}
check(anon.auth.sign_up(user).session, None)
try:
    anon.auth.sign_in_with_password(user)
    raise AssertionError("an address that is not confirmed was let in")
except AuthApiError as error:
    check(error.code, "email_not_confirmed")
print("token for", user["email"], flush=True)
anon.auth.verify_otp({"token_hash": input(), "type": "email"})
session = anon.auth.sign_in_with_password(user).session
check(len(anon.table("notes").insert({"body": "of python"}).execute().data), 1)
check([row["body"] for row in anon.table("notes").select("body").execute().data], ["of python"])
check(anon.auth.refresh_session().session.refresh_token == session.refresh_token, False)
check(anon.auth.get_user().user.email, user["email"])
anon.auth.sign_out()
check(anon.table("notes").select("body").execute().data, [])

print("ok")
