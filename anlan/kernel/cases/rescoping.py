"""What hangs on a case comes under another area, industry or enterprise together with it.

A trigger of the owner's on the case's own table moves it, whoever changed the case and however. History, evidence and
reminders are only ever added to, and the application may not change them: this is the one way, it cannot be called or
hung on another table, and it moves the rows of the case that was changed and of no other. Who changes a case must have
it in scope before and after, and so has what hangs on it.
"""

from __future__ import annotations

from django.db import models

from anlan.kernel.policies import APP_ROLE, our_models

from .models import Case, CasePart

SCOPE = ("area_code", "industry_id", "enterprise_id")


def trigger(model: type[Case], kind: str) -> list[str]:
    """The statements that make the trigger of one kind of case.

    It moves the rows of every `CasePart`, and of the models whose `scope_follows` names a foreign key to the case.
    """
    table, columns = model._meta.db_table, _columns(model)
    name = f"anlan_rescope_{table}"
    own = [c for c in SCOPE if c in columns]
    before, after = (", ".join(f"{row}.{c}" for c in own) for row in ("OLD", "NEW"))
    moved = []
    for part in our_models():
        if issubclass(part, CasePart):
            whose = f"case_kind = '{kind}' AND case_id = NEW.id"
        elif _follows(part, model):
            whose = f"{part._meta.get_field(part.scope_follows).column} = NEW.id"  # type: ignore[attr-defined]
        else:
            continue
        to = ", ".join(f"{c} = {f'NEW.{c}' if c in own else 'NULL'}" for c in SCOPE if c in _columns(part))
        moved.append(f'UPDATE public."{part._meta.db_table}" SET {to} WHERE {whose};')
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = public, pg_temp AS $fn$ BEGIN {' '.join(moved)} RETURN NULL; END $fn$",
        # Nobody hangs it on a table of his own, where he could write whatever key he likes.
        f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC, {APP_ROLE}",
        f'DROP TRIGGER IF EXISTS rescope ON "{table}"',
        f'CREATE TRIGGER rescope AFTER UPDATE OF {", ".join(own)} ON "{table}" FOR EACH ROW '
        f"WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION {name}()",
    ]


def _columns(model: type[models.Model]) -> set[str]:
    return {f.column for f in model._meta.concrete_fields}


def _follows(part: type[models.Model], model: type[Case]) -> bool:
    key = getattr(part, "scope_follows", None)
    return key is not None and part._meta.get_field(key).related_model is model
