"""The product's settings with the admin added, and the embedded database's superuser: no row security."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from anlan.site import settings as product
from anlan.site.settings import *  # noqa: F403
from anlan.site.settings import DATABASES, os

if os.environ.get("ANLAN_DATABASE_URL"):
    raise ImproperlyConfigured("the rival reads the embedded database only")

INSTALLED_APPS = ["django.contrib.admin", *product.INSTALLED_APPS]
ROOT_URLCONF = "anlan.site.bench.rival.urls"
DATABASES["default"] |= {"USER": "postgres", "CONN_MAX_AGE": None, "OPTIONS": {}}
DATABASE_ROUTERS = []
_KEPT = ("SessionMiddleware", "LocaleMiddleware", "CommonMiddleware", "AuthenticationMiddleware", "MessageMiddleware")
MIDDLEWARE = [m for m in product.MIDDLEWARE if m.endswith(_KEPT)]
_template: dict[str, Any] = product.TEMPLATES[0]
_processors: list[str] = _template["OPTIONS"]["context_processors"]
_processors[:] = [p for p in _processors if p.startswith("django.")]
