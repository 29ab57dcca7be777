"""The web application, as granian or any other ASGI server runs it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.site.settings")
pages = get_asgi_application()

from django.urls import reverse  # noqa: E402 - Django must be set up first

from anlan.kernel.figures import computing  # noqa: E402
from anlan.offices.monitoring import ingest  # noqa: E402
from anlan.site.board import content  # noqa: E402
from anlan.site.board.composed import drawn  # noqa: E402
from anlan.site.installation import set_clock  # noqa: E402

set_clock()
reverse("home")  # loads the code of all pages now, not while the first reader of this process waits
computing.warm(content.count_ahead, drawn.count_ahead)
application = ingest.application(pages)
