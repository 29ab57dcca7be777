"""An import from the upload to its end: at once where the file is small, by a job where it is large.

Both ways are one: the file is kept with a record of what is asked, and `carry_out` does it as the person who
asked, within the scope and with the rights of that moment, everything or nothing. Only who calls it differs.
"""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .. import clock, notices
from ..files import BROKEN
from ..jobs import Report, job
from ..models import Progress
from ..policy import Verb
from ..registers import history
from ..registers.declaration import Register, register_named
from ..registers.models import Removal
from ..registers.search import told_apart
from ..registers.shown import shown
from ..scope import EVERYWHERE, Scope, acting, acting_now
from .models import Import, ImportPiece, ImportProblems
from .problems import packed

if TYPE_CHECKING:  # what it takes to read a file is loaded with the first one
    from .applying import CannotUndo, Outcome

AT_ONCE_BYTES = 256 * 2**10
"""Files up to here are imported while the person waits: some thousand rows, less than a second."""
AT_ONCE_UNPACKED = 20 * AT_ONCE_BYTES
"""What a workbook of that size unpacks to, if it was not made of one row a hundred thousand times."""
AT_ONCE_ROWS = 5_000
"""Imports up to here are undone while the person waits."""
ATTEMPTS = 5
NAMED = 20
"""Records that stand against an undo and are called by name; of more it is said how many."""
KEPT_DAYS = 14
"""How long a file with errors, and the list of them, can be fetched; a file without is forgotten when it is done."""
LOCK = "sheets"
"""Large imports run one after another, so that other work finds a free hand."""


def ask(declared: type[Register], name: str, data: bytes, how: str) -> Import:
    """Takes a file from whoever acts: small ones are carried out when this returns, for large ones a job is put."""
    from . import applying

    now = acting_now()
    assert now is not None
    record = applying.started(declared, name, *now, how=how, file_size=len(data))
    record.keep(data)
    _begin(declared, record)
    return record


def go_on(declared: type[Register], record: Import, how: str) -> None:
    """Imports the kept file once more, perhaps otherwise than before."""
    record.state, record.reason, record.how = "waiting", "", how
    ImportProblems.objects.filter(imported=record).delete()
    _begin(declared, record)


def _begin(declared: type[Register], record: Import) -> None:
    if record.file_size <= AT_ONCE_BYTES and unpacked(record.data() or b"") <= AT_ONCE_UNPACKED:
        carry_out(record, declared, None)
    else:
        _put(record, "import")


def unpacked(data: bytes) -> int:
    """The bytes of a workbook once unpacked, as it says itself; of anything else its own. What is broken has none.

    One that says less than it holds gains nothing by it: it is refused when it is read.
    """
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return len(data)
    try:
        with zipfile.ZipFile(file) as archive:
            return sum(part.file_size for part in archive.infolist())
    except BROKEN:
        return 0


def ask_undo(declared: type[Register], record: Import) -> None:
    """Undoes an import at once, or puts a job where it is large; raises `CannotUndo`."""
    from . import applying

    if record.added + record.changed <= AT_ONCE_ROWS:
        applying.undo(declared, record)
        return
    if record.state != "done":
        raise applying.CannotUndo([])
    record.state = "undoing"
    _put(record, "undo")


def _put(record: Import, what: str) -> None:
    now = acting_now()
    assert now is not None
    scope = now[1]
    record.progress = Progress.objects.create(
        title=record.file_name or record.register, area_code=record.area_code, industry_id=record.industry_id,
        enterprise_id=record.enterprise_id, account_id=record.account_id, result_url=record.url,
    )  # fmt: skip
    record.save()
    run.put(scope=scope, account_id=now[0].account_id, lock=LOCK, number=record.pk, what=what)


def carry_out(record: Import, declared: type[Register], report: Report | None) -> Outcome:
    """Imports the kept file of `record` under the `acting` in force, and writes down what came of it."""
    from . import applying

    now = acting_now()
    assert now is not None
    account = get_user_model().objects.get(pk=now[0].account_id)
    verbs: tuple[Verb, ...] = ("add", "change")
    outcome = applying.import_file(
        declared, record.data() or b"", name=record.file_name, dry_run=record.how == "check",
        good_only=record.how == "good", rights=frozenset(v for v in verbs if declared.policy.may(account, v)),
        tell=report.tell if report is not None else None, record=record,
    )  # fmt: skip
    applying.concluded(record, outcome)
    if outcome.problems:
        ImportProblems.objects.update_or_create(
            imported=record, defaults={"problems": [packed(p) for p in applying.with_values(outcome)]}
        )
    elif outcome.applied:
        record.pieces.all().delete()
    return outcome


NOTICES = {
    "done": ("success", gettext_noop("The file %(file)s was imported: %(added)s added, %(changed)s changed.")),
    "checked": ("success", gettext_noop("The file %(file)s was checked: nothing is wrong with it.")),
    "refused": ("attention", gettext_noop("The file %(file)s was not imported: %(errors)s errors. Each is listed.")),
    "undone": ("success", gettext_noop("The import of %(file)s was undone.")),
    "failed": ("critical", gettext_noop("The file %(file)s could not be imported. Nothing was kept.")),
    "kept": ("attention", gettext_noop("The import of %(file)s could not be undone.")),
}


@job("sheets.run", queue="sheets", attempts=ATTEMPTS, after_failure=lambda number, what: _failed(number, what))
def run(number: int, what: str) -> None:
    """Carries out, or undoes, a large import as the person who asked."""
    from . import applying

    record = Import.objects.filter(pk=number).first()
    if record is None or not record.moving or record.progress_id is None:
        return
    report = Report(record.progress_id)
    tried = report.begin()
    # Whoever was given up for dead and still runs this must end first.
    record = Import.objects.select_for_update().get(pk=number)
    if not record.moving:
        return
    declared, now = register_named(record.register), acting_now()
    account = get_user_model().objects.filter(pk=record.account_id, is_active=True).first()
    assert now is not None
    if declared is None or account is None or not _allowed(declared, account, now[1]):
        _end(record, what, "rights")
    elif tried > ATTEMPTS:
        # Each time the worker itself died: the file is more than this machine can bear.
        _end(record, what, "broken")
    else:
        with acting(account.actor, now[1]):
            if what == "import":
                carry_out(record, declared, report)
                _end(record, what)
            else:
                try:
                    applying.undo(declared, record, report.tell)
                    _end(record, what)
                except applying.CannotUndo as error:
                    _end(record, what, "touched", told(declared, record, error))


def told(declared: type[Register], record: Import, refused: CannotUndo) -> str:
    """What people call the records for which an import cannot be undone, the first `NAMED`.

    Each with what tells it from its namesakes and, where others have changed it since, who was the last and when.
    """
    keys = refused.touched
    model, first = declared.model, list(keys[:NAMED])
    found = {str(key): row for key, row in model._default_manager.in_bulk(first).items()}
    rows = list(found.values())
    notes = dict(zip(found, told_apart(declared, rows), strict=True))
    # A record that was removed since is called what it was called when it was.
    gone = dict(Removal.objects.filter(table=model._meta.db_table, row__in=first).values_list("row", "label"))
    shown.send(model, records=rows, page=f"/r/{declared.name}/import/")
    last = history.last(declared, first, record) if refused.changed else {}

    def words(key: str) -> str:
        notes_of = [_("removed")] if key in gone else [notes[key]] if notes.get(key) else []
        if key in last:
            notes_of.append(_("%(who)s, %(when)s") % {"who": last[key].actor, "when": history.moment(last[key].at)})
        name = gone.get(key) or found.get(key) or _("a record that is gone or not within your area")
        return _("%(name)s (%(note)s)") % {"name": name, "note": _("; ").join(notes_of)} if notes_of else str(name)

    named = [words(key) for key in first]
    if more := len(keys) - len(first):
        named.append(_("%(n)s more") % {"n": f"{more:,}"})
    return _("; ").join(named)


def _allowed(declared: type[Register], account: Any, asked: Scope) -> bool:
    return declared.policy.may(account, "import") and asked.within(account.scope)


def _end(record: Import, what: str, reason: str = "", detail: str = "") -> None:
    """Writes down how the job ended, tells the person, and after the commit those who watch."""
    if reason:
        record.state, record.reason = ("failed" if what == "import" else "done"), reason
        record.save()
    told = "kept" if reason and what == "undo" else record.state
    level, message = NOTICES[told]
    account = get_user_model().objects.filter(pk=record.account_id, is_active=True).first()
    if account is not None:
        values = {"file": record.file_name, **{n: getattr(record, n) for n in ("added", "changed", "errors")}}
        notices.send([account], message, values, url=record.url, level=level)
    state = "failed" if record.state == "failed" else "done"
    progress = record.progress_id
    if progress is not None:
        transaction.on_commit(lambda: Report(progress).say(state=state, error=detail))


def _failed(number: int, what: str) -> None:
    """After a run that broke: it will be tried again, or it is told as failed."""
    rows = Import.objects.select_for_update(of=("self",)).select_related("progress")
    record = rows.filter(pk=number).first()
    if record is None or not record.moving or record.progress is None:
        return
    progress = record.progress.pk
    if record.progress.attempts >= ATTEMPTS:
        _end(record, what, "broken")
    else:
        transaction.on_commit(lambda: Report(progress).say(state="waiting"))


@job("sheets.forget", schedule="17 19 * * *", scope=EVERYWHERE)
def forget() -> None:
    """Forgets the files of imports that ended days ago; what the imports did stays known."""
    old = Import.objects.filter(updated_at__lt=clock.now() - timedelta(days=KEPT_DAYS)).exclude(
        state__in=("waiting", "undoing")
    )
    ImportPiece.objects.filter(imported__in=old).delete()
    ImportProblems.objects.filter(imported__in=old).delete()
