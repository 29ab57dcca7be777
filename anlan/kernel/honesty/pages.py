from django.utils.translation import gettext_lazy as _

from ..pages import page
from .moving import SEERS

page("honesty:finds", _("Honesty checks"), icon="zoom-question", group="plan", roles=SEERS)
