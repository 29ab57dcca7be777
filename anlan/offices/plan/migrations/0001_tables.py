import anlan.kernel.clock
import anlan.kernel.models
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables were made, for installations that took them one by one.
    replaces = [
        ('plan', '0001_initial'),
        ('plan', '0002_drafting'),
        ('plan', '0003_filled'),
    ]

    initial = True

    dependencies = [
        ('parties', '0004_by_staff'),
    ]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('year', models.PositiveIntegerField(verbose_name='Year')),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', max_length=12, verbose_name='Area')),
                ('edition', models.PositiveSmallIntegerField(default=1, verbose_name='Edition')),
                ('title', models.CharField(max_length=120, verbose_name='Title')),
                ('title_en', models.CharField(blank=True, default='', max_length=160, verbose_name='English title')),
                ('issuer', models.CharField(blank=True, default='', max_length=80, verbose_name='Issuer')),
                ('issued_on', models.DateField(blank=True, null=True, verbose_name='Issued on')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('proposed', 'Waiting for approval'), ('adopted', 'Adopted'), ('superseded', 'Superseded'), ('withdrawn', 'Withdrawn')], default='draft', editable=False, max_length=10, verbose_name='State')),
                ('published', models.BooleanField(default=False, editable=False, verbose_name='Published')),
                ('reason', models.CharField(blank=True, default='', max_length=300, verbose_name='Reason for the amendment')),
                ('remark', models.CharField(blank=True, default='', max_length=300, verbose_name='Reason for sending back or withdrawing')),
                ('hands', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None, verbose_name='Accounts that wrote in it')),
                ('proposed_at', models.DateTimeField(editable=False, null=True, verbose_name='Proposed at')),
                ('adopted_at', models.DateTimeField(editable=False, null=True, verbose_name='Adopted at')),
                ('adopted_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Adopted by')),
                ('amends', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='amendments', to='plan.plan', verbose_name='Amends')),
                ('drafted_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Drafted by')),
                ('proposed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
            ],
            options={
                'verbose_name': 'Plan',
                'constraints': [models.UniqueConstraint(fields=('year', 'area_code', 'edition'), name='plan_edition_once'), models.UniqueConstraint(condition=models.Q(('state__in', ('draft', 'proposed'))), fields=('year', 'area_code'), name='plan_one_in_the_making'), models.UniqueConstraint(condition=models.Q(('state', 'adopted')), fields=('year', 'area_code'), name='plan_one_adopted'), models.CheckConstraint(condition=models.Q(models.Q(('adopted_by__isnull', False), ('published', True), ('state__in', ('adopted', 'superseded'))), models.Q(models.Q(('state__in', ('adopted', 'superseded')), _negated=True), ('adopted_by', None), ('published', False)), _connector='OR'), name='plan_published_is_adopted'), models.CheckConstraint(condition=models.Q(('adopted_by', None), models.Q(('drafted_by__isnull', False), models.Q(('adopted_by', models.F('drafted_by')), _negated=True)), _connector='OR'), name='plan_adopted_by_another'), models.CheckConstraint(condition=models.Q(('edition', 1), ('amends', None), models.Q(('reason', ''), _negated=True), _connector='OR'), name='plan_amendment_has_reason')],
            },
        ),
        migrations.CreateModel(
            name='Gap',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', default='', editable=False, max_length=12, verbose_name='Area')),
                ('what', models.CharField(max_length=80, verbose_name='What was not read')),
                ('words', models.CharField(max_length=200, verbose_name='Words')),
                ('start', models.PositiveIntegerField(verbose_name='From character')),
                ('end', models.PositiveIntegerField(verbose_name='To character')),
                ('settled', models.BooleanField(default=False, verbose_name='Settled')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gaps', to='plan.plan', verbose_name='Plan')),
            ],
            options={
                'verbose_name': 'Place not read',
                'ordering': ('plan', 'start', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Clause',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', default='', editable=False, max_length=12, verbose_name='Area')),
                ('order', models.PositiveIntegerField(verbose_name='Order')),
                ('code', models.CharField(db_collation='C', max_length=24, validators=[django.core.validators.RegexValidator('\\A[A-Z][0-9]*(\\.[0-9]+)*([a-z][0-9]*)?\\Z', "A clause's id is written like W3, W3.5 or W3.5a.")], verbose_name='Clause')),
                ('number', models.CharField(blank=True, default='', max_length=12, verbose_name='Number in the notice')),
                ('title', models.CharField(max_length=200, verbose_name='Title')),
                ('title_en', models.CharField(blank=True, default='', max_length=200, verbose_name='English title')),
                ('gist', models.CharField(blank=True, default='', max_length=400, verbose_name='Gist')),
                ('start', models.PositiveIntegerField(editable=False, null=True, verbose_name='From character')),
                ('end', models.PositiveIntegerField(editable=False, null=True, verbose_name='To character')),
                ('industries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=24), blank=True, default=None, null=True, size=None, verbose_name='Industries')),
                ('duty_kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, size=None, verbose_name='Kinds of duty-holders')),
                ('proofs', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None, verbose_name='Proved by')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clauses', to='plan.plan', verbose_name='Plan')),
            ],
            options={
                'verbose_name': 'Clause of the plan',
                'ordering': ('plan', 'order', 'id'),
                'constraints': [models.UniqueConstraint(fields=('plan', 'code'), name='clause_once')],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', default='', editable=False, max_length=12, verbose_name='Area')),
                ('name', models.CharField(max_length=120, verbose_name='File name')),
                ('text', models.TextField(verbose_name='Text')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('plan', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='source', to='plan.plan', verbose_name='Plan')),
            ],
            options={
                'verbose_name': 'Source of the plan',
            },
        ),
        migrations.CreateModel(
            name='Target',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', default='', editable=False, max_length=12, verbose_name='Area')),
                ('code', models.CharField(db_collation='C', max_length=12, verbose_name='Number')),
                ('subject', models.CharField(max_length=200, verbose_name='Subject')),
                ('subject_en', models.CharField(blank=True, default='', max_length=200, verbose_name='English subject')),
                ('comparator', models.CharField(choices=[('<=', 'at most'), ('>=', 'at least'), ('==', 'exactly'), ('down_by', 'down by at least')], max_length=8, verbose_name='Comparator')),
                ('value', models.DecimalField(decimal_places=4, max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Value')),
                ('unit', models.CharField(blank=True, default='', help_text='Empty for a rate.', max_length=12, verbose_name='Unit')),
                ('baseline', models.CharField(blank=True, default='', max_length=4, validators=[django.core.validators.RegexValidator('\\A(19|20|21)\\d\\d\\Z')], verbose_name='Baseline year')),
                ('baseline_value', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Value in the baseline year')),
                ('start', models.PositiveIntegerField(editable=False, null=True, verbose_name='From character')),
                ('end', models.PositiveIntegerField(editable=False, null=True, verbose_name='To character')),
                ('duty_kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, size=None, verbose_name='Kinds of duty-holders')),
                ('clause', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='plan.clause', verbose_name='Clause')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='plan.plan', verbose_name='Plan')),
            ],
            options={
                'verbose_name': 'Target of the plan',
                'ordering': ('plan', 'id'),
                'constraints': [models.UniqueConstraint(fields=('plan', 'code'), name='target_once'), models.CheckConstraint(condition=models.Q(models.Q(('comparator', 'down_by'), _negated=True), models.Q(('baseline', ''), _negated=True), _connector='OR'), name='target_fall_has_baseline', violation_error_message='A fall needs the year with which it is compared.')],
            },
        ),
        migrations.CreateModel(
            name='Duty',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Recorded at')),
                ('updated_at', models.DateTimeField(default=anlan.kernel.clock.now, editable=False, verbose_name='Changed at')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('area_code', anlan.kernel.models.AreaCode(db_collation='C', default='', editable=False, max_length=12, verbose_name='Area')),
                ('first', models.BooleanField(default=True, verbose_name='First responsibility of the head')),
                ('authority', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.authority', verbose_name='Duty-holder')),
                ('clause', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='duties', to='plan.clause', verbose_name='Clause')),
                ('post', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parties.post', verbose_name='Person responsible')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='duties', to='plan.plan', verbose_name='Plan')),
                ('target', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='duties', to='plan.target', verbose_name='Target')),
            ],
            options={
                'verbose_name': 'Duty under the plan',
                'indexes': [models.Index(fields=['authority', 'plan'], name='plan_duty_authori_e244c4_idx')],
                'constraints': [models.UniqueConstraint(fields=('clause', 'target', 'authority'), name='duty_once', nulls_distinct=False)],
            },
        ),
    ]
