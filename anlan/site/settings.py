"""Settings: everything that differs between installations comes from the environment or from `var/`."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from anlan.site.secrets import kept

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("ANLAN_HOME") or ROOT) / "var"
HOME.mkdir(parents=True, exist_ok=True)


SECRET_KEY = os.environ.get("ANLAN_SECRET_KEY") or kept(HOME / "secret-key", secrets.token_urlsafe(48))
# Seals secrets that must be read again (authenticators). Several, with commas, while a key is being replaced.
SECRETS_KEYS = [
    key
    for key in (os.environ.get("ANLAN_SECRETS_KEY") or kept(HOME / "secrets-key", secrets.token_urlsafe(48))).split(",")
    if key
]
DEBUG = False
ALLOWED_HOSTS = os.environ.get("ANLAN_HOSTS", "127.0.0.1,localhost").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("ANLAN_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_filters",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "procrastinate.contrib.django",
    "anlan.kernel",
    "anlan.kernel.registers",
    "anlan.kernel.sheets",
    "anlan.kernel.cases",
    "anlan.kernel.figures",
    "anlan.kernel.honesty",
    "anlan.parties",
    "anlan.offices.plan",
    "anlan.offices.hazards",
    "anlan.offices.accidents",
    "anlan.offices.monitoring",
    "anlan.offices.supervision",
    "anlan.offices.enforcement",
    "anlan.offices.enterprises",
    "anlan.offices.regulators",
    "anlan.offices.public",
    "anlan.site",
    "anlan.site.board.composed",
]

MIDDLEWARE = [
    "anlan.site.health.HealthMiddleware",
    "anlan.site.turns.TurnsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "anlan.kernel.middleware.HeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "anlan.kernel.middleware.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "anlan.site.views.NotAllowedMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "anlan.site.urls"
ASGI_APPLICATION = "anlan.site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "anlan/site/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "anlan.site.context.shell",
            ],
        },
    }
]


def _database(role: str) -> dict[str, Any]:
    url = os.environ.get("ANLAN_DATABASE_URL" if role == "app" else "ANLAN_OWNER_DATABASE_URL")
    common: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 0}
    if role == "app":
        common["OPTIONS"] = {
            "pool": {"min_size": 1, "max_size": int(os.environ.get("ANLAN_POOL", "20")), "timeout": 10}
        }
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
            raise ImproperlyConfigured(
                "ANLAN_DATABASE_URL and ANLAN_OWNER_DATABASE_URL look like postgresql://user:password@host:5432/anlan"
            )
        query = dict(parse_qsl(parts.query))  # host=/path for a Unix socket, sslmode=verify-full and the like
        host, options = query.pop("host", ""), common.get("OPTIONS", {}) | query
        return common | {
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or f"anlan_{role}"),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or host,
            "PORT": str(parts.port or 5432),
            "OPTIONS": options,
        }
    if os.environ.get("ANLAN_DATABASE_URL"):
        raise ImproperlyConfigured(
            "ANLAN_DATABASE_URL is set and ANLAN_OWNER_DATABASE_URL is not: migrations and the sealing of the audit "
            "need the role that owns the tables"
        )
    from anlan.site.postgres import socket_dir

    return common | {"NAME": "anlan", "USER": f"anlan_{role}", "HOST": str(socket_dir(HOME))}


AUDIT_HEADS = HOME / "audit-heads.log"
"""Where the heads of the audit chain are noted; on another machine's disk if `ANLAN_AUDIT_HEADS` says so."""
if os.environ.get("ANLAN_AUDIT_HEADS"):
    AUDIT_HEADS = Path(os.environ["ANLAN_AUDIT_HEADS"])

_PACKAGES = ROOT / "anlan" / "site" / "frontend" / "node_modules"
PAPER_FONTS = (
    Path(os.environ.get("ANLAN_FONTS") or HOME / "fonts"),
    _PACKAGES / "@expo-google-fonts" / "noto-serif-sc",
    _PACKAGES / "@embedpdf" / "fonts-sc",
)
"""Where official papers find their fonts: an installation's own first, for those that the standard names are sold."""

# On two cores more requests at once only take the processor from each other: see docs/performance.md.
AT_ONCE = max(1, int(os.environ.get("ANLAN_AT_ONCE", "4")))
try:
    DEVICE_READINGS = float(os.environ.get("ANLAN_DEVICE_READINGS", "20"))
    """Readings a second on average that one device may bring."""
except ValueError:
    DEVICE_READINGS = 0.0
if not 0 < DEVICE_READINGS < float("inf"):
    raise ImproperlyConfigured("ANLAN_DEVICE_READINGS is a number above 0: readings a second of one device")
DATABASES = {"default": _database("app"), "owner": _database("owner")}
DATABASE_ROUTERS = ["anlan.site.routers.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "parties.Account"
ANLAN_DIVISION_MODEL = "parties.Division"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "anlan.parties.backend.PasswordBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Five wrong passwords for one name from one address block that pair for 15 minutes of real time.
AXES_FAILURE_LIMIT = 5
AXES_HANDLER = "anlan.parties.backend.LockOut"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
# The city's own identity provider, if it has one: anlan/parties/oidc.py.
OIDC = {
    "issuer": os.environ.get("ANLAN_OIDC_ISSUER", ""),
    "client_id": os.environ.get("ANLAN_OIDC_CLIENT_ID", ""),
    "client_secret": os.environ.get("ANLAN_OIDC_CLIENT_SECRET", ""),
    "claim": os.environ.get("ANLAN_OIDC_CLAIM", "sub"),
    "title": os.environ.get("ANLAN_OIDC_NAME", "OpenID Connect"),
}
OTP_TOTP_ISSUER = "Anlan"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"

# What broke stands where the process's own words go (the supervisor keeps them in var/log): Django by itself would
# only mail it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
    "handlers": {"words": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"django": {"handlers": ["words"], "level": "ERROR", "propagate": False}},
}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]  # each in its own words
LOCALE_PATHS = [ROOT / "anlan/site/locale"]
FORMAT_MODULE_PATH = "anlan.site.formats"
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "anlan/site/static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/"
WHITENOISE_AUTOREFRESH = False

SESSION_ENGINE = "anlan.parties.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(os.environ.get("ANLAN_HTTPS"))
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "anlan.site.views.csrf_failure"
# The editor of a paper sends up to four fields for each part, and two hundred may be added to a year's bulletin.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A base map under the districts of the board: an address with {z}, {x} and {y}, and the words its owner demands.
TILES = {"url": os.environ.get("ANLAN_TILES", ""), "credit": os.environ.get("ANLAN_TILES_CREDIT", "")}
_tiles = urlsplit(TILES["url"])
if TILES["url"] and (_tiles.scheme not in ("http", "https") or not all(f"{{{n}}}" in TILES["url"] for n in "zxy")):
    raise ImproperlyConfigured("ANLAN_TILES looks like https://tiles.example/{z}/{x}/{y}.png")
_TILES_ORIGIN = f" {_tiles.scheme}://{_tiles.netloc}" if TILES["url"] else ""
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{_TILES_ORIGIN}; "
    f"font-src 'self'; connect-src 'self'{_TILES_ORIGIN}; worker-src 'self' blob:; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SILENCED_SYSTEM_CHECKS = ["axes.W001", "axes.W002"]
