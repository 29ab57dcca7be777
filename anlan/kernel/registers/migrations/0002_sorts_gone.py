from django.db import migrations

# Lists were sorted by keys of records that say no name to sort by: nobody saw that order, and no list has it any more.
# Views kept with it open in the list's own order.
GONE = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v);
UPDATE registers_savedview SET query = ltrim(regexp_replace(query, '(^|&)sort=-?(industry|target|post)(?=&|$)', ''), '&')
WHERE query ~ '(^|&)sort=-?(industry|target|post)(&|$)';
"""


class Migration(migrations.Migration):
    dependencies = [("registers", "0001_tables")]

    operations = [migrations.RunSQL(GONE, migrations.RunSQL.noop)]
