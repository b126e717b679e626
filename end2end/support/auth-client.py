"""What auth-clients.spec.ts does with supabase-js, in short, with supabase-py. Usage: auth-client.py URL PUBLISHABLE_KEY SECRET_KEY

With the OAuth server, manual linking and anonymous users on, addresses confirmed at once, no pauses between messages, and no SMTP.

Its models are strict: an answer that lacks a member is an error here."""

import asyncio
import re
import sys
from time import time_ns
from uuid import uuid4

import httpx
from supabase import create_async_client, create_client
from supabase.lib.client_options import SyncClientOptions
from supabase_auth.errors import AuthApiError, AuthImplicitGrantRedirectError, AuthWeakPasswordError
from supabase_auth.types import CreateOAuthClientParams, PageParams, UpdateOAuthClientParams

url, publishable, secret = sys.argv[1:]
admin = create_client(url, secret).auth.admin
password = "correct horse battery"


site = "http://localhost:3000"


def somebody(flow_type="implicit"):
    return create_client(url, publishable, SyncClientOptions(flow_type=flow_type)).auth


def received(recipient):
    """Code, hash and link of the last message to somebody, out of the project's mailbox."""
    read = lambda path: httpx.get(f"{url}/auth/v1/admin/messages{path}", headers={"apikey": secret}).json()  # noqa: E731
    return read("/" + read(f"?recipient={recipient}&limit=1")["messages"][0]["id"])["data"]


def followed(recipient):
    """Where a browser ends that opens the link of the last mail. Not every machine knows the link's host."""
    _, path = received(recipient)["link"].split("/auth/v1/")
    return httpx.get(f"{url}/auth/v1/{path}").headers["location"]


def address():
    return f"python{time_ns()}@example.com"


def check(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


def refused(call, code, message, kind=AuthApiError):
    try:
        call()
    except kind as error:
        return check((error.code, error.message), (code, message))
    raise AssertionError(f"{code} is not told")


client, email = somebody(), address()
credentials = {"email": email, "password": password}
check(client.sign_up({**credentials, "options": {"data": {"name": "Py"}}}).user.user_metadata["name"], "Py")
refused(lambda: somebody().sign_up(credentials), "user_already_exists", "User already registered")
refused(
    lambda: somebody().sign_up({"email": address(), "password": "1"}),
    "weak_password",
    "Password should be at least 6 characters.",
    AuthWeakPasswordError,
)
wrong = {"email": email, "password": "wrong"}
refused(lambda: somebody().sign_in_with_password(wrong), "invalid_credentials", "Invalid login credentials")
check(somebody().sign_in_anonymously().user.is_anonymous, True)
session = client.sign_in_with_password(credentials).session
check(client.get_claims()["claims"]["email"], email)
check(somebody().set_session(session.access_token, session.refresh_token).user.email, email)
refused(
    lambda: somebody().refresh_session("none"), "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found"
)
check(client.update_user({"data": {"name": None, "age": 3}}).user.user_metadata.get("name"), None)
check([identity.provider for identity in client.get_user_identities().identities], ["email"])
check(client.sign_in_with_otp({"email": email}).session, None)
refused(
    lambda: client.verify_otp({"email": email, "token": "000000", "type": "email"}),
    "otp_expired",
    "Token has expired or is invalid",
)

factor = client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
challenge = client.mfa.challenge({"factor_id": factor.id})
answer = {"factor_id": factor.id, "challenge_id": challenge.id, "code": "none"}
refused(lambda: client.mfa.verify(answer), "mfa_verification_failed", "Invalid TOTP code entered")
check(client.mfa.get_authenticator_assurance_level().current_level, "aal1")
user = client.get_user().user
check([found.id for found in admin.mfa.list_factors({"user_id": user.id})], [factor.id])
check(admin.mfa.delete_factor({"user_id": user.id, "id": factor.id}).id, factor.id)

made = admin.create_user({"email": address(), "email_confirm": True, "app_metadata": {"plan": "x"}}).user
check(admin.update_user_by_id(made.id, {"ban_duration": "1h", "role": "boss"}).user.role, "boss")
admin.delete_user(made.id, True)
check(any(listed.id == made.id for listed in admin.list_users(page=1, per_page=5)), True)
check(isinstance(admin.get_user_by_id(made.id).user.deleted_at, str), True)
admin.delete_user(made.id)
refused(lambda: admin.get_user_by_id(str(uuid4())), "user_not_found", "User not found")
link = admin.generate_link({"type": "magiclink", "email": email}).properties
check(somebody().verify_otp({"token_hash": link.hashed_token, "type": "magiclink"}).user.email, email)
check(admin.invite_user_by_email(address()).user.invited_at is None, False)
admin.sign_out(client.get_session().access_token)

# Links of each kind, and what their codes lead to.
other = address()
for kind, more in [
    ("signup", {"email": other, "password": password, "options": {"data": {"from": "a link"}, "redirect_to": site}}),
    ("recovery", {"email": other, "options": {"redirect_to": site}}),
    ("invite", {"email": address(), "options": {"data": {"from": "a link"}}}),
    ("magiclink", {"email": address()}),
]:
    link = admin.generate_link({"type": kind, **more})
    check(link.properties.redirect_to, site)
    verified = {"token_hash": link.properties.hashed_token, "type": link.properties.verification_type}
    check(somebody().verify_otp(verified).user.id, link.user.id)
new = address()
changes = [{"type": f"email_change_{side}", "email": other, "new_email": new} for side in ("current", "new")]
check([admin.generate_link(change).user.new_email for change in changes], [new, new])
refused(lambda: admin.generate_link({"type": "recovery", "email": address()}), "user_not_found", "User with this email not found")

# By links of mails: implicitly, and with a code.
implicit, pkce = somebody(), somebody("pkce")
implicit.sign_in_with_otp({"email": email})
implicit.initialize(url=followed(email))
check(implicit.get_session().user.email, email)
events = []
pkce.on_auth_state_change(lambda event, _: events.append(event))
pkce.reset_password_for_email(email, {"redirect_to": site})
back = followed(email)
pkce.exchange_code_for_session({"auth_code": re.search(r"code=([^&#]+)", back)[1]})
check(events, ["PASSWORD_RECOVERY"])
refused(
    lambda: pkce.exchange_code_for_session({"auth_code": str(uuid4()), "code_verifier": "x" * 43}),
    "flow_state_not_found",
    "invalid flow state, no valid flow state found",
)
try:
    implicit.initialize(url=followed(email))
    raise AssertionError("a link is good for two")
except AuthImplicitGrantRedirectError as error:
    check(error.details["code"], "otp_expired")

# Both sides confirm a change of address.
mover, moved = somebody(), address()
mover.sign_up({"email": address(), "password": password})
before = mover.get_user().user.email
if mover.update_user({"email": moved}).user.new_email:
    first = somebody().verify_otp({"email": before, "token": received(before)["token"], "type": "email_change"})
    check((first.user, first.session), (None, None))
    check(somebody().verify_otp({"token_hash": received(moved)["token_hash"], "type": "email_change"}).user.email, moved)
mover.reauthenticate()

check(somebody().sign_in_with_oauth({"provider": "github"}).url.startswith(f"{url}/auth/v1/authorize?"), True)
refused(lambda: somebody().sign_in_with_sso({"domain": "a.example"}), "saml_provider_disabled", "SAML 2.0 is disabled")
refused(
    lambda: somebody().sign_in_with_id_token({"provider": "google", "token": "a.b.c"}),
    "provider_disabled",
    'Provider (issuer "https://accounts.google.com") is not enabled',
)
refused(
    lambda: mover.unlink_identity(mover.get_user_identities().identities[0]),
    "single_identity_not_deletable",
    "User must have at least 1 identity after unlinking",
)

# Clients of the OAuth server.
wanted = CreateOAuthClientParams(client_name="Py", client_uri="https://a.example", redirect_uris=["https://a.example/back"])
made = admin.oauth.create_client(wanted).client
renamed = admin.oauth.update_client(made.client_id, UpdateOAuthClientParams(client_name="Renamed")).client
check((renamed.client_name, renamed.client_uri, renamed.redirect_uris), ("Renamed", made.client_uri, made.redirect_uris))
check(admin.oauth.regenerate_client_secret(made.client_id).client.client_secret in (None, made.client_secret), False)
page = admin.oauth.list_clients(PageParams(page=1, per_page=1))
check((len(page.clients), page.last_page), (1, page.total))
admin.oauth.delete_client(made.client_id)
refused(lambda: admin.oauth.get_client(made.client_id), "oauth_client_not_found", "OAuth client not found")

for scope in ("global", "local", "others"):
    one, two = somebody(), somebody()
    one.sign_in_with_password(credentials)
    two.sign_in_with_password(credentials)
    one.sign_out({"scope": scope})
    check((one.get_session() is None, scope != "others"), (scope != "others", scope != "others"))
    if scope == "local":
        two.refresh_session()
    else:
        refused(two.refresh_session, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")


async def asynchronously():
    other = (await create_async_client(url, publishable)).auth
    check((await other.sign_in_with_password(credentials)).user.email, email)
    check((await other.refresh_session()).user.email, email)
    await other.sign_out()
    check(await other.get_session(), None)


asyncio.run(asynchronously())
print("ok")
