"""Lists of the supervision office."""

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.papers.registers import sample_authority

from . import page
from .lifecycle import CIRCULAR, LETTER, MEETING, ORDER, TASK
from .models import Circular, Invitation, Letter, Meeting, SupervisionOrder, Task

HERE = "500112000000"


def sample_order(number: int) -> SupervisionOrder:
    return SupervisionOrder(
        number=f"样本督〔2013〕{number}号", title=f"样本督办{number}", state="issued", owner_area_code="500000000000",
        addressee=sample_authority(), facts="死亡人数超过控制进度", asked="专题研究并整改", answer_by=date(2013, 7, 15),
        issued_at=clock.now(),
    )  # fmt: skip


def sample_circular(number: int) -> Circular:
    return Circular(
        number=f"样本通〔2013〕{number}号", title=f"样本通报{number}", state="issued", owner_area_code="500000000000",
        addressee=sample_authority(), genre="criticism", facts="逾期未整改", issued_at=clock.now(),
    )  # fmt: skip


def sample_meeting(number: int) -> Meeting:
    return Meeting(
        number=f"样本联〔2013〕{number}号", title=f"样本会议{number}", state="called", owner_area_code=HERE,
        held_at=clock.now() + timedelta(days=number), agenda="一、通报情况",
    )  # fmt: skip


def sample_invitation(number: int) -> Invitation:
    meeting = sample_meeting(number)
    meeting.area_code = HERE
    meeting.save()
    return Invitation(
        meeting=meeting, authority=sample_authority(), number=meeting.number, title=meeting.title,
        held_at=meeting.held_at, called_by_name="样本市安委办", agenda=meeting.agenda,
    )  # fmt: skip


def sample_letter(number: int) -> Letter:
    return Letter(
        number=f"样本督稿〔2013〕{number}号", title=f"样本督办通知{number}", state="draft", owner_area_code=HERE,
        authority=sample_authority(), genre="order", subject=f"样本督办{number}", grounds="超过控制进度", asked="整改",
        answer_by=date(2013, 7, 15),
    )  # fmt: skip


def sample_task(number: int) -> Task:
    return Task(
        number=f"样本议〔2013〕{number}号", title=f"样本任务{number}", state="open", owner_area_code="500000000000",
        addressee=sample_authority(), asked="开展专项检查", decided_at="样本会议", decided_on=date(2013, 6, 1),
        due_on=date(2013, 7, 15),
    )  # fmt: skip


@register
class Orders(Register):
    name = "supervision-orders"
    model = SupervisionOrder
    title = _("Supervision orders")
    singular = _("Supervision order")
    icon = "gavel"
    group = "supervision"
    columns = ("number", "title", "addressee_name", "area_code", "state_title", "answer_by", "due_at")
    further = ("owner_area_code", "opened_at", "closed_at")
    filters = ("state", "area_code", "industry", "owner_area_code", "issued_at", "answer_by", "due_at")
    choices = {"state": ORDER.choices}
    search = ("number", "title", "addressee_name")
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    empty = _("Orders to duty-holders stand here once they are drafted.")
    sample = staticmethod(sample_order)
    order = "-opened_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


@register
class Circulars(Register):
    name = "circulars"
    model = Circular
    title = _("Circulars of criticism and thanks")
    singular = _("Circular")
    icon = "speakerphone"
    group = "supervision"
    columns = ("number", "genre", "title", "addressee_name", "area_code", "measure", "state_title", "due_at")
    further = ("owner_area_code", "opened_at", "closed_at")
    filters = ("state", "genre", "measure", "area_code", "industry", "owner_area_code", "issued_at")
    choices = {"state": CIRCULAR.choices}
    search = ("number", "title", "addressee_name")
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    empty = _("Circulars stand here once they are drafted.")
    sample = staticmethod(sample_circular)
    order = "-opened_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


@register
class Meetings(Register):
    name = "joint-meetings"
    model = Meeting
    title = _("Joint meetings")
    singular = _("Joint meeting")
    icon = "users"
    group = "supervision"
    columns = ("number", "title", "held_at", "place", "state_title", "minutes_at", "due_at")
    filters = ("state", "area_code", "held_at")
    choices = {"state": MEETING.choices}
    search = ("number", "title")
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    empty = _("Meetings stand here once they are called.")
    sample = staticmethod(sample_meeting)
    order = "-held_at"
    rights = Rights(see={"city", "district", "inspector", "duty"})


@register
class Invitations(Register):
    name = "meeting-invitations"
    model = Invitation
    title = _("Invitations to meetings")
    singular = _("Invitation to a meeting")
    icon = "mail"
    group = "supervision"
    columns = ("number", "title", "held_at", "place", "authority", "state", "called_by_name", "cancelled")
    filters = ("state", "area_code", "held_at", "cancelled")
    search = ("number", "title")
    natural_key = ("meeting", "authority")
    sections = (
        (_("Meeting"), ("number", "title", "called_by_name", "held_at", "place", "agenda", "cancelled")),
        (_("Attendance"), ("authority", "area_code", "state", "who", "note")),
    )
    empty = _("Invitations stand here once a meeting is called.")
    part = staticmethod(page.invitation)
    sample = staticmethod(sample_invitation)
    order = "-held_at"
    rights = Rights(see=OFFICIALS)


@register
class Tasks(Register):
    name = "tasks"
    model = Task
    title = _("Tasks of meetings")
    singular = _("Task of a meeting")
    icon = "checklist"
    group = "supervision"
    columns = ("number", "title", "addressee_name", "area_code", "decided_at", "state_title", "due_on", "due_at")
    further = ("responsible", "owner_area_code", "opened_at", "closed_at", "decided_on")
    filters = ("state", "area_code", "industry", "owner_area_code", "decided_on", "due_on")
    choices = {"state": TASK.choices}
    search = ("number", "title", "addressee_name")
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    empty = _("What a meeting decides stands here once its minutes are issued.")
    sample = staticmethod(sample_task)
    order = "-opened_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


@register
class Letters(Register):
    name = "supervision-letters"
    model = Letter
    title = _("Letters of supervision")
    singular = _("Letter of supervision")
    icon = "mail-forward"
    group = "supervision"
    columns = ("number", "genre", "title", "authority", "state_title", "document_number", "opened_at")
    filters = ("state", "genre", "area_code", "opened_at")
    choices = {"state": LETTER.choices}
    search = ("number", "title", "document_number")
    natural_key = ("number",)
    labels = {"state_title": _("State"), "issued": _("Official paper")}
    empty = _("Letters stand here once orders, circulars or minutes are drafted.")
    sample = staticmethod(sample_letter)
    order = "-opened_at"
    rights = Rights(see={"city", "district", "inspector", "duty"})
