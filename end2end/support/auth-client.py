"""What auth-clients.spec.ts does with supabase-js, in short, with supabase-py. Usage: auth-client.py URL PUBLISHABLE_KEY SECRET_KEY

Its models are strict: an answer that lacks a member is an error here."""

import asyncio
import sys
from time import time_ns
from uuid import uuid4

from supabase import create_async_client, create_client
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

url, publishable, secret = sys.argv[1:]
admin = create_client(url, secret).auth.admin
password = "correct horse battery"


def somebody():
    return create_client(url, publishable).auth


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


async def asynchronously():
    other = (await create_async_client(url, publishable)).auth
    check((await other.sign_in_with_password(credentials)).user.email, email)
    check((await other.refresh_session()).user.email, email)
    await other.sign_out()
    check(await other.get_session(), None)


asyncio.run(asynchronously())
print("ok")
