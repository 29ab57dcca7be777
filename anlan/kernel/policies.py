"""Row-level security, grants and audit triggers, made from what the models declare.

Run after every migration on the owner's connection; idempotent. The application logs in as
`anlan_app`, which owns nothing; row security is *forced*, so the owner is held by it too.

Tables of libraries have no place for a declaration of ours: whoever brings the library in says in
`of_others` who may see them. A table that nobody declared is shut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from .scope import ANY, Addressed, By, Machinery, Mine, Open, ScopeRule, Shut, Through

APP_ROLE = "anlan_app"
OWNER_ROLE = "anlan_owner"

# Plain and not as sub-selects: what a stable function says the planner asks for its estimates, so that it knows
# whether a scope is a village or the city. A sub-select it takes for one row in two hundred, and reads the whole table.
_INDUSTRIES = "current_setting('anlan.industries', true)"
_ENTERPRISE = "current_setting('anlan.enterprise', true)"
_UNBOUND = "current_setting('anlan.unbound', true)"
_ACCOUNT = "current_setting('anlan.account', true)"
_ACCOUNT_KEY = f"nullif({_ACCOUNT}, '')::bigint"
_ALL = "SELECT, INSERT, UPDATE, DELETE"
_MACHINE = "current_setting('anlan.actor_kind', true) IN ('job', 'import', 'command', 'event', 'test')"


class Undeclared(Exception):
    """A model of ours does not say who may see its rows."""


_of_others: dict[str, ScopeRule] = {}
OWN_PROTECTION = frozenset({"audit_entry", "audit_seal", "audit_shift"})
"""Tables without a model, which `audit.protection` guards."""


def of_others(rules: Mapping[str, ScopeRule]) -> None:
    """Declares who may see the tables (by name) of a library."""
    _of_others.update(rules)


def rule_of_table(table: str) -> ScopeRule | None:
    """The declaration that holds for a table of the database; None where there is none."""
    model = _models().get(table)
    if model is not None and model._meta.app_config.name.startswith("anlan."):
        return rule_of(model)
    return _of_others.get(table)


def _models() -> dict[str, type[models.Model]]:
    return {m._meta.db_table: m for m in apps.get_models(include_auto_created=True) if not m._meta.proxy}


def our_models() -> list[type[models.Model]]:
    """Every concrete, managed model of this product, many-to-many tables included."""
    found = []
    for config in apps.get_app_configs():
        if config.name.startswith("anlan."):
            found += [m for m in config.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    return found


def rule_of(model: type[models.Model]) -> ScopeRule:
    """The model's declaration; an automatic many-to-many table follows the model that declares it."""
    rule = getattr(model, "scope_rule", None)
    if rule is None and model._meta.auto_created:
        parent = model._meta.auto_created
        field = next(f for f in model._meta.fields if f.remote_field and f.remote_field.model is parent)
        return Through(field.name)
    if rule is None:
        rule = _of_others.get(model._meta.db_table)
    if not isinstance(rule, By | Through | Mine | Addressed | Open | Machinery | Shut):
        raise Undeclared(f"{model._meta.label} declares no scope_rule")
    return rule


def _everything(area: str, setting: str) -> str:
    """The SQL condition that a setting is '*'. It says no more, but of a column, of which the planner has statistics:
    all rows or none. Of two values without a column it would guess one row in two hundred."""
    return f"{area} >= CASE WHEN {setting} = '*' THEN '' END"


def within(area: str, industry: str | None, enterprise: str | None) -> str:
    """The SQL condition under which a row with these columns lies in the scope stated: None closes, ANY opens."""
    parts = [f"{area} >= current_setting('anlan.area_low', true)", f"{area} < current_setting('anlan.area_high', true)"]
    by_row = []
    for setting, column, own in (
        (_INDUSTRIES, industry, "{} = ANY (string_to_array({}, ','))"),
        (_ENTERPRISE, enterprise, "{}::text = {}"),
    ):
        if column is None:
            parts.append(_everything(area, setting))
        elif column != ANY:
            by_row.append(f"({_everything(area, setting)} OR {own.format(column, setting)})")
    if by_row:
        # Most are bound by their area alone. Of them one setting is read for each row instead of two that are compared,
        # which was a third of the time of a count over five million rows. Not as a sub-select that is read once: it
        # costs every small statement more planning, and no index would serve an industry any more.
        parts.append(f"({area} < {_UNBOUND} OR ({' AND '.join(by_row)}))")
    return " AND ".join(parts)


def condition(model: type[models.Model]) -> str:
    """The SQL condition under which a row of `model` is in scope."""
    rule = rule_of(model)
    quote = '"{}"'.format

    def column(name: str) -> str:
        return quote(_column(model, name))

    match rule:
        case Open():
            return "true"
        case Shut():
            return "false"
        case Machinery():
            # The owner is nobody's request: it migrates the library's tables.
            return f"({_MACHINE} OR current_user = '{OWNER_ROLE}')"
        case Mine(account):
            return f"({column(account)}::text = {_ACCOUNT} OR {_MACHINE})"
        case Addressed(account, editors):
            mine = f"{column(account)} = {_ACCOUNT_KEY} OR {_ACCOUNT_KEY} = ANY ({column(editors)})"
            return f"({mine} OR {_MACHINE})"
        case Through(parent, _at):
            field = model._meta.get_field(parent)
            target = field.related_model
            assert isinstance(target, type)
            # With an offset the question is put row by row. Without, the planner gathers every row in scope of the
            # table that is followed before it looks at the first of this one: for a city, three million people.
            return (
                f"EXISTS (SELECT 1 FROM {quote(target._meta.db_table)} p "
                f"WHERE p.{quote(target._meta.pk.column)} = "
                f"{quote(model._meta.db_table)}.{quote(field.column)} OFFSET 0)"
            )
        case By(area, industry, enterprise, account):
            industry, enterprise = (n if n in (None, ANY) else column(n) for n in (industry, enterprise))
            scoped = within(column(area), industry, enterprise)
            if rule.inside is not None:
                name, value = rule.inside
                scoped += f" AND ({column(name)} <> '{value}' OR {_everything(column(area), _ENTERPRISE)})"
            return f"(({scoped}) OR {column(account)}::text = {_ACCOUNT})" if account else f"({scoped})"


def _column(model: type[models.Model], name: str) -> str:
    for field in model._meta.concrete_fields:
        if name in (field.column, field.name):
            return str(field.column)
    raise Undeclared(f"{model._meta.label}.scope_rule names {name}, which is no column")


def addressed(model: type[models.Model], rule: Addressed) -> str:
    """The SQL condition under which a row of `model` is addressed to the account that acts."""
    accounts = apps.get_model(settings.AUTH_USER_MODEL)._meta.db_table
    area, roles, authority = (
        f'"{model._meta.db_table}"."{_column(model, name)}"' for name in (rule.area, rule.roles, rule.authority)
    )
    return (
        f'{area} IS NOT NULL AND EXISTS (SELECT FROM "{accounts}" a WHERE a.id = {_ACCOUNT_KEY} '
        f"AND left(a.area_code, length({area})) = {area} AND a.role = ANY ({roles}) "
        f"AND ({authority} IS NULL OR a.authority_id = {authority}))"
    )


def written(model: type[models.Model]) -> str:
    """The SQL condition under which a row of the model may be written: where it is seen, and see `By.at`."""
    rule, seen = rule_of(model), condition(model)
    if not isinstance(rule, By | Through) or rule.at is None:
        return seen
    field, quote = model._meta.get_field(rule.at), '"{}"'.format
    target = field.related_model
    assert isinstance(target, type)
    points = f"{quote(model._meta.db_table)}.{quote(field.column)}"
    return (
        f"{seen} AND ({points} IS NULL OR EXISTS (SELECT FROM {quote(target._meta.db_table)} a "
        f"WHERE a.{quote(target._meta.pk.column)} = {points} AND {within('a.area_code', ANY, ANY)}))"
    )


def _drop_doubled(cursor: Any) -> None:
    """Drops the indexes that Django makes beside ones that serve the same questions.

    For LIKE it makes a second index of each unique or foreign key of texts; but LIKE is not leak-proof, so
    under row security no index serves it, and our lists ask for ranges. And a foreign key's own index (made sparse or
    not) is doubled by any declared one that begins with that key. They would only be written: a third of the cost of
    a row.
    """
    cursor.execute(
        """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relname ~ '_[0-9a-f]{8}(_like)?$' AND i.indrelid::regclass::text = ANY (%s)
          AND NOT i.indisunique AND i.indexprs IS NULL AND i.indnatts = 1 AND (
            c.relname ~ '_like$' OR EXISTS (
              SELECT 1 FROM pg_index o JOIN pg_class d ON d.oid = o.indexrelid
              WHERE o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid
              AND o.indpred IS NULL AND o.indkey[0] = i.indkey[0] AND o.indclass[0] = i.indclass[0]
              AND o.indcollation[0] = i.indcollation[0] AND (o.indisunique OR d.relname !~ '_[0-9a-f]{8}(_like)?$')))
        """,
        [[m._meta.db_table for m in our_models()]],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f"DROP INDEX {name}")


def _make_sparse(cursor: Any) -> None:
    """Lets the index of a foreign key that may be empty hold only the rows where it is not.

    It serves those who look for the rows that point at a record; most rows point at none.
    """
    cursor.execute(
        """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), quote_ident(a.attname) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE c.relname ~ '_[0-9a-f]{8}$' AND i.indrelid::regclass::text = ANY (%s) AND NOT a.attnotnull
          AND NOT i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = 1
          AND EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = i.indrelid AND f.contype = 'f'
                      AND f.conkey = ARRAY[a.attnum])
        """,
        [[m._meta.db_table for m in our_models()]],
    )
    for name, definition, column in cursor.fetchall():
        cursor.execute(f"DROP INDEX {name}")
        cursor.execute(f"{definition} WHERE {column} IS NOT NULL")


PLACES_TOLD_APART = 500
"""In so many steps the database keeps how many rows of a table lie where."""


def secure(connection: BaseDatabaseWrapper) -> None:
    """(Re)makes policies, grants and audit triggers for every model, in one transaction."""
    from . import audit

    statements = [
        f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP_ROLE}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {APP_ROLE}",
    ]
    statements += audit.functions()
    present, ours = set(connection.introspection.table_names()), our_models()
    known = _models()
    for table in sorted(present & (set(_of_others) | {m._meta.db_table for m in ours})):
        rule = rule_of_table(table)
        if isinstance(rule, Shut) or rule is None:
            continue
        model = known.get(table)
        if model is None:
            raise Undeclared(f"{table} has no model, so it can only be shut")
        statements += _guarded(model)
        if model in ours:
            statements += audit.triggers(model)
            # What a model's tables need besides, made anew with the rest.
            statements += getattr(model, "guards", list)()
    statements += audit.protection()
    with connection.cursor() as cursor:
        _drop_doubled(cursor)
        _make_sparse(cursor)
        for statement in statements:
            cursor.execute(statement)


def _guarded(model: type[models.Model]) -> list[str]:
    """The policy and the grants of one table. What is open is read by all and, if a library's, written by none."""
    table = f'"{model._meta.db_table}"'
    library = isinstance(_of_others.get(model._meta.db_table), Open)
    verbs = "SELECT" if library else "SELECT, INSERT" if getattr(model, "append_only", False) else _ALL
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS in_scope ON {table}",
        f"CREATE POLICY in_scope ON {table} TO {APP_ROLE}, {OWNER_ROLE} USING ({condition(model)}) "
        f"WITH CHECK ({written(model)})",
        f"DROP POLICY IF EXISTS published ON {table}",
        f"DROP POLICY IF EXISTS addressed ON {table}",
        f"GRANT {verbs} ON {table} TO {APP_ROLE}",
    ]
    rule = rule_of(model)
    if isinstance(rule, By):
        # A city of three thousand places needs more than the usual hundred steps, else the planner is wrong by a factor
        # of eight about how much lies in a small district.
        statements.append(f'ALTER TABLE {table} ALTER "{rule.area}" SET STATISTICS {PLACES_TOLD_APART}')
    if isinstance(rule, Addressed):
        statements += [
            f"CREATE POLICY addressed ON {table} FOR SELECT TO {APP_ROLE}, {OWNER_ROLE} "
            f"USING ({addressed(model, rule)})",
        ]
    if isinstance(rule, By) and rule.published:
        read = f'"{model._meta.get_field(rule.published).column}"'
        if rule.sent:
            # Through the recipients' own row security: everybody sees those that he is one of.
            link: Any = model._meta.get_field(rule.sent)
            theirs = link.related_model._meta
            read += (
                f' OR EXISTS (SELECT FROM "{theirs.db_table}" s '
                f'WHERE s."{link.field.column}" = {table}."{model._meta.pk.column}")'
            )
        statements.append(f"CREATE POLICY published ON {table} FOR SELECT TO {APP_ROLE}, {OWNER_ROLE} USING ({read})")
    return statements
