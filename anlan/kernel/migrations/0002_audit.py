from django.db import migrations

from anlan.kernel import audit


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]
    operations = [migrations.RunSQL(statement) for statement in audit.tables()]
