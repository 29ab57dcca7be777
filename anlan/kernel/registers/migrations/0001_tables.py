import anlan.kernel.clock
import anlan.kernel.models
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables were made, for installations that took them one by one.
    replaces = [
        ('registers', '0001_initial'),
        ('registers', '0002_views_and_use'),
    ]

    initial = True

    dependencies = [
        ('parties', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('name', models.CharField(max_length=60, verbose_name='Client')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), size=None, verbose_name='Scopes')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='Expires')),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='Revoked')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
            },
        ),
        migrations.CreateModel(
            name='TokenUse',
            fields=[
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='use', serialize=False, to='registers.apitoken')),
                ('at', models.DateTimeField(verbose_name='Last used')),
            ],
        ),
        migrations.CreateModel(
            name='Removal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=anlan.kernel.clock.now, verbose_name='When')),
                ('actor', models.CharField(max_length=80, verbose_name='Who')),
                ('table', models.CharField(db_column='table_name', max_length=60, verbose_name='Records')),
                ('row', models.CharField(max_length=40, verbose_name='Record')),
                ('label', models.CharField(max_length=200, verbose_name='Called')),
                ('reason', models.CharField(max_length=500, verbose_name='Reason')),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', max_length=12, verbose_name='Area')),
                ('industry_id', models.CharField(max_length=24, null=True)),
                ('enterprise_id', models.BigIntegerField(null=True)),
            ],
            options={
                'verbose_name': 'Removal',
                'indexes': [models.Index(fields=['area_code', '-at'], name='registers_r_area_co_71382e_idx')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('register', models.CharField(max_length=60)),
                ('name', models.CharField(max_length=60, verbose_name='Name of the view')),
                ('query', models.CharField(blank=True, default='', max_length=2000)),
                ('shared', models.BooleanField(default=False, verbose_name='Shared')),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', max_length=12)),
                ('enterprise_id', models.BigIntegerField(editable=False, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'Saved view',
                'indexes': [models.Index(fields=['register', 'area_code'], name='registers_s_registe_f171e7_idx')],
                'constraints': [models.UniqueConstraint(fields=('account', 'register', 'name'), name='saved_view_named_once')],
            },
        ),
        migrations.CreateModel(
            name='ListDefault',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('register', models.CharField(max_length=60)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='list_defaults', to=settings.AUTH_USER_MODEL)),
                ('view', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='registers.savedview')),
            ],
            options={
                'verbose_name': 'Default view',
                'constraints': [models.UniqueConstraint(fields=('account', 'register'), name='list_default_once')],
            },
        ),
    ]
