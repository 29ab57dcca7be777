from django.db import migrations

from anlan.kernel import audit


class Migration(migrations.Migration):
    dependencies = [("kernel", "0004_audit_truncate")]
    operations = [migrations.RunSQL(statement, migrations.RunSQL.noop) for statement in audit.tables()]
