from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0006_progress_live")]
    # One index for what two did: the entries are looked up in the order of the chain, or by their row.
    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE audit_entry DROP CONSTRAINT IF EXISTS audit_entry_pkey",
                "DROP INDEX IF EXISTS audit_entry_xid",
                "ALTER TABLE audit_entry ADD PRIMARY KEY (xid, id)",
            ],
            migrations.RunSQL.noop,
        )
    ]
