from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0003_flow")]
    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE audit_entry DROP CONSTRAINT IF EXISTS audit_entry_op_check",
                "ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_op_check "
                "CHECK (op IN ('insert', 'update', 'delete', 'truncate'))",
            ],
            migrations.RunSQL.noop,
        )
    ]
