"""The product's settings with the admin added, and the embedded database's superuser: no row security."""

from django.core.exceptions import ImproperlyConfigured

from anlan.site.settings import *  # noqa: F403
from anlan.site.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE, TEMPLATES, os

if os.environ.get("ANLAN_DATABASE_URL"):
    raise ImproperlyConfigured("the rival reads the embedded database only")

INSTALLED_APPS = ["django.contrib.admin", *INSTALLED_APPS]
ROOT_URLCONF = "anlan.site.bench.rival.urls"
DATABASES["default"] |= {"USER": "postgres", "CONN_MAX_AGE": None, "OPTIONS": {}}
DATABASE_ROUTERS: list[str] = []
_KEPT = ("SessionMiddleware", "LocaleMiddleware", "CommonMiddleware", "AuthenticationMiddleware", "MessageMiddleware")
MIDDLEWARE = [m for m in MIDDLEWARE if m.endswith(_KEPT)]
_processors = TEMPLATES[0]["OPTIONS"]["context_processors"]
_processors[:] = [p for p in _processors if p.startswith("django.")]
