from django.urls import path

from anlan.kernel.addresses import keyed, public

from . import account, oidc, signin, tokens

urlpatterns = [
    path("sign-in/", signin.sign_in, name="sign-in"),
    path("sign-in/code/", signin.second_factor, name="second-factor"),
    path("sign-in/oidc/", oidc.begin, name="oidc"),
    path("sign-in/oidc/callback/", oidc.callback, name="oidc-callback"),
    path("sign-out/", signin.sign_out, name="sign-out"),
    path("language/", signin.language, name="language"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/two-factor/", account.two_factor, name="two-factor"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/revoke/", tokens.revoke, name="revoke-token"),
    path("account/sessions/end-others/", account.end_other_sessions, name="end-other-sessions"),
    path("account/sessions/<str:name>/end/", account.end_session, name="end-session"),
]

keyed(
    "end-session",
    of="parties.Session",
    keys=lambda session: {"name": account.session_name(session.session_key)},
    record="name",
)
public("sign-in", "where one signs in")
public("second-factor", "the second step of signing in")
public("oidc", "leads to the identity provider, where there is one")
public("oidc-callback", "where the identity provider leads back to")
public("sign-out", "ends a session, if there is one")
public("language", "the words of the sign-in page")
