"""Drafting orders and circulars for one or many addressees."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anlan.kernel import cases

from .. import pressing
from ..forms import AddressedForm, CircularForm, OrderForm
from ..lifecycle import OFFICES


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def order_new(request: HttpRequest) -> HttpResponse:
    """An order to each addressee; who lags arrives by the address (`AddressedForm.prefilled`)."""
    return _new(request, OrderForm, "supervision/order_new.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def circular_new(request: HttpRequest) -> HttpResponse:
    """A circular of criticism or thanks to each addressee."""
    return _new(request, CircularForm, "supervision/circular_new.html")


def _new(request: HttpRequest, made: type[AddressedForm], template: str) -> HttpResponse:
    user: Any = request.user
    if user.role not in OFFICES:
        raise PermissionDenied
    if request.method != "POST":
        initial = {"token": uuid.uuid4(), **made.prefilled(request.GET, user)}
        return render(request, template, {"form": made(by=user, initial=initial)})
    form = made(request.POST, request.FILES, by=user)
    if form.is_valid():
        try:
            letter, _fresh = pressing.press(form.cleaned_data.get("genre", "order"), user, form.cleaned_data)
        except cases.FieldError as error:
            for name, texts in error.errors.items():
                place = {"addressee": "to", "title": "subject"}.get(name, name)
                form.add_error(place if place in form.fields else None, list(texts))
        except cases.MoveRefused as refused:
            known = _("This form was sent already. Open it anew for another one.")
            form.add_error(None, known if refused.code == "key_reused" else refused.message)
        else:
            return HttpResponseRedirect(letter.get_absolute_url())
    return render(request, template, {"form": form}, status=422)
